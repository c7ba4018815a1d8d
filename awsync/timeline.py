"""Pure time: the events of one page, as ActivityWatch sent them, become spans that hold each moment once.

ActivityWatch clips what it returns to the borders of the page (FACTS A2): a clipped copy keeps its id, but
not its start. What a page must know of the pages before it travels in a `Carry`, so that any way of cutting
a history into pages gives the same spans. How those of a single-focus bucket come about is in `flood`.

All times are integer microseconds since the epoch (UTC). May import: the standard library, msgspec, flood.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from awsync.flood import PULSE, TRIM, Event, Fold, Held, Span, order

__all__ = [
    "Carry",
    "Event",
    "Held",
    "Page",
    "Span",
    "ambiguous",
    "closed_until",
    "first_behind",
    "floor_to",
    "forgotten",
    "lay_out",
    "slots",
    "wants_behind",
]

MICROSECONDS = 1_000_000
MILLISECOND = 1_000
MINUTE = 60 * MICROSECONDS
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SINGLE_FOCUS_TYPES = frozenset({"currentwindow", "afkstatus", "web.tab.current", "app.editor.activity"})
"""Bucket types whose watcher reports one thing at a time: their events share no moment."""


class Carry(Struct, frozen=True):
    """What a page hands to the next.

    `open` has the true starts of events that reach its end, and of the one that began last: that one may
    still grow. `last` is the stretch that is paired with the first event behind the page; `before` is what
    was laid before that, where it ends behind the page.
    """

    open: Mapping[int, int] = field(default_factory=dict)
    last: Held | None = None
    before: Held | None = None

    @property
    def bare(self) -> "Carry":
        """The same without what events are about: so much of it may be written down."""
        last, before = (held and replace(held, data=b"") for held in (self.last, self.before))
        return Carry(self.open, last, before)

    def unknown(self, start: int) -> list[Held]:
        """The stretches whose data are not known, and decide something behind `start`."""
        held = [each for each in (self.before, self.last) if each is not None and not each.data]
        return [each for each in held if each.end + PULSE >= start]

    def known(self, data: Mapping[int, bytes]) -> "Carry":
        """The same with the data of events, by their ids, where it lacks them."""
        last, before = (held and _known(held, data) for held in (self.last, self.before))
        return Carry(self.open, last, before)


class Page(Struct, frozen=True):
    """One read of a bucket: every event that touches [start, end), clipped to it or not.

    `behind` is the first event behind it, where `wants_behind` asks for it.
    """

    start: int
    end: int
    events: Sequence[Event]
    behind: Event | None = None


def _known(held: Held, data: Mapping[int, bytes]) -> Held:
    return (
        held if held.data else replace(held, data=next((data[id_] for id_ in held.ids if id_ in data), b""))
    )


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
    old = [id_ for id_, start in carry.open.items() if start < page.start - DAY]
    present = {event.id for event in page.events} if old else set()
    return [id_ for id_ in old if id_ not in present]


def ambiguous(page: Page, carry: Carry) -> list[int]:
    """Ids of events that the page's end cut, where the true end decides something before it.

    Of several with one start it tells the order; and where another begins less than TRIM before the page's
    end, it tells whether the overlap of the two is so small that each takes half.
    """
    cut = [event for event in page.events if event.end >= page.end > event.start]
    if not cut:
        return []
    late = [event for event in page.events if page.end - TRIM < event.start < page.end]
    if late and (len(cut) > 1 or any(event is not cut[0] for event in late)):
        return [event.id for event in cut]
    by_start: dict[int, list[int]] = {}
    for event in cut:
        if event.id not in carry.open:
            by_start.setdefault(event.start, []).append(event.id)
    return [id_ for ids in by_start.values() if len(ids) > 1 for id_ in ids]


def wants_behind(page: Page, carry: Carry) -> bool:
    """Whether the page ends in a gap so small that the first event behind it has a share in it."""
    near = [event.id for event in page.events if page.end - PULSE <= event.end < page.end]
    if not near:
        return False
    new = [event for event in page.events if _is_new(event, page, carry)]
    if new:
        return max(new, key=order).end < page.end
    return carry.last is not None and any(id_ in carry.last.ids for id_ in near)


def first_behind(page: Page, carry: Carry, found: Iterable[Event]) -> list[Event]:
    """Which of the events that touch [end, end + PULSE] of a page come first behind it.

    They are several where one start is all that is known of them: the first is the shortest.
    """
    known = {event.id for event in page.events if event.start < page.end} | carry.open.keys()
    new = [event for event in found if event.end >= event.start >= page.end and event.id not in known]
    if not new:
        return []
    first = min(new, key=order)
    if first.end < page.end + PULSE:
        return [first]
    return [event for event in new if event.start == first.start]


def lay_out(page: Page, carry: Carry, *, single_focus: bool) -> tuple[list[Span], Carry]:
    """The spans of a page in order of time, and what the next page must know.

    In a single-focus bucket they share no moment (see `flood`). An event that ends before it begins is none:
    ActivityWatch's windows hide it or not, depending on where they are cut.
    """
    if not single_focus:
        return _side_by_side(page, carry)
    ends: dict[int, int] = {}
    new: list[Event] = []
    for event in page.events:
        if event.id in carry.open:
            ends[event.id] = max(event.end, ends.get(event.id, event.end))
        elif event.start < page.end and event.start <= event.end >= page.start:
            new.append(event)
    new.sort(key=order)
    fold = Fold(page.end, *(_grown(held, ends, page.start) for held in (carry.before, carry.last)))
    fold.take(new)
    open_ = {id_: carry.open[id_] for id_, end in ends.items() if end >= page.end}
    open_ |= {event.id: event.start for event in new if event.end >= page.end}
    if new:
        open_[new[-1].id] = new[-1].start
    elif carry.last is not None:
        open_[carry.last.ids[-1]] = carry.open[carry.last.ids[-1]]
    before, last = _still_open(fold.before(), open_), _still_open(fold.last(), open_)
    if page.behind is not None:
        fold.take([page.behind])
    return _inside(fold.finished(), page.start, page.end), Carry(open_, last, before)


def slots(spans: Iterable[Span], resolution: int) -> Iterable[tuple[int, int, bytes]]:
    """Cuts spans at the borders of slots: (end of the slot, microseconds inside it, data)."""
    for start, end, data in spans:
        slot_end = start - start % resolution + resolution
        while end > slot_end:
            yield slot_end, slot_end - start, data
            start = slot_end
            slot_end += resolution
        yield slot_end, end - start, data


def _is_new(event: Event, page: Page, carry: Carry) -> bool:
    return event.start < page.end and event.start <= event.end >= page.start and event.id not in carry.open


def _grown(held: Held | None, ends: Mapping[int, int], page_start: int) -> Held | None:
    """A stretch as it ends now; what an earlier page saw of it was cut at that page's end."""
    if held is None:
        return None
    end = max([held.end, *(ends.get(id_, held.end) for id_ in held.ids)])
    left_empty = held.start == held.end >= page_start
    return replace(held, start=end if left_empty else held.start, end=end)


def _still_open(held: Held | None, open_: Mapping[int, int]) -> Held | None:
    return None if held is None else replace(held, ids=tuple(id_ for id_ in held.ids if id_ in open_))


def _side_by_side(page: Page, carry: Carry) -> tuple[list[Span], Carry]:
    """Events that may overlap: each keeps its own time."""
    events = list({event.id: event for event in page.events if event.start < page.end}.values())
    newest = max((event.start for event in events if event.id not in carry.open), default=page.end)
    open_ = {
        event.id: carry.open.get(event.id, event.start)
        for event in events
        if event.end >= page.end or event.start == newest
    }
    events.sort(key=order)
    spans = [Span(event.start, event.end, event.data) for event in events if event.start < event.end]
    return [span for each in spans for span in _inside([each], page.start, page.end)], Carry(open_)


def _inside(spans: list[Span], start: int, end: int) -> list[Span]:
    """Spans in order of time that share no moment, cut at a page's borders."""
    first, last = 0, len(spans)
    while first < last and spans[first].end <= start:
        first += 1
    while first < last and spans[last - 1].start >= end:
        last -= 1
    inside = spans[first:last]
    if inside and inside[0].start < start:
        inside[0] = inside[0]._replace(start=start)
    if inside and inside[-1].end > end:
        inside[-1] = inside[-1]._replace(end=end)
    return inside
