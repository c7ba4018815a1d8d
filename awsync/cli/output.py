"""Printing: data to stdout, narration to stderr, tables for people and lines for pipes.

May import: rich (at call time), msgspec, errors, events, words.
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NoReturn

import msgspec
from msgspec.structs import asdict

from awsync.errors import AwsyncError
from awsync.events import Event, Level, describe, level
from awsync.words import iso, printable


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


NO_BUCKET = "ActivityWatch has no bucket yet: no watcher has ever reported."
_RANKS = {Level.DEBUG: 0, Level.INFO: 1, Level.WARNING: 2, Level.ERROR: 3}


def say(text: str = "") -> None:
    """One line of data. Raises as flush() does."""
    try:
        sys.stdout.write(f"{text}\n")
    except OSError as error:
        _give_up(error)


def flush() -> None:
    """Writes out what was said; AwsyncError where that fails, BrokenPipeError where its reader left."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _give_up(error)


def _give_up(error: OSError) -> NoReturn:
    # What is left would fail again at exit, and Python would complain in words of its own.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        raise error
    raise AwsyncError(
        f"Standard output cannot be written: {error.strerror or error}.",
        "Make room where it goes, or send it elsewhere.",
    ) from error


def narrate(text: str) -> None:
    """One line for the person who watches, behind what was said before it."""
    flush()
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def complain(error: AwsyncError) -> None:
    """An error as its sentence."""
    narrate(f"awsync: {error}")


def document(value: object) -> None:
    """A JSON document on stdout."""
    say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def on_terminal() -> bool:
    """Whether a person looks at stdout."""
    return sys.stdout.isatty()


def has_terminal() -> bool:
    """Whether a person can use a console here: Textual reads stdin and draws on stderr.

    A server that shows it in a browser (textual-serve) names a driver of its own.
    """
    served = bool(os.environ.get("TEXTUAL_DRIVER"))
    return served or all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


class LogLines:
    """Writes each event that matters as one line on stderr."""

    def __init__(self, form: LogFormat, least: Level) -> None:
        self._form = form
        self._least = _RANKS[least]

    def apply(self, event: Event) -> None:
        """Writes the event, if it matters enough."""
        weight = level(event)
        if _RANKS[weight] >= self._least:
            self._line(weight, describe(event), {"event": type(event).__name__, **asdict(event)})

    def say(self, text: str) -> None:
        """Writes a sentence that is no event in the form of the log."""
        self._line(Level.INFO, text, {})

    def _line(self, weight: Level, message: str, more: Mapping[str, object]) -> None:
        if self._form is LogFormat.JSON:
            line = {"time": _now(), "level": weight, "message": message, **more}
            narrate(msgspec.json.encode(line).decode())
        else:
            narrate(f"{_now()} {weight.upper():7} {message}")


def _now() -> str | None:
    return iso(time.time_ns() // 1_000_000 * 1000)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[str] = (),
    title: str = "",
    idle: Iterable[str] = (),
) -> None:
    """A table: ruled on a terminal, aligned plain columns otherwise; never read as markup.

    `idle` are columns that tell nothing in these rows: a terminal is spared them, a pipe keeps its columns.
    """
    filled = [[printable(cell) for cell in row] for row in rows]
    if on_terminal():
        kept = [number for number, name in enumerate(columns) if name not in set(idle)]
        told = [[row[number] for number in kept] for row in filled]
        _rich_table([columns[number] for number in kept], told, set(numbers), title)
        return
    widths = [max(len(cells[i]) for cells in [list(columns), *filled]) for i in range(len(columns))]
    for cells in [list(columns), *filled]:
        padded = [
            cell.rjust(width) if name in set(numbers) else cell.ljust(width)
            for name, cell, width in zip(columns, cells, widths, strict=True)
        ]
        say("  ".join(padded).rstrip())


def one_source(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first column, that of the source, as idle where there is but one."""
    return () if len({row[0] for row in rows}) > 1 else ("source",)


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[str], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    ruled = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        ruled.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        ruled.add_row(*map(Text, row))
    Console().print(ruled)
