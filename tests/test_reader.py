"""Reading by HTTP: pages hold every event, and a start in the middle of history knows what was before."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsync import reader
from awsync.active import Period, inside
from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.activitywatch.moments import to_datetime, to_microseconds
from awsync.ahead import ahead
from awsync.demo.aw_server import AwServer
from awsync.errors import SourceUnreachableError
from awsync.flood import Held
from awsync.reader import (
    RawPage,
    carry_at,
    completed,
    first_moment,
    guessed_width,
    opened,
    raw_pages,
    recalled,
    stands_alone,
)
from awsync.settings import SourceSettings
from awsync.timeline import DAY, HOUR, MILLISECOND, Carry, Event, Page, Span, lay_out
from tests.test_timeline import (
    BEGIN,
    END,
    LENGTH,
    RESOLUTION,
    Server,
    cuts,
    histories,
    joined,
    oracle,
    servers,
)

BUCKET = "aw watcher/window?_größe%41"
SOURCE = SourceSettings("laptop", "http://127.0.0.1:5600", "anna")
thorough = settings(max_examples=60, deadline=None, derandomize=True)


def serve(server: Server, asked: list[httpx.Request] | None = None) -> ActivityWatch:
    """The client of a server that answers from a simulated bucket."""

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        path = request.url.raw_path.decode().split("?")[0]
        kind, _, rest = path.removeprefix("/api/0/buckets/").partition("/events")
        assert unquote(kind) == BUCKET
        start, end = (_moment(request.url.params.get(name)) for name in ("start", "end"))
        limit = int(request.url.params.get("limit", "-1"))
        if rest == "/count":
            return httpx.Response(200, json=sum(end is None or e.start <= end for e in server.events))
        if not rest:
            return httpx.Response(200, json=[_json(event) for event in server.read(start, end, limit)])
        event = server.event(int(rest.removeprefix("/")))
        return httpx.Response(404, json=None) if event is None else httpx.Response(200, json=_json(event))

    return ActivityWatch(SOURCE, transport=httpx.MockTransport(answer))


def _moment(text: str | None) -> int | None:
    return None if text is None else to_microseconds(datetime.fromisoformat(text))


def _json(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "timestamp": to_datetime(event.start).isoformat(),
        "duration": (event.end - event.start) / 1e6,
        "data": json.loads(event.data),
    }


async def read_from(
    server: Server,
    borders: Sequence[int],
    *,
    single_focus: bool,
    carry: Carry | None = None,
    forgets: bool = False,
) -> list[Span]:
    """The spans from the first border on, read by HTTP as a pass reads them.

    `forgets` says that each page is of a pass of its own, which knows what was written down.
    """
    spans: list[Span] = []
    async with serve(server) as aw:
        carry = carry or await carry_at(aw, BUCKET, borders[0], single_focus=single_focus)
        for start, end in pairwise(borders):
            page = await opened(aw, RawPage(start, end, await aw.read(BUCKET, start, end)))
            if forgets:
                carry = await recalled(aw, BUCKET, page, carry.bare, single_focus=single_focus)
            page = await completed(aw, BUCKET, page, carry, single_focus=single_focus)
            laid, carry = lay_out(page, carry, single_focus=single_focus)
            spans += laid
    return spans


def unspaced(spans: list[Span]) -> list[Span]:
    """Spans with the data as it was before it went through JSON."""
    return joined(span._replace(data=span.data.replace(b" ", b"")) for span in spans)


@thorough
@given(servers, cuts.filter(len), st.booleans())
@example(Server([Event(1, BEGIN, BEGIN + 60 * HOUR, b'{"n":1}')]), [BEGIN + 30 * HOUR], True)
@example(Server([Event(1, BEGIN, END, b'{"n":1}'), Event(2, BEGIN, END, b'{"n":2}')]), [BEGIN + HOUR], True)
def test_a_start_in_the_middle_changes_nothing(
    server: Server, borders: list[int], single_focus: bool
) -> None:
    """Reading from any slot on gives what reading from the beginning gives for that time."""
    spans = asyncio.run(read_from(server, [*borders, END], single_focus=single_focus))
    wanted = oracle(server.events, BEGIN, END, single_focus=single_focus)
    cut = [span._replace(start=max(span.start, borders[0])) for span in wanted if span.end > borders[0]]
    assert unspaced(spans) == joined(cut)


@thorough
@given(servers, cuts.filter(len), st.booleans())
def test_what_is_not_written_down_changes_nothing(
    server: Server, borders: list[int], single_focus: bool
) -> None:
    """Passes that know of an open event no more than when it began find the same spans."""
    spans = asyncio.run(read_from(server, [BEGIN, *borders, END], single_focus=single_focus, forgets=True))
    assert unspaced(spans) == joined(oracle(server.events, BEGIN, END, single_focus=single_focus))


async def test_an_open_event_is_recalled_from_its_page() -> None:
    """Where an event reaches into the page, or ended long before it, nobody is asked; else once."""
    events = [Event(1, BEGIN, BEGIN + 2 * HOUR, b'{"n":1}')]
    held = Held(BEGIN, BEGIN + HOUR, b"", (1,))
    carry = Carry({1: BEGIN}, held)
    for page, told, asks in (
        (Page(BEGIN + HOUR, BEGIN + DAY, events), b'{"n":1}', 0),
        (Page(BEGIN + 2 * HOUR, BEGIN + DAY, []), b"", 0),
        (Page(BEGIN + HOUR, BEGIN + DAY, []), b'{"n":1}', 1),
    ):
        asked: list[httpx.Request] = []
        async with serve(Server(events), asked) as aw:
            found = await recalled(aw, BUCKET, page, carry, single_focus=True)
        assert found.last is not None
        assert found.last.data.replace(b" ", b"") == told
        assert len(asked) == asks


async def test_an_open_event_that_is_gone_is_asked_for_anew() -> None:
    """An event that was deleted between two passes leaves what is there now."""
    server = Server([Event(2, BEGIN, BEGIN + HOUR, b'{"n":2}')])
    gone = Carry({1: BEGIN}, Held(BEGIN, BEGIN + HOUR, b"", (1,)))
    async with serve(server) as aw:
        page = Page(BEGIN + HOUR, BEGIN + DAY, [])
        found = await recalled(aw, BUCKET, page, gone, single_focus=True)
        assert found == await carry_at(aw, BUCKET, BEGIN + HOUR, single_focus=True)


def _burst(count: int) -> Server:
    """A long event, a short one that ends it, and many without duration behind that."""
    events = [Event(1, BEGIN, BEGIN + 5 * HOUR, b'{"n":1}'), Event(2, BEGIN + 9, BEGIN + 10, b'{"n":2}')]
    start = BEGIN + 1000
    events += [Event(i, start + i * MILLISECOND, start + i * MILLISECOND, b"{}") for i in range(3, count)]
    return Server(events)


@pytest.mark.parametrize("count", [19, 21, 201, 1500])
async def test_a_burst_without_duration_hides_nothing(count: int) -> None:
    """An event that was cut before the start stays cut, however many empty events follow the cut."""
    assert await read_from(_burst(count), [BEGIN + HOUR, BEGIN + 2 * HOUR], single_focus=True) == []


async def test_a_crowd_hides_nothing() -> None:
    """Where events may overlap, one that began before a hundred others still reaches over the start."""
    crowd = [
        Event(n, BEGIN + n * MILLISECOND, BEGIN + (n + 1) * MILLISECOND, b'{"n":%d}' % n)
        for n in range(2, 100)
    ]
    server = Server([Event(1, BEGIN, BEGIN + 5 * HOUR, b'{"n":1}'), *crowd])
    spans = await read_from(server, [BEGIN + HOUR, BEGIN + 2 * HOUR], single_focus=False)
    assert unspaced(spans) == [Span(BEGIN + HOUR, BEGIN + 2 * HOUR, b'{"n":1}')]
    async with serve(server) as aw:
        carry = await carry_at(aw, BUCKET, BEGIN + HOUR, single_focus=False)
        assert carry == Carry({1: BEGIN, 99: BEGIN + 99 * MILLISECOND})


async def test_an_event_that_was_deleted_is_no_error() -> None:
    """What a page knows by id may be gone when it is asked for."""
    async with serve(Server([])) as aw:
        page = Page(BEGIN + 2 * DAY, BEGIN + 3 * DAY, [])
        assert await completed(aw, BUCKET, page, Carry({7: BEGIN}), single_focus=True) == page


async def test_a_plain_page_costs_no_request() -> None:
    """Only what the server left out or cut beyond recognition is asked for."""
    asked: list[httpx.Request] = []
    events = [Event(n, BEGIN + n * HOUR, BEGIN + (n + 1) * HOUR, b"{}") for n in range(24)]
    async with serve(Server(events), asked) as aw:
        page = Page(BEGIN, BEGIN + DAY, events)
        assert await completed(aw, BUCKET, page, Carry(), single_focus=True) is page
    assert asked == []


async def collected(
    server: Server, start: int, end: int, asked: list[httpx.Request] | None = None
) -> list[Page]:
    async with serve(server, asked) as aw, aclosing(raw_pages(aw, BUCKET, start, end, RESOLUTION)) as found:
        return [await opened(aw, raw) async for raw in found]


def assert_gapless(found: Sequence[Page], start: int, end: int) -> None:
    assert [page.start for page in found] == [start, *(page.end for page in found[:-1])]
    assert found[-1].end == end
    assert all(page.end % RESOLUTION == 0 for page in found[:-1])


@thorough
@given(
    histories(),
    st.integers(1, 6),
    st.integers(100, 5000),
    st.integers(0, LENGTH - 1),
    st.integers(1, LENGTH),
    st.booleans(),
)
def test_pages_hold_everything_whatever_their_size(
    events: list[Event], most: int, size: int, start: int, length: int, python: bool
) -> None:
    """Pages follow each other without a gap, end at slots, and hold every event that touches them."""
    server = Server(events, python=python)
    begin, end = BEGIN + start, BEGIN + start + length
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "MAX_EVENTS", most)
        patch.setattr(reader, "PAGE_BYTES", size)
        found = asyncio.run(collected(server, begin, end))
    assert_gapless(found, begin, end)
    for page in found:
        read = [event._replace(data=event.data.replace(b" ", b"")) for event in page.events]
        assert read == server.read(page.start, page.end)


async def test_a_dense_day_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with too many events is read again in parts, and one slot that holds too many is read whole."""
    monkeypatch.setattr(reader, "MAX_EVENTS", 5)
    starts = [*range(0, HOUR, HOUR // 40), *range(2 * HOUR, 2 * HOUR + 12 * MILLISECOND, MILLISECOND)]
    server = Server([Event(n, BEGIN + at, BEGIN + at + 9, b'{"n":%d}' % n) for n, at in enumerate(starts)])
    found = await collected(server, BEGIN - 365 * DAY, BEGIN + DAY)
    assert_gapless(found, BEGIN - 365 * DAY, BEGIN + DAY)
    assert sorted({event.id for page in found for event in page.events}) == list(range(len(starts)))
    assert all(len(page.events) < 5 or page.end - page.start == RESOLUTION for page in found)


async def test_time_before_the_history_makes_no_page_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history that begins long after its bucket's beginning is read in pages as guessed, each once."""
    monkeypatch.setattr(reader, "PAGE_EVENTS", 200)
    monkeypatch.setattr(reader, "PAGE_BYTES", 200 * 100)
    monkeypatch.setattr(reader, "MAX_EVENTS", 400)
    first, hours = BEGIN + 45 * DAY, 55 * 24
    events = [Event(n, first + n * HOUR, first + n * HOUR + 9, b'{"n":%d}' % n) for n in range(hours)]
    width = guessed_width(100 * DAY, len(events))
    asked: list[httpx.Request] = []
    async with serve(Server(events), asked) as aw:
        found = raw_pages(aw, BUCKET, BEGIN, BEGIN + 100 * DAY, RESOLUTION, width, beginning=True)
        pages = [await opened(aw, raw) async for raw in found]
    assert_gapless(pages, BEGIN, BEGIN + 100 * DAY)
    assert {event.id for page in pages for event in page.events} == set(range(hours))
    assert len(asked) == len(pages), "nothing is read twice"
    assert max(len(page.events) for page in pages) < 400


def test_the_first_page_is_guessed() -> None:
    """The first page is as wide as the count of events lets expect, and never less than a day."""
    assert guessed_width(100 * DAY, 2 * reader.PAGE_EVENTS) == 50 * DAY
    assert guessed_width(100 * DAY, 1_000 * reader.PAGE_EVENTS) == DAY
    assert guessed_width(100 * DAY, 0) == guessed_width(-DAY, 9) == DAY


async def test_the_beginning_is_read_without_a_start() -> None:
    """What has nothing before it is asked for without a start; every later page has one."""
    asked: list[httpx.Request] = []
    events = [Event(n, BEGIN + n * HOUR, BEGIN + n * HOUR + 9, b'{"n":%d}' % n) for n in range(100)]
    async with serve(Server(events), asked) as aw:
        found = raw_pages(aw, BUCKET, BEGIN, BEGIN + 5 * DAY, RESOLUTION, beginning=True)
        pages = [await opened(aw, raw) async for raw in found]
    assert {event.id for page in pages for event in page.events} == set(range(100))
    assert ["start" in request.url.params for request in asked] == [False] + [True] * (len(asked) - 1)
    assert len(asked) > 1


async def test_quiet_years_cost_few_reads() -> None:
    """Years without an event are crossed in a handful of reads."""
    asked: list[httpx.Request] = []
    found = await collected(Server([]), BEGIN - 3650 * DAY, BEGIN, asked)
    assert_gapless(found, BEGIN - 3650 * DAY, BEGIN)
    assert len(asked) == len(found) < 70


class Blocked(httpx.AsyncByteStream):
    """A body whose end comes when it may; `ended` where it is left too."""

    def __init__(self, may_end: asyncio.Event) -> None:
        self.ended = asyncio.Event()
        self._may_end = may_end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its two bytes."""
        yield b"["
        try:
            await self._may_end.wait()
        finally:
            self.ended.set()
        yield b"]"


@pytest.mark.parametrize("length", [{"Content-Length": "2"}, {}], ids=["told", "untold"])
async def test_the_next_page_is_asked_for_while_one_comes_in(length: dict[str, str]) -> None:
    """Where its size is told a page is handed out on its way, so that the server is idle at no time."""
    second = asyncio.Event()
    if not length:
        second.set()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["start"] != to_datetime(BEGIN).isoformat():
            second.set()
        return httpx.Response(200, headers=length, stream=Blocked(second))

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        found = [raw async for raw in raw_pages(aw, BUCKET, BEGIN, BEGIN + 9 * DAY, RESOLUTION)]
        pages = [await opened(aw, raw) for raw in found]
    assert_gapless(pages, BEGIN, BEGIN + 9 * DAY)


async def test_a_page_on_its_way_ends_with_its_client() -> None:
    """No request goes on behind a pass that ended, and one that broke then is quiet."""
    body = Blocked(asyncio.Event())

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": "2"}, stream=body)

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        found = raw_pages(aw, BUCKET, BEGIN, END, RESOLUTION)
        assert (await anext(found)).start == BEGIN
        assert not body.ended.is_set()
    assert body.ended.is_set()
    assert len(asyncio.all_tasks()) == 1


@thorough
@given(servers, st.integers(0, LENGTH), st.sampled_from([HOUR // 4, HOUR, DAY]))
def test_what_stands_alone_needs_nothing_from_before(server: Server, at: int, lead: int) -> None:
    """A stretch that is read with what lies before it is laid as in the whole, where that is enough."""
    moment = (BEGIN + at) // RESOLUTION * RESOLUTION
    period = Period(moment, END + DAY)
    page = Page(moment - lead, period.end, server.read(moment - lead, period.end))
    if not stands_alone(page, moment):
        return
    whole = Page(BEGIN - DAY, period.end, server.events)
    expected, _ = lay_out(whole, Carry(), single_focus=True)
    found, _ = lay_out(page, Carry(), single_focus=True)
    assert joined(inside(found, period)) == joined(inside(expected, period))


async def test_a_reader_that_is_left_stops_reading() -> None:
    """Leaving the pages ends the read that was under way, also one that is about to fail."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["start"] == to_datetime(BEGIN).isoformat():
            return httpx.Response(200, json=[])
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        async with ahead(raw_pages(aw, BUCKET, BEGIN, END, RESOLUTION), 2) as found:
            assert (await anext(found)).start == BEGIN
            await begun.wait()
        assert ended.is_set()


async def test_a_failed_read_reaches_the_consumer_in_its_turn() -> None:
    """A server that dies in the middle loses no page that was read before."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["start"] == to_datetime(BEGIN).isoformat():
            return httpx.Response(200, json=[])
        raise httpx.ConnectError("All connection attempts failed")

    async with ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw:
        found = raw_pages(aw, BUCKET, BEGIN, END, RESOLUTION)
        assert (await anext(found)).start == BEGIN
        with pytest.raises(SourceUnreachableError):
            await anext(found)


async def test_a_failure_that_nobody_waits_for_is_quiet() -> None:
    """The read ahead may fail after the consumer left: asyncio has nothing to complain of."""
    failed = asyncio.Event()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params["start"] == to_datetime(BEGIN).isoformat():
            return httpx.Response(200, json=[])
        failed.set()
        raise httpx.ConnectError("All connection attempts failed")

    async with (
        ActivityWatch(SOURCE, transport=httpx.MockTransport(answer)) as aw,
        ahead(raw_pages(aw, BUCKET, BEGIN, END, RESOLUTION), 2) as found,
    ):
        await anext(found)
        await failed.wait()
    del found
    gc.collect()
    assert complaints == []


@thorough
@given(histories(), st.integers(-LENGTH, LENGTH))
def test_first_moment_is_before_everything(events: list[Event], created: int) -> None:
    """The search for the beginning misses no event, also one that was imported from before the bucket."""
    server = Server(events)
    bucket = Bucket(BUCKET, "t", "c", "h", to_datetime(BEGIN + created), to_datetime(server.newest))

    async def find() -> int:
        async with serve(server) as aw:
            return await first_moment(aw, bucket)

    oldest = min(event.start for event in events)
    moment = asyncio.run(find())
    assert moment <= oldest
    before = min(BEGIN + created, server.newest)
    assert moment >= before - 5 * max(before - oldest, 0) - 64 * DAY


async def test_first_moment_is_told_by_some_servers() -> None:
    """aw-server-rust names its oldest event, which costs no request."""
    listed = {
        "id": BUCKET,
        "type": "t",
        "client": "c",
        "hostname": "h",
        "metadata": {"start": "2026-11-20T00:00:00Z"},
    }
    asked: list[httpx.Request] = []
    async with serve(Server([]), asked) as aw:
        assert await first_moment(aw, msgspec.convert(listed, Bucket)) == BEGIN
    assert asked == []


HARD = [
    (0, 60 * HOUR),
    (HOUR, 2 * HOUR),
    (HOUR, 2 * HOUR),
    (HOUR, HOUR),
    (3 * HOUR, 400),
    (3 * HOUR - MILLISECOND, MILLISECOND + 600),
    (4 * HOUR - 7 * MILLISECOND, 7 * MILLISECOND - 400),
    (4 * HOUR - 8 * MILLISECOND, 8 * MILLISECOND - 600),
    (5 * HOUR, 0),
    (6 * HOUR + MILLISECOND, HOUR),
    (7 * HOUR, -HOUR),
    (30 * HOUR, 30 * HOUR),
]


async def test_aw_server_answers_as_the_simulation_does(aw: AwServer) -> None:
    """What the properties here rest on is how a real aw-server selects, clips, forgets and counts."""
    name = "aw-watcher-window_laptop"
    aw.create_bucket(name, "aw-watcher-window", "currentwindow", "laptop")
    rows = [
        {"timestamp": to_datetime(BEGIN + s).isoformat(), "duration": d / 1e6, "data": {}} for s, d in HARD
    ]
    aw.insert(name, rows)
    source = SourceSettings("laptop", aw.url, "anna")
    async with ActivityWatch(source) as client:
        everything = await client.newest_before(name, END, limit=-1)
        assert sorted((e.start - BEGIN, e.end - e.start) for e in everything) == sorted(HARD)
        server = Server(everything)
        for hours in (
            (0, 1),
            (1, 1),
            (2, 3),
            (3, 4),
            (4, 5),
            (5, 6),
            (5, 7),
            (7, 8),
            (24, 25),
            (25, 30),
            (54, 70),
        ):
            start, end = (BEGIN + hour * HOUR for hour in hours)
            assert sorted(client.events(await client.read(name, start, end))) == sorted(
                server.read(start, end)
            )
        for event in everything:
            assert await client.event(name, event.id) == event
        assert await client.count(name, until=BEGIN + HOUR) == 4
        assert await client.event(name, 999_999) is None
