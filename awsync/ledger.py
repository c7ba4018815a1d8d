"""Pure bookkeeping of what was sent and what was not: ledger, ranges of set-aside time, quarantine.

May import: the standard library, msgspec, series and timeline.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from awsync.series import Amounts, Labels, Sample, seconds, stamp
from awsync.timeline import DAY, MICROSECONDS, MILLISECOND, MINUTE, floor_to


class Entry(NamedTuple):
    """A sample as the ledger knows it: `correction` k is stamped k ms before the slot's own sample."""

    labels: Labels
    slot_end: int
    correction: int
    microseconds: int

    @property
    def sample(self) -> Sample:
        """The sample as it leaves the machine; the same entry always gives the same sample."""
        return Sample(self.labels, stamp(self.slot_end, self.correction), seconds(self.microseconds))


Ledger = Mapping[Labels, Mapping[int, list[Entry]]]
"""Entries that were delivered, by series and end of slot, in the order of their corrections."""


def all_entries(ledger: Ledger) -> Iterator[Entry]:
    """Every entry of a ledger."""
    for slots in ledger.values():
        for entries in slots.values():
            yield from entries


def due(amounts: Amounts, ledger: Ledger, *, again: bool) -> Iterator[Entry]:
    """The entries that make the store hold `amounts`, given what the ledger says it holds.

    A slot that was never sent gives one entry; a slot whose amount changed gives the difference as one more
    entry, which may be negative. With `again` the entries of the ledger itself come first, unchanged: that
    is how a rewound checkpoint repeats what it sent, without changing a sum.
    """
    if not ledger:
        for labels, wanted in amounts.items():
            for slot_end, microseconds in wanted.items():
                yield Entry(labels, slot_end, 0, microseconds)
        return
    for labels in dict.fromkeys([*amounts, *ledger]):
        sent = ledger.get(labels, {})
        wanted = amounts.get(labels, {})
        for slot_end in sorted(wanted.keys() | sent.keys()) if sent else sorted(wanted):
            entries = sent.get(slot_end, [])
            if again:
                yield from entries
            missing = wanted.get(slot_end, 0) - sum(entry.microseconds for entry in entries)
            if missing:
                correction = entries[-1].correction + 1 if entries else 0
                yield Entry(labels, slot_end, correction, missing)


class Mark(StrEnum):
    """What somebody decided about something that is set aside."""

    HELD = ""
    RETRY = "retry"
    DROPPED = "dropped"


class Range(Struct, frozen=True):
    """A stretch of a bucket's time that is older than the store takes; `words` are the store's own.

    ActivityWatch still has its events, so no sample of it is kept. `id` is 0 before it is written down.
    """

    start: int
    end: int
    words: str
    since: int
    id: int = 0
    mark: Mark = Mark.HELD

    def holds(self, slot_end: int) -> bool:
        """Whether a slot lies inside."""
        return self.start < slot_end <= self.end


class Quarantined(Struct, frozen=True):
    """A sample that the store refused for another reason than its age.

    `words` are the store's own, `since` and `tried` when it was refused first and last, `facts` what the
    store was then.
    """

    id: int
    source: str
    bucket: str
    entry: Entry
    words: str
    since: int
    tried: int
    facts: str
    mark: Mark = Mark.HELD

    def is_due(self, facts: str, now: int) -> bool:
        """Whether it is worth another try: somebody asks for it, or the store is not what it was.

        A store that tells nothing of itself (`facts` is empty) is tried once a day.
        """
        if self.mark is not Mark.HELD:
            return self.mark is Mark.RETRY
        return facts != self.facts if facts else now - self.tried >= DAY


def without(ranges: Iterable[Range], start: int, end: int) -> list[Range]:
    """The ranges less [start, end)."""
    return [
        replace(held, start=left, end=right)
        for held in ranges
        for left, right in ((held.start, min(held.end, start)), (max(held.start, end), held.end))
        if left < right
    ]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in the order of time; those of one mark that touch become one, with the oldest `since`."""
    result: list[Range] = []
    for held in sorted(ranges, key=lambda held: (held.mark, held.start)):
        last = result[-1] if result else None
        if last is not None and held.start <= last.end and held.mark is last.mark:
            since, id_ = min(last.since, held.since), last.id or held.id
            result[-1] = replace(held, start=last.start, end=max(last.end, held.end), since=since, id=id_)
        else:
            result.append(held)
    return result


def covered(ranges: Iterable[Range], wanted: Range) -> bool:
    """Whether all of `wanted` is set aside in `ranges`."""
    return any(held.start <= wanted.start and wanted.end <= held.end for held in joined(ranges))


def from_store(
    series: Mapping[Labels, Mapping[int, Sequence[float]]], start: int, end: int, resolution: int
) -> Ledger:
    """What a store holds (milliseconds to values) as a ledger of the slots that end in (start, end].

    A sample that it keeps twice counts twice, as it does in its sums.

    Slots of any length end on a full minute (of a shorter one for tests, where they do), and nobody corrects
    one 60,000 times: so a stamp tells slot and correction, also of slots of another length.
    """
    step = min(resolution, MINUTE)
    found: dict[Labels, dict[int, list[Entry]]] = {}
    for labels, values in series.items():
        for stamp_ms in sorted(values, reverse=True):
            slot_end = floor_to(stamp_ms * MILLISECOND, step) + step
            if start < slot_end <= end:
                amount = sum(round(value * MICROSECONDS) for value in values[stamp_ms])
                entry = Entry(labels, slot_end, stamp(slot_end) - stamp_ms, amount)
                found.setdefault(labels, {}).setdefault(slot_end, []).append(entry)
    return found


def lacking(known: Ledger, held: Ledger) -> list[Entry]:
    """Entries of one ledger that another has not at their place."""
    return [
        entry
        for entry in all_entries(known)
        if all(
            entry.correction != other.correction
            for other in held.get(entry.labels, {}).get(entry.slot_end, [])
        )
    ]


def merged(known: Ledger, held: Ledger) -> Ledger:
    """Both ledgers as one, each slot in the order of its corrections."""
    result = {labels: dict(slots) for labels, slots in held.items()}
    for entry in lacking(known, held):
        slots = result.setdefault(entry.labels, {})
        both = [*slots.get(entry.slot_end, []), entry]
        slots[entry.slot_end] = sorted(both, key=lambda each: each.correction)
    return result
