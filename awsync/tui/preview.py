"""Preview: the newest events of a watcher before and after, and a rule tried on them before it is written.

What is shown stays on this machine.

May import: textual, and of awsync errors, events, preview and series (their types), words, tui what it shows.
"""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.worker import Worker

from awsync.errors import AwsyncError, ConfigError
from awsync.events import Level
from awsync.series import plain as value_text
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.columns import moment
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import PREVIEW
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.rows import Key, Surroundings
from awsync.tui.state import Board
from awsync.tui.text import plain
from awsync.words import amount, clock, span

if TYPE_CHECKING:
    from awsync.control import Agent
    from awsync.preview import Example, Preview

SPANS = (1, 6, 24)
"""Hours of a watcher's newest time."""
HINT = "match = { title = 'bank' }, drop = true   enter keeps it, esc drops it"
_SHOWN = 500
_INDENT = "  "
_COLUMNS = (
    Column("at", "newest", 11, 11),
    Column("events", "events", 6, 6, rank=2, right=True),
    Column("length", "time", 11, 11, rank=1, right=True),
    Column("sign", "", 1, 1),
    Column("before", "ActivityWatch has", 20, 90),
    Column("after", "leaves", 18, 90),
    Column("rules", "by", 10, 40, rank=3),
)


class PreviewPage(Page):
    """Each kind of event, newest first, above all that is said of the one under the cursor."""

    NAME = PREVIEW

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(_COLUMNS, id="examples", title="Preview", empty="Reading ...")
        self.book = Book(id="example", title="Before and after")
        self.rule = ""
        self.shown: Preview | None = None
        self._wrong = ""
        self._hours = SPANS[0]
        self._key: Key | None = None
        self._keys: list[Key] = []
        self._read_at: object = None

    def body(self) -> ComposeResult:
        """The events above the one under the cursor."""
        yield self.grid
        yield self.book

    def on_mount(self) -> None:
        """The list has the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The watcher under the cursor of the table comes first; a pass may have brought it more."""
        self._keys = [key for key, row in board.rows.items() if not row.excluded]
        if self._key not in board.rows:
            chosen = self.console.watcher
            self._key = chosen if chosen in board.rows else next(iter(self._keys), None)
            self._read_at = None
        read_at = [record.finished for record in board.passes[:1]], self._key
        if self.console.connected and self._key is not None and read_at != self._read_at:
            self._read_at = read_at
            self._read()

    def why_not(self, action: str) -> str | None:
        """Without a watcher there is nothing to look at, and without a rule nothing to write."""
        if action in {"watcher(1)", "watcher(-1)", "try_rule", "look", "hours"} and self._key is None:
            return "There is no watcher yet."
        if action == "save_rule":
            return self._wrong or (None if self.rule.strip() else "No rule is being tried: a begins one.")
        return None

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another event is looked at."""
        self._show_one()

    def on_resize(self) -> None:
        """The lines break elsewhere."""
        self.call_after_refresh(self._show_one)

    def close(self) -> bool:
        """Drops the rule that is tried."""
        if not self.rule:
            return False
        self.set_pattern("")
        return True

    def set_pattern(self, text: str) -> None:
        """Tries another rule."""
        self.rule = text
        self._read()

    def copied(self) -> str:
        """The event under the cursor, in a line."""
        record = self.grid.cursor_record
        return "" if record is None else record.line

    def exported(self) -> tuple[str, str]:
        """Every event, before and after."""
        examples = self.shown.examples if self.shown is not None else ()
        return "txt", "\n".join("".join(f"{text}\n" for text in _texts(each)) for each in examples)

    def action_watcher(self, steps: int) -> None:
        """Another watcher."""
        if self._key is not None and self._keys:
            at = self._keys.index(self._key) if self._key in self._keys else -1
            self._key = self._keys[(at + steps) % len(self._keys)]
            self._read()

    def action_hours(self) -> None:
        """Another length of time."""
        self._hours = SPANS[(SPANS.index(self._hours) + 1) % len(SPANS)]
        self._read()

    def action_look(self) -> None:
        """Reads once more."""
        self._read()

    def action_try_rule(self) -> None:
        """Opens the line in which a rule is typed."""
        self.type_filter(self.rule, HINT)

    def action_save_rule(self) -> None:
        """Writes the rule that is tried to config.toml."""
        from awsync.config.tried import written

        text = written(self.rule, f"from the console {clock(self.console.now())}")

        async def work(agent: "Agent") -> str:
            sentence = await agent.add_rule(text)
            self.call_later(self.set_pattern, "")
            return sentence

        async def back(agent: "Agent") -> str:
            sentence = await agent.remove_rule(text)
            self.call_later(self._read)
            return sentence

        self.console.perform(work, undo=back)

    def _read(self) -> None:
        # The function, not its coroutine: one that is replaced before it began is never awaited.
        _: Worker[None] = self.run_worker(self._ask, group="preview", exclusive=True)

    async def _ask(self) -> None:
        agent, key = self.console.agent, self._key
        if agent is None or key is None:
            return
        try:
            self.shown = await agent.preview(*key, hours=self._hours, rule=self.rule)
            self._wrong = ""
        except ConfigError as error:
            # A rule that is being typed is wrong most of the time: what was shown stays.
            self._wrong = "; ".join(problem.message for problem in error.problems)
        except AwsyncError as error:
            self.shown = None
            self.console.say(str(error), Level.ERROR)
        self._show()

    def _show(self) -> None:
        found, now = self.shown, self.console.now()
        examples = () if found is None else found.examples[:_SHOWN]
        self.grid.show(
            [_record(number, each, now) for number, each in enumerate(examples)],
            empty="No event in this time.",
        )
        name = "" if self._key is None else plain(self._key[1])
        whole = "" if found is None else _sums(found)
        self.grid.set_titles(f"Preview {name}, {self._hours} h", self._trying(), whole)
        self._show_one()

    def _trying(self) -> str:
        if self._wrong:
            return f"✗ {plain(self._wrong)}"
        return f"» trying {plain(self.rule)}" if self.rule else ""

    def _show_one(self) -> None:
        found, number, cells = self.shown, self.grid.cursor_key, self.book.room
        if found is None or not isinstance(number, int) or number >= len(found.examples) or cells < 1:
            self.book.show([])
            return
        self.book.show(_lines(found.examples[number], cells))


def _sums(found: "Preview") -> str:
    if found.why_not is not None:
        return f"nothing leaves: {plain(found.why_not)}"
    dropped = sum(each.events for each in found.examples if each.labels is None)
    series = len({entry.labels for entry in found.entries})
    samples = f"{amount(len(found.entries), 'sample')} of {amount(series, 'series')}"
    told = f"{amount(found.events, 'event')} -> {samples}"
    return f"{told}, {dropped:,} dropped" if dropped else told


def _record(number: int, example: "Example", now: int) -> Record:
    dropped = example.labels is None
    tone = Tone.DIM if dropped else Tone.PLAIN
    cells = (
        Cell(moment(example.newest, now)),
        Cell(f"{example.events:,}"),
        Cell(span(example.microseconds / 1e6)),
        Cell("✗" if dropped else "~" if example.did else "✓", Tone.WARN if dropped else Tone.GOOD),
        Cell(_before(example), tone),
        Cell(_after(example), Tone.WARN if dropped else Tone.STRONG),
        Cell(plain(", ".join(did.name for did in example.did)), Tone.DIM),
    )
    return Record(number, cells)


def _before(example: "Example") -> str:
    return ", ".join(f"{plain(key)}={plain(value_text(value))}" for key, value in example.data.items())


def _after(example: "Example") -> str:
    if example.labels is None:
        return "nothing"
    return ", ".join(f"{name}={plain(value)}" for name, value in example.labels) or "its time alone"


def _lines(example: "Example", cells: int) -> list[TextLine]:
    lines: list[TextLine] = [[("ActivityWatch has", Tone.HEADING)]]
    for key, value in example.data.items():
        lines += _indented(f"{plain(key)} = {plain(value_text(value))}", cells, Tone.PLAIN)
    lines += [[], [("leaves", Tone.HEADING)]]
    if example.labels is None:
        lines += _indented("nothing: its time is not sent at all", cells, Tone.WARN)
    for name, text in example.labels or ():
        lines += _indented(f"{name} = {plain(text)}", cells, Tone.STRONG)
    lines += [[], [("which rule did what", Tone.HEADING)]]
    for did in example.did:
        lines += _indented(f"{plain(did.name)}: {plain(did.words)}", cells, Tone.PLAIN)
    return lines if example.did else [*lines, *_indented("none changed anything", cells, Tone.DIM)]


def _indented(text: str, cells: int, tone: Tone) -> list[TextLine]:
    return [[(_INDENT, Tone.PLAIN), *line] for line in paragraph(text, cells - len(_INDENT), tone)]


def _texts(example: "Example") -> list[str]:
    return [
        f"has: {_before(example)}",
        f"leaves: {_after(example)}",
        *(f"rule: {plain(did.name)}: {plain(did.words)}" for did in example.did),
    ]
