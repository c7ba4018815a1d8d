"""What is said within a pass: one frozen struct for each fact.

May import: the standard library, msgspec.
"""

from enum import StrEnum

from msgspec import Struct, field


class Work(StrEnum):
    """Why a range of a bucket is read."""

    FORWARD = "new"
    LOOK_BACK = "look back"
    SET_ASIDE = "set aside before"


class PassStarted(Struct, frozen=True, kw_only=True):
    """A pass begins, over every source, or over one bucket only."""

    at: int
    sources: tuple[str, ...]
    sink: str
    bucket: str | None = None


class SourceReached(Struct, frozen=True, kw_only=True):
    """An ActivityWatch server answered with its buckets."""

    source: str
    url: str
    version: str
    hostname: str
    buckets: int


class SourceFailed(Struct, frozen=True, kw_only=True):
    """A server, or one of its buckets, could not be read; the others go on."""

    source: str
    bucket: str | None
    reason: str
    remedy: str


class BucketFound(Struct, frozen=True, kw_only=True):
    """A bucket that is synced, with the range that is due now (empty when nothing is)."""

    source: str
    bucket: str
    watcher: str
    host: str
    type: str
    newest: int
    due_from: int
    due_to: int


class LongHistoryFound(Struct, frozen=True, kw_only=True):
    """A first pass over a long history begins: what it costs the store, and from when on that takes it.

    `samples` is how many there are at most. `accepts_from` is None where the store does not tell.
    """

    source: str
    bucket: str
    start: int
    events: int
    samples: int
    accepts_from: int | None


class BucketSkipped(Struct, frozen=True, kw_only=True):
    """A bucket that is not synced, and why."""

    source: str
    bucket: str
    why: str
    watcher: str = ""
    host: str = ""
    type: str = ""


class PageRead(Struct, frozen=True, kw_only=True):
    """One read of a bucket's events."""

    source: str
    bucket: str
    work: Work
    start: int
    end: int
    events: int


class StoreReached(Struct, frozen=True, kw_only=True):
    """The store answered the first request of a pass; `relay` is what takes the samples for it, if anything.

    `forgetful` says that this hands on no sample that is older than its own start.
    """

    sink: str
    engine: str
    version: str
    protocol: str
    accepts_from: int | None
    relay: str = ""
    forgetful: bool = False


class StoreParked(Struct, frozen=True, kw_only=True):
    """The store refuses everything until somebody changes something; nothing is lost or advanced."""

    sink: str
    reason: str
    remedy: str


class RetryScheduled(Struct, frozen=True, kw_only=True):
    """A request failed in a way that may pass by itself."""

    sink: str
    reason: str
    attempt: int
    delay: float


class ClockSkewed(Struct, frozen=True, kw_only=True):
    """The clock of a source or of the store is so many seconds ahead of this machine's (or behind: < 0)."""

    of: str
    seconds: float


class SameDevice(Struct, frozen=True, kw_only=True):
    """Two sources serve one device; `other` is synced, and `source` is not."""

    source: str
    other: str
    hostname: str


class HistoryWentBack(Struct, frozen=True, kw_only=True):
    """A bucket's newest event is older than it was: its database was restored or wiped, or events deleted.

    `newest` and `before` are ends of its newest event, in microseconds.
    """

    source: str
    bucket: str
    newest: int
    before: int


class FutureLeft(Struct, frozen=True, kw_only=True):
    """A checkpoint lay in the future, where a clock that was ahead had put it; it was taken back."""

    source: str
    bucket: str
    position: int


class LabelsChanged(Struct, frozen=True, kw_only=True):
    """What makes the labels of a source changed; what was sent until `until` keeps those that it has.

    `what` are the names of what changed: categories, rules, privacy, pseudonyms.
    """

    source: str
    what: tuple[str, ...]
    until: int


class CategoriesLeftOut(Struct, frozen=True, kw_only=True):
    """Categories of ActivityWatch whose rule cannot be read; no event falls under them."""

    source: str
    categories: tuple[str, ...]


class AwayUnknown(Struct, frozen=True, kw_only=True):
    """The AFK watcher of a host went silent while others go on; `since` is the end of its newest event.

    `bucket` is the AFK watcher's.
    """

    source: str
    host: str
    bucket: str
    since: int


class BatchDelivered(Struct, frozen=True, kw_only=True):
    """The store confirmed a request."""

    source: str
    samples: int
    series: int
    bytes: int
    elapsed: float
    protocol: str


class CheckpointMoved(Struct, frozen=True, kw_only=True):
    """Everything before `position` is delivered, or set aside."""

    source: str
    bucket: str
    position: int
    samples: int


class CorrectionSent(Struct, frozen=True, kw_only=True):
    """ActivityWatch's history changed after it was sent; the difference was delivered."""

    source: str
    bucket: str
    samples: int
    microseconds: int


class SeriesFolded(Struct, frozen=True, kw_only=True):
    """A bucket had more new label sets than `budget` allows in a day; `sets` of them were folded.

    `since` and `until` are when the first and the last of the days began, in microseconds.
    """

    source: str
    bucket: str
    since: int
    until: int
    sets: int
    budget: int


class RepairSent(Struct, frozen=True, kw_only=True):
    """The store was found to hold something else than ActivityWatch; corrections were delivered.

    `refused` are those that it did not take.
    """

    source: str
    bucket: str
    samples: int
    microseconds: int
    refused: int = 0


class SamplesSetAside(Struct, frozen=True, kw_only=True):
    """Samples that the store does not take now; they are kept, and tried when the store may take them."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int
    reason: str
    remedy: str


class SetAsideDelivered(Struct, frozen=True, kw_only=True):
    """Samples that were set aside before have been delivered."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int


class OwnSeriesRefused(Struct, frozen=True, kw_only=True):
    """The store did not take what awsync says of itself; no activity is concerned, and it is not repeated."""

    sink: str
    reason: str
    remedy: str


class Totals(Struct, frozen=True, kw_only=True):
    """What one pass did; `reads` are requests to ActivityWatch, `requests` those to the store.

    `folded` counts label sets that were beyond a budget. `set_aside` counts samples that this pass set aside;
    `held_ranges` and `held_samples` are all that is set aside at its end.
    """

    sources_reached: int = 0
    sources_failed: int = 0
    buckets: int = 0
    skipped: int = 0
    reads: int = 0
    events: int = 0
    samples: int = 0
    series: int = 0
    bytes: int = 0
    requests: int = 0
    corrections: int = 0
    folded: int = 0
    set_aside: int = 0
    held_ranges: int = 0
    held_samples: int = 0
    faults: tuple[str, ...] = ()


class PassFinished(Struct, frozen=True, kw_only=True):
    """The end of a pass; it is complete when all that was due is delivered.

    `stopped` is for one that was told to stop: what it had not delivered is sent by the next one.
    """

    at: int
    elapsed: float
    complete: bool
    totals: Totals = field(default_factory=Totals)
    stopped: bool = False
