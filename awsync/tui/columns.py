"""The columns of the watchers table: what each shows, and how it sorts.

May import: the standard library, msgspec, words, cells, rows, text.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.rows import TONES, Condition, Row, Surroundings
from awsync.tui.text import ago, behind, short, sparkline
from awsync.words import span

_HOUR_SECONDS = 3600.0
_SortKey = tuple[int, float, str]


class Seen(Struct, frozen=True):
    """A row at a moment, with its state worked out once."""

    row: Row
    condition: Condition
    around: Surroundings
    marked: bool = False


class Field(Struct, frozen=True):
    """A column with its cell, and its place in the order: what has no value comes last."""

    column: Column
    cell: Callable[[Seen], Cell]
    order: Callable[[Seen], float | str | None]

    def sort_key(self, seen: Seen) -> _SortKey:
        """Something that sorts rows by this column."""
        value = self.order(seen)
        if value is None:
            return (1, 0.0, "")
        return (0, 0.0, value.casefold()) if isinstance(value, str) else (0, value, "")


def _on(seen: Seen) -> Cell:
    row = seen.row
    if row.excluded:
        return Cell("○ off", Tone.DIM)
    return Cell("- off", Tone.DIM) if row.why_not is not None else Cell("● on", Tone.GOOD)


def cells(seen: Seen) -> tuple[Cell, ...]:
    """The cells of a row; one that is not synced is dim from end to end."""
    row = tuple(field.cell(seen) for field in FIELDS)
    return row if seen.row.why_not is None else tuple(Cell(cell.text, Tone.DIM) for cell in row)


def _name(seen: Seen) -> Cell:
    return Cell(seen.row.name, Tone.STRONG)


def _lag(seen: Seen) -> Cell:
    lag = seen.row.lag
    if lag is None:
        return Cell("")
    return Cell(behind(lag), Tone.WARN if lag > seen.around.grace else Tone.PLAIN)


def _position(seen: Seen) -> Cell:
    position = seen.row.position
    return Cell("") if position is None else Cell(moment(position, seen.around.now))


def _newest(seen: Seen) -> Cell:
    return Cell("" if seen.row.newest is None else ago(seen.around.now - seen.row.newest))


def _today(seen: Seen) -> Cell:
    activity = seen.row.activity
    if activity is None:
        return Cell("")
    seconds = activity.today_seconds
    return Cell(span(seconds // 60 * 60 if seconds >= 60 else seconds) if seconds else "none")


def _today_events(seen: Seen) -> Cell:
    activity = seen.row.activity
    return Cell("" if activity is None else short(activity.today_events))


def _day(seen: Seen) -> Cell:
    activity = seen.row.activity
    return Cell("" if activity is None else sparkline(activity.hours, _HOUR_SECONDS), Tone.ACCENT)


def moment(microseconds: int, now: int, *, exact: bool = False) -> str:
    """A moment in UTC: the time of day for today, else the day as well, and the year of another year.

    Seconds stand there where the moment has some, or where `exact` wants them.
    """
    then = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    today = datetime.fromtimestamp(now // 1_000_000, UTC)
    if then.date() == today.date():
        return then.strftime("%H:%M:%S" if then.second or exact else "%H:%M")
    return then.strftime("%m-%d %H:%M" if then.year == today.year else "%Y-%m-%d")


FIELDS: tuple[Field, ...] = (
    Field(Column("mark", " ", 1, 1), lambda seen: Cell("»" if seen.marked else "", Tone.ACCENT),
          lambda seen: not seen.marked),
    Field(Column("on", "sync", 5, 5), _on, lambda seen: seen.row.excluded),
    Field(Column("watcher", "watcher", 23, 40), _name, lambda seen: seen.row.name),
    Field(Column("source", "source", 6, 14, rank=2), lambda seen: Cell(seen.row.source),
          lambda seen: seen.row.source),
    Field(Column("host", "host", 8, 18, rank=7), lambda seen: Cell(seen.row.host),
          lambda seen: seen.row.host),
    Field(Column("type", "type", 14, 20, rank=12), lambda seen: Cell(seen.row.type),
          lambda seen: seen.row.type),
    Field(Column("events", "events", 6, 7, rank=8, right=True),
          lambda seen: Cell("" if seen.row.events is None else short(seen.row.events)),
          lambda seen: seen.row.events),
    Field(Column("today", "today", 5, 6, rank=9, right=True), _today_events,
          lambda seen: None if seen.row.activity is None else seen.row.activity.today_events),
    Field(Column("time", "time today", 10, 11, rank=3, right=True), _today,
          lambda seen: None if seen.row.activity is None else seen.row.activity.today_seconds),
    Field(Column("delivered", "delivered", 9, 9, rank=6, right=True),
          lambda seen: Cell(short(seen.row.delivered) if seen.row.delivered else "", Tone.PLAIN),
          lambda seen: seen.row.delivered),
    Field(Column("series", "series", 6, 6, rank=11, right=True),
          lambda seen: Cell(short(seen.row.series) if seen.row.series else ""),
          lambda seen: seen.row.series),
    Field(Column("position", "position", 11, 11, rank=10, right=True), _position,
          lambda seen: seen.row.position),
    Field(Column("lag", "lag", 13, 17, rank=1, right=True), _lag, lambda seen: seen.row.lag),
    Field(Column("newest", "newest", 10, 15, rank=5, right=True), _newest, lambda seen: seen.row.newest),
    Field(Column("day", "24 hours", 24, 24, rank=4), _day,
          lambda seen: None if seen.row.activity is None else sum(seen.row.activity.hours)),
    Field(Column("state", "state", 28, 90),
          lambda seen: Cell(seen.condition.words, TONES[seen.condition.health]),
          lambda seen: seen.condition.order),
)  # fmt: skip
COLUMNS = tuple(field.column for field in FIELDS)
SORTABLE = tuple(field for field in FIELDS if field.column.key != "mark")
