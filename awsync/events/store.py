"""What is said of the store itself within a pass: whether it answers, and what it refuses as a whole.

May import: msgspec.
"""

from msgspec import Struct


class StoreReached(Struct, frozen=True, kw_only=True):
    """The store answered the first request of a pass; `relay` is what takes the samples for it, if anything.

    `forgetful` says that this hands on no sample that is older than its own start.
    """

    sink: str
    engine: str
    version: str
    protocol: str
    accepts_from: int | None
    relay: str = ""
    forgetful: bool = False


class StoreParked(Struct, frozen=True, kw_only=True):
    """The store refuses everything until somebody changes something; nothing is lost or advanced."""

    sink: str
    reason: str
    remedy: str


class RetryScheduled(Struct, frozen=True, kw_only=True):
    """A request failed in a way that may pass by itself."""

    sink: str
    reason: str
    attempt: int
    delay: float


class OwnSeriesRefused(Struct, frozen=True, kw_only=True):
    """The store did not take what awsync says of itself; no activity is concerned, and it is not repeated."""

    sink: str
    reason: str
    remedy: str


StoreEvent = StoreReached | StoreParked | RetryScheduled | OwnSeriesRefused
