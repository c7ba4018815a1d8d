"""The promise of the timeline: any way of cutting a history into pages gives the same spans and sums."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsync.flood import PULSE, TRIM, order
from awsync.timeline import (
    DAY,
    HOUR,
    MICROSECONDS,
    MILLISECOND,
    Carry,
    Event,
    Page,
    Span,
    ambiguous,
    closed_until,
    first_behind,
    floor_to,
    forgotten,
    lay_out,
    slots,
    wants_behind,
)
from tests.flooded import flooded

RESOLUTION = 300 * MICROSECONDS
BEGIN = 1_795_132_800 * MICROSECONDS
"""2026-11-20 00:00 UTC."""

LENGTH = 8 * DAY
END = BEGIN + LENGTH
thorough = settings(max_examples=200, deadline=None, derandomize=True)


@dataclass(frozen=True, slots=True)
class Server:
    """What a bucket's events look like through ActivityWatch's windows (FACTS A2).

    aw-server (Python) lets the end of a window be a millisecond late, compares ends in milliseconds and
    forgets an event 24 h after its start; aw-server-rust does none of that. The order of equal starts is
    not defined: `later_first` chooses.
    """

    events: Sequence[Event]
    python: bool = True
    later_first: bool = True

    def read(self, start: int | None, end: int | None, limit: int = -1) -> list[Event]:
        """The events that touch [start, end], clipped to it, newest first."""
        if self.python and start is not None:
            start = floor_to(start, MILLISECOND)
        if self.python and end is not None:
            end = floor_to(end, MILLISECOND) + MILLISECOND
        found = [event for event in self.events if self._touches(event, start, end)]
        found.sort(key=lambda event: (event.start, event.id if self.later_first else -event.id), reverse=True)
        return [_clipped(event, start, end) for event in (found if limit < 0 else found[:limit])]

    def event(self, event_id: int) -> Event | None:
        """One event, unclipped."""
        return next((event for event in self.events if event.id == event_id), None)

    def at(self, now: int) -> "Server":
        """The bucket as it was at a moment: what lasted grew by heartbeats, what came later is not there."""
        seen = [event._replace(end=min(event.end, now)) for event in self.events if event.start <= now]
        return replace(self, events=seen)

    def by_id(self, ids: Iterable[int]) -> list[Event]:
        """Those of the events that are there."""
        return [event for id_ in ids if (event := self.event(id_)) is not None]

    @property
    def newest(self) -> int:
        """What the server says of its newest event's end: that of the event which starts last."""
        return max((event.start, event.end) for event in self.events)[1]

    def _touches(self, event: Event, start: int | None, end: int | None) -> bool:
        last = (event.end + MILLISECOND // 2) // MILLISECOND * MILLISECOND if self.python else event.end
        known = start is None or (start <= last and not (self.python and event.start < start - DAY))
        return known and (end is None or event.start <= end)


def _clipped(event: Event, start: int | None, end: int | None) -> Event:
    if start is not None and event.start < start:
        event = event._replace(start=start)
    return event if end is None or event.end <= end else event._replace(end=end)


def paged(
    server: Server, borders: Sequence[int], *, single_focus: bool, carry: Carry | None = None
) -> tuple[list[Span], Carry]:
    """The spans of a history that is read in pages, as a pass reads it."""
    spans: list[Span] = []
    carry = carry or Carry()
    for start, end in pairwise(borders):
        page = Page(start, end, server.read(start, end))
        wanted = [*forgotten(page, carry), *(ambiguous(page, carry) if single_focus else [])]
        rest = [event for event in page.events if event.id not in wanted]
        page = Page(start, end, rest + server.by_id(wanted))
        if single_focus and wants_behind(page, carry):
            first = first_behind(page, carry, server.read(end, end + PULSE))
            if len(first) > 1:
                first = server.by_id([event.id for event in first])
            page = Page(start, end, page.events, min(first, key=order, default=None))
        laid, carry = lay_out(page, carry, single_focus=single_focus)
        assert_one_clock(laid, start, end, single_focus=single_focus)
        spans += laid
    return spans, carry


def assert_one_clock(spans: Sequence[Span], start: int, end: int, *, single_focus: bool) -> None:
    """No span leaves its page, and those of a single-focus bucket come in order and share no moment."""
    assert all(start <= span.start < span.end <= end for span in spans)
    if single_focus:
        assert all(before.end <= after.start for before, after in pairwise(spans))


def oracle(events: Sequence[Event], start: int, end: int, *, single_focus: bool) -> list[Span]:
    """Who holds each moment of [start, end): ActivityWatch's flood of everything, or each event its own."""
    if single_focus:
        return joined(flooded(events, start, end))
    cut = [Span(max(event.start, start), min(event.end, end), event.data) for event in events]
    return joined(span for span in cut if span.start < span.end)


def joined(spans: Iterable[Span]) -> list[Span]:
    """How often each moment is held by which data, in order: what cutting made two is one again."""
    steps: dict[bytes, dict[int, int]] = {}
    for start, end, data in spans:
        own = steps.setdefault(data, {})
        own[start] = own.get(start, 0) + 1
        own[end] = own.get(end, 0) - 1
    result: list[Span] = []
    for data, own in steps.items():
        depth, since = 0, 0
        for moment in sorted(own):
            if own[moment]:
                result += [Span(since, moment, data)] * depth
                depth, since = depth + own[moment], moment
    return sorted(result)


smallest = st.one_of(
    st.sampled_from([0, 1, 3, 400, 600, MILLISECOND, TRIM - 1, TRIM, TRIM + 1, PULSE, PULSE + 1]),
    st.integers(0, 2 * TRIM),
    st.integers(0, 2 * PULSE),
)
lengths = st.one_of(
    smallest,
    st.sampled_from([-5 * MICROSECONDS, RESOLUTION, DAY, 60 * HOUR]),
    st.integers(1, 3 * HOUR),
    st.integers(1, 70).map(lambda hours: hours * HOUR),
    st.integers(1, 60).map(lambda count: count * RESOLUTION),
)
starts = st.one_of(
    st.integers(0, 12).map(lambda count: count * RESOLUTION),
    st.integers(0, LENGTH // MILLISECOND - 1).map(lambda count: count * MILLISECOND),
    st.integers(0, LENGTH // HOUR - 1).map(lambda count: count * HOUR),
    st.integers(1, LENGTH // HOUR - 1).map(lambda count: count * HOUR - MILLISECOND),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Small and large gaps and overlaps, equal starts and data, no and negative length, weekends, odd ids.

    An event begins anywhere, or near the end or the start of the one before it, or near a border of slots.
    """
    count = draw(st.integers(1, 14))
    ids = draw(st.permutations(range(1, count + 1)))
    events: list[Event] = []
    for id_ in ids:
        start, near = BEGIN + draw(starts), draw(st.integers(0, 4))
        if events and near < 3:
            moment = (events[-1].end, events[-1].start, floor_to(start, RESOLUTION))[near]
            start = max(moment + draw(st.sampled_from([1, -1])) * draw(smallest), BEGIN)
        data = b'{"n":%d}' % draw(st.sampled_from([id_, 1, 2]))
        events.append(Event(id_, start, start + draw(lengths), data))
    return events


servers = st.builds(Server, histories(), st.booleans(), st.booleans())
cuts = st.lists(
    st.one_of(
        st.integers(1, LENGTH // RESOLUTION - 1).map(lambda count: BEGIN + count * RESOLUTION),
        st.integers(1, LENGTH // HOUR - 1).map(lambda count: BEGIN + count * HOUR),
        st.integers(1, 12).map(lambda count: BEGIN + count * RESOLUTION),
    ),
    max_size=12,
    unique=True,
).map(sorted)


def _event(id_: int, start: int, end: int) -> Event:
    return Event(id_, BEGIN + start, BEGIN + end, b'{"n":%d}' % id_)


@thorough
@given(servers, cuts, st.booleans())
@example(Server([_event(1, 0, 60 * HOUR), _event(2, 70 * HOUR, 71 * HOUR)]), [BEGIN + 30 * HOUR], True)
@example(Server([_event(2, 0, HOUR + 1), _event(1, 0, HOUR + MILLISECOND + 1)]), [BEGIN + HOUR], True)
@example(Server([_event(2, 0, 9 * HOUR), _event(1, 0, 9 * HOUR)]), [BEGIN + HOUR, BEGIN + 2 * HOUR], True)
@example(Server([_event(1, 0, 9 * HOUR), _event(2, HOUR, 2 * HOUR)]), [BEGIN + 3 * HOUR], True)
@example(Server([_event(1, 0, 50 * HOUR), _event(2, 0, 60 * HOUR)]), [BEGIN + 30 * HOUR], True)
def test_cutting_into_pages_changes_nothing(server: Server, borders: list[int], single_focus: bool) -> None:
    """However a history is cut into pages, each event keeps exactly the moments that are its own."""
    spans, _ = paged(server, [BEGIN, *borders, END], single_focus=single_focus)
    assert joined(spans) == oracle(server.events, BEGIN, END, single_focus=single_focus)


@thorough
@given(histories(), st.booleans())
def test_one_page_that_holds_everything(events: list[Event], single_focus: bool) -> None:
    """Events that come unclipped, in any order, give the spans that the rule in DESIGN.md asks for."""
    spans, _ = lay_out(Page(BEGIN, END, events), Carry(), single_focus=single_focus)
    assert joined(spans) == oracle(events, BEGIN, END, single_focus=single_focus)


@thorough
@given(servers, cuts)
def test_single_focus_never_exceeds_the_clock(server: Server, borders: list[int]) -> None:
    """No two spans of a single-focus bucket share a moment, and none leaves the page it comes from."""
    spans, _ = paged(server, [BEGIN, *borders, END], single_focus=True)
    assert all(BEGIN <= span.start < span.end <= END for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    per_slot: dict[int, int] = {}
    for slot_end, microseconds, _ in slots(spans, RESOLUTION):
        per_slot[slot_end] = per_slot.get(slot_end, 0) + microseconds
    assert all(0 < microseconds <= RESOLUTION for microseconds in per_slot.values())


@thorough
@given(servers, st.lists(st.integers(0, LENGTH // MICROSECONDS), min_size=1, max_size=10), st.booleans())
def test_passes_while_events_grow(server: Server, seconds: list[int], single_focus: bool) -> None:
    """Passes at any moments of a running week deliver, up to the last closed slot, what is true at the end.

    Of two events that start at once and both still grow, only the future tells the longer: starts differ.
    """
    server = replace(server, events=list({event.start: event for event in server.events}.values()))
    position, carry, spans = BEGIN, Carry(), list[Span]()
    for now in sorted(BEGIN + second * MICROSECONDS for second in seconds):
        seen = server.at(now)
        if not seen.events:
            continue
        closed = closed_until(seen.newest, now, RESOLUTION, RESOLUTION)
        if closed <= position:
            continue
        found, carry = paged(seen, [position, closed], single_focus=single_focus, carry=carry)
        spans, position = spans + found, closed
    assert joined(spans) == oracle(server.events, BEGIN, position, single_focus=single_focus)


@thorough
@given(servers, cuts, st.booleans())
def test_slots_hold_what_spans_hold(server: Server, borders: list[int], single_focus: bool) -> None:
    """Slots cut spans without losing or doubling a microsecond, and each piece lies inside its slot."""
    spans, _ = paged(server, [BEGIN, *borders, END], single_focus=single_focus)
    for span in spans:
        pieces = list(slots([span], RESOLUTION))
        assert sum(microseconds for _, microseconds, _ in pieces) == span.end - span.start
        assert all(slot_end % RESOLUTION == 0 for slot_end, _, _ in pieces)
        assert [slot_end for slot_end, _, _ in pieces] == list(
            range(floor_to(span.start, RESOLUTION) + RESOLUTION, span.end + RESOLUTION, RESOLUTION)
        )
        assert all(0 < microseconds <= RESOLUTION for _, microseconds, _ in pieces)


@given(
    st.integers(BEGIN, END), st.integers(BEGIN, END), st.integers(0, HOUR), st.sampled_from([60, 300, 3600])
)
def test_closed_until_is_a_border_in_the_past(newest: int, now: int, settle: int, resolution: int) -> None:
    """Nothing is ever closed in the future, and what is closed is settled or has a newer event."""
    closed = closed_until(newest, now, settle, resolution * MICROSECONDS)
    assert closed <= now
    assert closed % (resolution * MICROSECONDS) == 0
    assert closed <= max(newest, now - settle)


def test_a_long_event_flows_while_it_grows() -> None:
    """A slot closes at once behind a growing event, and after `settle` behind one that stopped."""
    now = BEGIN + 3 * HOUR + 7
    assert closed_until(now, now, RESOLUTION, RESOLUTION) == BEGIN + 3 * HOUR
    assert closed_until(BEGIN, now, RESOLUTION, RESOLUTION) == BEGIN + 3 * HOUR - RESOLUTION


def test_forgotten_weekend_is_asked_for_by_id() -> None:
    """An event that aw-server does not return any more is asked for by its id, and by no other."""
    server = Server([_event(1, 0, 60 * HOUR), _event(2, -HOUR, HOUR)])
    _, carry = paged(server, [BEGIN - HOUR, BEGIN + DAY + HOUR], single_focus=True)
    page = Page(BEGIN + 25 * HOUR, BEGIN + 30 * HOUR, server.read(BEGIN + 25 * HOUR, BEGIN + 30 * HOUR))
    assert page.events == []
    assert forgotten(page, carry) == [1]


@pytest.mark.parametrize("moment", [BEGIN, BEGIN + 1, BEGIN + RESOLUTION - 1])
def test_floor_to_stays_inside_the_slot(moment: int) -> None:
    """A border belongs to the slot that begins there."""
    assert floor_to(moment, RESOLUTION) == BEGIN
