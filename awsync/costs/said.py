"""What a plan says while ActivityWatch is read. Moments are microseconds since the epoch.

May import: msgspec, costs.weighing.
"""

from msgspec import Struct

from awsync.costs.weighing import Weight


class Reading(Struct, frozen=True):
    """How much of a bucket was read, from 0 to 1."""

    source: str
    bucket: str
    share: float


class Weighed(Struct, frozen=True):
    """A bucket, read from `start` to `end`: what it amounts to, and the keys that its events have.

    `folded` are the label sets that a day had beyond the series budget.
    """

    source: str
    bucket: str
    watcher: str
    start: int
    end: int
    events: int
    weight: Weight
    keys: frozenset[str]
    folded: int = 0


class Skipped(Struct, frozen=True):
    """A bucket that is not synced, and why."""

    source: str
    bucket: str
    why: str


class Unread(Struct, frozen=True):
    """A source, or one bucket of it, that could not be read."""

    where: str
    reason: str
    remedy: str


Said = Reading | Weighed | Skipped | Unread
