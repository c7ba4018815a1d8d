"""How much each event matters.

May import: the standard library, event, and the modules of events that have the structs.
"""

from collections.abc import Mapping
from enum import StrEnum

from awsync.events.deliveries import BatchDelivered, CheckpointMoved, SamplesSetAside, SeriesFolded
from awsync.events.event import Event
from awsync.events.passes import ClockSkewed, PassFinished
from awsync.events.runs import JournalBegunAnew, PassFailed, ServiceLost, SettingsReloaded, StateBegunAnew
from awsync.events.sources import (
    AwayUnknown,
    BucketFound,
    BucketSkipped,
    CategoriesLeftOut,
    FutureLeft,
    HistoryWentBack,
    PageRead,
    SameDevice,
    SourceFailed,
)
from awsync.events.store import OwnSeriesRefused, RetryScheduled, StoreParked, StoreReached


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
