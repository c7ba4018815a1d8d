"""The sentences of awsync.events.runs.

May import: words, awsync.events.runs, describing.
"""

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
from awsync.events.sentences.describing import describe
from awsync.words import amount, clock


@describe.register
def _(event: RunStarted) -> str:
    return f"awsync {event.version} (pid {event.pid}) started."


@describe.register
def _(event: RunEnded) -> str:
    return f"awsync (pid {event.pid}) stopped."


@describe.register
def _(event: PassFailed) -> str:
    return f"Pass failed: {event.reason} {event.remedy}".rstrip()


@describe.register
def _(event: NextPass) -> str:
    return f"Next pass at {clock(event.at)} UTC."


@describe.register
def _(event: SettingsReloaded) -> str:
    return f"Settings kept: {event.problem}" if event.problem else "Settings read again."


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
