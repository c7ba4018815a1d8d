"""A small HTTP server for a scraper and a watchdog, on the event loop of the engine.

So it needs no thread and no lock, and an answer proves that the loop turns.

May import: the standard library, errors, settings.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Self

from msgspec import Struct

from awsync.errors import ConfigError, Problem
from awsync.settings import Listen

PATIENCE = 5.0
"""Seconds for one request and its answer."""
_MOST_BYTES = 16_384
_MOST_CONNECTIONS = 32
_TEXT = "text/plain; charset=utf-8"


class Page(Struct, frozen=True):
    """An answer to a request."""

    body: bytes
    content_type: str = _TEXT
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[Mapping[str, str]], Page]]
"""What gives the page of each path, from the headers of the request (names in lower case)."""


def bind(listen: Listen) -> socket.socket:
    """The socket of an address; raises ConfigError where it cannot be had."""
    try:
        family = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((listen.host, listen.port), family=family)
    except OSError as error:
        message = f"cannot listen on {listen}: {error.strerror or error}"
        remedy = "Choose another port or address, or end what listens there."
        raise ConfigError((Problem("settings", "metrics-listen", message),), remedy) from None


class Endpoint:
    """Serves pages on a bound socket, which is its own, while it is entered."""

    def __init__(self, bound: socket.socket, pages: Pages, *, patience: float = PATIENCE) -> None:
        self._bound = bound
        self._pages = pages
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, sock=self._bound, limit=_MOST_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for talk, writer in self._talks.items():
            # A talk that is cancelled before it began closes nothing itself.
            writer.transport.abort()
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= _MOST_CONNECTIONS:
            writer.close()
            return
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks[talk] = writer
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer; whatever is not one ends the connection."""
        try:
            async with asyncio.timeout(self._patience):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head.decode("latin-1")))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass
        finally:
            writer.transport.abort()

    def _answer(self, head: str) -> bytes:
        first, *lines = head.split("\r\n")
        method, _, rest = first.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        page = self._pages.get(path)
        if method not in ("GET", "HEAD"):
            answer = Page(b"Only GET and HEAD.\n", status=HTTPStatus.METHOD_NOT_ALLOWED)
        elif page is None:
            there = "".join(f"{each}\n" for each in self._pages)
            answer = Page(there.encode(), status=HTTPStatus.OK if path == "/" else HTTPStatus.NOT_FOUND)
        else:
            pairs = (line.partition(":") for line in lines)
            answer = page({name.strip().lower(): value.strip() for name, _, value in pairs})
        told = (
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
            f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return told.encode() + (b"" if method == "HEAD" else answer.body)
