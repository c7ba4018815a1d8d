"""What is said around the passes of a run: its schedule, its settings, and what people ask of it.

May import: the standard library, msgspec.
"""

from msgspec import Struct


class RunStarted(Struct, frozen=True, kw_only=True):
    """A process begins to run passes; nothing is paused."""

    pid: int
    version: str


class RunEnded(Struct, frozen=True, kw_only=True):
    """That process stops in order."""

    pid: int


class PassFailed(Struct, frozen=True, kw_only=True):
    """A pass could not go on at all, as when the state cannot be written."""

    reason: str
    remedy: str


class NextPass(Struct, frozen=True, kw_only=True):
    """When the cron starts the next pass."""

    at: int


class SettingsReloaded(Struct, frozen=True, kw_only=True):
    """config.toml changed and was read again; `problem` says why the old settings stay."""

    problem: str = ""


class Paused(Struct, frozen=True, kw_only=True):
    """No pass begins by itself until somebody resumes."""


class Resumed(Struct, frozen=True, kw_only=True):
    """The cron goes on."""


class SyncAsked(Struct, frozen=True, kw_only=True):
    """Somebody asked for a pass now, over everything or over one bucket."""

    source: str | None = None
    bucket: str | None = None


class CheckpointRewound(Struct, frozen=True, kw_only=True):
    """Somebody moved a checkpoint back, to the beginning where `position` is None."""

    source: str
    bucket: str
    position: int | None


class GapSkipped(Struct, frozen=True, kw_only=True):
    """Somebody decided that what a bucket holds before `position` is not sent."""

    source: str
    bucket: str
    position: int


class AsideDecided(Struct, frozen=True, kw_only=True):
    """Somebody wants things that are set aside to be tried again, or gives them up; so many there were."""

    things: int
    retry: bool


class HeldForThisRun(Struct, frozen=True, kw_only=True):
    """A change that is not in config.toml: it ends with the process."""

    what: str


class JournalBegunAnew(Struct, frozen=True, kw_only=True):
    """The journal could not be used and was begun anew; no activity is lost by it."""

    reason: str


class StateBegunAnew(Struct, frozen=True, kw_only=True):
    """The state database was damaged and was begun anew; `kept_as` is where the old one is, if it is.

    `deleted` is how many were deleted that had been kept so long before.
    """

    reason: str
    kept_as: str
    deleted: int = 0


class ServiceLost(Struct, frozen=True, kw_only=True):
    """The service that was observed is gone."""

    pid: int


RunEvent = (
    RunStarted
    | RunEnded
    | PassFailed
    | NextPass
    | SettingsReloaded
    | Paused
    | Resumed
    | SyncAsked
    | CheckpointRewound
    | GapSkipped
    | AsideDecided
    | HeldForThisRun
    | JournalBegunAnew
    | StateBegunAnew
    | ServiceLost
)
