"""Moments as somebody types them: from when on a command looks, and where a checkpoint goes back to.

May import: the standard library, config.durations, errors, timeline.
"""

import time
from datetime import UTC, date, datetime, timedelta

from awsync.config.durations import parse_duration
from awsync.errors import UsageError
from awsync.timeline import MICROSECONDS

HOW = "a date (2026-11-20), a moment of local time (2026-11-20T14:00) or a length of time (30d, 12h)"
_MICROSECOND = timedelta(microseconds=1)


def day_begin(day: date, begins: str = "") -> int:
    """When a day begins here: at midnight, or at what ActivityWatch has as `startOfDay` (04:00)."""
    hours, _, minutes = begins.partition(":")
    clock = (int(hours), int(minutes)) if hours.isdigit() and minutes.isdigit() else (0, 0)
    # The zone's rules decide, also on a day of 23 or 25 hours.
    return int(time.mktime((day.year, day.month, day.day, *clock, 0, 0, 0, -1))) * MICROSECONDS


def beginning(since: str | None, now: int, begins: str = "") -> int:
    """The moment of the past that `since` means to `moment_of`; None is today. Raises UsageError."""
    if since is None:
        here = datetime.fromtimestamp(now // MICROSECONDS, UTC).astimezone().date()
        today = day_begin(here, begins)
        return today if today <= now else day_begin(date.fromordinal(here.toordinal() - 1), begins)
    try:
        moment = moment_of(since, now, begins)
        if moment >= now:
            raise ValueError(f'"{since.strip()}" does not lie in the past')
    except ValueError as error:
        raise UsageError(f"--since: {error}.", f"Write {HOW}.") from error
    return moment


def moment_of(text: str, now: int, begins: str = "") -> int:
    """The moment that a text means: a date, a moment, or a length of time before now. Raises ValueError.

    A date begins as `day_begin` says, and what names no zone is local time.
    """
    text = text.strip()
    try:
        moment = _written(text, begins)
    except (OverflowError, OSError) as error:
        raise ValueError(f'"{text}" is no moment that a clock can show') from error
    if moment is None:
        try:
            moment = now - parse_duration(text) // _MICROSECOND
        except ValueError:
            raise ValueError(f'"{text}" is no moment') from None
    if moment < 0:
        raise ValueError(f'"{text}" lies before 1970')
    return moment


def _written(text: str, begins: str) -> int | None:
    """A date or a moment; None for what is neither."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return day_begin(day, begins)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.timestamp()) * MICROSECONDS
