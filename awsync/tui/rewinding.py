"""Moving a checkpoint back: from when, then a question that names the watcher.

May import: of awsync since, words, timeline, tui app (its type), dialogs, rows, text.
"""

from typing import TYPE_CHECKING, NamedTuple

from awsync.since import HOW, moment_of
from awsync.timeline import HOUR, floor_to
from awsync.tui.cells import Tone
from awsync.tui.rows import Row
from awsync.tui.text import plain
from awsync.words import both_clocks, clock, span

if TYPE_CHECKING:
    from awsync.tui.app import Console


class Target(NamedTuple):
    """Where a checkpoint goes; None is the beginning."""

    position: int | None


def read(text: str, now: int) -> Target:
    """What a person typed; raises ValueError with the reason where it is no moment of the past."""
    if text.strip().lower() in ("beginning", "begin", "all"):
        return Target(None)
    try:
        position = floor_to(moment_of(text, now), HOUR)
    except ValueError as error:
        raise ValueError(f"{error}. Write {HOW}, or: beginning") from None
    if position > now:
        raise ValueError("That is in the future: a checkpoint only goes back.")
    return Target(position)


def ask(console: "Console", row: Row) -> None:
    """Asks from when, and then once more by name."""
    from awsync.tui.dialogs import WIDTH, Ask, Checked
    from awsync.tui.paper import paragraph

    def check(text: str) -> Checked:
        try:
            target = read(text, console.now())
        except ValueError as error:
            return Checked(paragraph(str(error), WIDTH, Tone.DIM), usable=False)
        return Checked(paragraph(_meaning(row, target, console.now()), WIDTH), usable=True)

    def answered(text: str | None) -> None:
        if text is not None:
            _confirm(console, row, read(text, console.now()))

    question = (
        f"{plain(row.bucket)} of {plain(row.source)}\nSend again what it recorded since when (local time)?"
    )
    console.push_screen(Ask("Rewind a checkpoint", question, "1d", check, rows=4), answered)


def _confirm(console: "Console", row: Row, target: Target) -> None:
    from awsync.tui.dialogs import Choice, Confirm

    where = "to the beginning" if target.position is None else f"to {both_clocks(target.position)}"
    question = (
        f"Move the checkpoint of {plain(row.bucket)} {where}?\n\n"
        "What is sent again changes no sum in the store."
    )

    def answered(answer: str | None) -> None:
        if answer == "rewind":
            console.perform(lambda agent: agent.rewind(row.source, row.bucket, target.position))

    choices = (Choice("no", "Cancel", "c"), Choice("rewind", "Rewind", "r"))
    console.push_screen(Confirm("Rewind a checkpoint", question, choices), answered)


def _meaning(row: Row, target: Target, now: int) -> str:
    at = "not synced yet" if row.position is None else f"now at {clock(row.position)} UTC"
    if target.position is None:
        return f"From its first event on ({at})."
    if row.position is not None and target.position >= row.position:
        return f"From {both_clocks(target.position)}, not before the checkpoint ({at}): nothing to repeat."
    return f"From {both_clocks(target.position)}, {span((now - target.position) / 1e6)} ago ({at})."
