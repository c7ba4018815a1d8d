"""The kinds of value that are a length of time, and how one is written.

May import: the standard library and config.values.
"""

import re
from datetime import timedelta
from pathlib import Path

from awsync.config.values import Kind, text_of

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 365 * 86400}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdwy])", re.ASCII)
_LONGEST = timedelta(days=365 * 100)
_DAY_MS = 86_400_000


def parse_duration(written: str) -> timedelta:
    """Read "30s", "5m", "1h30m", "24h", "30d", "2w" or "1y" (365 days). Raises ValueError."""
    if not _DURATION.fullmatch(written):
        raise ValueError(
            f'"{written}" is not a duration: write a number and its unit, such as 30s, 5m, 24h, 30d'
        )
    parts = _DURATION_PART.findall(written)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f'"{written}" is longer than a hundred years')
    return timedelta(seconds=seconds)


def show_duration(value: timedelta) -> str:
    """Write a duration the way it is read: "5m", "1h30m", "24h", "30d", "0s"."""
    rest = round(value.total_seconds() * 1000)
    if rest > _DAY_MS and rest % _DAY_MS == 0:
        return f"{rest // _DAY_MS}d"
    words = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def duration(example: str, *, positive: bool = False) -> Kind[timedelta]:
    """Return the kind of a length of time; `positive` refuses zero."""

    def read(value: object, _: Path) -> timedelta:
        length = parse_duration(text_of(value, example))
        if positive and not length:
            raise ValueError(f'must be longer than nothing, such as "{example}"')
        return length

    return Kind("DURATION", read, show_duration)


def _read_resolution(value: object, _: Path) -> timedelta:
    length = parse_duration(text_of(value, "5m"))
    seconds = length.total_seconds()
    if seconds < 1 or seconds != int(seconds) or 3600 % int(seconds):
        raise ValueError("must divide an hour evenly, such as 1m, 5m, 10m, 15m, 30m or 1h")
    return length


RESOLUTION: Kind[timedelta] = Kind("DURATION", _read_resolution, show_duration)


def _read_history(value: object, _: Path) -> timedelta | None:
    written = text_of(value, "30d")
    return None if written.lower() == "all" else parse_duration(written)


HISTORY: Kind[timedelta | None] = Kind(
    "DURATION", _read_history, lambda length: "all" if length is None else show_duration(length)
)
