"""What an ActivityWatch server answers, typed: itself, its buckets, their events.

May import: the standard library, msgspec, errors, timeline, activitywatch.moments.
"""

import re
from datetime import datetime

import msgspec

from awsync.activitywatch.moments import EPOCH, MICROSECOND, to_microseconds
from awsync.errors import SourceError
from awsync.timeline import Event

_MICROSECOND_TEXT = len("2026-11-20T10:04:00.123456+00:00")
_FINER = re.compile(r"\.\d{6}(\d{1,3})")


class Info(msgspec.Struct, frozen=True):
    """What a server says of itself."""

    hostname: str
    version: str
    device_id: str = ""


class _Metadata(msgspec.Struct, frozen=True):
    start: datetime | None = None
    end: datetime | None = None


class Bucket(msgspec.Struct, frozen=True):
    """A bucket as the server lists it."""

    id: str
    type: str
    client: str
    hostname: str
    created: datetime | None = None
    last_updated: datetime | None = None
    metadata: _Metadata = _Metadata()

    @property
    def newest(self) -> int | None:
        """End of the newest event in microseconds; None for an empty bucket.

        aw-server-rust always sends `last_updated` as null and keeps the truth in `metadata`.
        """
        end = self.metadata.end or self.last_updated
        return None if end is None else to_microseconds(end)

    @property
    def oldest(self) -> int | None:
        """Start of the oldest event in microseconds, where the server tells it (aw-server-rust)."""
        return None if self.metadata.start is None else to_microseconds(self.metadata.start)


class Listing(msgspec.Struct, frozen=True):
    """The buckets of a server, and the errors of those whose entry cannot be read, by id.

    `others` are there too, but nobody asks for them.
    """

    buckets: list[Bucket]
    unreadable: dict[str, SourceError]
    others: list[Bucket] = msgspec.field(default_factory=list)


class WireEvent(msgspec.Struct):
    """An event as the server sends it."""

    id: int
    timestamp: str
    duration: float
    data: msgspec.Raw

    def event(self) -> Event:
        """Cut to microseconds at the very end, so that a clipped copy ends where the whole event does."""
        if len(self.timestamp) <= _MICROSECOND_TEXT and self.timestamp.endswith("+00:00"):
            start = (datetime.fromisoformat(self.timestamp) - EPOCH) // MICROSECOND
            return Event(self.id, start, start + round(self.duration * 1e9) // 1_000, bytes(self.data))
        nanoseconds = _nanoseconds(self.timestamp)
        end = nanoseconds + round(self.duration * 1e9)
        return Event(self.id, nanoseconds // 1_000, end // 1_000, bytes(self.data))


def _nanoseconds(timestamp: str) -> int:
    """A timestamp as nanoseconds since the epoch; aw-server-rust sends nine digits of a second."""
    whole = to_microseconds(datetime.fromisoformat(timestamp)) * 1_000
    finer = _FINER.search(timestamp)
    return whole if finer is None else whole + int(finer[1].ljust(3, "0"))
