"""Today: what the time was spent on, counted from ActivityWatch as a pass counts it.

May import: textual, and of awsync errors, events, totals, tui what it shows.
"""

from textual.app import ComposeResult

from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.totals import By, Report, Share, bar, headline, legend, percent, stopwatch
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import TODAY
from awsync.tui.paper import Paper, TextLine, paragraph
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
from awsync.tui.watchers import as_csv

_BAR, _LONG_BAR = 20, 60
_SHOWN = 500
_PERIODS: tuple[tuple[str | None, str], ...] = ((None, "Today"), ("7d", "7 days"), ("30d", "30 days"))
_COLUMNS = (
    Column("name", "", 24, 200),
    Column("active", "active", 9, 9, right=True),
    Column("total", "total", 9, 9, rank=1, right=True),
    Column("percent", "%", 4, 4, rank=3, right=True),
    Column("bar", "", _BAR, _LONG_BAR, rank=2),
)


class TodayPage(Page):
    """The period in a sentence above the names with their time."""

    NAME = TODAY

    def __init__(self) -> None:
        super().__init__()
        self.headline = Paper(id="headline")
        self.grid = Grid(_COLUMNS, id="spent", title="Today", empty="Counting ...")
        self._by = By.APP
        self._period = 0
        self._report: Report | None = None
        self._began = self._counting = False

    def body(self) -> ComposeResult:
        """The sentence above the table."""
        yield self.headline
        yield self.grid

    def on_mount(self) -> None:
        """The table has the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The first count begins when there is an agent to ask."""
        if not self._began and self.console.connected:
            self._count()

    def why_not(self, action: str) -> str | None:
        """Nothing can be counted before there are settings."""
        if action in {"by(1)", "by(-1)", "period", "count"} and not self.console.connected:
            return "awsync is still starting."
        return None

    def on_resize(self) -> None:
        """The sentences break elsewhere, and the bars get longer or shorter."""
        self.call_after_refresh(self._show)

    def copied(self) -> str:
        """The line under the cursor."""
        record = self.grid.cursor_record
        return "" if record is None else record.line

    def exported(self) -> tuple[str, str]:
        """All names with their time in seconds."""
        report = self._report
        shares = () if report is None else report.shares
        return "csv", as_csv(
            [self._by, "active_seconds", "total_seconds"], [_exported(each) for each in shares]
        )

    def action_by(self, steps: int) -> None:
        """Tells the time apart by something else."""
        kinds = list(By)
        self._by = kinds[(kinds.index(self._by) + steps) % len(kinds)]
        self.grid.forget_widths()
        self._count()

    def action_period(self) -> None:
        """Another length of time."""
        self._period = (self._period + 1) % len(_PERIODS)
        self._count()

    def action_count(self) -> None:
        """Counts once more."""
        self._count()

    def _count(self) -> None:
        self._began = True
        self.run_worker(self._ask(), group="today", exclusive=True)

    async def _ask(self) -> None:
        agent = self.console.agent
        if agent is None:
            return
        self._counting = True
        self._show_titles()
        try:
            self._report = await agent.today(self._by, _PERIODS[self._period][0])
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
        finally:
            self._counting = False
        self._show()

    def _show(self) -> None:
        report = self._report
        if report is None:
            return
        shares = report.shares[:_SHOWN]
        most = max((share.total for share in shares), default=0)
        self.grid.hide_columns(*(() if report.active is not None else ("active",)))
        # A bar is as long as the room that the names leave for the longest possible one.
        for cells in (_LONG_BAR, None):
            room = self.grid.width_of("bar") if cells is None else cells
            self.grid.show([_record(share, report, most, room) for share in shares], empty="Nothing yet.")
        self._show_titles()
        self._show_words()

    def _show_titles(self) -> None:
        report = self._report
        failed = "✗ not all could be read" if report is not None and report.failures else ""
        doing = "» counting" if self._counting else failed
        whole = "" if report is None else _whole(report)
        self.grid.set_titles(f"{_PERIODS[self._period][1]} by {self._by}", doing, whole)

    def _show_words(self) -> None:
        cells = self.headline.scrollable_content_region.width
        self.headline.show([] if self._report is None or cells < 1 else _words(self._report, cells))


def _words(report: Report, cells: int) -> list[TextLine]:
    lines = paragraph(headline(report), cells, Tone.STRONG)
    for note in filter(None, (legend(report, report.shares), *report.notes)):
        lines += paragraph(note, cells, Tone.DIM)
    for failure in report.failures:
        words = f"✗ {failure.where}: {failure.reason} {failure.remedy}".rstrip()
        lines += paragraph(words, cells, Tone.BAD)
    return lines


def _whole(report: Report) -> str:
    if report.active is None:
        return f"all {stopwatch(report.total)}"
    return f"all active {stopwatch(report.active)}, total {stopwatch(report.total)}"


def _record(share: Share, report: Report, most: int, cells: int) -> Record:
    shown = (
        Cell(" ".join(share.name.split())),
        Cell("-" if share.active is None else stopwatch(share.active), Tone.STRONG),
        Cell(stopwatch(share.total)),
        Cell(percent(share, report), Tone.DIM),
        Cell(bar(share, most, cells, told=report.active is not None), Tone.ACCENT),
    )
    return Record(share.name, shown)


def _exported(share: Share) -> tuple[Cell, ...]:
    active = "" if share.active is None else f"{share.active / 1e6:g}"
    return Cell(share.name), Cell(active), Cell(f"{share.total / 1e6:g}")
