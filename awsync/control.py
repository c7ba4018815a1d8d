"""What the console sees of the engine, whether it runs in this process or as a service beside it.

The console knows this protocol and nothing behind it. Moments are microseconds since the epoch.

May import: the standard library, msgspec and the types of events, config, sent, settings, state,
survey, totals.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from awsync.events import Event

if TYPE_CHECKING:
    from awsync.config import Loaded
    from awsync.costs.said import Said as Planned
    from awsync.ledger import Entry, Quarantined, Range
    from awsync.preview import Preview
    from awsync.records import Aside, Checkpoint, PassRecord
    from awsync.sent import Report as Sent
    from awsync.settings import Settings
    from awsync.survey import SourceReport
    from awsync.timeline import Event as ActivityEvent
    from awsync.totals import By, Report


class Request(StrEnum):
    """What can be asked of a running engine."""

    SYNC_NOW = "sync now"
    PAUSE = "pause"
    RESUME = "resume"
    EXCLUDE = "exclude"
    INCLUDE = "include"
    CRON = "cron"
    REWIND = "rewind"
    SKIP = "skip"
    RETRY_ASIDE = "retry set aside"
    DROP_ASIDE = "drop set aside"


class Command(Struct, frozen=True, kw_only=True):
    """One request with what it is about; None means all, or the beginning.

    `text` is the glob of EXCLUDE and INCLUDE and the expression of CRON; these hold for the run only.
    `position` is where REWIND and SKIP put a checkpoint, `ids` are what RETRY_ASIDE and DROP_ASIDE are about:
    `r3` for a range, `s17` for a sample.
    """

    request: Request
    source: str | None = None
    bucket: str | None = None
    text: str = ""
    position: int | None = None
    ids: tuple[str, ...] = ()


class Said(NamedTuple):
    """An event, when it was said, and its number in the journal."""

    number: int
    at: int
    event: Event


class Activity(Struct, frozen=True, kw_only=True):
    """What a bucket holds of the last 24 hours of the clock, the running one last, and of today."""

    hours: tuple[float, ...]
    today_seconds: float
    today_events: int


class LabelTime(Struct, frozen=True, kw_only=True):
    """A value of a label and the seconds that go out under it."""

    label: str
    value: str
    seconds: float


class Move(Struct, frozen=True, kw_only=True):
    """A checkpoint that moved: when, to where (None: the beginning), and the samples that went out."""

    at: int
    position: int | None
    samples: int
    what: str


class BucketDetail(Struct, frozen=True, kw_only=True):
    """A bucket's last day beside what would leave the machine for it.

    `events` are newest first, `entries` too; `top` are the values with the most time, `values` the number
    of values that each label has, the most first; `history` is newest first. `folded` label sets were beyond
    the budget of their day.
    """

    source: str
    bucket: str
    start: int
    end: int
    events: "Sequence[ActivityEvent]"
    entries: "Sequence[Entry]"
    series: int
    folded: int
    top: Sequence[LabelTime]
    values: Sequence[tuple[str, int]]
    checkpoint: "Checkpoint"
    history: Sequence[Move]


class Finding(Protocol):
    """One step of the doctor's walk; `state` is ok, warning, failed or skipped.

    The lines of a remedy that begin with two spaces are to be taken as they are.
    """

    @property
    def area(self) -> str:
        """The stretch of the way."""

    @property
    def step(self) -> str:
        """What was looked at."""

    @property
    def state(self) -> str:
        """How it stands."""

    @property
    def what(self) -> str:
        """A sentence about it."""

    @property
    def remedy(self) -> str:
        """What to do, in one or several lines; empty where there is nothing to do."""


class Disagreement(Struct, frozen=True, kw_only=True):
    """A period of a series in which ActivityWatch and the store say different things, in seconds; and why."""

    start: int
    series: str
    expected: float
    held: float
    why: str
    words: str


class Agreement(Struct, frozen=True, kw_only=True):
    """How the store stands to ActivityWatch for one bucket (`bucket` is empty for a whole source).

    `state` is agrees, differs, comparing, skipped or failed; `words` say why where it is one of the last two,
    and how far it is while it is being compared. `agree` of `periods` days say the same.
    """

    source: str
    bucket: str
    state: str
    words: str = ""
    periods: int = 0
    agree: int = 0
    expected: float = 0.0
    held: float = 0.0
    differences: Sequence[Disagreement] = ()
    left_out: int = 0


class Agent(Protocol):
    """The engine as a console sees it. Methods that return text return the sentence to show."""

    @property
    def observing(self) -> int | None:
        """The process id of the service that is observed; None where this process runs the engine."""

    @property
    def service_ended(self) -> bool:
        """Whether the observed service is gone: nothing is synced until `take_over` or its return."""

    @property
    def paused(self) -> bool:
        """Whether the cron is paused; it does not outlive the process that runs the engine."""

    @property
    def settings(self) -> "Settings":
        """The effective settings now."""

    @property
    def loaded(self) -> "Loaded":
        """The settings with their file and where each came from."""

    @property
    def sink(self) -> str:
        """The store, as it may be shown."""

    def events(self) -> AsyncIterator[Said]:
        """First what the journal remembers (the last 500), then what is said, without end."""

    async def survey(self) -> "list[SourceReport]":
        """What each source has now; a source that is down says so in its report."""

    async def activity(self, source: str, bucket: str) -> Activity:
        """The bucket's last 24 hours; raises SourceError."""

    async def detail(self, source: str, bucket: str) -> BucketDetail:
        """A bucket in depth; raises SourceError."""

    def examine(self, *, probe: bool) -> AsyncGenerator[Finding, None]:
        """The doctor's findings, each as soon as it is known; a probe writes one sample to the store."""

    def verify(self, *, days: int) -> AsyncGenerator[Agreement, None]:
        """Compares the store with ActivityWatch so many days back: each bucket several times, as it goes on.

        Raises AwsyncError where the store cannot be asked.
        """

    async def today(self, by: "By", since: str | None) -> "Report":
        """What the time was spent on since a date or for a length of time (None: today)."""

    async def sent(self, *, days: int) -> "Sent":
        """What has left this machine of the last days, as the ledger remembers; raises StateError."""

    async def preview(self, source: str, bucket: str, *, hours: int, rule: str) -> "Preview":
        """A bucket's newest hours before and after, with a rule that is tried (empty: none).

        Raises ConfigError for a rule that is none.
        """

    def plan(self, *, days: int) -> "AsyncGenerator[Planned, None]":
        """What the buckets cost, read so many days back, as it is found."""

    async def skew(self) -> float | None:
        """Seconds that the store's clock is ahead of this one's; None where it does not tell."""

    def checkpoints(self) -> "list[Checkpoint]":
        """All checkpoints of the store; raises StateError, as the next five do."""

    def passes(self, limit: int) -> "list[PassRecord]":
        """The last passes, newest first."""

    def set_aside(self) -> "list[tuple[str, str, Range]]":
        """Ranges that are set aside, as (source, bucket, range)."""

    def quarantine(self) -> "list[Quarantined]":
        """Samples that the store refused for another reason than their age."""

    def aside_counts(self) -> "Mapping[tuple[str, str], Aside]":
        """How much is set aside of each bucket that has any, by (source, bucket)."""

    def series(self) -> Mapping[tuple[str, str], int]:
        """How many series of a bucket the ledger knows, by (source, bucket)."""

    async def sync_now(self, source: str | None = None, bucket: str | None = None) -> str:
        """Starts a pass, over everything or one bucket; a running pass comes to its end first."""

    async def pause(self) -> str:
        """Stops the running pass and the cron; what was not confirmed is sent after `resume`."""

    async def resume(self) -> str:
        """The cron goes on; a pass that `pause` stopped begins again at once."""

    async def set_excluded(
        self, buckets: Sequence[tuple[str, str]], *, excluded: bool, skip_gap: bool = False
    ) -> str:
        """Leaves buckets out, or takes them in again, by config.toml; for this run where that cannot be.

        With `skip_gap` what happened until now is not sent.
        """

    async def add_rule(self, text: str) -> str:
        """Puts a [[rule]] at the end of config.toml; raises ConfigError where it cannot hold there."""

    async def remove_rule(self, text: str) -> str:
        """Takes away what `add_rule` wrote; raises ConfigError where it was changed since."""

    async def set_cron(self, expr: str) -> str:
        """Changes the schedule; raises ValueError with the reason for an expression that is none."""

    async def rewind(self, source: str, bucket: str, position: int | None) -> str:
        """Moves a checkpoint back (None: to the beginning); the next pass sends from there."""

    async def retry_aside(self, ids: Sequence[str]) -> str:
        """Has what is set aside under these ids (`r3`, `s17`) tried again by a pass that begins at once."""

    async def drop_aside(self, ids: Sequence[str]) -> str:
        """Gives up what is set aside under these ids."""

    async def take_over(self) -> str:
        """Runs the engine in this process, once the observed service is gone; raises LockHeldError."""

    async def close(self) -> None:
        """Stops the engine within a second, or ends the observation."""
