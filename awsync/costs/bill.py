"""What the buckets cost in a day, a month and a year, and which label had best go.

May import: the standard library, msgspec, config.template, series, and of costs disk, forecast, said,
weighing.
"""

import glob
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from awsync.config.template import literal, literal_key
from awsync.costs.disk import ENGINES, Engine
from awsync.costs.forecast import MONTH, YEAR, together
from awsync.costs.said import Reading, Said, Skipped, Unread, Weighed
from awsync.costs.weighing import LabelWeight
from awsync.series import ACTIVE, CATEGORY, label_name

BATCH = 5_000
"""A pass collects at least so many samples for a request."""
_WORTH = 0.1
"""A label that saves less than a tenth of the series is not worth its loss."""


class Cost(Struct, frozen=True):
    """What some time brings: `series` are None where their growth cannot be told yet; `bytes` by engine."""

    series: int | None
    samples: int
    bytes: Mapping[Engine, int]


class Costs(Struct, frozen=True):
    """What the time that was read brings, and a day, a month and a year of it."""

    seen: Cost
    day: Cost
    month: Cost
    year: Cost


class Cut(NamedTuple):
    """A label of a watcher: the series and samples with it and without it.

    `key` is what events call it; None where no rule takes it away. The years are None where nobody can tell.
    """

    watcher: str
    label: str
    key: str | None
    values: int
    series: int
    series_without: int
    year: int | None
    year_without: int | None
    samples: int
    samples_without: int

    @property
    def saved(self) -> int:
        """Series that a year would have less; of the time that was read where the year is not known."""
        if self.year is None or self.year_without is None:
            return self.series - self.series_without
        return self.year - self.year_without

    @property
    def lines(self) -> str:
        """What to write at the end of config.toml."""
        return "\n".join(
            (
                "[[rule]]",
                f"name = {literal(f'{self.watcher} without {self.label}')}",
                f"watchers = {literal([glob.escape(self.watcher)])}",
                f'set = {{ {literal_key(self.key or self.label)} = "" }}',
            )
        )


class Bill(Struct):
    """Everything that a plan said."""

    buckets: list[Weighed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def apply(self, said: Said) -> None:
        """Takes in what is said."""
        match said:
            case Weighed():
                self.buckets.append(said)
            case Skipped():
                self.skipped.append(said)
            case Unread():
                self.unread.append(said)
            case Reading():
                pass

    @property
    def exact(self) -> bool:
        """Whether every series was counted, and none estimated."""
        return all(each.weight.series.exact for each in self.buckets)

    @property
    def requests(self) -> int:
        """How many requests at most deliver what was read."""
        by_source: dict[str, int] = {}
        for each in self.buckets:
            by_source[each.source] = by_source.get(each.source, 0) + each.weight.samples
        return sum(-(-samples // BATCH) for samples in by_source.values())

    def total(self) -> Costs:
        """All buckets together."""
        return costs(self.buckets)

    def cuts(self) -> list[Cut]:
        """Every label of every watcher, the greatest saving first."""
        grouped: dict[tuple[str, str], list[tuple[Weighed, LabelWeight]]] = {}
        for each in self.buckets:
            for label in each.weight.labels:
                grouped.setdefault((each.watcher or each.bucket, label.label), []).append((each, label))
        found = [_cut(watcher, label, held) for (watcher, label), held in grouped.items()]
        return sorted(found, key=lambda cut: (-cut.saved, cut.samples_without - cut.samples))

    def first_to_cut(self) -> Cut | None:
        """The label whose loss saves most; None where nothing is worth it."""
        total = sum(each.weight.series.total for each in self.buckets)
        for cut in self.cuts():
            if cut.key is not None and cut.series - cut.series_without >= _WORTH * total > 0:
                return cut
        return None


def costs(buckets: Sequence[Weighed]) -> Costs:
    """What some buckets bring together."""
    return Costs(
        seen=_cost(buckets, None),
        day=_cost(buckets, 1),
        month=_cost(buckets, MONTH),
        year=_cost(buckets, YEAR),
    )


def _cost(buckets: Sequence[Weighed], days: int | None) -> Cost:
    """What so many days bring; None: those that were read."""
    return Cost(
        series=_series(buckets, days),
        samples=round(sum(_share(each, days) * each.weight.samples for each in buckets)),
        bytes={engine: round(sum(_bytes(each, days, engine) for each in buckets)) for engine in ENGINES},
    )


def _series(buckets: Sequence[Weighed], days: int | None) -> int | None:
    if days == 1:
        return round(sum(_share(each, 1) * each.weight.daily_series for each in buckets))
    if days is None:
        return sum(each.weight.series.total for each in buckets)
    return together([each.weight.series for each in buckets], days)


def _share(each: Weighed, days: int | None) -> float:
    """How many times what was read so many days are."""
    return 1.0 if days is None else days / max(each.weight.days, 1)


def _bytes(each: Weighed, days: int | None, engine: Engine) -> float:
    weight, share = each.weight, _share(each, days)
    return ENGINES[engine].bytes(weight.samples * share, weight.daily_series * share, weight.text)


def _cut(watcher: str, label: str, held: Sequence[tuple[Weighed, LabelWeight]]) -> Cut:
    with_it = [each.weight.series for each, _ in held]
    without = [found.series for _, found in held]
    keys = frozenset().union(*(each.keys for each, _ in held))
    return Cut(
        watcher=watcher,
        label=label,
        key=_key(label, keys),
        values=max(found.values.total for _, found in held),
        series=sum(growth.total for growth in with_it),
        series_without=sum(growth.total for growth in without),
        year=together(with_it, YEAR),
        year_without=together(without, YEAR),
        samples=sum(each.weight.samples for each, _ in held),
        samples_without=sum(found.samples for _, found in held),
    )


def _key(label: str, keys: frozenset[str]) -> str | None:
    """What events call a label; one that comes of the level of privacy is called so by it."""
    if label in {ACTIVE, CATEGORY}:
        return None
    named = sorted(key for key in keys if label_name(key) == label)
    return next(iter(named), label)
