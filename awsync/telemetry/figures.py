"""The numbers that the agent's metrics show, folded from the events of the engine.

No text of an event gets in, but the names of sources and the ids of buckets that are synced: a bucket that
is left out may have a name that is private.

May import: the standard library, events, timeline.
"""

from collections.abc import Iterable, Mapping

from awsync.events import (
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CorrectionSent,
    Event,
    GapSkipped,
    HeldForThisRun,
    PassFailed,
    PassFinished,
    PassStarted,
    Paused,
    RepairSent,
    Resumed,
    RetryScheduled,
    RunStarted,
    SeriesFolded,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
)

COMPLETE, INCOMPLETE, STOPPED, FAILED = "complete", "incomplete", "stopped", "failed"
Key = tuple[str, str]
"""A source and a bucket of it."""


class Figures:
    """What is known of a run so far; `started` and every other moment are microseconds since the epoch."""

    def __init__(self, started: int) -> None:
        self.started = started
        self.samples = 0
        self.bytes = 0
        self.corrections = 0
        self.folded = 0
        self.retries = 0
        self.passes = dict.fromkeys((COMPLETE, INCOMPLETE, STOPPED, FAILED), 0)
        self.pass_seconds = 0.0
        self.held_ranges = 0
        self.held_samples = 0
        self.last_success = 0
        self.last_end: int | None = None
        """When the last pass ended in order, whether complete or not."""
        self.paused = False
        self.broken = False
        """Whether the last pass could not go on for the state's sake."""
        self.parked = False
        self.sources: dict[str, bool] = {}
        """Whether each source answered when it was last asked."""
        self._newest: dict[Key, int] = {}
        self._position: dict[Key, int] = {}
        self._seen: set[Key] | None = None

    def lags(self, now: int) -> Mapping[Key, int]:
        """Age of the oldest activity of each bucket that is not delivered, in microseconds; 0 for none."""
        return {
            key: max(0, now - self._position[key]) if newest > self._position[key] else 0
            for key, newest in self._newest.items()
        }

    def pending(self) -> Mapping[str, int]:
        """How much time each source has that is not delivered: the most of any of its buckets."""
        most: dict[str, int] = {}
        for key, newest in self._newest.items():
            most[key[0]] = max(most.get(key[0], 0), newest - self._position[key])
        return most

    def apply(self, event: Event) -> None:
        """Takes one event in."""
        match event:
            case PassStarted() | PassFinished() | PassFailed():
                self._apply_pass(event)
            case SourceReached() | SourceFailed() | BucketFound() | BucketSkipped() | CheckpointMoved():
                self._apply_source(event)
            case GapSkipped() if (event.source, event.bucket) in self._position:
                self._position[event.source, event.bucket] = event.position
            case SettingsReloaded() | HeldForThisRun():
                # Buckets may be left out from now on; the next pass finds the others again.
                self._newest.clear()
                self._position.clear()
            case RunStarted() | Resumed():
                self.paused = False
            case Paused():
                self.paused = True
            case _:
                self._apply_store(event)

    def _apply_pass(self, event: PassStarted | PassFinished | PassFailed) -> None:
        match event:
            case PassStarted():
                self._seen = None
                if event.bucket is None:
                    self._seen = set()
                    self.sources = {name: up for name, up in self.sources.items() if name in event.sources}
                    self._keep(key for key in self._newest if key[0] in event.sources)
            case PassFailed():
                self.passes[FAILED] += 1
                self.broken = True
            case PassFinished():
                result = STOPPED if event.stopped else COMPLETE if event.complete else INCOMPLETE
                self.passes[result] += 1
                self.pass_seconds += event.elapsed
                self.held_ranges, self.held_samples = event.totals.held_ranges, event.totals.held_samples
                self.broken = False
                if not event.stopped:
                    self._end_pass(event)

    def _end_pass(self, event: PassFinished) -> None:
        self.last_end = event.at
        if event.complete:
            self.last_success, self.parked = event.at, False
        if self._seen is not None:
            seen = self._seen
            self._keep(key for key in self._newest if key in seen or not self.sources.get(key[0]))

    def _apply_source(
        self, event: SourceReached | SourceFailed | BucketFound | BucketSkipped | CheckpointMoved
    ) -> None:
        match event:
            case SourceReached():
                self.sources[event.source] = True
            case SourceFailed(bucket=None):
                self.sources[event.source] = False
            case BucketFound():
                self._newest[event.source, event.bucket] = event.newest
                self._position[event.source, event.bucket] = event.due_from
                self._note(event.source, event.bucket)
            case SourceFailed():
                self._note(event.source, event.bucket or "")
            case BucketSkipped():
                self._newest.pop((event.source, event.bucket), None)
                self._position.pop((event.source, event.bucket), None)
            case CheckpointMoved() if (event.source, event.bucket) in self._position:
                self._position[event.source, event.bucket] = event.position

    def _apply_store(self, event: Event) -> None:
        match event:
            case BatchDelivered():
                self.samples += event.samples
                self.bytes += event.bytes
                self.parked = False
            case CorrectionSent() | RepairSent():
                self.corrections += event.samples
            case SeriesFolded():
                self.folded += event.sets
            case RetryScheduled():
                self.retries += 1
            case StoreReached():
                self.parked = False
            case StoreParked():
                self.parked = True
            case _:
                pass

    def _note(self, source: str, bucket: str) -> None:
        if self._seen is not None:
            self._seen.add((source, bucket))

    def _keep(self, keys: Iterable[Key]) -> None:
        kept = set(keys)
        self._newest = {key: moment for key, moment in self._newest.items() if key in kept}
        self._position = {key: moment for key, moment in self._position.items() if key in kept}
