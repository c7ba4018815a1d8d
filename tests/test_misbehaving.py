"""An ActivityWatch whose history is not what it was, or not what it can be: the store still equals it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from awsync import bounded
from awsync.activitywatch import client
from awsync.activitywatch.client import ActivityWatch
from awsync.activitywatch.moments import to_datetime, to_microseconds
from awsync.cli.output import LogFormat, LogLines
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring
from awsync.errors import AnswerTooLargeError, SourceAnswerError, SourceUnreachableError
from awsync.events import Level, SourceFailed
from awsync.reader import opened, raw_pages
from awsync.settings import Settings, SourceSettings
from awsync.timeline import DAY, closed_until
from tests.conftest import StartAw, StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store
from tests.test_source_reader import Passing

WINDOW, AFK = "aw-watcher-window_pc", "aw-watcher-afk_pc"
MINUTE = 60_000_000
SOURCE = SourceSettings("laptop", "http://127.0.0.1:5600", "anna")


def _event(start: datetime, seconds: float, what: str) -> dict[str, object]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": {"app": what, "status": what}}


def _fill(aw: AwServer, begin: datetime, end: datetime, what: str) -> None:
    """Two buckets, with an event of 7 minutes every 8."""
    for bucket, kind in ((AFK, "afkstatus"), (WINDOW, "currentwindow")):
        aw.create_bucket(bucket, bucket.removesuffix("_pc"), kind, "pc")
        count = int((end - begin) / timedelta(minutes=8))
        moments = [begin + timedelta(minutes=8 * i, milliseconds=i) for i in range(count)]
        aw.insert(bucket, [_event(moment, 420.25, f"{what} {i % 3}") for i, moment in enumerate(moments)])


def _assert_equal(aw: AwServer, store: Store, settings: Settings, *buckets: str) -> None:
    with open_state(settings) as state:
        assert state.set_aside() == []
    for bucket in buckets:
        until = position_of(settings, bucket) // HOUR_US * HOUR_US
        wanted = closed_hours(aw, bucket, until)
        assert sum(wanted.values()) > 3_600
        found = stored_hours(store, until - 48 * HOUR_US, until)
        assert_equal_hours(wanted, found.get(bucket, {}), bucket)


@pytest.mark.servers
@pytest.mark.parametrize("wiped", [False, True], ids=["restored", "wiped"])
def test_a_history_that_went_back(
    wiped: bool, start_aw: StartAw, start_store: StartStore, tmp_path: Path
) -> None:
    """ActivityWatch's database is replaced by an older copy, or lost: what it holds from then on arrives.

    The ids of events begin again where the copy ended, so those that awsync has seen are those of others now.
    """
    aw, store = start_aw("aw"), start_store("prometheus-3.5")
    settings = make_settings(tmp_path, aw.url, store.url)
    now = utc_now()
    _fill(aw, now - timedelta(hours=20), now - timedelta(hours=6), "before")
    aw.stop()
    data, copy = aw.folder / "data", tmp_path / "copy"
    shutil.copytree(data, copy)
    aw.start()
    _fill(aw, now - timedelta(hours=6), now - timedelta(minutes=3), "lost")
    assert run_pass(settings)[0].complete
    _assert_equal(aw, store, settings, AFK, WINDOW)
    assert run_pass(settings)[0].complete

    aw.stop()
    shutil.rmtree(data)
    if not wiped:
        shutil.copytree(copy, data)
    aw.start()
    _fill(aw, now - timedelta(hours=3), now - timedelta(minutes=1), "anew")
    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    _assert_equal(aw, store, settings, AFK, WINDOW)


@pytest.mark.servers
def test_durations_and_times_that_cannot_be(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """Negative durations, one of 32 years, events in years far away: each bucket equals what AW says."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, aw.url, store.url)
    now = utc_now()
    _fill(aw, now - timedelta(hours=9), now - timedelta(minutes=3), "app")
    aw.insert(
        WINDOW,
        [
            _event(now - timedelta(hours=5, minutes=1), -5, "back"),
            _event(now - timedelta(hours=4, minutes=1), -1e9, "far back"),
            _event(now - timedelta(hours=3, minutes=1), 1e9, "for ever"),
            _event(now + timedelta(days=2000), 1e11, "then"),
            _event(now + timedelta(days=2), 60, "the day after tomorrow"),
        ],
    )
    aw.insert(AFK, [_event(now - timedelta(hours=2), 1e9, "asleep for ever")])
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    _assert_equal(aw, store, settings, AFK, WINDOW)
    assert position_of(settings, WINDOW) <= to_microseconds(utc_now() - settings.settle)
    later = now + timedelta(hours=1)
    finished, said = run_pass(settings, now=later)
    assert finished.complete, sentences(said)
    _assert_equal(aw, store, settings, AFK, WINDOW)


def test_an_event_in_the_future_closes_no_slot() -> None:
    """Only an end that has come says that a bucket's watcher has gone on; else the settle time is waited."""
    now, settle, slot = 1_000 * HOUR_US + 7 * MINUTE, 5 * MINUTE, 5 * MINUTE
    assert closed_until(now - MINUTE, now, settle, slot) == now - 2 * MINUTE
    assert closed_until(now - HOUR_US, now, settle, slot) == now - 7 * MINUTE
    assert closed_until(now, now, settle, slot) == now - 2 * MINUTE
    assert closed_until(now + MINUTE, now, settle, slot) == now - 2 * MINUTE, "a clock that is a little ahead"
    for future in (now + settle + 1, now + HOUR_US, now * 100):
        assert closed_until(future, now, settle, slot) == now - 7 * MINUTE


class _Endless(httpx.AsyncByteStream):
    """A body that never ends; `sent` is how much of it was asked for, `closed` whether it was let go."""

    def __init__(self) -> None:
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 65_536
            yield b" " * 65_536

    async def aclose(self) -> None:
        """Lets it go."""
        self.closed = True


@pytest.mark.parametrize(
    ("status", "kind", "most"),
    [
        (200, AnswerTooLargeError, client.MOST_BYTES),
        (500, SourceAnswerError, bounded.MOST_ERROR_BYTES),
        (308, SourceAnswerError, 0),
    ],
)
async def test_an_answer_without_end_is_not_read_for_ever(
    status: int, kind: type[SourceAnswerError], most: int
) -> None:
    """Good, bad or a redirect: of an answer no more is read than may be, and its connection is let go."""
    bodies: list[_Endless] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(_Endless())
        return httpx.Response(status, headers={"location": str(request.url)}, stream=bodies[-1])

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        with pytest.raises(kind):
            await aw.read("b", 0, 1)
    assert all(body.sent <= most + 65_536 for body in bodies)
    assert all(body.closed for body in bodies)


async def test_an_answer_that_trickles_has_a_deadline() -> None:
    """A server that says a little now and then is given up when its time is over."""

    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"["
            await asyncio.Event().wait()

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle()))
    deadline = timedelta(milliseconds=50)
    async with ActivityWatch(SOURCE, transport=transport, deadline=deadline) as aw:
        with pytest.raises(SourceUnreachableError, match=r"did not finish its answer within 0\.05 s"):
            await aw.read("b", 0, 1)


async def test_what_is_too_large_at_once_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of heavy events are read in pages that the memory bears; one slot that is too heavy is told."""
    monkeypatch.setattr(client, "MOST_BYTES", 10_000)
    begin, end = 1_000 * DAY, 1_002 * DAY
    title = ""

    def answer(request: httpx.Request) -> httpx.Response:
        start, stop = (
            to_microseconds(datetime.fromisoformat(request.url.params[k])) for k in ("start", "end")
        )
        hours = range(-(-start // HOUR_US) * HOUR_US, stop, HOUR_US)
        data = {"title": title}
        return httpx.Response(
            200,
            content=json.dumps(
                [
                    {"id": hour, "timestamp": to_datetime(hour).isoformat(), "duration": 60, "data": data}
                    for hour in reversed(hours)
                ]
            ),
        )

    async def read_all(aw: ActivityWatch, letters: int) -> list[int]:
        nonlocal title
        title = "x" * letters
        pages = [await opened(aw, raw) async for raw in raw_pages(aw, "b", begin, end, 5 * MINUTE, 2 * DAY)]
        return sorted(event.start for page in pages for event in page.events)

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        for letters in (100, 2_000, 9_000):
            assert await read_all(aw, letters) == list(range(begin, end, HOUR_US))
        with pytest.raises(AnswerTooLargeError):
            await read_all(aw, 11_000)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (httpx.RemoteProtocolError("Server disconnected"), 2),
        (httpx.ReadError(""), 2),
        (httpx.ConnectError(""), 1),
        (httpx.ReadTimeout(""), 1),
    ],
)
async def test_a_connection_that_broke_is_tried_once_more(error: Exception, asked: int) -> None:
    """A kept connection may be dead when it is used again; one that is down or slow is not asked twice."""
    fails = [error]

    def answer(request: httpx.Request) -> httpx.Response:
        if fails:
            raise fails.pop()
        return httpx.Response(200, content=b"[]")

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        if asked == 2:
            assert await aw.read("b", 0, 1) == b"[]"
        else:
            with pytest.raises(SourceUnreachableError):
                await aw.read("b", 0, 1)
        assert aw.requests == asked


@pytest.mark.servers
def test_a_bucket_that_vanishes_between_the_list_and_its_read(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """It is told once by name, the other bucket is delivered, and the next pass does not miss it."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, aw.url, store.url)
    _fill(aw, utc_now() - timedelta(hours=9), utc_now() - timedelta(minutes=3), "app")
    gone = False

    def vanish(request: httpx.Request) -> None:
        nonlocal gone
        if not gone and request.url.path.endswith(f"/{AFK}/events/count"):
            gone = True
            aw.delete_bucket(AFK)

    finished, said = run_pass(settings, wiring=Wiring(aw_transport=Passing(vanish)))
    assert [event.bucket for event in said if isinstance(event, SourceFailed)] == [AFK]
    (told,) = finished.totals.faults
    assert f"has no /api/0/buckets/{AFK}/events/count (404)" in told
    assert run_pass(settings)[0].complete
    _assert_equal(aw, store, settings, WINDOW)


def test_an_id_cannot_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """The id of a bucket comes from anybody: in a log line no escape sequence of it reaches the terminal."""
    LogLines(LogFormat.TEXT, Level.DEBUG).apply(
        SourceFailed(source="laptop", bucket="b\x1b]0;owned\x07\x9b31m", reason="It failed.", remedy="Look.")
    )
    assert "laptop/b\ufffd]0;owned\ufffd\ufffd31m: It failed. Look.\n" in capsys.readouterr().err


@pytest.mark.parametrize("entry", ["null", '{"id": 7}', '{"created": "yesterday"}'])
def test_a_bucket_whose_entry_is_none_spoils_no_other(aw: AwServer, tmp_path: Path, entry: str) -> None:
    """One bad entry in the list of buckets is told by the bucket's id, and the others are delivered."""
    _fill(aw, utc_now() - timedelta(hours=9), utc_now() - timedelta(minutes=3), "app")

    def spoilt(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/buckets/"):
            return None
        whole = httpx.get(str(request.url), trust_env=False).json()
        return httpx.Response(200, content=json.dumps(whole | {AFK: json.loads(entry)}))

    with Receiver() as store:
        settings = make_settings(tmp_path, aw.url, store.url)
        finished, said = run_pass(settings, wiring=Wiring(aw_transport=Passing(spoilt)))
        assert [event.bucket for event in said if isinstance(event, SourceFailed)] == [AFK]
        assert not finished.complete
        assert position_of(settings, WINDOW) > 0
        assert run_pass(settings)[0].complete
