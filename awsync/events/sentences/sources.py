"""The sentences of awsync.events.sources.

May import: words, awsync.events.sources, describing.
"""

from awsync.events.sentences.describing import describe
from awsync.events.sources import (
    AwayUnknown,
    BucketFound,
    BucketSkipped,
    CategoriesLeftOut,
    FutureLeft,
    HistoryWentBack,
    LabelsChanged,
    LongHistoryFound,
    PageRead,
    SameDevice,
    SourceFailed,
    SourceReached,
)
from awsync.words import amount, clock


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
def _(event: SameDevice) -> str:
    return (
        f'{event.source}: it serves the same device as source "{event.other}" ({event.hostname}), and is not '
        "synced, for its time would count twice. Remove one of the two from the settings."
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
