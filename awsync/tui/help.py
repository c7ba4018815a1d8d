"""Help: every key from the table of actions, and what the signs mean.

May import: textual, and of tui actions, cells, page, pages, paper, rows, text.
"""

from textual.app import ComposeResult

from awsync.tui import actions, pages
from awsync.tui.cells import Tone
from awsync.tui.page import Page
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.rows import GLYPHS, TONES, Health
from awsync.tui.text import wrap

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
_FIELDS = "Where text is typed, a shell line's keys work too: ctrl+a, ctrl+w, ctrl+u."
_NOTES = (
    "Pending is the newest history that is not in the store yet, of the watcher that is farthest behind.",
    "Times of events and checkpoints are UTC, those of the schedule the computer's own.",
    "A bar of the 24 hours is one hour, a full one 60 minutes of activity.",
)
_KEYS = 16
_NAME = 25
_SIGN = 20
_LEAST = 20


class HelpPage(Page):
    """Keys and signs."""

    NAME = "help"

    def body(self) -> ComposeResult:
        """One long page."""
        yield Book(title="Help")

    def _opened_on(self) -> str:
        below = [screen.NAME for screen in self.app.screen_stack if isinstance(screen, Page)]
        return below[-2] if len(below) > 1 else pages.WATCHERS

    def on_resize(self) -> None:
        """What does not fit beside a key stands below it."""
        self.query_one(Book).show(lines(self._opened_on(), self.size.width - 5))

    def on_mount(self) -> None:
        """The page scrolls."""
        self.query_one(Book).focus()

    def copied(self) -> str:
        """All of it."""
        return self.query_one(Book).text

    def exported(self) -> tuple[str, str]:
        """All of it."""
        return "txt", f"{self.query_one(Book).text}\n"


def lines(first: str = pages.WATCHERS, cells: int = 120) -> list[TextLine]:
    """The help in lines of so many cells; the keys of the page that it was opened on come first."""
    places = sorted(actions.PLACES, key=lambda place: place != first)
    result: list[TextLine] = []
    for place in places:
        if keys := [line for action in actions.of(place) for line in _key(action, cells)]:
            result += [[(actions.PLACES[place], Tone.STRONG)], *keys, []]
    result += [*paragraph(_FIELDS, cells, Tone.DIM), [], [("States of a watcher", Tone.STRONG)]]
    for health in Health:
        sign = f"{GLYPHS[health]} {health}".ljust(_SIGN)
        result += _beside([(sign, TONES[health])], _MEANINGS[health], cells - _SIGN, Tone.PLAIN)
    result.append([])
    for note in _NOTES:
        result += paragraph(note, cells, Tone.DIM)
    return result


def _key(action: actions.Action, cells: int) -> list[TextLine]:
    """The line of a key; keys that are too many for their column stand in a line of their own."""
    keys: TextLine = [(action.shown_keys.ljust(_KEYS), Tone.KEY)]
    title = (action.title.ljust(_NAME), Tone.PLAIN)
    above: list[TextLine] = []
    if len(action.shown_keys) >= _KEYS:
        above, keys = [keys], [(" " * _KEYS, Tone.PLAIN)]
    return [*above, *_beside([*keys, title], action.help, cells - _KEYS - _NAME, Tone.DIM)]


def _beside(left: TextLine, text: str, cells: int, tone: Tone) -> list[TextLine]:
    """A text beside what stands at its left, in as many lines as it takes."""
    first, *rest = wrap(text, max(cells, _LEAST))
    indent = " " * sum(map(len, (piece for piece, _ in left)))
    return [[*left, (first, tone)], *([(indent, tone), (line, tone)] for line in rest)]
