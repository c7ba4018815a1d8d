"""What the state keeps, as data. Moments are microseconds since the epoch.

May import: the standard library, msgspec, events, ledger, timeline.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from awsync.events import Totals, Work
from awsync.ledger import Entry, Range
from awsync.timeline import Carry


class Checkpoint(Struct, frozen=True):
    """How far a bucket has come: everything from `began` to `position` is delivered or set aside.

    What was delivered for slots that end before `ledger_from` may be forgotten. `reached` is the furthest
    that the position ever was: before it the store may hold samples that nobody here remembers. So it may
    from `unconfirmed_from` to `unconfirmed_to`: something went out for that time, and nobody knows how that
    ended. What was sent for slots that end by `relabelled` may have labels as they were made earlier.
    """

    source: str
    bucket: str
    began: int | None = None
    position: int | None = None
    newest: int | None = None
    carry: Carry | None = None
    events: int = 0
    samples: int = 0
    looked_back: int | None = None
    ledger_from: int | None = None
    updated: int = 0
    reached: int | None = None
    unconfirmed_from: int | None = None
    unconfirmed_to: int | None = None
    relabelled: int | None = None

    def is_unconfirmed(self, start: int, end: int) -> bool:
        """Whether something went out for [start, end) of which it is not known how that ended."""
        if self.unconfirmed_from is None or self.unconfirmed_to is None:
            return False
        return start < self.unconfirmed_to and end > self.unconfirmed_from


class Neighbour(Struct, frozen=True):
    """What a source told of itself when it last answered.

    `hosts` are those of its own buckets, `copies` the ids of buckets that aw-sync copied to it from
    elsewhere; `since` is when it was first known.
    """

    source: str
    url: str
    hostname: str = ""
    device: str = ""
    hosts: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    since: int = 0


class Aside(NamedTuple):
    """How many ranges and samples are set aside."""

    ranges: int
    samples: int


class Settled(Struct, frozen=True):
    """What one page leaves behind once the store has confirmed it.

    `asides` and `refused` are what it did not take now; `withheld` are samples in quarantine that are still
    due, and were not sent. `found` are entries that the store was asked for, and holds.
    """

    source: str
    bucket: str
    work: Work
    start: int
    end: int
    newest: int
    carry: Carry
    entries: Sequence[Entry] = ()
    found: Sequence[Entry] = ()
    asides: Sequence[Range] = ()
    refused: Sequence[tuple[Entry, str]] = ()
    withheld: Collection[Entry] = ()
    samples: int = 0
    last: bool = False


class PassRecord(Struct, frozen=True):
    """One pass of the past; `finished` is None for one that runs, or was killed."""

    started: int
    finished: int | None
    elapsed: float | None
    complete: bool | None
    totals: Totals = field(default_factory=Totals)
