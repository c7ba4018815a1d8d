"""Pure comparison: what ActivityWatch says against what the store holds, and what the state knows of it.

May import: the standard library, msgspec, ledger, remote_write.queries (a type), series, timeline,
verify.periods, verify.report.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from awsync.ledger import Entry, Ledger, Mark, Quarantined, Range, from_store, lacking
from awsync.remote_write.queries import Held
from awsync.series import ACTIVE, Amounts, Labels, stamp
from awsync.timeline import MICROSECONDS, MILLISECOND
from awsync.verify.periods import Periods
from awsync.verify.report import COMMON, Difference, Why

TOLERANCE = MILLISECOND
"""A smaller difference is none."""

Slots = dict[Labels, set[int]]
"""Ends of slots by series."""


_LASTING = COMMON | {ACTIVE}
"""Labels that are the same however the others are made."""
_T = TypeVar("_T")


class Look(Struct, frozen=True):
    """Both sides of [start, end), each asked once; its ends are borders of periods, or of everything."""

    start: int
    end: int
    wanted: Amounts
    held: Held


class Known(Struct, frozen=True):
    """What the state knows of a bucket's slots in a look.

    Slots that end after `position` were not sent yet; what was delivered for those that end after
    `remembered` is all in the ledger. Those that end by `relabelled` may have labels as they were made
    earlier.
    """

    position: int
    remembered: int
    ledger: Ledger
    quarantine: Sequence[Quarantined] = ()
    ranges: Sequence[Range] = ()
    relabelled: int = 0


class Row(Struct, frozen=True):
    """A difference, and the slots in which it lies."""

    difference: Difference
    slots: Sequence[int]


class Comparison(Struct, frozen=True):
    """What came of a look: the rows that differ, in order of time, and the sums of all periods."""

    rows: Sequence[Row]
    held: Ledger
    periods: int
    agree: int
    expected_sum: int
    held_sum: int

    @property
    def differences(self) -> list[Difference]:
        """The rows without their slots."""
        return [row.difference for row in self.rows]

    @property
    def sure(self) -> bool:
        """Whether no row may be the work of the moment in which it was looked at."""
        return not any(row.difference.why.doubtful for row in self.rows)

    @property
    def repairable(self) -> Slots:
        """The slots that only a correction mends."""
        slots: Slots = {}
        for row in self.rows:
            if row.difference.why.mended_by_repair:
                slots.setdefault(row.difference.labels, set()).update(row.slots)
        return slots


class _Sum(Struct):
    """A period of a series, of one fate: what both say, and what lies in quarantine of it."""

    expected: int = 0
    held: int = 0
    quarantined: int = 0
    dropped: int = 0
    slots: list[int] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return self.quarantined + self.dropped


class Comparer(Struct, frozen=True):
    """Compares the looks at one bucket."""

    source: str
    bucket: str
    resolution: int
    periods: Periods

    def compare(self, look: Look, known: Known) -> Comparison:
        """What differs in a look, and why as far as it can be told."""
        found = from_store(look.held, look.start, look.end, self.resolution)
        look, held, aside = _told_apart(look, found, _by_slot(known.quarantine, found), known.relabelled)
        rows: list[Row] = []
        seen: set[int] = set()
        untrue: set[int] = set()
        expected_sum = held_sum = 0
        for labels in dict.fromkeys([*look.wanted, *held, *aside]):
            sums = self._sums(labels, look, known, held, aside)
            for (period, fate), each in sums.items():
                expected_sum += each.expected
                held_sum += each.held
                if each.expected or each.held:
                    seen.add(period)
                if abs(each.held - each.expected) < TOLERANCE:
                    continue
                differing = list(self._rows(labels, period, fate, each, look, known, held))
                rows += differing
                if any(row.difference.why.fault for row in differing):
                    seen.add(period)
                    untrue.add(period)
        rows.sort(key=lambda row: (row.difference.start, row.difference.labels))
        return Comparison(rows, found, len(seen), len(seen) - len(untrue), expected_sum, held_sum)

    def _sums(
        self, labels: Labels, look: Look, known: Known, held: Ledger, aside: "_Aside"
    ) -> dict[tuple[int, Why | None], _Sum]:
        """The sums of a series by period and fate; slots that differ are named."""
        wanted, there = look.wanted.get(labels, {}), held.get(labels, {})
        waiting = aside.get(labels, {})
        sums: dict[tuple[int, Why | None], _Sum] = {}
        for slot_end in sorted(wanted.keys() | there.keys() | waiting.keys()):
            key = self.periods.of_slot(slot_end), _fate(slot_end, known)
            each = sums.get(key)
            if each is None:
                each = sums[key] = _Sum()
            expected = wanted.get(slot_end, 0)
            holds = sum(entry.microseconds for entry in there.get(slot_end, ()))
            quarantined, dropped = waiting.get(slot_end, (0, 0))
            each.expected += expected
            each.held += holds
            each.quarantined += quarantined
            each.dropped += dropped
            if holds != expected - quarantined - dropped:
                each.slots.append(slot_end)
        return sums

    def _rows(
        self,
        labels: Labels,
        period: int,
        fate: Why | None,
        found: _Sum,
        look: Look,
        known: Known,
        held: Ledger,
    ) -> Iterable[Row]:
        if fate not in {None, Why.RELABELLED}:
            yield self._row(labels, period, found.expected, found.held, fate, found.slots)
            return
        for why, amount in ((Why.QUARANTINED, found.quarantined), (Why.GIVEN_UP, found.dropped)):
            if amount:
                yield self._row(labels, period, amount, 0, why, ())
        expected = found.expected - found.waiting
        if abs(found.held - expected) >= TOLERANCE:
            why = fate or _why(labels, found, look, known, held)
            yield self._row(labels, period, expected, found.held, why, found.slots)

    def _row(
        self, labels: Labels, period: int, expected: int, held: int, why: Why, slots: Sequence[int]
    ) -> Row:
        end = self.periods.end_of(period)
        difference = Difference(self.source, self.bucket, labels, period, end, expected, held, why)
        return Row(difference, slots)


_Aside = dict[Labels, dict[int, tuple[int, int]]]
"""Microseconds that wait in quarantine, and those that somebody gave up, by series and slot."""


def _told_apart(look: Look, held: Ledger, aside: _Aside, until: int) -> tuple[Look, Ledger, _Aside]:
    """All sides with the slots that end by `until` told apart by what no change of labels touches."""
    if look.start >= until:
        return look, held, aside
    wanted = _by_sum(look.wanted, until, operator.add)
    waiting = _by_sum(aside, until, lambda one, other: (one[0] + other[0], one[1] + other[1]))
    return replace(look, wanted=wanted), _by_sum(held, until, operator.add), waiting


def _by_sum(
    series: Mapping[Labels, Mapping[int, _T]], until: int, add: Callable[[_T, _T], _T]
) -> dict[Labels, dict[int, _T]]:
    result: dict[Labels, dict[int, _T]] = {}
    for labels, slots in series.items():
        kept = tuple(pair for pair in labels if pair[0] in _LASTING)
        for slot_end, value in slots.items():
            into = result.setdefault(kept if slot_end <= until else labels, {})
            into[slot_end] = add(into[slot_end], value) if slot_end in into else value
    return result


def _by_slot(quarantine: Iterable[Quarantined], held: Ledger) -> _Aside:
    found: _Aside = {}
    for each in quarantine:
        entry = each.entry
        there = held.get(entry.labels, {}).get(entry.slot_end, ())
        if any(other.correction == entry.correction for other in there):
            continue
        waits, dropped = found.get(entry.labels, {}).get(entry.slot_end, (0, 0))
        if each.mark is Mark.DROPPED:
            dropped += entry.microseconds
        else:
            waits += entry.microseconds
        found.setdefault(entry.labels, {})[entry.slot_end] = waits, dropped
    return found


def _fate(slot_end: int, known: Known) -> Why | None:
    """What is known of a slot whatever it holds."""
    if slot_end > known.position:
        return Why.PENDING
    marks = {held.mark for held in known.ranges if held.holds(slot_end)} if known.ranges else ()
    if not marks:
        return Why.RELABELLED if slot_end <= known.relabelled else None
    return Why.GIVEN_UP if marks == {Mark.DROPPED} else Why.SET_ASIDE


def _why(labels: Labels, found: _Sum, look: Look, known: Known, held: Ledger) -> Why:
    surplus = found.held - found.expected + found.waiting
    wanted, there, sent = look.wanted.get(labels, {}), held.get(labels, {}), known.ledger.get(labels, {})
    entries = [entry for end in found.slots for entry in there.get(end, ())]
    copies = _copies(entries, look.held.get(labels, {}))
    if surplus > 0 and copies == surplus:
        return Why.DOUBLED
    remembered = all(slot_end > known.remembered for slot_end in found.slots)
    if remembered and all(_sum(sent.get(end, ())) == _sum(there.get(end, ())) for end in found.slots):
        return Why.CHANGED
    if surplus > 0:
        if all(_is_multiple(_sum(there.get(end, ())), wanted.get(end, 0)) for end in found.slots):
            return Why.DOUBLED
        return Why.TOO_MUCH if wanted else Why.UNKNOWN
    known_here = {labels: {end: sent[end] for end in found.slots if end in sent}}
    return Why.LOST if lacking(known_here, {labels: there}) else Why.LACKING


def _copies(entries: Iterable[Entry], raw: Mapping[int, Sequence[float]]) -> int:
    """What entries amount to beyond the first sample at each stamp."""
    stamps = (stamp(entry.slot_end, entry.correction) for entry in entries)
    return sum(round(value * MICROSECONDS) for each in stamps for value in raw[each][1:])


def _is_multiple(holds: int, wanted: int) -> bool:
    return wanted > 0 and holds > wanted and holds % wanted == 0


def _sum(entries: Iterable[Entry]) -> int:
    return sum(entry.microseconds for entry in entries)
