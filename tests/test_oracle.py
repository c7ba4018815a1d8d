"""Active time equals what ActivityWatch's own web page shows: its canonical query, built of aw-core's parts.

awsync reads a simulated server page by page, as a pass does; the oracle gets the whole history at once.
aw-core 0.5.18 counts no moment twice, as those before it did where events overlap. Where awsync differs a
test names the case: milliseconds that aw-core loses, midnight, two AFK watchers (the page asks one). Events
that end before they begin are taken from both sides (tests/flooded.py).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import httpx
from aw_core import Event as AwEvent
from aw_transform import (
    concat,
    filter_keyvals,
    filter_period_intersect,
    flood,
    period_union,
    sort_by_timestamp,
)
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from awsync.active import BROWSERS, Period, Presence, by_watchers
from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.activitywatch.moments import to_datetime, to_microseconds
from awsync.counting import BucketCounter
from awsync.presence import PresenceReader
from awsync.series import Labeller
from awsync.settings import SourceSettings
from awsync.timeline import DAY, HOUR, MICROSECONDS, MILLISECOND, MINUTE, Event, Span, floor_to
from tests.flooded import EPOCH, to_the_microsecond
from tests.test_timeline import Server, smallest

SLOT = 5 * MINUTE
MONDAY = date(2026, 10, 24)
"""The second of the three days has 25 hours in Berlin."""

ZONES = (UTC, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Europe/Berlin"))
BEGIN = to_microseconds(datetime(2026, 10, 23, 12, tzinfo=UTC))
END = BEGIN + 4 * DAY
SOURCE = SourceSettings("laptop", "http://127.0.0.1:5600", "anna")
WINDOW, AWAY = "aw-watcher-window_desk", "aw-watcher-afk_desk"
CHROME, FIREFOX = "aw-watcher-web-chrome_desk", "aw-watcher-web-firefox_desk"
TYPES = {
    WINDOW: "currentwindow",
    AWAY: "afkstatus",
    CHROME: "web.tab.current",
    FIREFOX: "web.tab.current",
}
History = Mapping[str, Sequence[Event]]
Amounts = Counter[tuple[str, str, int]]
"""Microseconds by app, value of `active` and end of slot."""

fast = settings(
    max_examples=40, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)


def days(zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Three whole days of a zone, from midnight to midnight."""
    midnights = [
        datetime.combine(MONDAY + timedelta(days=n), datetime.min.time(), tzinfo=zone) for n in range(4)
    ]
    for first, last in pairwise(midnights):
        yield to_microseconds(first.astimezone(UTC)), to_microseconds(last.astimezone(UTC))


def serve(history: History, *, python: bool = True) -> ActivityWatch:
    """The client of a server that has these buckets."""
    servers = {bucket: Server(events, python=python) for bucket, events in history.items()}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().split("?")[0]
        bucket, _, rest = path.removeprefix("/api/0/buckets/").partition("/events")
        server, params = servers[unquote(bucket)], request.url.params
        if rest:
            event = server.event(int(rest.removeprefix("/")))
            return httpx.Response(404) if event is None else httpx.Response(200, json=_json(event))
        start, end = (
            None if params.get(name) is None else to_microseconds(datetime.fromisoformat(params[name]))
            for name in ("start", "end")
        )
        found = server.read(start, end, int(params.get("limit", "-1")))
        return httpx.Response(200, json=[_json(event) for event in found])

    return ActivityWatch(SOURCE, transport=httpx.MockTransport(answer))


def _json(event: Event) -> dict[str, object]:
    seconds = (event.end - event.start) / 1e6
    at = to_datetime(event.start).isoformat()
    return {"id": event.id, "timestamp": at, "duration": seconds, "data": json.loads(event.data)}


def listed(history: History) -> list[Bucket]:
    """The buckets as a server lists them."""
    return [
        Bucket(id_, TYPES[id_], "c", "desk", None, to_datetime(Server(events).newest) if events else None)
        for id_, events in history.items()
    ]


async def _ours(history: History, start: int, end: int, width: int, *, python: bool) -> Amounts:
    buckets = listed(history)
    (window,) = (bucket for bucket in buckets if bucket.id == WINDOW)
    labeller = Labeller(user="u", host="desk", bucket=WINDOW, client="c")
    found: Amounts = Counter()
    async with serve(history, python=python) as aw:
        presence = PresenceReader(aw, SOURCE, {}, buckets)
        counter = BucketCounter(aw, window, labeller, SLOT, presence=presence)
        async with aclosing(counter.pages(start, end, width)) as pages:
            async for page in pages:
                for labels, slots in page.amounts.items():
                    told = dict(labels)
                    for slot_end, microseconds in slots.items():
                        found[told["app"], told["active"], slot_end] += microseconds
    return found


def ours(
    history: History, start: int = BEGIN, end: int = END, width: int = DAY, *, python: bool = True
) -> Amounts:
    """Microseconds of the window bucket by app, value of `active` and end of slot."""
    return asyncio.run(_ours(history, start, end, width, python=python))


def canonical(history: History) -> list[AwEvent]:
    """What the web page shows: `canonicalEvents` of aw-client's queries.py."""
    aw = {bucket: [_to_aw(e) for e in events if e.start <= e.end] for bucket, events in history.items()}
    for events in aw.values():
        events.sort(key=lambda event: (event.timestamp, event.id), reverse=True)
    events = flood(aw[WINDOW])
    not_afk = filter_keyvals(flood(aw[AWAY]), "status", ["not-afk"])
    browser_events: list[AwEvent] = []
    for browser, bucket in (("chrome", CHROME), ("firefox", FIREFOX)):
        windows = filter_keyvals(events, "app", list(BROWSERS[browser]))
        tabs = filter_period_intersect(flood(aw.get(bucket, [])), windows)
        browser_events = sort_by_timestamp(concat(browser_events, tabs))
    audible = filter_keyvals(browser_events, "audible", [True])  # type: ignore[list-item]
    return filter_period_intersect(events, period_union(not_afk, audible))


def _to_aw(event: Event) -> AwEvent:
    length = timedelta(microseconds=event.end - event.start)
    return AwEvent(
        id=event.id, timestamp=to_datetime(event.start), duration=length, data=json.loads(event.data)
    )


def seconds_by_app(events: Sequence[AwEvent], start: int, end: int) -> Counter[str]:
    """Microseconds by app inside [start, end)."""
    found: Counter[str] = Counter()
    for event in events:
        begun = (event.timestamp - EPOCH) // timedelta(microseconds=1)
        ended = begun + event.duration // timedelta(microseconds=1)
        found[event.data["app"]] += max(0, min(ended, end) - max(begun, start))
    return +found


def active_by_app(amounts: Amounts, start: int, end: int) -> Counter[str]:
    """The same of what awsync would send."""
    found: Counter[str] = Counter()
    for (app, active, slot_end), microseconds in amounts.items():
        if active == "true" and start < slot_end <= end:
            found[app] += microseconds
    return found


DATA: Mapping[str, Sequence[dict[str, object]]] = {
    WINDOW: [{"app": "code"}, {"app": "Firefox"}, {"app": "Chromium"}, {"app": "code", "title": "x"}],
    AWAY: [{"status": "not-afk"}, {"status": "afk"}],
    CHROME: [{"audible": True, "url": "a"}, {"audible": False, "url": "a"}, {"url": "b", "audible": True}],
    FIREFOX: [{"audible": True}, {"audible": False}],
}
gaps = st.one_of(
    st.sampled_from([0, 0, MILLISECOND, MICROSECONDS, 2 * MICROSECONDS]), smallest, st.integers(0, 9 * HOUR)
)
usual = st.one_of(st.integers(1, 60), st.integers(60, 3 * 3600), st.sampled_from([3600, 30 * 3600])).map(
    lambda seconds: seconds * MICROSECONDS
)


@st.composite
def heartbeats(draw: st.DrawFn, bucket: str, first_id: int) -> list[Event]:
    """What a healthy watcher writes: one event behind the other, with gaps of all sizes, small ones often."""
    moment, events = BEGIN + draw(st.integers(0, 20 * HOUR)), list[Event]()
    for n, (gap, length) in enumerate(draw(st.lists(st.tuples(gaps, usual), max_size=18))):
        data = json.dumps(draw(st.sampled_from(DATA[bucket]))).encode()
        events.append(Event(first_id + n, moment + gap, moment + gap + length, data))
        moment = events[-1].end
    return events


@st.composite
def disorder(draw: st.DrawFn, bucket: str, first_id: int) -> list[Event]:
    """What clocks that jump, two watchers and imports make of it: overlaps, equal starts, nothing, less."""
    events: list[Event] = []
    for n in range(draw(st.integers(0, 12))):
        start = BEGIN + draw(st.integers(0, 80)) * HOUR
        is_near: bool = draw(st.booleans())
        if events and is_near:
            near = draw(st.sampled_from([events[-1].start, events[-1].end]))
            start = max(near + draw(st.sampled_from([1, -1])) * draw(smallest), BEGIN)
        length = draw(st.one_of(smallest, usual, st.sampled_from([0, -5 * MICROSECONDS, 60 * HOUR])))
        data = json.dumps(draw(st.sampled_from(DATA[bucket]))).encode()
        events.append(Event(first_id + n, start, start + length, data))
    return events


def histories(events: Callable[[str, int], st.SearchStrategy[list[Event]]]) -> st.SearchStrategy[History]:
    """Of all four buckets."""
    return st.fixed_dictionaries({bucket: events(bucket, 100 * n) for n, bucket in enumerate(TYPES, 1)})


def assert_equal(history: History, width: int, *, python: bool) -> None:
    """Each app's active time of each day of each zone, and the sums that `active` must keep."""
    with to_the_microsecond():
        wanted = canonical(history)
        whole = flood([_to_aw(event) for event in history[WINDOW] if event.start <= event.end])
    found = ours(history, width=width, python=python)
    for zone in ZONES:
        for start, end in days(zone):
            assert active_by_app(found, start, end) == seconds_by_app(wanted, start, end), zone
    slots: Counter[int] = Counter()
    for (_, _, slot_end), microseconds in found.items():
        slots[slot_end] += microseconds
    assert all(0 < microseconds <= SLOT for microseconds in slots.values())
    assert slots.total() == seconds_by_app(whole, BEGIN, END).total()


widths = st.sampled_from([7 * HOUR, DAY, 9 * DAY])


@fast
@given(histories(heartbeats), widths, st.booleans())
def test_ordinary_days_are_equal(history: History, width: int, python: bool) -> None:
    """Active time by app and day is what the web page shows, in each zone, however pages are cut."""
    assert_equal(history, width, python=python)


_NESTED: History = {
    WINDOW: [
        Event(1, BEGIN, BEGIN + 30 * HOUR, b'{"app": "Firefox"}'),
        Event(2, BEGIN + HOUR, BEGIN + HOUR, b'{"app": "code"}'),
    ],
    AWAY: [],
    CHROME: [],
    FIREFOX: [Event(3, BEGIN + 7 * HOUR, BEGIN + 8 * HOUR, b'{"audible": true}')],
}


@fast
@given(histories(disorder), widths, st.booleans())
@example(_NESTED, 7 * HOUR, False)
def test_broken_histories_are_equal(history: History, width: int, python: bool) -> None:
    """Also where events overlap, start together or last for days aw-core and awsync agree."""
    assert_equal(history, width, python=python)


def _days_of_work() -> History:
    """Three days of heartbeats a second or so apart, with breaks, and a film in the evening."""
    windows, away, tabs = list[Event](), list[Event](), list[Event]()
    moment = floor_to(BEGIN, MILLISECOND)
    for n in range(4_500):
        length = 1000 * (6_000 + 7919 * n % 100_000)
        data = json.dumps(DATA[WINDOW][n % 4]).encode()
        windows.append(Event(n, moment, moment + length, data))
        moment += length + 1000 * (1_000 + 131 * n % 3_000)
    for n, start in enumerate(range(BEGIN, moment, HOUR)):
        data = json.dumps(DATA[AWAY][n % 3 // 2]).encode()
        away.append(Event(n, start, start + HOUR - MILLISECOND, data))
        data = json.dumps(DATA[FIREFOX][n % 2]).encode()
        tabs.append(Event(n, start, start + HOUR - 3 * MICROSECONDS - 1, data))
    return {WINDOW: windows, AWAY: away, CHROME: [], FIREFOX: tabs}


def test_days_of_work_are_equal_to_the_second() -> None:
    """aw-core as it is, on what watchers really write: no app of any day differs by a second.

    It cuts the middle of each gap to whole milliseconds, and the event behind it becomes that much shorter:
    here up to a second in half a million gaps. awsync keeps the microseconds.
    """
    history = _days_of_work()
    wanted, found = canonical(history), ours(history)
    for zone in ZONES:
        for start, end in days(zone):
            mine, theirs = active_by_app(found, start, end), seconds_by_app(wanted, start, end)
            assert mine.keys() == theirs.keys()
            assert all(abs(mine[app] - theirs[app]) < MICROSECONDS for app in mine)
            assert mine.total() > 8 * HOUR


def test_a_gap_over_midnight_is_closed() -> None:
    """The web page asks for one day and closes no gap at its borders: two days then hold less than both.

    awsync closes it, so that the days add up to what is shown for both of them.
    """
    midnight, _ = next(days(UTC))
    second = MICROSECONDS
    code, status = b'{"app": "code"}', b'{"status": "not-afk"}'
    window = [
        Event(1, midnight - HOUR, midnight - second, code),
        Event(2, midnight + 3 * second, midnight + HOUR, code),
    ]
    history = {WINDOW: window, AWAY: [Event(3, BEGIN, END, status)]}
    both = seconds_by_app(canonical(history), BEGIN, END)
    each = [{**history, WINDOW: [event]} for event in window]
    assert (
        sum((seconds_by_app(canonical(day), BEGIN, END) for day in each), Counter())["code"]
        == 2 * HOUR - 4 * second
    )
    assert active_by_app(ours(history), BEGIN, END) == both == {"code": 2 * HOUR}


def test_without_an_afk_watcher_nothing_is_known() -> None:
    """Time that no AFK watcher covers is neither active nor away, but a film that is heard was watched."""
    film = [Event(1, BEGIN, BEGIN + HOUR, b'{"app": "Firefox"}')]
    tab = [Event(2, BEGIN, BEGIN + HOUR // 2, b'{"audible": true}')]
    amounts: Counter[str] = Counter()
    for (_, active, _), microseconds in ours({WINDOW: film, AWAY: [], CHROME: [], FIREFOX: tab}).items():
        amounts[active] += microseconds
    assert amounts == {"true": HOUR // 2, "unknown": HOUR // 2}


def test_where_watchers_differ_somebody_was_there() -> None:
    """Two AFK watchers of a host, as after an update that renamed it: one that saw somebody is right."""
    spans = [[Span(0, 10, b'{"status": "afk"}')], [Span(4, 6, b'{"status": "not-afk"}')]]
    assert by_watchers(spans) == Presence([Period(4, 6)], [Period(0, 4), Period(6, 10)])
