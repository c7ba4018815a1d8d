"""Pure bookkeeping of what was sent: what a range still needs, and how ranges of set-aside time combine.

May import: the standard library, msgspec, series and timeline.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from awsync.series import Amounts, Labels, Sample, seconds, stamp


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
    for labels in amounts.keys() | ledger.keys():
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


class Range(Struct, frozen=True):
    """A stretch of a bucket's time that is set aside, for its age or for another reason of the store's."""

    start: int
    end: int
    too_old: bool
    words: str
    since: int

    @property
    def reason(self) -> str:
        """Why, in our words; `words` are the store's."""
        return "older than the store takes" if self.too_old else "refused by the store"


def without(ranges: Iterable[Range], start: int, end: int) -> list[Range]:
    """The ranges less [start, end)."""
    return [
        replace(held, start=left, end=right)
        for held in ranges
        for left, right in ((held.start, min(held.end, start)), (max(held.start, end), held.end))
        if left < right
    ]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges by kind and time; those of one kind that touch become one, with the oldest `since`."""
    result: list[Range] = []
    for held in sorted(ranges, key=lambda held: (held.too_old, held.start)):
        last = result[-1] if result else None
        if last is not None and held.start <= last.end and held.too_old == last.too_old:
            since = min(last.since, held.since)
            result[-1] = replace(held, start=last.start, end=max(last.end, held.end), since=since)
        else:
            result.append(held)
    return result


def covered(ranges: Iterable[Range], wanted: Range) -> bool:
    """Whether all of `wanted` is set aside in `ranges` for the same kind of reason."""
    return any(
        held.start <= wanted.start and wanted.end <= held.end and held.too_old == wanted.too_old
        for held in joined(ranges)
    )
