"""The board: everything that is known, from the engine's events, surveys and the state database.

Thrown away when the console ends. Moments are microseconds since the epoch.

May import: the standard library, msgspec, control, records and survey (their types), and of tui logbook,
peers and rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from awsync.control import Activity
from awsync.tui.logbook import Logbook
from awsync.tui.peers import SourceFact, StoreFact
from awsync.tui.rows import NOTHING_ASIDE, Key, Row, Surroundings

PACE = 300_000_000
"""Cron period that is assumed until the schedule is known."""

if TYPE_CHECKING:
    from awsync.records import Checkpoint, PassRecord
    from awsync.survey import SourceReport


class Running(Struct):
    """The pass that runs: the buckets of which something was read, and when anything was, at last."""

    started: int
    events: int = 0
    samples: int = 0
    requests: int = 0
    about: str = ""
    reading: set[Key] = field(default_factory=set)
    read_at: int = 0


class Board(Struct):
    """What the screens show. `version` changes with every fold."""

    rows: dict[Key, Row] = field(default_factory=dict)
    sources: dict[str, SourceFact] = field(default_factory=dict)
    store: StoreFact = field(default_factory=StoreFact)
    log: Logbook = field(default_factory=Logbook)
    running: Running | None = None
    passes: "Sequence[PassRecord]" = ()
    next_at: int | None = None
    paused: bool = False
    last_success: int | None = None
    aside: tuple[int, int] = NOTHING_ASIDE
    troubles: dict[str, str] = field(default_factory=dict)
    surveyed_at: int | None = None
    resolution: int = PACE
    settle: int = PACE
    period: int = PACE
    version: int = 0

    def row(self, source: str, bucket: str) -> Row:
        """The row of a bucket, made when it is first heard of."""
        return self.rows.setdefault((source, bucket), Row(source, bucket))

    def source(self, name: str) -> SourceFact:
        """What is known of a source."""
        return self.sources.setdefault(name, SourceFact(name=name))

    def survey(self, reports: "Iterable[SourceReport]", now: int) -> None:
        """Takes in what the sources have; a bucket that a source no longer has goes."""
        self.version += 1
        self.surveyed_at = now
        reports = list(reports)
        for name in self.sources.keys() - {report.source for report in reports}:
            self._forget(name, set())
            del self.sources[name]
        for report in reports:
            fact = self.source(report.source)
            fact.url = report.url
            if report.error is not None:
                fact.failed(str(report.error), now)
                continue
            fact.answered(now)
            fact.version, fact.buckets = report.version, len(report.buckets)
            fact.skew = report.skew
            self._forget(report.source, {bucket.bucket for bucket in report.buckets})
            for bucket in report.buckets:
                row = self.row(bucket.source, bucket.bucket)
                row.watcher, row.host, row.type = bucket.watcher, bucket.host, bucket.type
                row.events, row.newest = bucket.events, bucket.newest
                row.excluded, row.why_not = bucket.excluded_by is not None, bucket.why_not

    def checkpoints(self, checkpoints: "Iterable[Checkpoint]") -> None:
        """Takes in how far each bucket has come."""
        self.version += 1
        for checkpoint in checkpoints:
            row = self.rows.get((checkpoint.source, checkpoint.bucket))
            if row is not None:
                # Before its first delivery a bucket has no position: the pass said where it begins.
                begun = checkpoint.position is not None or row.due_to <= row.due_from
                row.position = checkpoint.position if begun else row.position
                row.delivered = checkpoint.samples

    def counts(self, series: Mapping[Key, int], aside: "Mapping[Key, tuple[int, int]]") -> None:
        """Takes in the series that are known of each bucket, and the ranges and samples set aside."""
        self.version += 1
        for key, row in self.rows.items():
            row.series, row.aside = series.get(key, 0), aside.get(key, NOTHING_ASIDE)
        ranges, samples = (sum(each) for each in zip(NOTHING_ASIDE, *aside.values(), strict=True))
        self.aside = (ranges, samples)

    def activity(self, key: Key, activity: Activity) -> None:
        """Takes in the last day of a bucket."""
        if key in self.rows:
            self.version += 1
            self.rows[key].activity = activity

    def history(self, passes: "Sequence[PassRecord]") -> None:
        """Takes in the passes of the past, newest first."""
        self.version += 1
        self.passes = passes
        done = [record.finished for record in passes if record.complete and record.finished is not None]
        self.last_success = max([*done[:1], *filter(None, [self.last_success])], default=None)

    def mark_excluded(self, keys: Iterable[Key], *, excluded: bool) -> None:
        """Shows an exclusion that was just made, before the next survey does."""
        self.version += 1
        for row in filter(None, map(self.rows.get, keys)):
            row.excluded = excluded
            row.why_not = "excluded" if excluded else None

    def surroundings(self, now: int) -> Surroundings:
        """What the states of all rows depend on, at a moment."""
        blocked = {name: f"{name} is down" for name, fact in self.sources.items() if fact.trouble}
        if self.store.trouble:
            blocked = {row.source: "the store" for row in self.rows.values()} | blocked
        return Surroundings(
            now=now,
            resolution=self.resolution,
            grace=2 * self.period + self.settle + 2 * self.resolution,
            running=self.running is not None,
            paused=self.paused,
            blocked=blocked,
        )

    @property
    def pending(self) -> int:
        """How much of the newest history is not in the store yet, in microseconds: the slowest bucket's."""
        return max((row.lag or 0 for row in self.rows.values()), default=0)

    @property
    def unsent(self) -> int:
        """How many buckets are to be synced and were not yet: all of their history is pending."""
        rows = [row for row in self.rows.values() if row.why_not is None and not row.excluded]
        return sum(row.position is None and row.newest is not None for row in rows)

    @property
    def connected_since(self) -> int | None:
        """From when on the sources and the store have all answered; None while one does not."""
        peers = [self.store, *self.sources.values()]
        sinces = [peer.since for peer in peers if peer.since is not None and not peer.trouble]
        return max(sinces) if len(sinces) == len(peers) > 1 else None

    @property
    def share(self) -> float:
        """How much of what is due in the running pass is done, over all buckets, from 0 to 1."""
        due = [row for row in self.rows.values() if row.due_to > row.due_from]
        whole = sum(row.due_to - row.due_from for row in due)
        return 1.0 if not whole else sum(row.share * (row.due_to - row.due_from) for row in due) / whole

    def _forget(self, source: str, kept: set[str]) -> None:
        for key in [key for key in self.rows if key[0] == source and key[1] not in kept]:
            del self.rows[key]

    def settle_down(self) -> None:
        """Nothing runs any more: what was due is no progress to show, and no try is waited for."""
        self.running = None
        self.store.retry_at = None
        for row in self.rows.values():
            row.due_from = row.due_to = 0
            row.moving_since = None
