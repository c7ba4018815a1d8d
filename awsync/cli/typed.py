"""Lengths of time and moments as somebody types them for a command.

May import: typer, timeline; at call time config.
"""

from datetime import UTC, datetime, timedelta

import typer

from awsync.timeline import HOUR, floor_to

MOMENT = "a date or moment (2026-11-20, 2026-11-20T10:00), local time"


def length_of(text: str, option: str) -> timedelta:
    """A length of time; raises BadParameter for what is none, and for nothing."""
    from awsync.config.durations import parse_duration

    try:
        length = parse_duration(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint=option) from None
    if not length:
        raise typer.BadParameter("It must be longer than nothing.", param_hint=option)
    return length


def hour_of(text: str, option: str) -> int:
    """The full hour that holds a moment: a border of slots, whatever their length. Raises BadParameter."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f'"{text}" is not {MOMENT}.', param_hint=option) from None
    return floor_to(int(moment.timestamp()) * 1_000_000, HOUR)
