"""From when on a command looks: what its `--since` means.

May import: the standard library, config.durations, errors, timeline.
"""

import time
from datetime import UTC, date, datetime, timedelta

from awsync.config.durations import parse_duration
from awsync.errors import UsageError
from awsync.timeline import MICROSECONDS

_MICROSECOND = timedelta(microseconds=1)


def day_begin(day: date, begins: str = "") -> int:
    """When a day begins here: at midnight, or at what ActivityWatch has as `startOfDay` (04:00)."""
    hours, _, minutes = begins.partition(":")
    clock = (int(hours), int(minutes)) if hours.isdigit() and minutes.isdigit() else (0, 0)
    # The zone's rules decide, also on a day of 23 or 25 hours.
    return int(time.mktime((day.year, day.month, day.day, *clock, 0, 0, 0, -1))) * MICROSECONDS


def beginning(since: str | None, now: int, begins: str = "") -> int:
    """The moment that `since` means: a date, a length of time before now, or None for today.

    Raises UsageError.
    """
    if since is None:
        here = datetime.fromtimestamp(now // MICROSECONDS, UTC).astimezone().date()
        today = day_begin(here, begins)
        return today if today <= now else day_begin(date.fromordinal(here.toordinal() - 1), begins)
    try:
        return _past(since.strip(), now, begins)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since: {error}.", "Write a date (2026-11-20) or a length of time (30d, 12h)."
        ) from error


def _past(since: str, now: int, begins: str) -> int:
    try:
        moment = day_begin(date.fromisoformat(since), begins)
    except ValueError:
        moment = now - parse_duration(since) // _MICROSECOND
    if not 0 <= moment < now:
        raise ValueError(f'"{since}" does not lie in the past')
    return moment
