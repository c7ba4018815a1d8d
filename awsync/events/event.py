"""The events as one type.

May import: the modules of events that have the structs.
"""

from awsync.events.deliveries import (
    BatchDelivered,
    CheckpointMoved,
    CorrectionSent,
    RepairSent,
    SamplesSetAside,
    SeriesFolded,
    SetAsideDelivered,
)
from awsync.events.passes import ClockSkewed, PassFinished, PassStarted
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
from awsync.events.store import OwnSeriesRefused, RetryScheduled, StoreParked, StoreReached

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
