"""Passes: what each one did, with a bar of its samples; the running one stands at the top.

May import: textual, and of awsync control (its types), words, tui what it shows.
"""

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.columns import moment
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.rows import Surroundings
from awsync.tui.schedule import SchedulePanel, in_force
from awsync.tui.state import Board
from awsync.tui.text import bar, short
from awsync.tui.watchers import as_csv

_BAR = 16
_COLUMNS = (
    Column("started", "started", 11, 14),
    Column("result", "result", 12, 12),
    Column("took", "took", 9, 9, right=True),
    Column("events", "events", 7, 8, rank=2, right=True),
    Column("samples", "samples", 7, 8, right=True),
    Column("bar", "", _BAR, _BAR, rank=3),
    Column("series", "series", 6, 7, rank=5, right=True),
    Column("requests", "requests", 8, 8, rank=6, right=True),
    Column("corrections", "corrections", 11, 11, rank=7, right=True),
    Column("aside", "set aside", 9, 9, rank=4, right=True),
    Column("faults", "faults", 16, 120, rank=1),
)

if TYPE_CHECKING:
    from awsync.records import PassRecord


class PassesPage(Page):
    """The history of passes."""

    NAME = "passes"

    def __init__(self) -> None:
        super().__init__()
        self.panel = SchedulePanel(title="Now", id="now")
        self.grid = Grid(_COLUMNS, id="passes", title="Passes", empty="No pass has run yet.")

    def body(self) -> ComposeResult:
        """The running pass above those that ended."""
        yield self.panel
        yield self.grid

    def on_mount(self) -> None:
        """The history has the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """A row for each pass."""
        self.panel.update(board, in_force(self.console.agent), around.now)
        most = max((record.totals.samples for record in board.passes), default=0)
        self.grid.show([_record(record, board, most, around.now) for record in board.passes])
        self.grid.set_titles(f"Passes {len(board.passes)}")

    def copied(self) -> str:
        """The pass under the cursor."""
        record = self.grid.cursor_record
        return "" if record is None else record.line

    def exported(self) -> tuple[str, str]:
        """All passes with all columns."""
        return "csv", as_csv(
            [column.title or "bar" for column in _COLUMNS], [r.cells for r in self.grid.records]
        )


def _record(record: "PassRecord", board: Board, most: int, now: int) -> Record:
    totals = record.totals
    cells = (
        Cell(moment(record.started, now)),
        _result(record, board),
        Cell("" if record.elapsed is None else f"{record.elapsed:.1f} s"),
        Cell(short(totals.events) if totals.events else ""),
        Cell(short(totals.samples) if totals.samples else ""),
        Cell(bar(totals.samples / most, _BAR) if most else "", Tone.ACCENT),
        Cell(short(totals.series) if totals.series else ""),
        Cell(short(totals.requests) if totals.requests else ""),
        Cell(short(totals.corrections) if totals.corrections else ""),
        Cell(short(totals.set_aside) if totals.set_aside else "", Tone.WARN),
        Cell("; ".join(totals.faults), Tone.BAD),
    )
    return Record(record.started, cells)


def _result(record: "PassRecord", board: Board) -> Cell:
    if record.finished is None:
        runs = board.running is not None and board.running.started == record.started
        return Cell("» running", Tone.BUSY) if runs else Cell("? cut off", Tone.WARN)
    if record.complete:
        return Cell("✓ complete", Tone.GOOD)
    return Cell("! incomplete", Tone.WARN)
