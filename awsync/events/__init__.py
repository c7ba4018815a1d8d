"""What the engine says: one frozen struct for each fact, and one sentence for each in `describe`.

The command line, the console, the metrics and the stored log all read this one stream, so they cannot
disagree. Moments are microseconds since the epoch, amounts of activity microseconds, delays seconds.

    runs     around the passes of a run     passes      a pass as a whole
    sources  servers and their buckets      deliveries  samples on their way
    store    the store itself               sentences   the words for each of these
    event    all of them as one type        levels      how much each matters

Every name that is imported here is for the rest of awsync, which takes it from here.
May import: the standard library, msgspec, words.
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
from awsync.events.event import Event
from awsync.events.levels import Level, level
from awsync.events.passes import ClockSkewed, PassFinished, PassStarted, Totals
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
from awsync.events.sentences.passes import folded, set_aside
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
    Work,
)
from awsync.events.store import OwnSeriesRefused, RetryScheduled, StoreParked, StoreReached
