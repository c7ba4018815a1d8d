"""One watcher of the table: what is known of its bucket, and its state in words.

May import: the standard library, msgspec, control, words, cells, text.
"""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from awsync.control import Activity
from awsync.tui.cells import Tone
from awsync.tui.text import behind
from awsync.words import amount, roughly

Key = tuple[str, str]
"""A source and the id of one of its buckets."""

STALE_AFTER = 24 * 3_600_000_000
"""A watcher that was silent for a day (in microseconds) is worth a look."""
CATCHING_UP_FROM = 20
"""From so many due slots on a percentage says more than a word."""


NOTHING_ASIDE = (0, 0)


class Health(StrEnum):
    """The states of a watcher; the worse come first."""

    FAILED = "failed"
    WAITING = "waiting"
    SET_ASIDE = "set aside"
    STALE = "stale"
    CATCHING_UP = "catching up"
    IN_SYNC = "in sync"
    NEW = "new"
    BELOW = "below min-data"
    EXCLUDED = "excluded"


GLYPHS = {
    Health.FAILED: "✗",
    Health.WAITING: "◌",
    Health.SET_ASIDE: "!",
    Health.STALE: "?",
    Health.CATCHING_UP: "»",
    Health.IN_SYNC: "✓",
    Health.NEW: "+",
    Health.BELOW: "-",
    Health.EXCLUDED: "○",
}
TONES = {
    Health.FAILED: Tone.BAD,
    Health.WAITING: Tone.WARN,
    Health.SET_ASIDE: Tone.WARN,
    Health.STALE: Tone.WARN,
    Health.CATCHING_UP: Tone.BUSY,
    Health.IN_SYNC: Tone.GOOD,
    Health.NEW: Tone.BUSY,
    Health.BELOW: Tone.DIM,
    Health.EXCLUDED: Tone.DIM,
}
FAULTS = frozenset({Health.FAILED, Health.WAITING, Health.SET_ASIDE, Health.STALE})
_ORDER = {health: place for place, health in enumerate(Health)}


def aside_words(ranges: int, samples: int) -> str:
    """How much is set aside: `1 range, 12 samples`."""
    parts = (amount(ranges, "range") if ranges else "", amount(samples, "sample") if samples else "")
    return ", ".join(filter(None, parts))


class Condition(NamedTuple):
    """A state with what there is to say about it."""

    health: Health
    about: str = ""

    @property
    def words(self) -> str:
        """The state as it stands in the table."""
        head = f"{GLYPHS[self.health]} {self.health}"
        return f"{head}: {self.about}" if self.about else head

    @property
    def order(self) -> int:
        """Where it stands when the table is sorted by state."""
        return _ORDER[self.health]


class Surroundings(Struct, frozen=True):
    """What a row's state depends on beside the row; moments and lengths in microseconds.

    `blocked` says what every row of a source, or of all, waits for, by source.
    """

    now: int
    resolution: int
    grace: int
    running: bool
    paused: bool
    blocked: dict[str, str]


class Row(Struct):
    """What is known of one bucket; moments are microseconds since the epoch."""

    source: str
    bucket: str
    watcher: str = ""
    host: str = ""
    type: str = ""
    events: int | None = None
    newest: int | None = None
    excluded: bool = False
    why_not: str | None = None
    activity: Activity | None = None
    position: int | None = None
    delivered: int = 0
    series: int = 0
    aside: tuple[int, int] = NOTHING_ASIDE
    fault: str = ""
    due_from: int = 0
    due_to: int = 0
    moving_since: int | None = None
    moved_at: int = 0

    @property
    def key(self) -> Key:
        """What names the row, whatever its place."""
        return self.source, self.bucket

    @property
    def name(self) -> str:
        """The watcher as the table names it: its bucket's id without the host, so that two stay two."""
        short = self.bucket.removesuffix(f"_{self.host}") if self.host else self.bucket
        if not self.watcher or short.startswith(self.watcher):
            return short
        return f"{short} ({self.watcher})"

    @property
    def lag(self) -> int | None:
        """How far the checkpoint is behind the newest event; None where nothing is synced."""
        if self.excluded or self.why_not is not None or self.newest is None or self.position is None:
            return None
        return max(0, self.newest - self.position)

    @property
    def share(self) -> float:
        """How much of what is due in the running pass is behind the checkpoint, from 0 to 1."""
        due = self.due_to - self.due_from
        if due <= 0:
            return 1.0
        if self.position is None:
            return 0.0
        return max(0.0, min(1.0, (self.position - self.due_from) / due))

    @property
    def seconds_left(self) -> float | None:
        """How long the rest of what is due takes at the pace so far; None while no pace is known."""
        if self.moving_since is None or self.moved_at <= self.moving_since or not 0 < self.share < 1:
            return None
        return (self.moved_at - self.moving_since) / 1e6 * (1 - self.share) / self.share

    def condition(self, around: Surroundings) -> Condition:
        """The state of the row, with its reason or its progress."""
        if self.excluded:
            return Condition(Health.EXCLUDED)
        if self.why_not is not None:
            return self._left_out()
        if self.fault:
            return Condition(Health.FAILED, self.fault)
        if (reason := around.blocked.get(self.source)) is not None:
            return Condition(Health.WAITING, reason)
        return self._progress(around)

    def _left_out(self) -> Condition:
        why = self.why_not or ""
        if "min-data" in why:
            return Condition(Health.BELOW, "" if self.events is None else amount(self.events, "event"))
        return Condition(Health.EXCLUDED, why)

    def _progress(self, around: Surroundings) -> Condition:
        lag = self.lag
        if around.running and self.share < 1 and self._due_slots(around) >= CATCHING_UP_FROM:
            left = self.seconds_left
            rest = "" if left is None else f", {roughly(max(left, 1))} left"
            return Condition(Health.CATCHING_UP, f"{self.share:.0%}{rest}")
        if lag is None:
            return Condition(Health.NEW, "paused" if around.paused else "first pass to come")
        if around.paused and lag > around.grace:
            return Condition(Health.WAITING, f"paused, {behind(lag)}")
        if any(self.aside):
            return Condition(Health.SET_ASIDE, aside_words(*self.aside))
        if lag > around.grace:
            return Condition(Health.WAITING, behind(lag))
        if self.newest is not None and around.now - self.newest > STALE_AFTER:
            return Condition(Health.STALE, f"silent for {roughly((around.now - self.newest) / 1e6)}")
        return Condition(Health.IN_SYNC)

    def _due_slots(self, around: Surroundings) -> int:
        return (self.due_to - self.due_from) // around.resolution
