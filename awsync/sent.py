"""What has left this machine: the entries of the ledger and of the quarantine, summed up by bucket and label.

What the store refused has left too. Moments and amounts are microseconds, and a moment is that of the
activity: the ledger does not keep when a sample was sent.

May import: the standard library, msgspec, ledger, series, timeline, words.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

from msgspec import Struct
from msgspec.structs import replace

from awsync.ledger import Entry, Ledger
from awsync.series import Labels
from awsync.timeline import DAY, MINUTE, floor_to
from awsync.words import amount, clock

METRIC = "__name__"
_COMMON = frozenset({METRIC, "user", "host", "bucket"})
"""Labels that most often are the same for all of a bucket."""
_METRIC_IN_WORDS = "metric"


class Left(Struct, frozen=True):
    """How much left: samples that the store took, corrections, and samples that it refused.

    `microseconds` is what was taken, corrections included; `refused_microseconds` what was not. `first` and
    `last` are the ends of the first and the last slot.
    """

    samples: int = 0
    corrections: int = 0
    refused: int = 0
    microseconds: int = 0
    corrected_microseconds: int = 0
    refused_microseconds: int = 0
    first: int | None = None
    last: int | None = None

    def __add__(self, other: "Left") -> "Left":
        return Left(
            self.samples + other.samples,
            self.corrections + other.corrections,
            self.refused + other.refused,
            self.microseconds + other.microseconds,
            self.corrected_microseconds + other.corrected_microseconds,
            self.refused_microseconds + other.refused_microseconds,
            min((each for each in (self.first, other.first) if each is not None), default=None),
            max((each for each in (self.last, other.last) if each is not None), default=None),
        )

    @property
    def weight(self) -> int:
        """The time that everything was about that left, taken or not."""
        return self.microseconds + self.refused_microseconds


class Series(Struct, frozen=True):
    """A label set and how much left under it."""

    labels: Labels
    left: Left


class Value(Struct, frozen=True):
    """A value of a label, and how much left under it."""

    value: str
    left: Left


class Label(Struct, frozen=True):
    """A label with every value of it that left, the one with the most time first."""

    name: str
    values: Sequence[Value]

    @property
    def left(self) -> Left:
        """All that left under the label."""
        return total(each.left for each in self.values)


class Memory(Struct, frozen=True):
    """How far the state can tell about a bucket.

    The ledger is whole from `whole_from` on. Before `forgotten_until` the store may hold samples that nobody
    here remembers. Something went out for `unconfirmed` of which it is not known whether it arrived.
    `too_old` counts ranges that the store does not take for their age.
    """

    whole_from: int | None = None
    forgotten_until: int | None = None
    unconfirmed: tuple[int, int] | None = None
    too_old: int = 0


class Bucket(Struct, frozen=True):
    """What left of a bucket: its label sets with the most time first, and the same by label."""

    source: str
    bucket: str
    series: Sequence[Series] = ()
    labels: Sequence[Label] = ()
    memory: Memory = Memory()

    @property
    def left(self) -> Left:
        """All of it."""
        return total(each.left for each in self.series)

    @property
    def metrics(self) -> list[str]:
        """The names of its metrics: one, unless the watcher was renamed."""
        return [each.value for label in self.labels if label.name == METRIC for each in label.values]

    def told(self, labels: Labels) -> str:
        """What tells a label set from the others of the bucket, what differs most first."""
        same = {each.name for each in self.labels if each.name in _COMMON and len(each.values) == 1}
        held = dict(labels)
        order = [each.name for each in self.labels if each.name in held and each.name not in same]
        return ", ".join(f"{in_words(name)}={held[name]}" for name in order) or held.get(METRIC, "")


class Report(Struct, frozen=True):
    """What left for a store of the time since a moment, until now.

    `passes` are those that began since then, `delivered` the samples that the store took of them (None where
    this is not a report of all buckets).
    `other_sinks` are stores that have a ledger of their own.
    """

    sink: str
    since: int
    until: int
    buckets: Sequence[Bucket] = ()
    passes: int = 0
    delivered: int | None = None
    other_sinks: Sequence[str] = ()

    @property
    def left(self) -> Left:
        """All of it."""
        return total(each.left for each in self.buckets)

    @property
    def shown(self) -> list[Bucket]:
        """The buckets of which something left, the one with the most time first."""
        return sorted((each for each in self.buckets if each.series), key=lambda each: -each.left.weight)

    @property
    def whole_from(self) -> int:
        """From when on the ledger is whole for all buckets; not before the moment that was asked for."""
        return max((each.memory.whole_from or 0 for each in self.buckets), default=0) or self.since


def in_words(name: str) -> str:
    """The name of a label as a person calls it."""
    return _METRIC_IN_WORDS if name == METRIC else name


def meant(word: str, buckets: Iterable[Bucket]) -> str:
    """The name of the label that a person means; a label that is called so itself comes first."""
    return METRIC if word == _METRIC_IN_WORDS and word not in names_of(buckets) else word


def total(lefts: Iterable[Left]) -> Left:
    """All of it together."""
    return reduce(add, lefts, Left())


def bucket(source: str, name: str, taken: Ledger, refused: Iterable[Entry], memory: Memory) -> Bucket:
    """Sums up what the store took of a bucket and what it refused."""
    found: dict[Labels, Left] = {}
    for labels, slots in taken.items():
        found[labels] = _of_series([entry for entries in slots.values() for entry in entries])
    for entry in refused:
        left = Left(
            refused=1,
            refused_microseconds=entry.microseconds,
            first=entry.slot_end,
            last=entry.slot_end,
        )
        found[entry.labels] = found.get(entry.labels, Left()) + left
    series = [Series(labels, left) for labels, left in found.items()]
    series.sort(key=lambda each: (-each.left.weight, each.labels))
    return Bucket(source, name, series, _by_label(series), memory)


def values_of(buckets: Iterable[Bucket], name: str) -> list[Value]:
    """Every value of a label, whatever bucket it left with; the one with the most time first."""
    return _values(
        (each.value, each.left)
        for bucket in buckets
        for label in bucket.labels
        if label.name == name
        for each in label.values
    )


def having(buckets: Iterable[Bucket], name: str, value: str) -> list[Bucket]:
    """The buckets with only those label sets in which a label has a value."""
    kept: list[Bucket] = []
    for each in buckets:
        series = [found for found in each.series if (name, value) in found.labels]
        kept.append(replace(each, series=series, labels=_by_label(series)))
    return kept


def names_of(buckets: Iterable[Bucket]) -> list[str]:
    """The names of all labels that left."""
    return sorted({label.name for bucket in buckets for label in bucket.labels})


def headline(report: Report) -> str:
    """What left, in a sentence."""
    where = f"for {report.sink} of the time since {clock(floor_to(report.since, MINUTE))} UTC"
    left, shown = report.left, report.shown
    if not shown:
        return f"Nothing is known to have left {where}."
    facts = [
        amount(len(shown), "bucket"),
        amount(sum(len(each.series) for each in shown), "series"),
        amount(left.samples, "sample"),
    ]
    if left.corrections:
        facts.append(amount(left.corrections, "correction"))
    if left.refused:
        facts.append(f"{amount(left.refused, 'sample')} that the store refused")
    return f"Left {where}: {', '.join(facts)}."


def notes(report: Report) -> list[str]:
    """Sentences about what the answer leaves out, and who knows more."""
    told: list[str] = []
    if report.whole_from > report.since:
        days = max(-(-(report.until - report.since) // DAY), 1)
        told.append(
            f"The ledger is whole from {clock(report.whole_from)} UTC on (lookback); of the time before it"
            f" knows only what was corrected. The store knows more: awsync verify --since {days}d"
        )
    listed = report.left.samples + report.left.corrections
    if report.delivered is not None and report.delivered > listed:
        told.append(
            f"The passes since then delivered {amount(report.delivered, 'sample')}, {listed:,} are listed:"
            " the others are of an earlier time, or went out again."
        )
    told += [sentence for each in report.buckets for sentence in _doubts(each)]
    if report.other_sinks:
        told.append(f"Other stores were sent to from here as well: {', '.join(report.other_sinks)}.")
    return told


def _doubts(found: Bucket) -> Iterable[str]:
    where, memory = f"{found.source}/{found.bucket}", found.memory
    if memory.unconfirmed is not None:
        start, end = map(clock, memory.unconfirmed)
        yield f"{where}: something went out for {start} to {end} UTC, and its answer was lost."
    if memory.forgotten_until is not None:
        yield f"{where}: what was sent before {clock(memory.forgotten_until)} UTC may not all be remembered."
    if memory.too_old:
        yield (
            f"{where}: {amount(memory.too_old, 'range')} too old for the store; samples of it may have gone"
            " out before the store said so: awsync quarantine list"
        )


def _of_series(entries: Sequence[Entry]) -> Left:
    corrections = [entry.microseconds for entry in entries if entry.correction]
    return Left(
        samples=len(entries) - len(corrections),
        corrections=len(corrections),
        microseconds=sum(entry.microseconds for entry in entries),
        corrected_microseconds=sum(corrections),
        first=min(entry.slot_end for entry in entries),
        last=max(entry.slot_end for entry in entries),
    )


def _by_label(series: Sequence[Series]) -> list[Label]:
    """The labels with the most values first."""
    pairs: dict[str, list[tuple[str, Left]]] = {}
    for each in series:
        for name, value in each.labels:
            pairs.setdefault(name, []).append((value, each.left))
    labels = [Label(name, _values(found)) for name, found in pairs.items()]
    return sorted(labels, key=lambda label: (-len(label.values), label.name))


def _values(pairs: Iterable[tuple[str, Left]]) -> list[Value]:
    found: dict[str, list[Left]] = {}
    for value, left in pairs:
        found.setdefault(value, []).append(left)
    values = [Value(value, total(lefts)) for value, lefts in found.items()]
    return sorted(values, key=lambda each: (-each.left.weight, each.value))
