"""What is said around the passes of a run: its schedule, its settings, and what people ask of it.

May import: the standard library.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A process begins to run passes; nothing is paused."""

    pid: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """That process stops in order."""

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFailed:
    """A pass could not go on at all, as when the state cannot be written."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPass:
    """When the cron starts the next pass."""

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsReloaded:
    """config.toml changed and was read again; `problem` says why the old settings stay."""

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """No pass begins by itself until somebody resumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The cron goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAsked:
    """Somebody asked for a pass now, over everything or over one bucket."""

    source: str | None = None
    bucket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRewound:
    """Somebody moved a checkpoint back, to the beginning where `position` is None."""

    source: str
    bucket: str
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSkipped:
    """Somebody decided that what a bucket holds before `position` is not sent."""

    source: str
    bucket: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldForThisRun:
    """A change that is not in config.toml: it ends with the process."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalBegunAnew:
    """The journal could not be used and was begun anew; no activity is lost by it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLost:
    """The service that was observed is gone."""

    pid: int
