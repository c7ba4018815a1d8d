"""Leaving watchers out and taking them in again: what is asked, what is said, what can be undone.

May import: of awsync control (its types), words, tui app (its type), dialogs, rows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from awsync.control import Agent
from awsync.tui.rows import Key, Row
from awsync.tui.text import plain
from awsync.words import amount

if TYPE_CHECKING:
    from awsync.tui.app import Console

_FEW = 3


def toggle(console: "Console", rows: Sequence[Row]) -> None:
    """Leaves out those of the rows that are in; where all are out, asks how to take them in again."""
    inside = [row for row in rows if not row.excluded]
    if inside:
        _set(console, [row.key for row in inside], excluded=True)
    elif rows:
        _ask(console, rows)


def _ask(console: "Console", rows: Sequence[Row]) -> None:
    from awsync.tui.dialogs import Choice, Confirm

    fresh = all(row.position is None for row in rows)
    missed = "its history" if fresh else "what it recorded while it was excluded"
    question = (
        f"{names(rows)} will be synced again.\n\nShall {missed} be sent too? It stays in ActivityWatch "
        "either way; what is skipped now can be sent later by rewinding the checkpoint."
    )
    choices = (
        Choice("no", "Cancel", "c"),
        Choice("send", "Send it", "s"),
        Choice("skip", "Only from now on", "n"),
    )

    def answered(answer: str | None) -> None:
        if answer in ("send", "skip"):
            _set(console, [row.key for row in rows], excluded=False, skip_gap=answer == "skip")

    console.push_screen(Confirm("Include again", question, choices), answered)


def _set(console: "Console", keys: Sequence[Key], *, excluded: bool, skip_gap: bool = False) -> None:
    async def work(agent: Agent) -> str:
        sentence = await agent.set_excluded(keys, excluded=excluded, skip_gap=skip_gap)
        console.board.mark_excluded(keys, excluded=excluded)
        return sentence

    async def back(agent: Agent) -> str:
        sentence = await agent.set_excluded(keys, excluded=not excluded)
        console.board.mark_excluded(keys, excluded=not excluded)
        return sentence

    console.perform(work, undo=back)


def names(rows: Sequence[Row]) -> str:
    """The watchers by the ids of their buckets; of many the first few."""
    few = ", ".join(plain(row.bucket) for row in rows[:_FEW])
    more = len(rows) - _FEW
    return f"{few} and {amount(more, 'more watcher')}" if more > 0 else few
