"""Weighs the pages of one bucket: its series and samples, and what each label has to do with them.

Label sets are kept as hashes. The hash of a set is the sum of those of its labels, so that the set without
one of them costs a subtraction.

May import: the standard library, msgspec, series, timeline, costs.distinct, costs.forecast.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from awsync.costs.distinct import Distinct
from awsync.costs.forecast import Growth
from awsync.series import Amounts, Labels
from awsync.timeline import DAY

COMMON = frozenset({"__name__", "user", "host", "bucket"})
"""What every series of a bucket has."""
MOST_LABELS = 40
"""So many labels of a bucket are looked at: an event may bring keys of its own."""


class LabelWeight(Struct, frozen=True):
    """A label: how many values it has, and the series and samples that would remain without it."""

    label: str
    values: Growth
    series: Growth
    samples: int


class Weight(Struct, frozen=True):
    """What a bucket amounts to within `days` days: `daily_series` are those of each day, all days added up.

    `text` is the length of all label names and values of a series, on average, in bytes.
    """

    days: int
    samples: int
    series: Growth
    daily_series: int
    text: float
    labels: Sequence[LabelWeight]


class _Label:
    """A label, while it is weighed."""

    def __init__(self, series: Distinct, samples: int) -> None:
        self.values = Distinct()
        self.series = series
        self.samples = samples


class _Set(NamedTuple):
    """A label set as hashes: of all of it, and of each label."""

    whole: int
    parts: dict[str, int]


class Scale:
    """Weighs pages in their order; `day` numbers count from the epoch."""

    def __init__(self) -> None:
        self._samples = 0
        self._series = Distinct()
        self._labels: dict[str, _Label] = {}
        self._first: int | None = None
        self._day = -1
        self._of_day: set[int] = set()
        self._daily_series = 0
        self._text = 0
        self._texts = 0

    def add(self, amounts: Amounts) -> None:
        """Takes in a page; takes time of the processor."""
        found = [(_hashed(labels), labels, slots) for labels, slots in amounts.items()]
        for hashed, _, _ in found:
            self._meet(hashed.parts)
        # What begins first comes first: the day on which a series is first seen is that of its first slot.
        found.sort(key=lambda each: min(each[2]))
        for hashed, labels, slots in found:
            day = _day(min(slots))
            if self._first is None:
                self._first = day
            if self._series.add(hashed.whole, day):
                self._texts += 1
                self._text += sum(len(name.encode()) + len(value.encode()) for name, value in labels)
            for name, label in self._labels.items():
                part = hashed.parts.get(name)
                label.series.add(hashed.whole if part is None else hashed.whole - part, day)
                if part is not None:
                    label.values.add(part, day)
        self._add_samples([(hashed, slots.keys()) for hashed, _, slots in found])

    def weight(self, until: int) -> Weight:
        """What it all amounts to; `until` is where the reading ended, in microseconds."""
        first = self._first
        days = 0 if first is None else max(_day(until) - first + 1, 1)

        def growth(of: Distinct) -> Growth:
            by_day = {day - (first or 0): new for day, new in of.by_day().items()}
            return Growth(len(of), days, by_day, of.exact)

        return Weight(
            days=days,
            samples=self._samples,
            series=growth(self._series),
            daily_series=self._daily_series,
            text=self._text / max(self._texts, 1),
            labels=[
                LabelWeight(name, growth(label.values), growth(label.series), label.samples)
                for name, label in sorted(self._labels.items())
            ],
        )

    def _meet(self, names: Iterable[str]) -> None:
        """Begins with labels that were not there before: all that came before was without them."""
        for name in names:
            if name not in self._labels and len(self._labels) < MOST_LABELS:
                self._labels[name] = _Label(self._series.copy(), self._samples)

    def _add_samples(self, found: Sequence[tuple[_Set, Iterable[int]]]) -> None:
        """Counts samples and series of a day; no slot lies in two pages."""
        by_day: dict[int, set[int]] = {}
        for hashed, slots in found:
            for slot_end in slots:
                self._samples += 1
                by_day.setdefault(_day(slot_end), set()).add(hashed.whole)
        for day, wholes in sorted(by_day.items()):
            if day != self._day:
                self._day, self._of_day = day, set()
            self._daily_series += len(wholes - self._of_day)
            self._of_day |= wholes
        for name, label in self._labels.items():
            left: dict[int, set[int]] = {}
            for hashed, slots in found:
                left.setdefault(hashed.whole - hashed.parts.get(name, 0), set()).update(slots)
            label.samples += sum(map(len, left.values()))


def _day(slot_end: int) -> int:
    return (slot_end - 1) // DAY


def _hashed(labels: Labels) -> _Set:
    # Hashes of tuples cannot be added up: that of (a, x) and (b, y) is often that of (a, y) and (b, x).
    parts = {name: hash(f"{name}={value}") for name, value in labels if name not in COMMON}
    return _Set(sum(parts.values()), parts)
