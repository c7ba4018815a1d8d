"""The rule by which one watcher's events become one timeline: ActivityWatch's own flood, foldable over pages.

It gives each moment to the event that aw-core 0.5.18 (aw_transform/flood.py) gives it to. Neighbours are
paired in the order of their starts: a gap of at most PULSE between them is closed, and so is an overlap of
less than TRIM, each taking half. Of neighbours with equal data one takes all and the other is left empty.
Where stretches overlap then, the later one wins, and the rest of the other is nobody's.

A pair is decided once both are known, so all that a page leaves undecided is its last stretch, and the ends
of what its own end cut.

May import: the standard library, msgspec.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

PULSE = 5_000_000
TRIM = 100_000


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


class Held(Struct, frozen=True):
    """A stretch that may yet change: it ends with the last to end of the events `ids`.

    Those are the events it is made of that the page's end may have cut, and at the end the one that began
    last, where that is among them. `data` are those of each of them; none at all where they are not known.
    """

    start: int
    end: int
    data: bytes
    ids: tuple[int, ...] = ()


def order(event: Event) -> tuple[int, int, int]:
    """The order in which events are taken: of equal ones the newest id first, as aw-server sends them."""
    return event.start, event.end, -event.id


_State = tuple[bool, int, int, bytes, tuple[int, ...], int]
"""Whether there is a stretch that waits for its successor, its Held, and the id of its newest event."""


class Fold:
    """Takes the events of one page in their order; `page_end` is where their ends may have been cut.

    `before` and `last` are what the page before left.
    """

    def __init__(self, page_end: int, before: Held | None, last: Held | None) -> None:
        self._page_end = page_end
        self._laid: list[Span] = []
        self._laid_ids: tuple[int, ...] = ()
        self._state: _State = (False, 0, 0, b"", (), 0)
        if before is not None:
            self._lay(before.start, before.end, before.data, before.ids)
        if last is not None:
            self._state = (True, last.start, last.end, last.data, last.ids, last.ids[-1])

    def take(self, events: Iterable[Event]) -> None:
        """Pairs each event with the stretch before it."""
        page_end, laid = self._page_end, self._laid
        started, start, end, data, ids, newest = self._state
        for newest, from_, to, next_data in events:
            next_ids: tuple[int, ...] = (newest,) if to >= page_end else ()
            gap = from_ - end
            if started and gap:
                if data == next_data:
                    if gap < 0:
                        start, end = min(start, from_), max(end, to)
                        from_ = to = end
                        ids = next_ids = (*ids, *next_ids)
                    elif gap <= PULSE and end - start >= to - from_:
                        from_ = end = to
                        ids = next_ids
                    elif gap <= PULSE:
                        from_, end = start, start
                elif -TRIM < gap <= PULSE:
                    end = from_ = end + _half(gap)
                    ids = ()
            if start < end:
                if not laid or laid[-1].end <= start:
                    laid.append(Span(start, end, data))
                    self._laid_ids = ids
                else:
                    self._lay(start, end, data, ids)
            started, start, end, data, ids = True, from_, to, next_data, next_ids
        self._state = started, start, end, data, ids, newest

    def last(self) -> Held | None:
        """The stretch that waits for its successor."""
        started, start, end, data, ids, newest = self._state
        return Held(start, end, data, _with(ids, newest)) if started else None

    def before(self) -> Held | None:
        """What was laid before that, where it reaches the page's end."""
        if not self._laid or self._laid[-1].end < self._page_end:
            return None
        return Held(*self._laid[-1], self._laid_ids)

    def finished(self) -> list[Span]:
        """The timeline, as if nothing came behind; nothing can be taken any more."""
        started, start, end, data, ids, _ = self._state
        if started and start < end:
            self._lay(start, end, data, ids)
        return self._laid

    def _lay(self, start: int, end: int, data: bytes, ids: tuple[int, ...]) -> None:
        laid = self._laid
        while laid and laid[-1].end > start:
            under = laid[-1]
            if under.data == data:
                laid[-1] = under._replace(end=max(under.end, end))
                self._laid_ids = (*self._laid_ids, *ids)
                return
            if under.start < start:
                laid[-1] = under._replace(end=start)
                break
            laid.pop()
            self._laid_ids = ()
        laid.append(Span(start, end, data))
        self._laid_ids = ids


def _with(ids: tuple[int, ...], newest: int) -> tuple[int, ...]:
    return ids if ids and ids[-1] == newest else (*ids, newest)


def _half(gap: int) -> int:
    """Half of a gap, rounded as `timedelta` rounds."""
    half, rest = divmod(gap, 2)
    return half + (rest & half & 1)
