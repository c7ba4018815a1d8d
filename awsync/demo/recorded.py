"""What ActivityWatch's watchers record: buckets, events, heartbeats; their times in microseconds.

May import: the standard library and msgspec.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct

SECOND = 1_000_000
MINUTE = 60 * SECOND
MILLISECOND = 1_000

Day = Mapping[str, tuple["Event", ...]]
"""Events of one day by bucket id, oldest first."""


class Event(Struct, frozen=True):
    """One event of a bucket; times in microseconds (since the epoch, UTC), the start a whole millisecond."""

    timestamp_us: int
    duration_us: int
    data: Mapping[str, Any]

    @property
    def end_us(self) -> int:
        """Where it ends, in microseconds since the epoch."""
        return self.timestamp_us + self.duration_us

    def to_json(self) -> dict[str, Any]:
        """ActivityWatch's own shape: an ISO 8601 timestamp and seconds."""
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.timestamp_us)
        return {
            "timestamp": start.isoformat(timespec="milliseconds"),
            "duration": self.duration_us / SECOND,
            "data": dict(self.data),
        }


class Bucket(Struct, frozen=True):
    """What aw-server is told when a bucket is created."""

    id: str
    client: str
    type: str
    hostname: str


class Heartbeat(NamedTuple):
    """One heartbeat of a watcher; to be sent with a pulsetime of 0, for it continues where the last ended."""

    bucket: Bucket
    event: Event


def us_of(moment: datetime) -> int:
    """A moment in microseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def whole_ms(microseconds: float) -> int:
    """A length of time in whole milliseconds, as microseconds."""
    return int(microseconds) // MILLISECOND * MILLISECOND


def floor_ms(microseconds: int) -> int:
    """The whole millisecond at or before a moment, in microseconds."""
    return microseconds // MILLISECOND * MILLISECOND


def ceil_ms(microseconds: int) -> int:
    """The whole millisecond at or after a moment, in microseconds."""
    return math.ceil(microseconds / MILLISECOND) * MILLISECOND
