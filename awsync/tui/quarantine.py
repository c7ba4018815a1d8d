"""Quarantine: what the store did not take, in its own words, and what is to become of it.

May import: textual, and of awsync control, errors, events, ledger (its types), words, tui what it shows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.app import ComposeResult

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.columns import moment
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import QUARANTINE
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
from awsync.tui.text import fit, plain
from awsync.tui.watchers import as_csv
from awsync.words import clock

if TYPE_CHECKING:
    from awsync.ledger import Quarantined, Range

_SHOWN = 5_000
"""More are counted and not listed: what was refused so often has one cause."""
_NAMED = 4
_NAME_CELLS = 24
_SAME_FOR_ALL = ("__name__", "bucket", "host", "user")
_DECISIONS = {"retry_aside", "drop_aside"}
_NEEDS_ONE = {*_DECISIONS, "mark", "mark_all", "whole"}
_OF_SAMPLES = ("seconds", "series")
_COLUMNS = (
    Column("mark", " ", 1, 1),
    Column("id", "id", 4, 7),
    Column("state", "state", 7, 7),
    Column("source", "source", 6, 14, rank=6),
    Column("watcher", "watcher", 22, 40),
    Column("when", "its time", 25, 25),
    Column("seconds", "seconds", 9, 9, rank=3, right=True),
    Column("since", "since", 11, 11, rank=4, right=True),
    Column("series", "series", 16, 60, rank=5),
    Column("words", "the store says", 20, 300),
)
_OF_A_RANGE = (
    "ActivityWatch still has its events. It goes out by itself once the store takes samples so old; "
    "the doctor (D) says what the store needs for that."
)
_OF_A_SAMPLE = "It is tried again by itself when the store has changed."


class Item(Struct, frozen=True):
    """One thing that is set aside: a range where `start` is given, else a sample with its series.

    `end` is the end of the range or of the sample's slot. Moments are microseconds since the epoch.
    """

    id: str
    source: str
    bucket: str
    end: int
    words: str
    since: int
    again: bool
    start: int | None = None
    seconds: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()
    tried: int | None = None


def items(ranges: "Sequence[tuple[str, str, Range]]", samples: "Sequence[Quarantined]") -> list[Item]:
    """Both kinds, ranges first."""
    return [
        *(
            Item(f"r{held.id}", source, bucket, held.end, held.words, held.since, held.mark == "retry",
                 start=held.start)
            for source, bucket, held in ranges
        ),
        *(
            Item(f"s{held.id}", held.source, held.bucket, held.entry.slot_end, held.words, held.since,
                 held.mark == "retry", seconds=held.entry.sample.value, labels=held.entry.labels,
                 tried=held.tried)
            for held in samples
        ),
    ]  # fmt: skip


class QuarantinePage(Page):
    """What is set aside above the whole of the one under the cursor."""

    NAME = QUARANTINE

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(_COLUMNS, id="aside", title="Quarantine", empty="Reading ...")
        self.whole = Book(id="whole", title="One of them")
        self.marked: set[str] = set()
        self._items: dict[str, Item] = {}
        self._read_at: object = None

    def body(self) -> ComposeResult:
        """The list above one of it."""
        yield self.grid
        yield self.whole

    def on_mount(self) -> None:
        """The list has the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """Reads it again when its number changed, or a pass ended that may have tried some of it."""
        read_at = (board.aside, [record.finished for record in board.passes[:1]])
        if self.console.agent is not None and read_at != self._read_at:
            self._read_at = read_at
            self._read(self.console.agent)

    def why_not(self, action: str) -> str | None:
        """Without an item most keys have nothing to act on; decisions need somebody who carries them out."""
        agent = self.console.agent
        if agent is None:
            return "awsync is still starting." if action in _NEEDS_ONE else None
        if action in _NEEDS_ONE and self.grid.cursor_key is None:
            return "Nothing is set aside."
        if action in _DECISIONS and agent.service_ended:
            return "The observed service has ended: T lets this console sync."
        return None

    def close(self) -> bool:
        """Drops the marks."""
        if not self.marked:
            return False
        self.marked.clear()
        self._show()
        return True

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another one is looked at."""
        self._show_one()

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        self.call_after_refresh(self._show_one)

    def copied(self) -> str:
        """The whole of the one under the cursor."""
        item = self._chosen
        return "" if item is None else "\n".join(f"{name}: {text}" for name, text in _facts(item))

    def exported(self) -> tuple[str, str]:
        """All that is listed with all columns."""
        return "csv", as_csv(
            [column.title for column in _COLUMNS[1:]], [r.cells[1:] for r in self.grid.records]
        )

    def action_mark(self) -> None:
        """Marks it, and goes to the next."""
        self.marked ^= {str(self.grid.cursor_key)}
        self._show()
        self.grid.action_down()

    def action_mark_all(self) -> None:
        """Marks all that are listed, or none."""
        self.marked = set() if self._items.keys() <= self.marked else set(self._items)
        self._show()

    def action_whole(self) -> None:
        """Gives the whole of one the screen; escape takes it back."""
        self.maximize(self.whole)
        self.whole.focus()

    def action_retry_aside(self) -> None:
        """The next pass tries the selected ones, and it begins at once."""
        self._decide(self._selected, again=True)

    def action_drop_aside(self) -> None:
        """Gives the selected ones up, after a question."""
        from awsync.tui.dialogs import Choice, Confirm

        ids = self._selected
        question = (
            f"Give up {_named(ids)}?\n\nThe store will never have "
            f"{'it' if len(ids) == 1 else 'them'}, unless you move the checkpoint back."
        )

        def answered(answer: str | None) -> None:
            if answer == "drop":
                self._decide(ids, again=False)

        choices = (Choice("no", "Cancel", "c"), Choice("drop", "Give up", "g"))
        self.console.push_screen(Confirm("Give up what is set aside", question, choices), answered)

    @property
    def _chosen(self) -> Item | None:
        return self._items.get(str(self.grid.cursor_key))

    @property
    def _selected(self) -> tuple[str, ...]:
        """The marked ones, or the one under the cursor."""
        return tuple(id_ for id_ in self._items if id_ in self.marked) or (str(self.grid.cursor_key),)

    def _decide(self, ids: tuple[str, ...], *, again: bool) -> None:
        async def work(agent: Agent) -> str:
            sentence = await (agent.retry_aside(ids) if again else agent.drop_aside(ids))
            self.marked -= set(ids)
            self._read(agent)
            return sentence

        self.console.perform(work)

    def _read(self, agent: Agent) -> None:
        try:
            found = items(agent.set_aside(), agent.quarantine())
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
            return
        self._items = {item.id: item for item in found[:_SHOWN]}
        self.marked &= self._items.keys()
        more = len(found) - len(self._items)
        self.grid.set_titles(f"Quarantine {len(found):,}", right=f"{more:,} more not listed" if more else "")
        self._show()

    def _show(self) -> None:
        console, now = self.console, self.console.now()
        shown = list(self._items.values())
        hidden = ("source",) if len(console.board.sources) < 2 else ()
        self.grid.hide_columns(*hidden, *(() if any(item.labels for item in shown) else _OF_SAMPLES))
        self.grid.show(
            [_record(item, self._watcher(item), now, marked=item.id in self.marked) for item in shown],
            empty="Nothing is set aside: the store took everything it was sent.",
        )
        self._show_one()

    def _watcher(self, item: Item) -> str:
        """The watcher as the table of watchers names it, where it is there."""
        row = self.console.board.rows.get((item.source, item.bucket))
        return item.bucket if row is None else row.name

    def _show_one(self) -> None:
        item, cells = self._chosen, self.whole.room
        self.whole.show([] if item is None or cells < 1 else _lines(item, cells))


def _named(ids: Sequence[str]) -> str:
    few = ", ".join(ids[:_NAMED])
    return f"{few} and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else few


def _record(item: Item, name: str, now: int, *, marked: bool) -> Record:
    when = moment(item.end, now)
    cells = (
        Cell("»" if marked else "", Tone.ACCENT),
        Cell(item.id, Tone.STRONG),
        Cell("» retry", Tone.BUSY) if item.again else Cell("! waits", Tone.WARN),
        Cell(item.source),
        Cell(name),
        Cell(when if item.start is None else f"{moment(item.start, now)} - {when}"),
        Cell("" if item.start is not None else f"{item.seconds:.3f}"),
        Cell(moment(item.since, now), Tone.DIM),
        Cell(" ".join(f"{name}={value}" for name, value in item.labels if name not in _SAME_FOR_ALL)),
        Cell(" ".join(item.words.split())),
    )
    return Record(item.id, cells)


def _facts(item: Item) -> list[tuple[str, str]]:
    """Everything that is known of one, with its names."""
    slot = f"{clock(item.end)} UTC"
    return [
        ("id", item.id),
        ("source", item.source),
        ("bucket", item.bucket),
        *([("time", f"{clock(item.start)} to {slot}")] if item.start is not None else []),
        *([("slot end", slot), ("seconds", f"{item.seconds:.3f}")] if item.start is None else []),
        ("store says", item.words),
        ("since", f"{clock(item.since)} UTC"),
        *([("tried last", f"{clock(item.tried)} UTC")] if item.tried is not None else []),
        *item.labels,
    ]


def _lines(item: Item, cells: int) -> list[TextLine]:
    state = ("» retry", Tone.BUSY) if item.again else ("! waits", Tone.WARN)
    what = "a range, too old for the store" if item.start is not None else "a sample that the store refused"
    facts = _facts(item)[3:]
    margin = min(max(len(name) for name, _ in facts), _NAME_CELLS) + 2
    lines: list[TextLine] = [[state, (f"  {item.id}: {what}", Tone.STRONG)]]
    lines += [[(f"{item.source}/{item.bucket}", Tone.PLAIN)], []]
    for name, text in facts:
        first, *rest = paragraph(text, max(cells - margin, 20))
        lines += [
            [(fit(plain(name), margin - 2), Tone.DIM), ("  ", Tone.DIM), *first],
            *([(" " * margin, Tone.DIM), *line] for line in rest),
        ]
    return [*lines, [], *paragraph(_OF_A_RANGE if item.start is not None else _OF_A_SAMPLE, cells, Tone.DIM)]
