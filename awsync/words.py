"""Moments, spans and numbers as a person reads them, the same in every front end.

May import: the standard library only.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def clock(microseconds: int) -> str:
    """A moment as `2026-11-20 10:05` in UTC, with seconds where it has them."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def both_clocks(microseconds: int) -> str:
    """A moment for who typed local time and is shown UTC: `2026-11-20 11:00 UTC+01:00, which is ... UTC`."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC).astimezone()
    here = f"{moment:%Y-%m-%d %H:%M} {timezone(moment.utcoffset() or timedelta())}"
    there = f"{clock(microseconds)} UTC"
    return there if here == there else f"{here}, which is {there}"


def iso(microseconds: int | None) -> str | None:
    """A moment as ISO 8601 in UTC, for machines."""
    if microseconds is None:
        return None
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def amount(number: int, noun: str) -> str:
    """`1 sample`, `1,234 samples`, `2 buckets`, `3 series`."""
    plural = noun if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def span(seconds: float) -> str:
    """A length of time in its two largest units: `3 h 5 min`, `2 min`, `40 s`, `0 s`."""
    left = round(abs(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def worked(seconds: float) -> str:
    """A length of time as people count work, in hours and not in days: `37 h 12 min`."""
    hours, rest = divmod(round(seconds) // 60, 60)
    return f"{hours:,} h {rest} min" if hours >= 24 else span(seconds)


def roughly(seconds: float) -> str:
    """A length of time in the largest unit of which there are two: `13 d`, `47 h`, `119 min`, `1 s`."""
    whole = int(abs(seconds))
    return next(f"{whole // size} {unit}" for unit, size in _UNITS if whole >= 2 * size or size == 1)


def size(number: float) -> str:
    """Bytes in the largest unit of which there is one: `800 B`, `12 kB`, `3.4 MB`, `1.2 GB`."""
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if number >= 9.95 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"


def printable(text: str) -> str:
    """The text without what a terminal would obey: ids and titles come from anybody. Lines stay lines."""
    return _OBEYED.sub("\ufffd", text)
