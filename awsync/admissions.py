"""What a series budget decides, as data: which label sets a bucket may have, and from which day on.

A day is one of UTC, as a number since the epoch.

May import: the standard library, msgspec, series, timeline.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from awsync.series import Labels
from awsync.timeline import DAY


class Admitted(NamedTuple):
    """A label set that may leave as it is from `day` on; `number` counts what the bucket ever admitted."""

    fingerprint: int
    day: int
    number: int


class Day(Struct, frozen=True):
    """How many label sets a day admitted.

    `closed` has for each way of folding, beginning with none, the last number that counts for the day once
    it refused a label set, and None before that.
    """

    day: int
    admitted: int = 0
    closed: tuple[int | None, int | None, int | None] = (None, None, None)


class Decisions(Struct, frozen=True):
    """What was decided, and is not written down yet."""

    admitted: Sequence[Admitted] = ()
    days: Sequence[Day] = ()

    def __bool__(self) -> bool:
        return bool(self.admitted or self.days)


class Book(Protocol):
    """The decisions about one bucket that are written down."""

    def admitted(self, fingerprints: Collection[int]) -> Iterable[Admitted]:
        """All that is known of these label sets."""

    def days(self, days: Collection[int]) -> Iterable[Day]:
        """Those of the days that admitted anything."""

    def last(self) -> int:
        """The highest number of all that was admitted; 0 for none."""


class Unwritten:
    """The book of a bucket of which nothing is known."""

    def admitted(self, fingerprints: Collection[int]) -> Iterable[Admitted]:
        """Nothing."""
        return ()

    def days(self, days: Collection[int]) -> Iterable[Day]:
        """None."""
        return ()

    def last(self) -> int:
        """None."""
        return 0


def fingerprint(labels: Labels) -> int:
    """64 bits that stand for a label set."""
    digest = hashlib.blake2b(msgspec.json.encode(labels), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def day_of(slot_end: int) -> int:
    """The day in which a slot lies."""
    return (slot_end - 1) // DAY
