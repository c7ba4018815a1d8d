"""Pure time: the events of one page, as ActivityWatch sent them, become spans that hold each moment once.

ActivityWatch clips what it returns to the borders of the page (FACTS A2): a clipped copy keeps its id, but
not its start. What a page must know of the pages before it travels in a `Carry`, so that any way of cutting
a history into pages gives the same spans.

All times are integer microseconds since the epoch (UTC). May import: the standard library, msgspec.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

MICROSECONDS = 1_000_000
MILLISECOND = 1_000
MINUTE = 60 * MICROSECONDS
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SINGLE_FOCUS_TYPES = frozenset({"currentwindow", "afkstatus", "web.tab.current", "app.editor.activity"})
"""Bucket types whose watcher reports one thing at a time: their events share no moment."""


class Event(NamedTuple):
    """An event as a page holds it; `data` is the JSON text that ActivityWatch sent."""

    id: int
    start: int
    end: int
    data: bytes


class Span(NamedTuple):
    """A stretch of time that belongs to one event's data, and to no other in a single-focus bucket."""

    start: int
    end: int
    data: bytes


class Carry(Struct, frozen=True):
    """What a page hands to the next: true starts of events that reach its end, and the newest start."""

    open: Mapping[int, int] = field(default_factory=dict)
    latest_start: int | None = None


class Page(Struct, frozen=True):
    """One read of a bucket: every event that touches [start, end), clipped to it or not."""

    start: int
    end: int
    events: Sequence[Event]


def floor_to(moment: int, step: int) -> int:
    """The last multiple of `step` that is not after `moment`."""
    return moment - moment % step


def closed_until(newest: int, now: int, settle: int, resolution: int) -> int:
    """The end of the last closed slot (DESIGN.md, the data model), never after `now`.

    An end that lies further in the future than clocks differ is not what a watcher has seen, so it proves
    nothing of the past.
    """
    seen = newest if newest <= now + settle else 0
    return floor_to(min(max(seen, now - settle), now), resolution)


def forgotten(page: Page, carry: Carry) -> list[int]:
    """Ids that the page should hold but does not.

    aw-server (Python) returns no event that started more than 24 h before the page (FACTS A2), so a weekend
    of AFK has to be asked for by its id.
    """
    present = {event.id for event in page.events}
    return [id_ for id_, start in carry.open.items() if start < page.start - DAY and id_ not in present]


def ambiguous(page: Page, carry: Carry) -> list[int]:
    """Ids of events with one start that all reach the page's end: only by id can the longest be told."""
    by_start: dict[int, list[int]] = {}
    for event in _true_starts(page, carry):
        if event.end >= page.end:
            by_start.setdefault(event.start, []).append(event.id)
    return [id_ for ids in by_start.values() if len(ids) > 1 for id_ in ids]


def lay_out(page: Page, carry: Carry, *, single_focus: bool) -> tuple[list[Span], Carry]:
    """The spans of a page in order of time, and what the next page must know.

    In a single-focus bucket an event ends where the next begins, and of several with one start the longest
    stays (the lowest id where they are equally long). Events without duration hold no time and cut nothing.
    """
    events = _true_starts(page, carry)
    events.sort(key=_by_start_longest_first)
    starts = [event.start for event in events if event.start < page.end]
    latest = max(starts[-1:] + ([] if carry.latest_start is None else [carry.latest_start]), default=None)
    open_ = {
        event.id: event.start
        for event in events
        if event.start < page.end and (event.end >= page.end or event.start == latest)
    }
    if single_focus:
        events = _one_at_a_time(events, carry.latest_start)
    spans = [
        Span(start, end, event.data)
        for event in events
        if (start := max(event.start, page.start)) < (end := min(event.end, page.end))
    ]
    return spans, Carry(open_, latest)


def slots(spans: Iterable[Span], resolution: int) -> Iterable[tuple[int, int, bytes]]:
    """Cuts spans at the borders of slots: (end of the slot, microseconds inside it, data)."""
    for start, end, data in spans:
        slot_end = start - start % resolution + resolution
        while end > slot_end:
            yield slot_end, slot_end - start, data
            start = slot_end
            slot_end += resolution
        yield slot_end, end - start, data


def _true_starts(page: Page, carry: Carry) -> list[Event]:
    """Events that hold time, each once, with the start that clipping at the page's start took from them."""
    events: dict[int, Event] = {}
    for event in page.events:
        if event.end <= event.start:
            continue
        if event.start == page.start and event.id in carry.open:
            event = event._replace(start=carry.open[event.id])
        events.setdefault(event.id, event)
    return list(events.values())


def _by_start_longest_first(event: Event) -> tuple[int, int, int]:
    return event.start, -event.end, event.id


def _one_at_a_time(events: Sequence[Event], latest_start: int | None) -> list[Event]:
    """Cuts overlaps; an event that began before the newest one of an earlier page was cut there already."""
    kept: list[Event] = []
    for event in events:
        if latest_start is not None and event.start < latest_start:
            continue
        if kept and kept[-1].start == event.start:
            continue
        if kept and kept[-1].end > event.start:
            kept[-1] = kept[-1]._replace(end=event.start)
        kept.append(event)
    return kept
