"""Lengths of time and moments as somebody types them for a command.

May import: typer, since, timeline; at call time config, engine.
"""

from datetime import timedelta

import typer

from awsync.since import HOW, moment_of
from awsync.timeline import HOUR, floor_to


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
    from awsync.engine import system_clock

    try:
        return floor_to(moment_of(text, system_clock()), HOUR)
    except ValueError as error:
        raise typer.BadParameter(f"{error}. Write {HOW}.", param_hint=option) from None
