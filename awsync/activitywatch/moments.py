"""ActivityWatch's times, and ours: a date with its zone, and microseconds since the epoch.

May import: the standard library.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch; a moment without a zone is UTC, as aw-server takes it."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """The moment in UTC that lies so many microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)
