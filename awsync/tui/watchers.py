"""The first page: the table of watchers above the log and the schedule.

May import: textual, and of tui what it shows.
"""

import csv
import io
from collections.abc import Sequence
from functools import partial
from typing import cast

from textual.app import ComposeResult
from textual.containers import Horizontal

from awsync.control import Agent
from awsync.events import Level
from awsync.tui import exclusion, rewinding
from awsync.tui.cells import Cell
from awsync.tui.columns import COLUMNS, SORTABLE, Seen, cells
from awsync.tui.grid import Grid, Record
from awsync.tui.lines import Lines
from awsync.tui.matching import Pattern
from awsync.tui.page import Page
from awsync.tui.pages import WATCHERS
from awsync.tui.rows import FAULTS, Key, Row, Surroundings
from awsync.tui.schedule import SchedulePanel, in_force
from awsync.tui.state import Board
from awsync.tui.text import plain, width

_NOTHING = {"detail", "exclude", "mark", "rewind", "sync_selected"}


class WatchersPage(Page):
    """Every bucket of every source, live."""

    NAME = WATCHERS

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(COLUMNS, id="watchers", title="Watchers", empty="Looking at ActivityWatch ...")
        self.log_lines = Lines(id="log")
        self.log_lines.border_title = "Log"
        self.panel = SchedulePanel(title="Schedule", id="schedule")
        self.pattern = Pattern()
        self.only_faults = False
        self.marked: set[Key] = set()
        self.sorted_by = 0
        self.reverse = False
        self._chosen_sort = False
        self._logged = 0

    def body(self) -> ComposeResult:
        """The table above log and schedule."""
        yield self.grid
        with Horizontal(id="lower"):
            yield self.log_lines
            yield self.panel

    def on_mount(self) -> None:
        """The table has the focus."""
        self.grid.focus()

    @property
    def key(self) -> Key | None:
        """The watcher under the cursor."""
        return cast("Key | None", self.grid.cursor_key)

    @property
    def selected(self) -> list[Key]:
        """The marked watchers, or the one under the cursor."""
        if self.marked:
            return [key for key in self.console.board.rows if key in self.marked]
        return [self.key] if self.key else []

    @property
    def selected_rows(self) -> list[Row]:
        """The rows of the selected watchers."""
        return [self.console.board.rows[key] for key in self.selected if key in self.console.board.rows]

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The rows that pass the filters, in their order; new lines of the log; the schedule."""
        self.marked &= board.rows.keys()
        seen = [
            Seen(row, row.condition(around), around, marked=row.key in self.marked)
            for row in board.rows.values()
        ]
        shown = self._ordered([each for each in seen if self._passes(each)])
        records = [Record(each.row.key, cells(each)) for each in shown]
        hidden = ("source",) if len(board.sources) < 2 else ()
        self.grid.hide_columns(*hidden)
        arrow = (SORTABLE[self.sorted_by].column.key, "▼" if self.reverse else "▲")
        self.grid.show(
            records, arrow=arrow if self._chosen_sort else ("", ""), empty=self._empty(board, seen)
        )
        self._title(shown, len(seen))
        if self.log_lines.size.width:
            self.log_lines.add(board.log.since(self._logged, Level.INFO, Pattern()))
            self._logged = board.log.written
        self.panel.update(board, in_force(self.console.agent), around.now)

    def why_not(self, action: str) -> str | None:
        """Without a row, most keys have nothing to act on."""
        if action in _NOTHING and self.grid.cursor_key is None:
            return "There is no watcher to act on."
        if action in {"exclude", "rewind", "sync_selected"} and not self.console.connected:
            return "awsync is still starting."
        if action == "rewind" and len(self.marked) > 1:
            return "A checkpoint is moved for one watcher at a time: esc drops the marks."
        return None

    def close(self) -> bool:
        """Drops the marks, then the filters."""
        if self.marked:
            self.marked.clear()
        elif self.pattern or self.only_faults:
            self.pattern, self.only_faults = Pattern(), False
        else:
            return False
        self.console.flush(force=True)
        return True

    def copied(self) -> str:
        """The row with its columns."""
        if self.focused is self.log_lines and self.log_lines.cursor_line is not None:
            return str(self.log_lines.cursor_line)
        record = self.grid.cursor_record
        if record is None or self.key is None:
            return ""
        return Record(None, (Cell(self.key[1]), *record.cells[1:])).line

    def exported(self) -> tuple[str, str]:
        """The rows that are shown, with all columns."""
        return "csv", as_csv(
            [column.title for column in COLUMNS[1:]], [r.cells[1:] for r in self.grid.records]
        )

    def action_detail(self) -> None:
        """Opens the watcher under the cursor."""
        from awsync.tui.detail import DetailPage

        if self.key is not None:
            self.console.push_screen(DetailPage(self.key))

    def action_exclude(self) -> None:
        """Leaves the selected watchers out, or takes them in again."""
        exclusion.toggle(self.console, self.selected_rows)

    def action_mark(self) -> None:
        """Marks the watcher, and goes to the next."""
        if self.key is not None:
            self.marked ^= {self.key}
            self.console.flush(force=True)
            self.grid.action_down()

    def action_mark_all(self) -> None:
        """Marks all that are shown, or none."""
        shown = {cast(Key, record.key) for record in self.grid.records}
        self.marked = set() if shown <= self.marked else self.marked | shown
        self.console.flush(force=True)

    def action_sync_selected(self) -> None:
        """A pass over the selected watchers."""
        for source, bucket in self.selected:
            self.console.perform(partial(_sync, source, bucket))

    def action_rewind(self) -> None:
        """Moves a checkpoint back."""
        for row in self.selected_rows[:1]:
            rewinding.ask(self.console, row)

    def action_faults(self) -> None:
        """Shows only what needs a look, or everything."""
        self.only_faults = not self.only_faults
        self.console.flush(force=True)

    def action_sort_next(self) -> None:
        """Sorts by the next of the columns that are in sight."""
        sight = [n for n, field in enumerate(SORTABLE) if field.column.key in self.grid.shown_columns]
        later = [number for number in sight if number > self.sorted_by]
        self.sorted_by = (later or sight)[0] if self._chosen_sort else sight[0]
        self._chosen_sort, self.reverse = True, False
        self.console.flush(force=True)

    def sort_by(self, key: str) -> None:
        """Sorts by a column, whether it is in sight or not."""
        self.sorted_by = next(n for n, field in enumerate(SORTABLE) if field.column.key == key)
        self._chosen_sort, self.reverse = True, False
        self.console.flush(force=True)

    def action_sort_reverse(self) -> None:
        """Turns the order around."""
        self._chosen_sort, self.reverse = True, not self.reverse
        self.console.flush(force=True)

    def action_filter(self) -> None:
        """Opens the line in which the filter is typed."""
        self.type_filter(self.pattern.text)

    def set_pattern(self, text: str) -> None:
        """Shows what passes the filter."""
        self.pattern = Pattern(text)
        self.console.flush(force=True)

    def _passes(self, seen: Seen) -> bool:
        if self.only_faults and seen.condition.health not in FAULTS:
            return False
        row = seen.row
        text = f"{row.bucket} {row.watcher} {row.host} {row.type} {row.source} {seen.condition.words}"
        return self.pattern.matches(text)

    def _ordered(self, seen: Sequence[Seen]) -> list[Seen]:
        by_name = sorted(seen, key=lambda each: (each.row.source, each.row.name, each.row.bucket))
        if not self._chosen_sort:
            return by_name
        field = SORTABLE[self.sorted_by]
        known = [each for each in by_name if field.sort_key(each)[0] == 0]
        unknown = [each for each in by_name if field.sort_key(each)[0] == 1]
        return [*sorted(known, key=field.sort_key, reverse=self.reverse), *unknown]

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """What is wrong with the watcher under the cursor stands below the table."""
        if event.grid is self.grid:
            self.console.flush(force=True)

    def _title(self, shown: Sequence[Seen], of: int) -> None:
        parts = [f"/{self.pattern.text}" if self.pattern else "", "only faults" if self.only_faults else ""]
        filters = "  ".join(filter(None, parts))
        count = f"{len(shown)} of {of}" if filters else f"{of}"
        # A reason that is longer than its column stands below the table.
        here = next((each.condition for each in shown if each.row.key == self.key), None)
        cut = here is not None and width(plain(here.words)) > self.grid.width_of("state")
        fault = here.words if here is not None and cut and here.health in FAULTS else ""
        column = SORTABLE[self.sorted_by].column
        if self._chosen_sort and column.key not in self.grid.shown_columns:
            filters = f"{filters}  by {column.title} {'▼' if self.reverse else '▲'}".lstrip()
        marked = f"{len(self.marked)} marked" if self.marked else ""
        self.grid.set_titles(f"Watchers {count}", filters, marked or fault)

    def _empty(self, board: Board, seen: Sequence[Seen]) -> str:
        if seen:
            return "No watcher passes the filter; esc drops it."
        if board.surveyed_at is None:
            return "Looking at ActivityWatch ..."
        if any(fact.trouble for fact in board.sources.values()):
            return "ActivityWatch does not answer; this table fills by itself when it does."
        return "ActivityWatch has no buckets yet: start a watcher, it will show up here."


async def _sync(source: str, bucket: str, agent: Agent) -> str:
    return await agent.sync_now(source, bucket)


def as_csv(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table as comma separated values."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([title.strip() for title in titles])
    writer.writerows([[cell.text for cell in row] for row in rows])
    return text.getvalue()
