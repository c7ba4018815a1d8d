"""The events as one type: how much each matters, and one sentence for each.

May import: the standard library, words and the other modules of events.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import singledispatch

from awsync.events.passes import (
    AwayUnknown,
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CategoriesLeftOut,
    CheckpointMoved,
    ClockSkewed,
    CorrectionSent,
    FutureLeft,
    HistoryWentBack,
    LabelsChanged,
    LongHistoryFound,
    OwnSeriesRefused,
    PageRead,
    PassFinished,
    PassStarted,
    RepairSent,
    RetryScheduled,
    SameDevice,
    SamplesSetAside,
    SeriesFolded,
    SetAsideDelivered,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
    Totals,
)
from awsync.events.runs import (
    AsideDecided,
    CheckpointRewound,
    GapSkipped,
    HeldForThisRun,
    JournalBegunAnew,
    NextPass,
    PassFailed,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    ServiceLost,
    SettingsReloaded,
    StateBegunAnew,
    SyncAsked,
)
from awsync.words import amount, clock, span

Event = (
    RunStarted
    | RunEnded
    | PassStarted
    | SourceReached
    | SourceFailed
    | BucketFound
    | LongHistoryFound
    | BucketSkipped
    | PageRead
    | StoreReached
    | StoreParked
    | RetryScheduled
    | ClockSkewed
    | SameDevice
    | HistoryWentBack
    | FutureLeft
    | LabelsChanged
    | CategoriesLeftOut
    | AwayUnknown
    | BatchDelivered
    | CheckpointMoved
    | CorrectionSent
    | SeriesFolded
    | RepairSent
    | SamplesSetAside
    | SetAsideDelivered
    | OwnSeriesRefused
    | PassFinished
    | PassFailed
    | NextPass
    | SettingsReloaded
    | Paused
    | Resumed
    | SyncAsked
    | CheckpointRewound
    | GapSkipped
    | HeldForThisRun
    | AsideDecided
    | JournalBegunAnew
    | StateBegunAnew
    | ServiceLost
)


class Level(StrEnum):
    """How much an event matters to a reader of the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_LEVELS: Mapping[type, Level] = {
    PageRead: Level.DEBUG,
    BucketFound: Level.DEBUG,
    BucketSkipped: Level.DEBUG,
    BatchDelivered: Level.DEBUG,
    CheckpointMoved: Level.DEBUG,
    RetryScheduled: Level.WARNING,
    ClockSkewed: Level.WARNING,
    SameDevice: Level.WARNING,
    HistoryWentBack: Level.WARNING,
    FutureLeft: Level.WARNING,
    CategoriesLeftOut: Level.WARNING,
    AwayUnknown: Level.WARNING,
    SamplesSetAside: Level.WARNING,
    SeriesFolded: Level.WARNING,
    OwnSeriesRefused: Level.WARNING,
    JournalBegunAnew: Level.WARNING,
    StateBegunAnew: Level.WARNING,
    ServiceLost: Level.WARNING,
    SourceFailed: Level.ERROR,
    StoreParked: Level.ERROR,
    PassFailed: Level.ERROR,
}


def level(event: Event) -> Level:
    """How much the event matters."""
    if isinstance(event, StoreReached) and event.forgetful:
        return Level.WARNING
    if isinstance(event, PassFinished):
        return Level.INFO if event.complete or event.stopped else Level.WARNING
    if isinstance(event, SettingsReloaded) and event.problem:
        return Level.ERROR
    return _LEVELS.get(type(event), Level.INFO)


@singledispatch
def describe(event: Event) -> str:
    """One sentence for a person, without a full stop where it ends in a list."""
    raise TypeError(f"no sentence for {type(event).__name__}")


@describe.register
def _(event: RunStarted) -> str:
    return f"awsync {event.version} (pid {event.pid}) started."


@describe.register
def _(event: RunEnded) -> str:
    return f"awsync (pid {event.pid}) stopped."


@describe.register
def _(event: PassStarted) -> str:
    over = ", ".join(event.sources) if event.bucket is None else f"{event.sources[0]}/{event.bucket}"
    return f"Pass over {over} to {event.sink} started."


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
def _(event: LongHistoryFound) -> str:
    told = (
        f"{event.source}/{event.bucket}: a first pass over {amount(event.events, 'event')} since "
        f"{clock(event.start)}, which are {amount(event.samples, 'sample')} at most."
    )
    if event.accepts_from is None or event.accepts_from <= event.start:
        return told
    return (
        f"{told} The store takes nothing from before {clock(event.accepts_from)} that way; "
        "awsync backfill FOLDER brings it as files."
    )


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
    store = "" if event.engine == "unknown" else f"{event.engine} {event.version}".strip()
    names = " before ".join(filter(None, [event.relay, store]))
    name = f"is {names}" if names else "answers"
    lost = " It hands on nothing that is older than its own start: history is lost there."
    return f"{event.sink} {name}, remote write {event.protocol}{floor}.{lost if event.forgetful else ''}"


def _of(sink: str, reason: str) -> str:
    """The reason with the store it is about, named once."""
    return reason if sink in reason else f"{sink}: {reason}"


@describe.register
def _(event: StoreParked) -> str:
    return f"{_of(event.sink, event.reason)} {event.remedy}".rstrip()


@describe.register
def _(event: RetryScheduled) -> str:
    reason = _of(event.sink, event.reason)
    return f"{reason} Next try in {event.delay:.1f} s (attempt {event.attempt})."


@describe.register
def _(event: ClockSkewed) -> str:
    way = "ahead of" if event.seconds > 0 else "behind"
    return f"{event.of}: its clock is {span(event.seconds)} {way} this machine's. Set both by a time server."


@describe.register
def _(event: SameDevice) -> str:
    return (
        f'{event.source}: it serves the same device as source "{event.other}" ({event.hostname}), and is not '
        "synced, for its time would count twice. Remove one of the two from the settings."
    )


@describe.register
def _(event: HistoryWentBack) -> str:
    return (
        f"{event.source}/{event.bucket}: ActivityWatch's newest event ends {clock(event.newest)}, and ended "
        f"{clock(event.before)} before. Was its database restored? The last day is compared again."
    )


@describe.register
def _(event: FutureLeft) -> str:
    return (
        f"{event.source}/{event.bucket}: the checkpoint lay in the future, so a clock was wrong; "
        f"it goes on from {clock(event.position)} UTC."
    )


@describe.register
def _(event: LabelsChanged) -> str:
    return (
        f"{event.source}: labels changed ({', '.join(event.what)}). What was sent until "
        f"{clock(event.until)} UTC keeps those that it has; awsync resync --since 30d sends that much again."
    )


@describe.register
def _(event: CategoriesLeftOut) -> str:
    return (
        f"{event.source}: no event falls under {', '.join(event.categories)}, for the rule cannot be read. "
        "Correct it in ActivityWatch's settings."
    )


@describe.register
def _(event: AwayUnknown) -> str:
    return (
        f"{event.source}/{event.bucket}: nothing since {clock(event.since)} UTC, so what {event.host} did "
        'since then counts as active="unknown". Does aw-watcher-afk run there?'
    )


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
def _(event: SeriesFolded) -> str:
    first, last = clock(event.since)[:10], clock(event.until)[:10]
    days = first if first == last else f"{first} to {last}"
    return (
        f"{event.source}/{event.bucket}: {amount(event.sets, 'label set')} of {days} went into "
        f'"(other)", for a day may begin {event.budget:,} series (series-budget). No time is lost.'
    )


@describe.register
def _(event: RepairSent) -> str:
    refused = f"; the store refused {event.refused}" if event.refused else ""
    return (
        f"{event.source}/{event.bucket}: the store did not agree, {event.microseconds / 1e6:+,.3f} s "
        f"mended in {amount(event.samples, 'sample')}{refused}."
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
def _(event: OwnSeriesRefused) -> str:
    reason = _of(event.sink, event.reason)
    return f"awsync's own metrics did not arrive: {reason} {event.remedy}".rstrip()


@describe.register
def _(event: PassFinished) -> str:
    totals = event.totals
    done = "Pass stopped" if event.stopped else "Pass complete" if event.complete else "Pass incomplete"
    return (
        f"{done} in {event.elapsed:.1f} s: {amount(totals.events, 'event')} read, "
        f"{amount(totals.samples, 'sample')} delivered{folded(totals)}{set_aside(totals)}."
    )


def folded(totals: Totals) -> str:
    """What a pass folded, as a part of a sentence; empty where nothing was."""
    return f", {amount(totals.folded, 'label set')} folded" if totals.folded else ""


def set_aside(totals: Totals) -> str:
    """What a pass set aside, and all that is, as the end of a sentence; empty where nothing is."""
    new = f", {amount(totals.set_aside, 'sample')} set aside" if totals.set_aside else ""
    ranges = amount(totals.held_ranges, "range") if totals.held_ranges else ""
    samples = amount(totals.held_samples, "sample") if totals.held_samples else ""
    held = " and ".join(filter(None, [ranges, samples]))
    return f"{new} ({held} set aside in all)" if held else new


@describe.register
def _(event: NextPass) -> str:
    return f"Next pass at {clock(event.at)} UTC."


@describe.register
def _(event: SettingsReloaded) -> str:
    return f"Settings kept: {event.problem}" if event.problem else "Settings read again."


@describe.register
def _(event: PassFailed) -> str:
    return f"Pass failed: {event.reason} {event.remedy}".rstrip()


@describe.register
def _(event: Paused) -> str:
    return "Paused: no pass begins by itself."


@describe.register
def _(event: Resumed) -> str:
    return "Resumed."


@describe.register
def _(event: SyncAsked) -> str:
    where = "everything" if event.source is None else "/".join(filter(None, [event.source, event.bucket]))
    return f"Asked to sync {where} now."


@describe.register
def _(event: CheckpointRewound) -> str:
    where = "the beginning" if event.position is None else f"{clock(event.position)} UTC"
    return f"{event.source}/{event.bucket}: checkpoint moved back to {where}."


@describe.register
def _(event: GapSkipped) -> str:
    return f"{event.source}/{event.bucket}: what is older than {clock(event.position)} UTC is not sent."


@describe.register
def _(event: AsideDecided) -> str:
    what = amount(event.things, "set-aside item")
    return f"{what} will be tried again by the next pass." if event.retry else f"{what} given up."


@describe.register
def _(event: HeldForThisRun) -> str:
    return f"For this run only: {event.what}."


@describe.register
def _(event: JournalBegunAnew) -> str:
    return f"The journal of past events was begun anew ({event.reason}); deliveries are not affected."


@describe.register
def _(event: StateBegunAnew) -> str:
    kept = f", the old one is kept as {event.kept_as}" if event.kept_as else ""
    if event.deleted:
        kept += f" ({amount(event.deleted, 'older one')} deleted)"
    return (
        f"The state database was damaged ({event.reason}) and was begun anew{kept}; "
        "what the store lacks is found out from the store and ActivityWatch."
    )


@describe.register
def _(event: ServiceLost) -> str:
    return f"The observed service (pid {event.pid}) has ended; nothing is synced until one runs again."
