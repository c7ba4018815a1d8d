"""How many series a bucket may begin in a day, and what becomes of those beyond: they fold into `(other)`.

Of the label sets that a bucket had not before, the first ones of a day are taken as they are. Those behind
them keep the labels that have few values, and every other one becomes `(other)`; where these are too many as
well, all labels do. Nothing of the time is lost, and a sum by one of the kept labels stays exact.

What was decided is kept, and decided alike in any order of looking at it: a day that once refused a label set
takes no further one, and what is admitted to an earlier day afterwards does not count for it. A day is one of
UTC, as a number since the epoch.

May import: the standard library, msgspec, admissions, ledger, series, timeline.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from awsync.admissions import Admitted, Book, Day, Decisions, day_of, fingerprint
from awsync.ledger import Ledger
from awsync.series import ACTIVE, CATEGORY, Amounts, Labels
from awsync.timeline import DAY

OTHER = "(other)"
FEW_VALUES = frozenset({"app", "domain", "language", "project", "status", CATEGORY})
"""Labels that a folded series keeps, beside `active` and those of every series of its bucket."""

_SURE_SETS = 20_000
_LAST = 4
"""Series that the last resort may need: one for each value of `active`, and one without."""


class Folded(Struct, frozen=True):
    """Amounts within the budget; `moved` has by day the label sets that were folded, and what each became."""

    amounts: Amounts
    moved: Mapping[int, Mapping[Labels, Labels]]


class Budget:
    """The budget of one bucket: in a day at most `limit` (40 or more) label sets that it never had before.

    `identity` are the labels that all its series have. What is decided goes into `decisions`; who writes it
    down says so by `written`.
    """

    def __init__(self, limit: int, identity: Labels, book: Book) -> None:
        same = frozenset(name for name, _ in identity) | {ACTIVE}
        self._tiers: Sequence[tuple[Callable[[Labels], Labels], int]] = (
            (lambda labels: labels, limit * 3 // 4),
            (lambda labels: _others(labels, same | FEW_VALUES), limit - limit // 20 - _LAST),
            (lambda labels: _others(labels, same), limit - _LAST),
        )
        self._same = same
        self._book = book
        self._last: int | None = None
        self._fresh: dict[int, list[Admitted]] = {}
        self._days: dict[int, Day] = {}
        self._dirty: set[int] = set()
        # The first day of label sets: enough to know where nothing is scarce.
        self._sure: dict[Labels, int] = {}
        self._prints: dict[Labels, int] = {}

    @property
    def decisions(self) -> Decisions:
        """What was decided since the last `written`."""
        return Decisions(
            [each for rows in self._fresh.values() for each in rows],
            [self._days[day] for day in sorted(self._dirty)],
        )

    def written(self) -> None:
        """Notes that the book holds all decisions now."""
        self._fresh.clear()
        self._dirty.clear()

    def fold(self, amounts: Amounts, *held: Ledger) -> Folded:
        """The amounts of a stretch of time within the budget; `held` is what is known to be sent of it.

        What was sent of a day is admitted to it in any case: after a lost state it tells what was decided.
        """
        wanted = _first_slots(amounts)
        there = _sets(held, self._is_known)
        days = wanted.keys() | there.keys()
        self._open(days)
        undecided = {day: self._undecided(day, wanted.get(day, {})) for day in days}
        rows = self._rows(undecided, there)
        moved: dict[int, dict[Labels, Labels]] = {}
        for day in sorted(days):
            for labels in sorted(there.get(day, ())):
                self._recall(labels, day, rows)
            for _, labels in sorted((slot, labels) for labels, slot in undecided[day].items()):
                if (target := self._decide(labels, day, rows)) != labels:
                    moved.setdefault(day, {})[labels] = target
        return Folded(_moved(amounts, moved) if moved else amounts, moved)

    def _is_known(self, labels: Labels, day: int) -> bool:
        """Whether a label set surely counts for a day: at least one that refused nothing takes it."""
        known = self._days.get(day)
        return known is not None and known.closed[0] is None and self._sure.get(labels, day + 1) <= day

    def _open(self, days: Collection[int]) -> None:
        """Reads what is known of days; of others it keeps in mind only what is not written."""
        self._days = {day: known for day, known in self._days.items() if day in days or day in self._dirty}
        if unknown := [day for day in days if day not in self._days]:
            self._days |= {day: Day(day) for day in unknown}
            self._days |= {known.day: known for known in self._book.days(unknown)}

    def _undecided(self, day: int, sets: Mapping[Labels, int]) -> Mapping[Labels, int]:
        """The label sets of a day, with their first slots, that are not simply known from before."""
        return {labels: slot for labels, slot in sets.items() if not self._is_known(labels, day)}

    def _rows(
        self, undecided: Mapping[int, Mapping[Labels, int]], there: Mapping[int, Collection[Labels]]
    ) -> "_Rows":
        """What is known of the label sets, and of what they may fold into where a day may not take all."""
        wanted = {self._print(labels) for sets in there.values() for labels in sets}
        for day, sets in undecided.items():
            wanted.update(map(self._print, sets))
            known = self._days[day]
            room = self._tiers[0][1] - known.admitted - len(there.get(day, ()))
            if known.closed[0] is not None or len(sets) > room:
                folds = {fold(labels) for fold, _ in self._tiers[1:] for labels in sets}
                wanted.update(map(self._print, folds))
        rows: _Rows = {}
        for each in self._book.admitted(wanted) if wanted else ():
            rows.setdefault(each.fingerprint, []).append(each)
        for key in wanted & self._fresh.keys():
            rows[key] = [*rows.get(key, ()), *self._fresh[key]]
        return rows

    def _recall(self, labels: Labels, day: int, rows: "_Rows") -> None:
        key = self._print(labels)
        if _counts(rows.get(key, ()), day, self._days[day].closed[0]):
            self._is_sure(labels, rows[key])
        else:
            self._admit(labels, key, day, rows)

    def _decide(self, labels: Labels, day: int, rows: "_Rows") -> Labels:
        """The label set that a day's slots have in place of this one."""
        for tier, (fold, limit) in enumerate(self._tiers):
            target = fold(labels)
            key, known = self._print(target), self._days[day]
            if _counts(rows.get(key, ()), day, known.closed[tier]):
                self._is_sure(target, rows[key])
                return target
            if known.closed[tier] is None:
                if known.admitted < limit:
                    self._admit(target, key, day, rows)
                    return target
                closed = [*known.closed[:tier], self._highest(), *known.closed[tier + 1 :]]
                self._note(replace(known, closed=tuple(closed)))
        rest = [(name, value) for name, value in labels if name in self._same]
        return tuple(sorted([*rest, ("app", OTHER)]))

    def _admit(self, labels: Labels, key: int, day: int, rows: "_Rows") -> None:
        number = self._last = self._highest() + 1
        row = Admitted(key, day, number)
        rows.setdefault(key, []).append(row)
        self._fresh.setdefault(key, []).append(row)
        self._note(replace(self._days[day], admitted=self._days[day].admitted + 1))
        self._is_sure(labels, rows[key])

    def _note(self, day: Day) -> None:
        self._days[day.day] = day
        self._dirty.add(day.day)

    def _highest(self) -> int:
        if self._last is None:
            self._last = self._book.last()
        return self._last

    def _print(self, labels: Labels) -> int:
        """The fingerprint of a label set; worked out once, within bounds."""
        known = self._prints.get(labels)
        if known is None:
            if len(self._prints) >= _SURE_SETS:
                self._prints.clear()
            known = self._prints[labels] = fingerprint(labels)
        return known

    def _is_sure(self, labels: Labels, rows: Iterable[Admitted]) -> None:
        if len(self._sure) >= _SURE_SETS:
            self._sure.clear()
        self._sure[labels] = min(row.day for row in rows)


_Rows = dict[int, list[Admitted]]


def _others(labels: Labels, kept: Collection[str]) -> Labels:
    return tuple((name, value if name in kept else OTHER) for name, value in labels)


def _counts(rows: Iterable[Admitted], day: int, closed: int | None) -> bool:
    """Whether a label set is admitted on a day; what came afterwards to an earlier one does not count."""
    return any(row.day == day or (row.day < day and (closed is None or row.number <= closed)) for row in rows)


def _first_slots(amounts: Amounts) -> dict[int, dict[Labels, int]]:
    """By day its label sets, each with the end of its first slot there."""
    found: dict[int, dict[Labels, int]] = {}
    for labels, slots in amounts.items():
        first: dict[int, int] = {}
        for slot_end in slots:
            day = (slot_end - 1) // DAY
            if slot_end < first.get(day, slot_end + 1):
                first[day] = slot_end
        for day, slot_end in first.items():
            found.setdefault(day, {})[labels] = slot_end
    return found


def _sets(ledgers: Iterable[Ledger], is_known: Callable[[Labels, int], bool]) -> dict[int, set[Labels]]:
    """By day the label sets of which something was sent; one that was all taken back is none."""
    sums: dict[tuple[int, Labels], dict[tuple[int, int], int]] = {}
    for ledger in ledgers:
        for labels, slots in ledger.items():
            for slot_end, entries in slots.items():
                day = day_of(slot_end)
                if not is_known(labels, day):
                    # An entry that two ledgers know counts once.
                    known = sums.setdefault((day, labels), {})
                    known.update(((slot_end, entry.correction), entry.microseconds) for entry in entries)
    found: dict[int, set[Labels]] = {}
    for (day, labels), entries_of in sums.items():
        by_slot: dict[int, int] = {}
        for (slot_end, _), microseconds in entries_of.items():
            by_slot[slot_end] = by_slot.get(slot_end, 0) + microseconds
        if any(by_slot.values()):
            found.setdefault(day, set()).add(labels)
    return found


class Count:
    """How many label sets of a bucket were folded: each day's once, where its pages come one after the other.

    `since` and `until` are the first day and the last one.
    """

    def __init__(self) -> None:
        self._before = 0
        self._sets: set[int] = set()
        self.since = self.until = 0

    @property
    def sets(self) -> int:
        """The number."""
        return self._before + len(self._sets)

    def add(self, day: int, sets: Collection[int]) -> None:
        """Takes in what was folded of a day, as hashes."""
        if not self.sets:
            self.since = self.until = day
        elif day != self.until:
            self._before, self._sets = self.sets, set()
        self._sets.update(sets)
        self.since, self.until = min(self.since, day), max(self.until, day)


def _moved(amounts: Amounts, moved: Mapping[int, Mapping[Labels, Labels]]) -> Amounts:
    sets = {labels for each in moved.values() for labels in each}
    result = {labels: slots for labels, slots in amounts.items() if labels not in sets}
    ours: set[Labels] = set()
    for labels in amounts:
        if labels not in sets:
            continue
        for slot_end, microseconds in amounts[labels].items():
            target = moved.get(day_of(slot_end), {}).get(labels, labels)
            if target not in ours:
                # The slots of the page itself are left as they are.
                result[target] = dict(result.get(target, {}))
                ours.add(target)
            slots = result[target]
            slots[slot_end] = slots.get(slot_end, 0) + microseconds
    return result
