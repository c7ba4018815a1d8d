"""Help: every key from the table of actions, and what the signs mean.

May import: textual, and of tui actions, cells, page, paper, rows.
"""

from textual.app import ComposeResult

from awsync.tui import actions
from awsync.tui.cells import Tone
from awsync.tui.page import Page
from awsync.tui.paper import Book, TextLine
from awsync.tui.rows import GLYPHS, TONES, Health

_MEANINGS = {
    Health.FAILED: "ActivityWatch could not give this bucket; the reason stands beside it",
    Health.WAITING: "something is due and cannot be delivered yet: the store, the source, or a pause",
    Health.SET_ASIDE: "the store refuses some of it, often for its age; it is kept and tried again",
    Health.STALE: "the watcher has recorded nothing for a day",
    Health.CATCHING_UP: "a long history is being delivered",
    Health.IN_SYNC: "everything that is closed is in the store",
    Health.NEW: "its first pass is still to come",
    Health.BELOW: "too few events to be synced, see min-data",
    Health.EXCLUDED: "it stays on this machine",
}
_TITLES = {
    actions.EVERYWHERE: "Everywhere",
    "watchers": "Watchers",
    "detail": "Detail",
    "log": "Log",
    actions.LISTS: "In every list",
    actions.FIRST_RUN: "In the first run",
}
_KEYS = 13
_NAME = 26


class HelpPage(Page):
    """Keys and signs."""

    NAME = "help"

    def body(self) -> ComposeResult:
        """One long page."""
        yield Book(lines(), title="Help  esc closes")

    def on_mount(self) -> None:
        """The page scrolls."""
        self.query_one(Book).focus()

    def copied(self) -> str:
        """All of it."""
        return self.query_one(Book).text

    def exported(self) -> tuple[str, str]:
        """All of it."""
        return "txt", f"{self.query_one(Book).text}\n"


def lines() -> list[TextLine]:
    """The help as lines."""
    result: list[TextLine] = []
    for place, title in _TITLES.items():
        result += [[(title, Tone.STRONG)], *(_key(action) for action in actions.of(place)), []]
    result.append([("In a question", Tone.STRONG)])
    result += [
        [
            ("enter".ljust(_KEYS), Tone.ACCENT),
            ("takes the answer in brackets; the safe one is first", Tone.PLAIN),
        ],
        [("← → or letter".ljust(_KEYS), Tone.ACCENT), (" another answer", Tone.PLAIN)],
        [("esc".ljust(_KEYS), Tone.ACCENT), ("the safe answer", Tone.PLAIN)],
        [],
        [("States of a watcher", Tone.STRONG)],
    ]
    for health in Health:
        sign = f"{GLYPHS[health]} {health}".ljust(20)
        result.append([(sign, TONES[health]), (_MEANINGS[health], Tone.PLAIN)])
    result += [
        [],
        [("Times of events and checkpoints are UTC, those of the schedule the computer's own.", Tone.DIM)],
        [("A bar of the 24 hours is one hour, a full one 60 minutes of activity.", Tone.DIM)],
    ]
    return result


def _key(action: actions.Action) -> TextLine:
    return [
        (action.shown_keys.ljust(_KEYS), Tone.ACCENT),
        (action.title.ljust(_NAME), Tone.PLAIN),
        (action.help, Tone.DIM),
    ]
