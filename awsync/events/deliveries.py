"""What is said of samples within a pass: delivered, corrected, folded or set aside.

May import: msgspec.
"""

from msgspec import Struct


class BatchDelivered(Struct, frozen=True, kw_only=True):
    """The store confirmed a request."""

    source: str
    samples: int
    series: int
    bytes: int
    elapsed: float
    protocol: str


class CheckpointMoved(Struct, frozen=True, kw_only=True):
    """Everything before `position` is delivered, or set aside."""

    source: str
    bucket: str
    position: int
    samples: int


class CorrectionSent(Struct, frozen=True, kw_only=True):
    """ActivityWatch's history changed after it was sent; the difference was delivered."""

    source: str
    bucket: str
    samples: int
    microseconds: int


class SeriesFolded(Struct, frozen=True, kw_only=True):
    """A bucket had more new label sets than `budget` allows in a day; `sets` of them were folded.

    `since` and `until` are when the first and the last of the days began, in microseconds.
    """

    source: str
    bucket: str
    since: int
    until: int
    sets: int
    budget: int


class RepairSent(Struct, frozen=True, kw_only=True):
    """The store was found to hold something else than ActivityWatch; corrections were delivered.

    `refused` are those that it did not take.
    """

    source: str
    bucket: str
    samples: int
    microseconds: int
    refused: int = 0


class SamplesSetAside(Struct, frozen=True, kw_only=True):
    """Samples that the store does not take now; they are kept, and tried when the store may take them."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int
    reason: str
    remedy: str


class SetAsideDelivered(Struct, frozen=True, kw_only=True):
    """Samples that were set aside before have been delivered."""

    source: str
    bucket: str
    start: int
    end: int
    samples: int


DeliveryEvent = (
    BatchDelivered
    | CheckpointMoved
    | CorrectionSent
    | SeriesFolded
    | RepairSent
    | SamplesSetAside
    | SetAsideDelivered
)
