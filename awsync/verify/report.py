"""What verify says: how each bucket stands, what differs and why, what was sent to mend it.

Moments and amounts are integer microseconds. May import: the standard library, msgspec, series, words.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from awsync.series import Labels


class Why(StrEnum):
    """Why the store does not hold what ActivityWatch says, as far as that can be told."""

    PENDING = "pending"
    QUARANTINED = "quarantined"
    SET_ASIDE = "set aside"
    GIVEN_UP = "given up"
    CHANGED = "changed"
    LOST = "lost"
    LACKING = "never sent"
    DOUBLED = "doubled"
    TOO_MUCH = "too much"
    UNKNOWN = "unknown series"
    RELABELLED = "earlier labels"

    @property
    def words(self) -> str:
        """What it means, in a sentence."""
        return _WORDS[self]

    @property
    def fault(self) -> bool:
        """Whether it makes the store untrue; what somebody gave up does not."""
        return self is not Why.GIVEN_UP

    @property
    def doubtful(self) -> bool:
        """Whether a second look may not find it any more."""
        return self.mended_by_repair or self is Why.RELABELLED

    @property
    def mended_by_repair(self) -> bool:
        """Whether only a correction mends it: the rest a pass brings by itself."""
        return self not in {Why.PENDING, Why.QUARANTINED, Why.SET_ASIDE, Why.GIVEN_UP, Why.RELABELLED}


_WORDS = {
    Why.PENDING: "It waits for a pass.",
    Why.QUARANTINED: "The store refused samples of it; awsync quarantine list shows them.",
    Why.SET_ASIDE: "It is older than the store took; awsync quarantine list shows the range.",
    Why.GIVEN_UP: "Somebody decided not to send it.",
    Why.CHANGED: "ActivityWatch's history changed since; the next look back sends the difference.",
    Why.LOST: "It was delivered, and the store does not hold it any more.",
    Why.LACKING: "The store lacks it: never sent, lost there, or changed later than lookback reaches.",
    Why.DOUBLED: "The store holds samples of it more than once.",
    Why.TOO_MUCH: "The store holds more: history changed later than lookback reaches, or others sent it.",
    Why.RELABELLED: "It was sent with the labels of then, and its sum differs; awsync resync mends it.",
    Why.UNKNOWN: "ActivityWatch has no such series in this time: deleted there, or sent with other labels.",
}


COMMON = frozenset({"__name__", "user", "host", "bucket"})


class Difference(Struct, frozen=True):
    """A period of a series in which ActivityWatch and the store say different things."""

    source: str
    bucket: str
    labels: Labels
    start: int
    end: int
    expected: int
    held: int
    why: Why

    @property
    def difference(self) -> int:
        """What the store has too much; negative for what it lacks."""
        return self.held - self.expected

    @property
    def series(self) -> str:
        """What tells the series from the others of its bucket."""
        told = ", ".join(f"{name}={value}" for name, value in self.labels if name not in COMMON)
        return told or dict(self.labels).get("__name__", "")


class Asked(Struct, frozen=True):
    """The store that is asked; nothing of before `kept_from` is compared, for it keeps that no longer."""

    url: str
    engine: str
    version: str
    kept_from: int | None


class Begun(Struct, frozen=True):
    """A bucket whose time from `start` to `end` is compared now."""

    source: str
    bucket: str
    start: int
    end: int


class Reached(Struct, frozen=True):
    """Everything before `until` is compared."""

    source: str
    bucket: str
    until: int


class Skipped(Struct, frozen=True):
    """A bucket that is not compared, and why."""

    source: str
    bucket: str
    why: str


class Unread(Struct, frozen=True):
    """A source, or one bucket of it, that could not be compared."""

    source: str
    bucket: str | None
    reason: str
    remedy: str


class Mended(Struct, frozen=True):
    """Corrections that were sent for a stretch of a bucket; `refused` are those that the store did not take.

    `hidden` are those that it took, and does not show.
    """

    source: str
    bucket: str
    samples: int
    microseconds: int
    refused: int = 0
    hidden: int = 0
    words: str = ""


class Compared(Struct, frozen=True):
    """A bucket is done: how many periods hold anything, in how many both agree, and the sums."""

    source: str
    bucket: str
    start: int
    end: int
    periods: int
    agree: int
    expected: int
    held: int
    differences: int
    missing: int
    extra: int

    @property
    def ok(self) -> bool:
        """Whether the store says what ActivityWatch says."""
        return self.periods == self.agree


Said = Asked | Begun | Reached | Difference | Skipped | Unread | Mended | Compared


class Report(Struct):
    """All of it; of the differences at most `most` for each reason are kept, the others are counted."""

    most: int | None = None
    asked: Asked | None = None
    compared: list[Compared] = []
    skipped: list[Skipped] = []
    unread: list[Unread] = []
    mended: list[Mended] = []
    differences: list[Difference] = []
    left_out: int = 0

    def apply(self, said: Said) -> None:
        """Takes in what verify says."""
        match said:
            case Asked():
                self.asked = said
            case Compared():
                self.compared.append(said)
            case Skipped():
                self.skipped.append(said)
            case Unread():
                self.unread.append(said)
            case Mended():
                self.mended.append(said)
            case Difference():
                if self._is_full(said.why):
                    self.left_out += 1
                else:
                    self.differences.append(said)

    def _is_full(self, why: Why) -> bool:
        return self.most is not None and sum(each.why is why for each in self.differences) >= self.most

    @property
    def ok(self) -> bool:
        """Whether everything was compared, and agrees."""
        return not self.unread and all(each.ok for each in self.compared)

    def reasons(self) -> Sequence[Why]:
        """The reasons that occur, in the order of their definition."""
        found = {each.why for each in self.differences}
        return [why for why in Why if why in found]
