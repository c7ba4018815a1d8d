"""An answer of the store that is larger than it may be fills no memory, and hides no sample."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from datetime import timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from awsync.remote_write import queries
from awsync.remote_write.client import Client, Delivered
from awsync.remote_write.connection import open_http
from awsync.remote_write.queries import QueryError, has_series, held
from awsync.remote_write.store import MOST_BYTES, page
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from tests.servers import Store

STORE = StoreSettings("http://store.test/api/v1/write", "http://store.test/", timeout=timedelta(seconds=20))
LABELS: Labels = (("__name__", "large_seconds"), ("bucket", "b"))
DAY_MS = 86_400_000


class Endless:
    """A server whose every answer never ends; `sent` is how many bytes of the last one were taken."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.requests = 0
        self.sent = 0

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """The beginning of an answer."""
        await request.aread()
        self.requests += 1
        self.sent = 0
        return httpx.Response(self.status, content=self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 65_536
            yield b" " * 65_536


def http_to(respond: Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]) -> httpx.AsyncClient:
    return open_http(STORE, httpx.MockTransport(respond))


async def test_an_answer_without_an_end_is_left() -> None:
    """No query and no page reads more than its bound, and a query says what was wrong."""
    server = Endless()
    async with http_to(server.respond) as http:
        with pytest.raises(QueryError, match="answered more than 8 MiB to one query") as caught:
            await held(http, STORE, LABELS, 0, 8 * DAY_MS)
        assert server.sent <= MOST_BYTES + 2 * 65_536
        assert "query-url" in caught.value.remedy
        assert not caught.value.passing
        assert server.requests < 12, "it is not asked for each hour of the span"
        assert await page(http, "http://store.test/flags", 20) == ""
        assert server.sent <= MOST_BYTES + 2 * 65_536


async def test_of_an_error_only_the_beginning_is_read() -> None:
    """A proxy's page of errors may be as long as it likes."""
    server = Endless(503)
    async with http_to(server.respond) as http:
        with pytest.raises(QueryError, match="answered 503 to a query") as caught:
            await held(http, STORE, LABELS, 0, 8 * DAY_MS)
    assert caught.value.passing
    assert server.sent <= 2 * 65_536


async def test_a_store_that_names_too_many_series_has_some() -> None:
    """Prometheus 2.42 knows no limit for series: all titles of years are an answer too."""
    async with http_to(Endless().respond) as http:
        assert await has_series(http, STORE, LABELS, 0, DAY_MS)


async def test_a_large_answer_is_asked_for_in_parts(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sample of the span is found once, wherever it was cut, on every store."""
    last = int(time.time() * 1000) // 60_000 * 60_000 - 1
    stamps = [last - 60_000 * n for n in range(600)]
    settings = StoreSettings(shared_store.write_url, shared_store.url)
    asked: list[str] = []
    async with aclosing(Client(settings)) as client:
        client.http.event_hooks["request"] = [_noting(asked)]
        sent = [Sample((*LABELS, ("part", str(n % 2))), stamp, n + 0.5) for n, stamp in enumerate(stamps)]
        assert isinstance(await client.send(sent), Delivered)
        shared_store.flush()
        whole = await held(client.http, settings, LABELS, stamps[-1], last)
        assert len(asked) == 1
        monkeypatch.setattr(queries, "MOST_BYTES", 6_000)
        in_parts = await held(client.http, settings, LABELS, stamps[-1], last)
    assert len(asked) > 3
    assert in_parts == whole
    assert {stamp: value for each in whole.values() for stamp, (value,) in each.items()} == {
        stamp: n + 0.5 for n, stamp in enumerate(stamps)
    }


def _noting(asked: list[str]) -> Callable[[httpx.Request], Coroutine[None, None, None]]:
    async def note(request: httpx.Request) -> None:
        if request.url.path.endswith("/query"):
            asked.append(parse_qs(request.content.decode())["query"][0])

    return note
