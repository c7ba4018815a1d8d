"""A proxy of our own on loopback that misbehaves on purpose, between the engine and a real server.

It speaks HTTP/1.1 over bare sockets, for most of what it does no HTTP library lets a program do. A fault is
data (`Fault`): which requests it strikes, and what becomes of each. It ends after a count of requests, or
when the test mends it.
"""

import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import formatdate
from enum import Enum
from io import BufferedReader
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from msgspec import Struct, field

_POLL = 0.02
_UPSTREAM_SECONDS = 30.0
_CHUNK = 65536
_END = b"\r\n\r\n"
_OURS = (b"connection:", b"transfer-encoding:", b"content-length:")


class Act(Enum):
    """How a request is answered that a fault strikes."""

    REFUSE = "nobody listens"
    RESET_UNREAD = "the connection is reset before the request is read"
    RESET_MIDWAY = "the connection is reset in the middle of the request's body"
    RESET = "the connection is reset instead of an answer"
    CLOSE = "the connection is closed in order instead of an answer"
    WHOLE = "the whole answer"
    HALF_HEADERS = "the connection is closed in the middle of the answer's headers"
    HALF_BODY = "the connection is closed in the middle of the answer's body"
    TRICKLE = "the answer comes byte by byte, `seconds` apart"
    HOLD = "the answer is held back until the proxy is mended"
    DELAY = "the answer comes after `seconds`"
    ENDLESS = "the answer's body comes again and again"
    CUT_AFTER = "the whole answer, and then the connection is closed, though it said it was kept"


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong; `only` (a pattern in the first line) and `larger_than` (bytes) choose where.

    Of the requests it could strike it lets `skip` pass and strikes `times` (None: until it is mended).
    Without a `status` the server behind gives the answer; with one, or with `raw` bytes in place of HTTP,
    it is made here, and the server gets the request only where it is `stored`. `retry_on` adds a Retry-After
    that is a date, so many seconds from now.
    """

    act: Act = Act.WHOLE
    only: str = ""
    larger_than: int = -1
    skip: int = 0
    times: int | None = None
    stored: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""
    retry_on: float | None = None
    seconds: float = 0.0

    @property
    def reaches(self) -> bool:
        """Whether the server behind gets the request."""
        no_answer = self.act in (Act.RESET, Act.CLOSE)
        return self.stored or not (no_answer or self.status or self.raw)


class FaultProxy:
    """`with FaultProxy(url) as proxy:` serves at `proxy.url`, truly until `strike` is called."""

    def __init__(self, target_url: str) -> None:
        parts = urlsplit(target_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.struck = 0
        """How many requests the fault has struck."""
        self._target = (parts.hostname, parts.port)
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._seen = 0
        self._mended = threading.Event()
        self._stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._listener = _listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="fault proxy")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._mended.set()
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            open_ = dict(self._connections)
        for connection, thread in open_.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def strike(self, fault: Fault) -> None:
        """From now on this goes wrong, and nothing else."""
        with self._lock:
            self._fault, self._seen, self.struck = fault, 0, 0
            self._mended.clear()
            if fault.act is Act.REFUSE:
                self._listener.close()

    def mend(self) -> None:
        """From now on all is well; what was held back is answered."""
        with self._lock:
            if self._fault is not None and self._fault.act is Act.REFUSE:
                self._listener = _listen(self.port)
            self._fault = None
            self._mended.set()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # closed by a fault
                self._stopping.wait(_POLL)
                continue
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), name="faulty connection")
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while self._one(connection, stream):
                pass
        with self._lock:
            self._connections.pop(connection, None)

    def _one(self, connection: socket.socket, stream: BufferedReader) -> bool:
        """One request; whether another may follow on its connection."""
        head = _read_head(stream)
        if not head:
            return False
        found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        length = int(found[1]) if found else 0
        fault = self._struck_by(head.partition(b"\r\n")[0].decode(), length)
        if fault is None:
            connection.sendall(self._ask(head + stream.read(length)))
            return True
        if fault.act in (Act.RESET_UNREAD, Act.RESET_MIDWAY):
            stream.read(length // 2 if fault.act is Act.RESET_MIDWAY else 0)
            return _reset(connection)
        request = head + stream.read(length)
        true = self._ask(request) if fault.reaches else b""
        if fault.act is Act.RESET:
            return _reset(connection)
        if fault.act is Act.CLOSE:
            return False
        return self._give(connection, fault, fault.raw or (_made(fault) if fault.status else true))

    def _give(self, connection: socket.socket, fault: Fault, answer: bytes) -> bool:
        body = answer.find(_END) + len(_END)
        match fault.act:
            case Act.HALF_HEADERS:
                connection.sendall(answer[: body // 2])
            case Act.HALF_BODY:
                connection.sendall(answer[: body + (len(answer) - body) // 2])
            case Act.TRICKLE:
                for i in range(len(answer)):
                    connection.sendall(answer[i : i + 1])
                    if self._stopping.wait(fault.seconds):
                        break
            case Act.ENDLESS:
                connection.sendall(answer)
                while not self._stopping.is_set():
                    connection.sendall(answer[body:])
            case Act.HOLD | Act.DELAY:
                self._mended.wait(fault.seconds if fault.act is Act.DELAY else None)
                connection.sendall(answer)
            case _:
                connection.sendall(answer)
        return fault.act in (Act.WHOLE, Act.TRICKLE, Act.HOLD, Act.DELAY) and not fault.raw

    def _struck_by(self, line: str, length: int) -> Fault | None:
        with self._lock:
            fault = self._fault
            if fault is None or not re.search(fault.only, line) or length <= fault.larger_than:
                return None
            self._seen += 1
            number = self._seen - fault.skip
            if number <= 0 or (fault.times is not None and number > fault.times):
                return None
            self.struck += 1
            return fault

    def _ask(self, request: bytes) -> bytes:
        """The true answer of the server behind, with a length, for a connection that is kept."""
        host = b"%s:%d" % (self._target[0].encode(), self._target[1])
        request = re.sub(rb"\r\n(host|connection|accept-encoding):[^\r]*", b"", request, count=3, flags=re.I)
        line, _, rest = request.partition(b"\r\n")
        with socket.create_connection(self._target, _UPSTREAM_SECONDS) as upstream:
            upstream.sendall(b"%s\r\nHost: %s\r\nConnection: close\r\n%s" % (line, host, rest))
            answer = bytearray()
            while part := upstream.recv(_CHUNK):
                answer += part
        head, _, body = bytes(answer).partition(_END)
        lines = head.split(b"\r\n")
        if any(line.lower().startswith(b"transfer-encoding:") for line in lines):
            body = _joined(body)
        kept = [line for line in lines if not line.lower().startswith(_OURS)]
        if body or b" 204" not in lines[0]:
            kept.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(kept) + _END + body


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    listener.settimeout(_POLL)
    return listener


def _read_head(stream: BufferedReader) -> bytes:
    """A request up to its empty line; nothing where the client left."""
    head = b""
    while not head.endswith(_END):
        line = stream.readline()
        if not line:
            return b""
        head += line
    return head


def _reset(connection: socket.socket) -> bool:
    """With a linger time of zero the system sends a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _made(fault: Fault) -> bytes:
    headers = dict(fault.headers)
    if fault.retry_on is not None:
        headers["Retry-After"] = formatdate(time.time() + fault.retry_on, usegmt=True)
    if fault.status != 204 and fault.act is not Act.ENDLESS:
        headers.setdefault("Content-Length", str(len(fault.body)))
    lines = [f"HTTP/1.1 {fault.status} Made Up", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + _END + fault.body


def _joined(chunked: bytes) -> bytes:
    """The body of an answer that came in chunks."""
    body, rest = b"", chunked
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        body += rest[:length]
        rest = rest[length + 2 :]
    return body
