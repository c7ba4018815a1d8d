"""Verify: whether the store says what ActivityWatch says, bucket by bucket, and what differs in one.

It only reads; `awsync verify --repair` mends.

May import: textual, and of awsync control, errors, events, words, tui what it shows.
"""

from contextlib import aclosing

from textual.app import ComposeResult

from awsync.control import Agreement, Disagreement
from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import VERIFY
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
from awsync.tui.text import plain
from awsync.words import amount, clock

SPANS = (7, 30, 90, 365)
"""Days that are compared; the first is done in a moment."""
_SIGNS = {"agrees": "✓", "differs": "✗", "comparing": "»", "skipped": "-", "failed": "!"}
_TONES = {
    "agrees": Tone.GOOD,
    "differs": Tone.BAD,
    "comparing": Tone.PLAIN,
    "skipped": Tone.DIM,
    "failed": Tone.WARN,
}
_COLUMNS = (
    Column("state", "state", 11, 11),
    Column("bucket", "bucket", 36, 60),
    Column("days", "days", 5, 7, rank=1, right=True),
    Column("expected", "ActivityWatch s", 15, 15, rank=2, right=True),
    Column("held", "store s", 13, 13, rank=2, right=True),
    Column("difference", "difference s", 12, 12, right=True),
    Column("why", "", 10, 60, rank=3),
)
_DATE = len("2026-11-20")
_INDENT = "    "
_NOTHING = "no time in it, and none in the store"
_MEND = "awsync verify --repair"


class VerifyPage(Page):
    """The buckets above what differs in the one under the cursor, which goes to the first that differs."""

    NAME = VERIFY

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(_COLUMNS, id="agreements", title="Verify", empty="Comparing ...")
        self.differences = Book(id="differences", title="Differences")
        self._found: dict[tuple[str, str], Agreement] = {}
        self._began = self._comparing = False
        self._days = SPANS[0]
        self._put: object = None

    def body(self) -> ComposeResult:
        """The buckets above what is said of one."""
        yield self.grid
        yield self.differences

    def on_mount(self) -> None:
        """The buckets have the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The first comparison begins when there is an engine to ask."""
        if not self._began and self.console.connected:
            self._compare()

    def why_not(self, action: str) -> str | None:
        """Nothing can be compared before there are settings."""
        if action in {"compare", "further"} and not self.console.connected:
            return "awsync is still starting."
        return None

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another bucket is looked at."""
        self._show_one()

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        self.call_after_refresh(self._show_one)

    def copied(self) -> str:
        """What mends the bucket where it differs, else its line."""
        found = self._chosen
        if found is not None and found.state == "differs":
            return _MEND
        return "" if found is None else _as_text(found)

    def exported(self) -> tuple[str, str]:
        """All buckets with what differs."""
        return "txt", "".join(f"{_as_text(found)}\n" for found in self._found.values())

    def action_compare(self) -> None:
        """Compares once more."""
        self._compare()

    def action_further(self) -> None:
        """Compares more days, and after the most the fewest."""
        self._days = SPANS[(SPANS.index(self._days) + 1) % len(SPANS)]
        self._compare()

    @property
    def _chosen(self) -> Agreement | None:
        key = self.grid.cursor_key
        return self._found.get(key) if isinstance(key, tuple) else None

    def _compare(self) -> None:
        self._began = True
        self.run_worker(self._walk(), group="verify", exclusive=True)

    async def _walk(self) -> None:
        agent = self.console.agent
        if agent is None:
            return
        self._found, self._comparing, self._put = {}, True, None
        self._show()
        try:
            async with aclosing(agent.verify(days=self._days)) as agreements:
                async for found in agreements:
                    self._found[found.source, found.bucket] = found
                    self._show()
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
        self._comparing = False
        self._show()

    def _show(self) -> None:
        self.grid.show([_record(key, found) for key, found in self._found.items()])
        trouble = next((key for key, found in self._found.items() if found.state == "differs"), None)
        if trouble is not None and self._put is None:
            self._put = trouble
            self.grid.go_to(trouble)
        doing = f"» the last {self._days} days" if self._comparing else self._verdict()
        self.grid.set_titles(f"Verify {self._days} days", doing)
        self._show_one()

    def _verdict(self) -> str:
        states = [found.state for found in self._found.values()]
        differ, failed = states.count("differs"), states.count("failed")
        if not differ and not failed:
            return "✓ the store says what ActivityWatch says" if "agrees" in states else ""
        told = [f"✗ {amount(differ, 'bucket')} differ{'s' if differ == 1 else ''}"] if differ else []
        return "  ".join([*told, *([f"! {failed} not read"] if failed else [])])

    def _show_one(self) -> None:
        found, cells = self._chosen, self.differences.room
        self.differences.show([] if found is None or cells < 1 else _lines(found, cells))


def _record(key: tuple[str, str], found: Agreement) -> Record:
    tone = _TONES[found.state]
    compared = bool(found.periods) and found.state in {"agrees", "differs"}
    difference = found.held - found.expected
    state = found.words if found.state == "comparing" and found.words else found.state
    cells = (
        Cell(f"{_SIGNS[found.state]} {state}", tone),
        Cell("/".join(filter(None, key)), Tone.DIM if found.state == "skipped" else Tone.PLAIN),
        Cell(f"{found.agree}/{found.periods}" if compared else ""),
        Cell(_seconds(found.expected) if compared else ""),
        Cell(_seconds(found.held) if compared else ""),
        Cell(f"{difference:+,.3f}" if compared and abs(difference) >= 0.0005 else "", tone),
        Cell("" if found.state == "comparing" else _why(found), tone),
    )
    return Record(key, cells)


def _why(found: Agreement) -> str:
    """Why a bucket stands as it does, on one line."""
    if found.state == "agrees" and not found.periods:
        return _NOTHING
    return ", ".join(dict.fromkeys(each.why for each in found.differences)) or found.words


def _sums(found: Agreement) -> str:
    if found.state == "agrees" and not found.periods:
        return f"{_NOTHING}."
    if found.state not in {"agrees", "differs"}:
        return found.words
    both = f"ActivityWatch {_seconds(found.expected)} s, store {_seconds(found.held)} s"
    return f"{found.agree} of {amount(found.periods, 'day')} (UTC) agree: {both}."


def _lines(found: Agreement, cells: int) -> list[TextLine]:
    """What differs, by reason, or why there is nothing to say."""
    head: TextLine = [
        (f"{_SIGNS[found.state]} {found.state}", _TONES[found.state]),
        (f"  {plain('/'.join(filter(None, (found.source, found.bucket))))}", Tone.STRONG),
    ]
    lines = [head, *paragraph(_sums(found), cells)]
    if found.state == "differs":
        lines.append([(_MEND, Tone.STRONG), ("   y", Tone.KEY), (" copies it", Tone.DIM)])
    for why in dict.fromkeys(each.why for each in found.differences):
        those = [each for each in found.differences if each.why == why]
        lines += [[], [(why, Tone.HEADING)], *paragraph(those[0].words, cells, Tone.DIM)]
        for each in those:
            lines += paragraph(_difference(each), cells)
            lines += [[(_INDENT, Tone.PLAIN), *line] for line in paragraph(each.series, cells - len(_INDENT))]
    if found.left_out:
        lines.append([(f"... and {found.left_out:,} more", Tone.DIM)])
    return lines


def _difference(found: Disagreement) -> str:
    both = f"(ActivityWatch {_seconds(found.expected)} s, store {_seconds(found.held)} s)"
    return f"{clock(found.start)[:_DATE]}  {found.held - found.expected:+,.3f} s  {both}"


def _as_text(found: Agreement) -> str:
    told = f"{_SIGNS[found.state]} {found.state:9} {'/'.join(filter(None, (found.source, found.bucket)))}"
    if found.periods:
        told += f"  {found.agree}/{found.periods} days"
    lines = [f"{told}  {found.words}".rstrip()]
    lines += [f"    {each.why}: {_difference(each)}  {each.series}" for each in found.differences]
    return "\n".join(lines)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.3f}"
