"""What stands before a server in an office: a reverse proxy on loopback that asks for a key, tells another
time, or refuses; everything else it hands on to the real server and back.

One request a connection; all attributes may be changed while it runs.
"""

import threading
from collections.abc import Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from types import TracebackType
from typing import Self

import httpx

_KEPT = ("content-type", "x-prometheus-remote-write-")
_OURS = frozenset({"host", "connection", "accept-encoding", "authorization"})


class Gateway:
    """A reverse proxy; `with Gateway(url) as gateway:` serves at `gateway.url`.

    `key` is the bearer token that it wants, except for paths in `open_paths`; `ahead` shifts the clock that
    it tells, in seconds; `refusal` is the status and the text that every POST gets, and `echoes` adds the
    request.
    """

    def __init__(self, target: str, *, key: str | None = None, open_paths: tuple[str, ...] = ()) -> None:
        self.target = target
        self.key = key
        self.open_paths = open_paths
        self.ahead = 0.0
        self.refusal: tuple[int, str] | None = None
        self.echoes = False
        # Connections are not kept: aw-server closes each of its own.
        self.client = httpx.Client(
            timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="gateway")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.client.close()

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def lets_in(self, path: str, authorization: str) -> bool:
        """Whether the key is right, or none is wanted here."""
        return self.key is None or path in self.open_paths or authorization == f"Bearer {self.key}"


class _Server(ThreadingHTTPServer):
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._hand_on(None)

    def do_POST(self) -> None:
        gateway = self.server.gateway
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if gateway.refusal is None:
            self._hand_on(body)
        else:
            status, text = gateway.refusal
            self._answer(status, {}, f"{text} {self.path} {self.headers}" if gateway.echoes else text)

    def _hand_on(self, body: bytes | None) -> None:
        gateway = self.server.gateway
        if not gateway.lets_in(self.path, self.headers.get("Authorization", "")):
            self._answer(401, {}, "who are you?")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
        target = gateway.target + self.path
        answer = gateway.client.request(self.command, target, content=body, headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name.startswith(_KEPT)}
        self._answer(answer.status_code, kept, answer.text)

    def _answer(self, status: int, headers: Mapping[str, str], text: str) -> None:
        body = b"" if status == 204 else text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time() + self.server.gateway.ahead, usegmt=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""
