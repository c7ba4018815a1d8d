"""What the engine says: one frozen struct for each fact, and one sentence for each in `describe`.

The command line, the console, the metrics and the stored log all read this one stream, so they cannot
disagree. Moments are microseconds since the epoch, amounts of activity microseconds, delays seconds.

May import: the standard library, words.
"""

from awsync.events.passes import (
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CorrectionSent,
    PageRead,
    PassFinished,
    PassStarted,
    RetryScheduled,
    SamplesSetAside,
    SetAsideDelivered,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
    Totals,
    Work,
)
from awsync.events.runs import (
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
from awsync.events.sentences import Event, Level, describe, level

__all__ = [
    "BatchDelivered",
    "BucketFound",
    "BucketSkipped",
    "CheckpointMoved",
    "CheckpointRewound",
    "CorrectionSent",
    "Event",
    "GapSkipped",
    "HeldForThisRun",
    "JournalBegunAnew",
    "Level",
    "NextPass",
    "PageRead",
    "PassFailed",
    "PassFinished",
    "PassStarted",
    "Paused",
    "Resumed",
    "RetryScheduled",
    "RunEnded",
    "RunStarted",
    "SamplesSetAside",
    "ServiceLost",
    "SetAsideDelivered",
    "SettingsReloaded",
    "SourceFailed",
    "SourceReached",
    "StateBegunAnew",
    "StoreParked",
    "StoreReached",
    "SyncAsked",
    "Totals",
    "Work",
    "describe",
    "level",
]
