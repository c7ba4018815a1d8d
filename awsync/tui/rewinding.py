"""Moving a checkpoint back: from when, then a question that names the watcher.

May import: of awsync words, timeline, tui app (its type), dialogs, rows, text.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from awsync.timeline import HOUR, floor_to
from awsync.tui.cells import Tone
from awsync.tui.rows import Row
from awsync.tui.text import plain
from awsync.words import clock, span

if TYPE_CHECKING:
    from awsync.tui.app import Console

_UNITS = {"h": HOUR, "d": 24 * HOUR, "w": 7 * 24 * HOUR}
_EXPLAIN = "A length such as 6h, 2d or 1w, a date such as 2026-11-20 or 2026-11-20 14:00 (UTC), or: beginning"


class Target(NamedTuple):
    """Where a checkpoint goes; None is the beginning."""

    position: int | None


def read(text: str, now: int) -> Target:
    """What a person typed; raises ValueError with the reason where it is no moment of the past."""
    words = text.strip().lower()
    if words in ("beginning", "begin", "all"):
        return Target(None)
    if found := re.fullmatch(r"(\d{1,6})\s*([hdw])", words, re.ASCII):
        return Target(floor_to(max(now - int(found[1]) * _UNITS[found[2]], 0), HOUR))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(_EXPLAIN) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    position = max(floor_to(int(moment.timestamp()) * 1_000_000, HOUR), 0)
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

    question = f"{plain(row.bucket)} of {plain(row.source)}\nSend again what it recorded since when?"
    console.push_screen(Ask("Rewind a checkpoint", question, "1d", check, rows=4), answered)


def _confirm(console: "Console", row: Row, target: Target) -> None:
    from awsync.tui.dialogs import Choice, Confirm

    where = "to the beginning" if target.position is None else f"to {clock(target.position)} UTC"
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
        return f"From {clock(target.position)} UTC, not before the checkpoint ({at}): nothing to repeat."
    return f"From {clock(target.position)} UTC, {span((now - target.position) / 1e6)} ago ({at})."
