"""One watcher in depth: recent events beside what leaves for them, top labels, and its checkpoint.

May import: textual, and of awsync control, ledger (their types), words, tui what it shows.
"""

import json
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from awsync.control import Agent, BucketDetail, Move
from awsync.ledger import Entry
from awsync.tui import rewinding
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.columns import moment
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import DETAIL
from awsync.tui.rows import Key, Row
from awsync.tui.text import bar
from awsync.tui.watchers import as_csv
from awsync.words import amount, span

_SHOWN = 500
_BAR = 12
_SAME_FOR_ALL = ("__name__", "host", "user", "bucket")
_ACTIVE = "active"
_ELSEWHERE = (*_SAME_FOR_ALL, _ACTIVE)
_EVENTS = (
    Column("at", "event", 11, 11),
    Column("length", "length", 11, 11, right=True),
    Column("data", "data", 20, 200),
)
_ENTRIES = (
    Column("slot", "slot end", 11, 11),
    Column("seconds", "seconds", 9, 9, right=True),
    Column("active", "active", 7, 7),
    Column("labels", "labels", 20, 200),
)
_TOP = (
    Column("time", "time", 13, 13, right=True),
    Column("bar", "", _BAR, _BAR, rank=1),
    Column("value", "label and value", 20, 200),
)
_MOVES = (
    Column("at", "when", 11, 11),
    Column("what", "checkpoint", 20, 60),
    Column("samples", "samples", 8, 8, rank=1, right=True),
)


class DetailPage(Page):
    """The last day of a bucket."""

    NAME = DETAIL

    def __init__(self, key: Key) -> None:
        super().__init__()
        self.key = key
        self.events = Grid(_EVENTS, id="events", title="Events", empty="Reading ...")
        self.entries = Grid(_ENTRIES, id="entries", title="What leaves for them", empty="Reading ...")
        self.top = Grid(_TOP, id="top", title="Top labels by time", empty="Reading ...", cursor=False)
        self.moves = Grid(_MOVES, id="moves", title="Checkpoint", empty="It has not moved yet.", cursor=False)

    def body(self) -> ComposeResult:
        """Events beside entries, labels beside checkpoint."""
        with Vertical(id="detail-body"):
            with Horizontal(id="detail-top"):
                yield self.events
                yield self.entries
            with Horizontal(id="detail-bottom"):
                yield self.top
                yield self.moves

    def on_mount(self) -> None:
        """Reads the bucket."""
        self.events.focus()
        self.console.commands.look(self._read)

    def copied(self) -> str:
        """The line under the cursor of the pane that has the focus."""
        grid = self.focused if isinstance(self.focused, Grid) else self.events
        record = grid.cursor_record
        return "" if record is None else record.line

    def exported(self) -> tuple[str, str]:
        """What would leave for the bucket."""
        return "csv", as_csv([column.title for column in _ENTRIES], [r.cells for r in self.entries.records])

    def action_rewind(self) -> None:
        """Moves this watcher's checkpoint back."""
        rewinding.ask(self.console, self.console.board.rows.get(self.key, Row(*self.key)))

    async def _read(self, agent: Agent) -> str:
        self._show(await agent.detail(*self.key))
        return ""

    def _show(self, detail: BucketDetail) -> None:
        now = self.console.now()
        self.events.set_titles(f"Events of {detail.bucket}")
        self.events.show(
            [
                Record(number, (Cell(moment(event.start, now, exact=True)),
                                Cell(span((event.end - event.start) / 1e6)), Cell(_data(event.data))))
                for number, event in enumerate(detail.events[:_SHOWN])
            ],
            empty="No event in its last day.",
        )  # fmt: skip
        title = f"What leaves for them: {amount(detail.series, 'series')}"
        if detail.folded:
            title += f", {amount(detail.folded, 'label set')} folded"
        self.entries.set_titles(title, right=_in_common(detail.entries))
        told = any(_active(entry).text for entry in detail.entries)
        self.entries.hide_columns(*(() if told else (_ACTIVE,)))
        self.entries.show(
            [
                Record(number, (Cell(moment(entry.slot_end, now)), Cell(f"{entry.microseconds / 1e6:.3f}"),
                                _active(entry), Cell(_labels(entry))))
                for number, entry in enumerate(detail.entries[:_SHOWN])
            ],
            empty="Nothing would leave.",
        )  # fmt: skip
        self._show_labels(detail, now)

    def _show_labels(self, detail: BucketDetail, now: int) -> None:
        most = max((top.seconds for top in detail.top), default=0.0)
        values = ", ".join(f"{name} {count}" for name, count in detail.values[:5] if name != _ACTIVE)
        self.top.set_titles("Top labels by time", "", f"different values: {values}" if values else "")
        self.top.show([
            Record(number, (Cell(span(top.seconds)),
                            Cell(bar(top.seconds / most, _BAR) if most else "", Tone.ACCENT),
                            Cell(f"{top.label}={top.value}")))
            for number, top in enumerate(detail.top)
        ])  # fmt: skip
        position = detail.checkpoint.position
        self.moves.set_titles("Checkpoint", "" if position is None else moment(position, now))
        self.moves.show([
            Record(number, (Cell(moment(move.at, now, exact=True)), Cell(_move(move, now)),
                            Cell(f"{move.samples:,}" if move.samples else "")))
            for number, move in enumerate(detail.history)
        ])  # fmt: skip


def _data(data: bytes) -> str:
    """What the watcher recorded, each key with its value; text that is no object stays as it is."""
    text = bytes(data).decode(errors="replace")
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if not isinstance(found, dict):
        return text
    return " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in found.items()
    )


def _move(move: Move, now: int) -> str:
    where = "the beginning" if move.position is None else moment(move.position, now)
    return f"{move.what}, now at {where}"


def _labels(entry: Entry) -> str:
    """What tells one series of a bucket from another, but for `active`, which has a column."""
    return " ".join(f"{name}={value}" for name, value in entry.labels if name not in _ELSEWHERE)


def _active(entry: Entry) -> Cell:
    """Whether somebody was there; nothing for an AFK watcher, whose own status says it."""
    active = dict(entry.labels).get(_ACTIVE, "")
    return Cell(active, Tone.PLAIN if active == "true" else Tone.DIM)


def _in_common(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    labels = dict(entries[0].labels)
    common = ", ".join(f"{name}={labels[name]}" for name in _SAME_FOR_ALL[1:] if name in labels)
    return f"{labels.get('__name__', '')} {{{common}}}"
