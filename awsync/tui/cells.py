"""Tables before they are drawn: cells with a tone, columns with a rank, and what fits a width.

May import: the standard library, msgspec.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

GAP = 1
"""Cells between two columns."""


class Tone(StrEnum):
    """What a text means; the theme says how it looks, and no meaning lives in the tone alone."""

    PLAIN = "plain"
    DIM = "dim"
    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    ACCENT = "accent"
    STRONG = "strong"
    HEADING = "heading"
    KEY = "key"
    OFF = "off"
    CHOSEN = "chosen"
    CURSOR = "cursor"
    TROUBLE = "trouble"


class Cell(NamedTuple):
    """One text of a table; `text` may hold anything, it is made safe when it is drawn."""

    text: str
    tone: Tone = Tone.PLAIN


class Column(Struct, frozen=True):
    """A column that takes at least `narrow` and at most `wide` cells; the highest `rank` is dropped first."""

    key: str
    title: str
    narrow: int
    wide: int
    rank: int = 0
    right: bool = False


class Placed(NamedTuple):
    """A column that is shown: its place among all columns, and its width."""

    at: int
    column: Column
    width: int


def place(
    columns: Sequence[Column],
    cells: int,
    hidden: Iterable[str] = (),
    needs: Mapping[str, int] | None = None,
) -> tuple[Placed, ...]:
    """The columns that fit into so many cells, widened as far as they need it and there is room.

    Once only columns without a rank are left, the last of them makes do with what there is. Where two are of
    one rank, the one to the right is widened first.

    `needs` is how wide the longest text of a column is, by its key; without it each takes what it may.
    """
    away = set(hidden)
    kept = [(index, column) for index, column in enumerate(columns) if column.key not in away]
    while len(kept) > 1 and _needed(column for _, column in kept) - _spare(kept[-1][1], kept) > cells:
        kept.remove(max(kept, key=lambda pair: (pair[1].rank, pair[0])))
    room = cells - _needed(column for _, column in kept)
    widths = {column.key: column.narrow for _, column in kept}
    if room < 0 and len(kept) > 1:
        widths[kept[-1][1].key] += room
    for _, column in sorted(kept, key=lambda pair: (pair[1].rank, -pair[0])):
        wanted = column.wide if needs is None else min(column.wide, needs.get(column.key, 0))
        more = max(0, min(room, wanted - column.narrow))
        widths[column.key] += more
        room -= more
    return tuple(Placed(index, column, widths[column.key]) for index, column in kept)


def _spare(last: Column, kept: Sequence[tuple[int, Column]]) -> int:
    """How many cells the last column can do without: none while another one could fall away."""
    return 0 if any(column.rank for _, column in kept) else last.narrow - 1


def _needed(columns: Iterable[Column]) -> int:
    widths = [column.narrow for column in columns]
    return sum(widths) + GAP * max(len(widths) - 1, 0)
