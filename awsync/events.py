"""What the engine says: one frozen dataclass for each fact, and one sentence for each in `describe`.

The command line, the console, the metrics and the stored log all read this one stream, so they cannot
disagree. Moments are microseconds since the epoch, amounts of activity microseconds, delays seconds.

May import: the standard library, words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import singledispatch

from awsync.words import amount, clock


class Level(StrEnum):
    """How much an event matters to a reader of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Work(StrEnum):
    """Why a range of a bucket is read."""

    FORWARD = "new"
    LOOK_BACK = "look back"
    SET_ASIDE = "set aside before"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassStarted:
    """A pass over every source begins."""

    at: int
    sources: tuple[str, ...]
    sink: str


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
    """The end of a pass; it is complete when all that was due is delivered."""

    at: int
    elapsed: float
    complete: bool
    totals: Totals = field(default_factory=Totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPass:
    """When the cron starts the next pass."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsReloaded:
    """config.toml changed and was read again; `problem` says why the old settings stay."""

    problem: str = ""


Event = (
    PassStarted
    | SourceReached
    | SourceFailed
    | BucketFound
    | BucketSkipped
    | PageRead
    | StoreReached
    | StoreParked
    | RetryScheduled
    | BatchDelivered
    | CheckpointMoved
    | CorrectionSent
    | SamplesSetAside
    | SetAsideDelivered
    | PassFinished
    | NextPass
    | SettingsReloaded
)

_LEVELS: Mapping[type, Level] = {
    PageRead: Level.DEBUG,
    BucketFound: Level.DEBUG,
    BucketSkipped: Level.DEBUG,
    BatchDelivered: Level.DEBUG,
    CheckpointMoved: Level.DEBUG,
    RetryScheduled: Level.WARNING,
    SamplesSetAside: Level.WARNING,
    SourceFailed: Level.ERROR,
    StoreParked: Level.ERROR,
}


def level(event: Event) -> Level:
    """How much the event matters."""
    if isinstance(event, PassFinished):
        return Level.INFO if event.complete else Level.WARNING
    if isinstance(event, SettingsReloaded) and event.problem:
        return Level.ERROR
    return _LEVELS.get(type(event), Level.INFO)


@singledispatch
def describe(event: Event) -> str:
    """One sentence for a person, without a full stop where it ends in a list."""
    raise TypeError(f"no sentence for {type(event).__name__}")


@describe.register
def _(event: PassStarted) -> str:
    return f"Pass over {', '.join(event.sources)} to {event.sink} started."


@describe.register
def _(event: SourceReached) -> str:
    return (
        f"{event.source}: ActivityWatch {event.version} on {event.hostname or 'an unnamed host'} "
        f"at {event.url} has {amount(event.buckets, 'bucket')}."
    )


@describe.register
def _(event: SourceFailed) -> str:
    where = event.source if event.bucket is None else f"{event.source}/{event.bucket}"
    return f"{where}: {event.reason} {event.remedy}".rstrip()


@describe.register
def _(event: BucketFound) -> str:
    if event.due_from >= event.due_to:
        return f"{event.source}/{event.bucket}: nothing new since {clock(event.due_from)}."
    return f"{event.source}/{event.bucket}: due from {clock(event.due_from)} to {clock(event.due_to)}."


@describe.register
def _(event: BucketSkipped) -> str:
    return f"{event.source}/{event.bucket}: skipped, {event.why}."


@describe.register
def _(event: PageRead) -> str:
    return (
        f"{event.source}/{event.bucket}: read {amount(event.events, 'event')} "
        f"from {clock(event.start)} to {clock(event.end)} ({event.work})."
    )


@describe.register
def _(event: StoreReached) -> str:
    floor = f", takes samples from {clock(event.accepts_from)} on" if event.accepts_from is not None else ""
    name = "answers" if event.engine == "unknown" else f"is {event.engine} {event.version}".strip()
    return f"{event.sink} {name}, remote write {event.protocol}{floor}."


@describe.register
def _(event: StoreParked) -> str:
    return f"{event.sink}: {event.reason} {event.remedy}".rstrip()


@describe.register
def _(event: RetryScheduled) -> str:
    return f"{event.sink}: {event.reason} Next try in {event.delay:.1f} s (attempt {event.attempt})."


@describe.register
def _(event: BatchDelivered) -> str:
    return (
        f"{event.source}: delivered {amount(event.samples, 'sample')} of {amount(event.series, 'series')} "
        f"in {event.elapsed * 1000:.0f} ms ({event.bytes:,} bytes, remote write {event.protocol})."
    )


@describe.register
def _(event: CheckpointMoved) -> str:
    return f"{event.source}/{event.bucket}: delivered up to {clock(event.position)}."


@describe.register
def _(event: CorrectionSent) -> str:
    return (
        f"{event.source}/{event.bucket}: history changed, {event.microseconds / 1e6:+,.3f} s "
        f"corrected in {amount(event.samples, 'sample')}."
    )


@describe.register
def _(event: SamplesSetAside) -> str:
    return (
        f"{event.source}/{event.bucket}: set aside {amount(event.samples, 'sample')} from "
        f"{clock(event.start)} to {clock(event.end)}, {event.reason} {event.remedy}".rstrip()
    )


@describe.register
def _(event: SetAsideDelivered) -> str:
    return (
        f"{event.source}/{event.bucket}: delivered what was set aside "
        f"from {clock(event.start)} to {clock(event.end)} ({amount(event.samples, 'sample')})."
    )


@describe.register
def _(event: PassFinished) -> str:
    totals = event.totals
    done = "Pass complete" if event.complete else "Pass incomplete"
    aside = f", {amount(totals.set_aside, 'sample')} set aside" if totals.set_aside else ""
    return (
        f"{done} in {event.elapsed:.1f} s: {amount(totals.events, 'event')} read, "
        f"{amount(totals.samples, 'sample')} delivered{aside}."
    )


@describe.register
def _(event: NextPass) -> str:
    return f"Next pass at {clock(event.at)} UTC."


@describe.register
def _(event: SettingsReloaded) -> str:
    return f"Settings kept: {event.problem}" if event.problem else "Settings read again."
