"""Sent: what has left this machine, as the ledger remembers: buckets and labels, and every value of one.

May import: textual, and of awsync errors, events, sent, totals, words, tui what it shows.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from textual.app import ComposeResult

from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.sent import Bucket, Left, Report, headline, in_words, notes
from awsync.totals import stopwatch
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.columns import moment
from awsync.tui.grid import Grid, Record
from awsync.tui.matching import Pattern
from awsync.tui.page import Page
from awsync.tui.pages import SENT
from awsync.tui.paper import Paper, TextLine, paragraph
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
from awsync.tui.text import short
from awsync.tui.watchers import as_csv
from awsync.words import amount

SPANS = (1, 7, 30)
"""Days that are looked at; how many of them the ledger keeps is the setting lookback."""
_SHOWN = 500
_EXAMPLES = 5
_INDENT = "  "
_AMOUNTS = (
    Column("time", "time", 9, 10, right=True),
    Column("samples", "samples", 7, 7, rank=1, right=True),
    Column("corrections", "corrected", 9, 9, rank=3, right=True),
    Column("refused", "refused", 7, 7, right=True),
    Column("last", "last", 5, 11, rank=2),
)
_COLUMNS = (
    Column("name", "bucket, label", 22, 48),
    Column("values", "values", 6, 6, right=True),
    *_AMOUNTS,
    Column("most", "the most time", 12, 200, rank=4),
)
_VALUES = (*_AMOUNTS, Column("value", "value", 20, 400))


class Listed(Struct, frozen=True):
    """A line of the list, a bucket or a label of it (`label` is empty for the bucket), with its values.

    The values of a bucket are its label sets. `where` is the bucket, with its source where there are several.
    """

    source: str
    bucket: str
    label: str
    left: Left
    values: Sequence[tuple[str, Left]]
    where: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names the line."""
        return self.source, self.bucket, self.label

    @property
    def name(self) -> str:
        """The line in words."""
        return f"{self.where} {in_words(self.label)}" if self.label else self.where


def listed(report: Report, pattern: Pattern) -> Iterator[Listed]:
    """Each bucket and then its labels, with the values that pass a filter; none without any."""
    several = len({bucket.source for bucket in report.shown}) > 1
    for bucket in report.shown:
        where = f"{bucket.source}/{bucket.bucket}" if several else bucket.bucket
        for label, left, values in _lines_of(bucket):
            passing = [each for each in values if pattern.matches(each[0])]
            if passing:
                yield Listed(bucket.source, bucket.bucket, label, left, passing, where)


class SentPage(Page):
    """The buckets and labels above the values of the one under the cursor."""

    NAME = SENT

    def __init__(self) -> None:
        super().__init__()
        self.headline = Paper(id="headline")
        self.grid = Grid(_COLUMNS, id="left", title="Sent", empty="Reading ...")
        self.values = Grid(_VALUES, id="values", title="Values")
        self.pattern = Pattern()
        self._days = SPANS[0]
        self._report: Report | None = None
        self._listed: dict[tuple[str, str, str], Listed] = {}
        self._read_at: object = None

    def body(self) -> ComposeResult:
        """The sentence, the list, the values."""
        yield self.headline
        yield self.grid
        yield self.values

    def on_mount(self) -> None:
        """The list has the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """Reads it again when a pass has ended."""
        read_at = [record.finished for record in board.passes[:1]]
        if self.console.connected and read_at != self._read_at:
            self._read_at = read_at
            self._read()

    def why_not(self, action: str) -> str | None:
        """Without a line there are no values, and without settings nothing can be read."""
        if action == "further_back" and not self.console.connected:
            return "awsync is still starting."
        return "Nothing is listed." if action == "values" and self.grid.cursor_key is None else None

    def close(self) -> bool:
        """Drops the filter."""
        if not self.pattern:
            return False
        self.set_pattern("")
        return True

    def minimize(self) -> None:
        """Who has seen the values goes on in the list."""
        super().minimize()
        self.grid.focus()

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another line is looked at."""
        if event.grid is self.grid:
            self._show_values()

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        self.call_after_refresh(self._show_words)

    def copied(self) -> str:
        """The line under the cursor, in the list or among the values."""
        grid = self.values if self.values.has_focus else self.grid
        return "" if grid.cursor_record is None else grid.cursor_record.line

    def exported(self) -> tuple[str, str]:
        """Every value of every line that is listed."""
        titles = ["source", "bucket", "label", "value", "seconds", "samples", "corrections", "refused"]
        rows = [
            [
                *map(Cell, (line.source, line.bucket, line.label, text, f"{left.weight / 1e6:g}")),
                *map(Cell, map(str, (left.samples, left.corrections, left.refused))),
            ]
            for line in self._listed.values()
            for text, left in line.values
        ]
        return "csv", as_csv(titles, rows)

    def action_values(self) -> None:
        """Gives the values the screen; escape takes it back."""
        self.maximize(self.values)
        self.values.focus()

    def action_further_back(self) -> None:
        """More days, and after the most the fewest."""
        self._days = SPANS[(SPANS.index(self._days) + 1) % len(SPANS)]
        self._read()

    def action_filter(self) -> None:
        """Opens the line in which the filter is typed."""
        self.type_filter(self.pattern.text)

    def set_pattern(self, text: str) -> None:
        """Shows only the values that pass the filter, and the lines that have some."""
        self.pattern = Pattern(text)
        self._show()

    def _read(self) -> None:
        self.run_worker(self._ask(), group="sent", exclusive=True)

    async def _ask(self) -> None:
        agent = self.console.agent
        if agent is None:
            return
        try:
            self._report = await agent.sent(days=self._days)
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
        self._show()

    def _show(self) -> None:
        report = self._report
        if report is None:
            return
        now = self.console.now()
        lines = list(listed(report, self.pattern))
        self._listed = {line.key: line for line in lines}
        self.grid.hide_columns(*_absent([line.left for line in lines]))
        empty = "Nothing that passes the filter left." if self.pattern else "Nothing is known to have left."
        self.grid.show([_record(line, now) for line in lines], empty=empty)
        passing = f"filter: {self.pattern.text}" if self.pattern else ""
        self.grid.set_titles(f"Sent {amount(self._days, 'day')}", passing)
        self._show_words()
        self._show_values()

    def _show_words(self) -> None:
        cells = self.headline.scrollable_content_region.width
        self.headline.show([] if self._report is None or cells < 1 else _words(self._report, cells))

    def _show_values(self) -> None:
        key, now = self.grid.cursor_key, self.console.now()
        line = self._listed.get(key) if isinstance(key, tuple) else None
        values = () if line is None else line.values[:_SHOWN]
        self.values.forget_widths()
        self.values.hide_columns(*_absent([left for _, left in values]))
        self.values.show(
            [Record(text, (*_amounts(left, now), Cell(" ".join(text.split())))) for text, left in values]
        )
        if line is None:
            self.values.set_titles("Values")
            return
        what = amount(len(line.values), "value" if line.label else "label set")
        more = len(line.values) - len(values)
        self.values.set_titles(f"{line.name}: {what}", right=f"{more:,} more not listed" if more else "")


def _lines_of(bucket: Bucket) -> Iterator[tuple[str, Left, list[tuple[str, Left]]]]:
    yield "", bucket.left, [(bucket.told(each.labels), each.left) for each in bucket.series]
    for label in bucket.labels:
        yield label.name, label.left, [(each.value, each.left) for each in label.values]


def _absent(lefts: Sequence[Left]) -> list[str]:
    """The columns that would be empty."""
    return [
        *([] if any(left.corrections for left in lefts) else ["corrections"]),
        *([] if any(left.refused for left in lefts) else ["refused"]),
    ]


def _record(line: Listed, now: int) -> Record:
    most = ", ".join(" ".join(text.split()) for text, _ in line.values[:_EXAMPLES]) if line.label else ""
    name = Cell(f"{_INDENT}{in_words(line.label)}") if line.label else Cell(line.where, Tone.STRONG)
    sets = Cell(short(len(line.values)), Tone.PLAIN if line.label else Tone.DIM)
    return Record(line.key, (name, sets, *_amounts(line.left, now), Cell(most, Tone.DIM)))


def _amounts(left: Left, now: int) -> tuple[Cell, ...]:
    sign = "-" if left.weight < 0 else ""
    return (
        Cell(f"{sign}{stopwatch(abs(left.weight))}", Tone.STRONG),
        Cell(short(left.samples)),
        Cell(short(left.corrections) if left.corrections else ""),
        Cell(short(left.refused) if left.refused else "", Tone.WARN),
        Cell("" if left.last is None else moment(left.last, now), Tone.DIM),
    )


def _words(report: Report, cells: int) -> list[TextLine]:
    lines = paragraph(headline(report), cells, Tone.STRONG)
    for note in notes(report):
        lines += paragraph(note, cells, Tone.DIM)
    return lines
