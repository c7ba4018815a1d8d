"""A remote write receiver of one's own: for `awsync demo` without a Prometheus, and for tests.

It takes 1.0 and 2.0, checks every request as strictly as the specification allows (real stores answer 2xx to
much that they drop), and holds the samples in memory. It listens on the loopback only.

May import: series, remote_write.wire, demo.checks and demo.memory.
"""

import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from msgspec import Struct, field

from awsync import __version__
from awsync.demo.checks import header_fault, protocol_of, read_v1, read_v2
from awsync.demo.memory import Memory
from awsync.remote_write.wire import MAX_DECODED
from awsync.series import Labels

WRITE_PATH = "/api/v1/write"
_MAX_HANG = 300.0


class Fault(Struct, frozen=True):
    """One thing that goes wrong: what the receiver does to the next write instead of answering truly.

    `status` 0 keeps the true answer. With any other the samples are not stored, except with `stored`. `hang`
    holds the request back, before or after it is stored, until `Receiver.release` or the end. `reset` breaks
    the connection instead of answering.
    """

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    stored: bool = False
    hang: Literal["before", "after"] | None = None
    reset: bool = False


class Answer(Struct, frozen=True):
    """An HTTP answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/plain; charset=utf-8"


class Written(Struct, frozen=True):
    """One write that was answered: its protocol (or "?"), the status, its samples and its headers."""

    protocol: str
    status: int
    samples: int
    headers: Mapping[str, str]


class Receiver:
    """Serves from `start` (or `with`) to `stop`; all else may be called at any time from any thread.

    `protocols`: what it speaks; the other one gets 415. `token`: the bearer token it wants. For
    `out_of_order_window` and `clock` see Memory. Port 0 is any free one.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        protocols: Collection[str] = ("1.0", "2.0"),
        token: str | None = None,
        out_of_order_window: timedelta | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.protocols = frozenset(protocols)
        self.token = token
        self.last: Written | None = None
        self.requests: Counter[tuple[str, int]] = Counter()
        """How many writes were answered, by protocol and status."""
        self._memory = Memory(out_of_order_window=out_of_order_window, clock=clock)
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._hanging = threading.Condition(self._lock)
        self._hung = 0
        self._releases = 0
        self._stopping = False
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begins to serve; the port is taken since the receiver was made."""
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection and frees the port; what it holds can still be read."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        with self._hanging:
            self._stopping = True
            self._hanging.notify_all()
        self._server.end_connections()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def write_url(self) -> str:
        """Where to send."""
        return self.url + WRITE_PATH

    def samples(self) -> dict[Labels, dict[int, float]]:
        """A copy of everything held: series, milliseconds, value."""
        return self._memory.samples()

    def total_seconds(self) -> float:
        """The sum of all values."""
        return self._memory.totals()[2]

    def fail(self, *faults: Fault) -> None:
        """Lets the next writes fail, one fault each, in this order; probes count as writes."""
        with self._lock:
            self._faults.extend(faults)

    def hung(self) -> int:
        """How many requests are held back now."""
        with self._lock:
            return self._hung

    def release(self) -> None:
        """Lets every request that is held back go on."""
        with self._hanging:
            self._releases += 1
            self._hanging.notify_all()

    def write(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Answers one write; None breaks the connection."""
        with self._lock:
            fault = self._faults.popleft() if self._faults else None
        if fault is not None and fault.hang == "before":
            self._hang()
        protocol, count, answer = "?", 0, None
        if fault is None or not fault.status or fault.stored:
            protocol, count, answer = self._take(headers, body)
        if fault is not None and fault.hang == "after":
            self._hang()
        if fault is not None and fault.status:
            answer = Answer(fault.status, fault.body, fault.headers)
        if fault is not None and fault.reset:
            answer = None
        status = 0 if answer is None else answer.status
        with self._lock:
            self.requests[protocol, status] += 1
            self.last = Written(protocol, status, count, headers)
        return answer

    def summary(self) -> dict[str, object]:
        """What it holds, in numbers."""
        series, samples, seconds = self._memory.totals()
        with self._lock:
            requests = sum(self.requests.values())
        return {"series": series, "samples": samples, "seconds": seconds, "requests": requests}

    def _hang(self) -> None:
        with self._hanging:
            release = self._releases
            self._hung += 1
            self._hanging.wait_for(lambda: self._stopping or self._releases > release, _MAX_HANG)
            self._hung -= 1

    def _take(self, headers: Mapping[str, str], body: bytes) -> tuple[str, int, Answer]:
        """The protocol, the number of samples in the request, and the true answer."""
        protocol = protocol_of(headers.get("content-type", ""))
        if protocol is None or protocol not in self.protocols:
            spoken = " and ".join(sorted(self.protocols))
            return "?", 0, Answer(415, f"this receiver speaks remote write {spoken}\n")
        fault = header_fault(headers, protocol)
        if fault is not None:
            return protocol, 0, Answer(400, fault + "\n")
        try:
            samples, faults = read_v1(body) if protocol == "1.0" else read_v2(body)
        except ValueError as error:
            return protocol, 0, Answer(400, f"{error}\n")
        if faults and protocol == "1.0":
            return protocol, len(samples), Answer(400, _lines(faults))
        taken, refusals = self._memory.append(samples, partial=protocol == "2.0")
        faults += refusals
        written = {} if protocol == "1.0" else _written(taken)
        return protocol, len(samples), Answer(400 if faults else 204, _lines(faults), written)


class _Server(ThreadingHTTPServer):
    """Joins its threads when it closes, which is quick because it ends their connections first."""

    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A client that went away is no news, and standard error belongs to the program around."""

    def end_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = f"awsync/{__version__}"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not self._allowed():
            self._answer(Answer(401, "a bearer token is wanted\n", {"WWW-Authenticate": "Bearer"}))
        elif path == "/":
            self._answer(_json(self.server.receiver.summary()))
        elif path in ("/-/healthy", "/-/ready"):
            self._answer(Answer(200, "awsync's receiver is ready.\n"))
        elif path == "/api/v1/status/buildinfo":
            data = {"version": __version__, "application": "awsync receiver"}
            self._answer(_json({"status": "success", "data": data}))
        elif path == WRITE_PATH:
            self._answer(Answer(405, "remote write is a POST\n", {"Allow": "POST"}))
        else:
            self._answer(Answer(404, f"this is awsync's receiver; it takes remote write at {WRITE_PATH}\n"))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_DECODED:
            self.close_connection = True
            self._answer(
                Answer(413 if length.isdecimal() else 411, "a Content-Length of at most 32 MiB is wanted\n")
            )
            return
        body = self.rfile.read(int(length))
        if not self._allowed():
            self._answer(Answer(401, "a bearer token is wanted\n", {"WWW-Authenticate": "Bearer"}))
        elif self.path.partition("?")[0] != WRITE_PATH:
            self._answer(Answer(404, f"this is awsync's receiver; it takes remote write at {WRITE_PATH}\n"))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(self.server.receiver.write(headers, body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing: standard error belongs to the program around."""

    def _allowed(self) -> bool:
        token = self.server.receiver.token
        given = self.headers.get("Authorization", "")
        return token is None or compare_digest(given.encode(), f"Bearer {token}".encode())

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            # With a linger time of zero the system sends a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(body)


def _written(samples: int) -> dict[str, str]:
    prefix = "X-Prometheus-Remote-Write"
    counts = {"Samples": samples, "Histograms": 0, "Exemplars": 0}
    return {f"{prefix}-{kind}-Written": str(count) for kind, count in counts.items()}


def _lines(sentences: list[str]) -> str:
    return "".join(f"{sentence}\n" for sentence in sentences)


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value), content_type="application/json")
