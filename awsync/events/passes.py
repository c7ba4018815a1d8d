"""What is said within a pass: one frozen dataclass for each fact.

May import: the standard library.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Work(StrEnum):
    """Why a range of a bucket is read."""

    FORWARD = "new"
    LOOK_BACK = "look back"
    SET_ASIDE = "set aside before"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassStarted:
    """A pass begins, over every source, or over one bucket only."""

    at: int
    sources: tuple[str, ...]
    sink: str
    bucket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReached:
    """An ActivityWatch server answered with its buckets."""

    source: str
    url: str
    version: str
    hostname: str
    buckets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFailed:
    """A server, or one of its buckets, could not be read; the others go on."""

    source: str
    bucket: str | None
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFound:
    """A bucket that is synced, with the range that is due now (empty when nothing is)."""

    source: str
    bucket: str
    watcher: str
    host: str
    type: str
    newest: int
    due_from: int
    due_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSkipped:
    """A bucket that is not synced, and why."""

    source: str
    bucket: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRead:
    """One read of a bucket's events."""

    source: str
    bucket: str
    work: Work
    start: int
    end: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReached:
    """The store answered the first request of a pass."""

    sink: str
    engine: str
    version: str
    protocol: str
    accepts_from: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreParked:
    """The store refuses everything until somebody changes something; nothing is lost or advanced."""

    sink: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """A request failed in a way that may pass by itself."""

    sink: str
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDelivered:
    """The store confirmed a request."""

    source: str
    samples: int
    series: int
    bytes: int
    elapsed: float
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointMoved:
    """Everything before `position` is delivered, or set aside."""

    source: str
    bucket: str
    position: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionSent:
    """ActivityWatch's history changed after it was sent; the difference was delivered."""

    source: str
    bucket: str
    samples: int
    microseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesSetAside:
    """A range that the store does not take now; it is kept, and tried again when the store may take it."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideDelivered:
    """A range that was set aside before has been delivered, wholly or in part."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What one pass did; `reads` are requests to ActivityWatch, `requests` those to the store."""

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
    set_aside: int = 0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFinished:
    """The end of a pass; it is complete when all that was due is delivered.

    `stopped` is for one that was told to stop: what it had not delivered is sent by the next one.
    """

    at: int
    elapsed: float
    complete: bool
    totals: Totals = field(default_factory=Totals)
    stopped: bool = False
