"""What is due of a source, read ahead: no server waits for a store, and a broken bucket hinders no other."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from awsync import reader, source_pass
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Engine, Wiring
from awsync.events import PageRead, SourceFailed
from tests.passes import make_settings, open_state, position_of, run_pass, utc_now

FIRST, SECOND = "aw-watcher-a_x", "aw-watcher-b_x"
_EVENTS = 60


class Passing(httpx.AsyncHTTPTransport):
    """Lets requests through; `seen` is told of each, and what it returns replaces the answer."""

    def __init__(self, seen: Callable[[httpx.Request], httpx.Response | None]) -> None:
        super().__init__()
        self._seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers."""
        return self._seen(request) or await super().handle_async_request(request)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket of an hour takes several pages, and each goes out by itself."""
    monkeypatch.setattr(reader, "PAGE_BYTES", 2_000)
    monkeypatch.setattr(reader, "PAGE_EVENTS", 20)
    monkeypatch.setattr(reader, "DAY", 20 * 60_000_000)
    monkeypatch.setattr(source_pass, "BATCH_SAMPLES", 1)


@pytest.fixture
def two(aw: AwServer) -> AwServer:
    """Two buckets with an event a minute."""
    begin = utc_now() - timedelta(hours=3)
    for bucket in (FIRST, SECOND):
        aw.create_bucket(bucket, "aw-watcher-window", "currentwindow", "x", created=begin)
        aw.insert(
            bucket,
            [
                {
                    "timestamp": (begin + timedelta(minutes=i)).isoformat(),
                    "duration": 54.5,
                    "data": {"app": f"app {i % 3}"},
                }
                for i in range(_EVENTS)
            ],
        )
    return aw


@pytest.mark.usefixtures("small_pages")
def test_the_server_is_read_while_the_store_is_slow(two: AwServer, tmp_path: Path) -> None:
    """While the first page still waits for the store, those behind it and of the next bucket are read."""
    ahead = asyncio.Event()

    def asked(request: httpx.Request) -> None:
        if request.url.path.endswith(f"{SECOND}/events"):
            ahead.set()

    class Slow(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/write") and int(request.headers["Content-Length"]) > 100:
                await asyncio.wait_for(ahead.wait(), 20)
            return await super().handle_async_request(request)

    with Receiver() as store:
        settings = make_settings(tmp_path, two.url, store.url)
        finished, _ = run_pass(settings, wiring=Wiring(aw_transport=Passing(asked), store_transport=Slow()))
        assert finished.complete


@pytest.mark.usefixtures("small_pages")
def test_a_bucket_that_breaks_in_the_middle_hinders_no_other(two: AwServer, tmp_path: Path) -> None:
    """What was read before the break goes out, nothing behind it does, and the next pass brings the rest."""
    pages = 0

    def garbled(request: httpx.Request) -> httpx.Response | None:
        nonlocal pages
        pages += request.url.path.endswith(f"{FIRST}/events")
        if pages == 2 and request.url.path.endswith(f"{FIRST}/events"):
            return httpx.Response(200, content=b'[{"id": "not a number"}]')
        return None

    with Receiver() as store:
        settings = make_settings(tmp_path, two.url, store.url)
        finished, said = run_pass(settings, wiring=Wiring(aw_transport=Passing(garbled)))
        failed = [event for event in said if isinstance(event, SourceFailed)]
        assert [event.bucket for event in failed] == [FIRST]
        assert not finished.complete
        first_page = next(event for event in said if isinstance(event, PageRead) and event.bucket == FIRST)
        assert position_of(settings, FIRST) == first_page.end < position_of(settings, SECOND)
        assert run_pass(settings)[0].complete
        assert abs(store.total_seconds() - 2 * _EVENTS * 54.5) < 0.001


@pytest.mark.usefixtures("small_pages")
def test_a_bucket_that_goes_while_it_is_read_hinders_no_other(two: AwServer, tmp_path: Path) -> None:
    """A bucket deleted between two of its pages is said by name, and the rest is delivered."""
    pages = 0

    def gone(request: httpx.Request) -> httpx.Response | None:
        nonlocal pages
        pages += request.url.path.endswith(f"{FIRST}/events")
        is_gone = pages >= 2 and request.url.path.endswith(f"{FIRST}/events")
        return httpx.Response(404, json={"message": "no such bucket"}) if is_gone else None

    with Receiver() as store:
        settings = make_settings(tmp_path, two.url, store.url)
        _, said = run_pass(settings, wiring=Wiring(aw_transport=Passing(gone)))
        assert [event.bucket for event in said if isinstance(event, SourceFailed)] == [FIRST]
        assert position_of(settings, FIRST) < position_of(settings, SECOND)


@pytest.mark.usefixtures("small_pages")
def test_a_pass_that_is_cancelled_reads_no_further(two: AwServer, tmp_path: Path) -> None:
    """No task of a cancelled pass goes on asking ActivityWatch."""

    async def cancelled(engine: Engine) -> None:
        working = asyncio.Event()
        task = asyncio.create_task(
            engine.one_pass(lambda event: working.set() if isinstance(event, PageRead) else None)
        )
        await working.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    with Receiver() as store:
        settings = make_settings(tmp_path, two.url, store.url)
        with open_state(settings) as state:
            asyncio.run(cancelled(Engine(settings, state)))
