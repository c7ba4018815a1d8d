"""The first-run screen: finds ActivityWatch, asks for the store, tests it, writes config.toml, goes on.

May import: textual, and of awsync errors, firstrun (its outcome), and of tui what it shows.
"""

from pathlib import Path
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from awsync.errors import ConfigError
from awsync.firstrun import Outcome
from awsync.tui.actions import FIRST_RUN, LISTS, of
from awsync.tui.bindings import bindings
from awsync.tui.cells import Tone
from awsync.tui.dialogs import WIDTH
from awsync.tui.header import Facts
from awsync.tui.keybar import KeyBar
from awsync.tui.page import Page
from awsync.tui.paper import Paper, TextLine, paragraph
from awsync.tui.state import Board
from awsync.tui.text import plain, wrap

_INTRO = "Two addresses. Nothing is written or sent before you say so."
_RECORDED = "what it records is read, never changed"
_STORES = "Prometheus, VictoriaMetrics, or any other remote write"
_WITHOUT = "Then ctrl+r looks again; or go on, awsync waits for it."
_LEAVE_OUT = "To leave watchers out from the start: esc, then awsync tui --excluded-watchers 'NAME|NAME'."
_KEYS = frozenset(
    {"next_pane", "previous_pane", "next_theme", "command_palette", "open('help')", "back", "copy", "quit"}
    | {action.name for action in (*of(FIRST_RUN), *of(LISTS))}
)


class Setup(Protocol):
    """What the screen asks; `fixed` says why the address of ActivityWatch is not the person's to change."""

    path: Path
    aw_url: str
    fixed: str

    async def look(self, aw_url: str) -> Outcome:
        """Whether ActivityWatch is there."""

    async def usual_store(self) -> tuple[str, str]:
        """The address of a store that is there, empty without one; and the sentence about it."""

    async def test(self, store_url: str) -> Outcome:
        """Whether the store takes remote write."""

    def write(self, aw_url: str, store_url: str) -> None:
        """Writes config.toml. Raises ConfigError."""


class Field(Input):
    """One line to type in; the keys of the screen work in it too."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(FIRST_RUN)]

    async def action_go_on(self) -> None:
        """As on the screen."""
        await self.run_action("screen.go_on")

    async def action_look_again(self) -> None:
        """As on the screen."""
        await self.run_action("screen.look_again")

    async def action_leave(self) -> None:
        """As on the screen."""
        await self.run_action("screen.leave")


class Step(Paper, can_focus=True):
    """What enter does next, between brackets."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""

    def tell(self, words: str) -> None:
        """Enter does something else."""
        self._words = words
        self.show([[(f"[ {words} ]", Tone.CHOSEN if self.has_focus else Tone.KEY)]])

    def watch_has_focus(self, has_focus: bool) -> None:  # noqa: FBT001 textual calls it so
        """It stands out where enter does it."""
        super().watch_has_focus(has_focus)
        self.tell(self._words)


class FirstRunPage(Page):
    """Two addresses, each with what is known of it, and the next step."""

    NAME = FIRST_RUN
    AUTO_FOCUS = "Step"

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self._setup = setup
        self._aw = Field(id="aw-url", disabled=bool(setup.fixed), select_on_focus=False)
        self._store = Field(id="prometheus-url", select_on_focus=False)
        self._found = Paper(id="found")
        self._answer = Paper(id="answer")
        self._outlook = Paper()
        self._step = Step()
        self._looked = ""
        self._asked = ""
        self._passed = False

    def compose(self) -> ComposeResult:
        """The header would have nothing to tell yet."""
        with VerticalScroll(classes="dialog", id="first-run", can_focus=False) as box:
            box.border_title = "awsync: first run"
            yield Paper(paragraph(_INTRO, WIDTH), id="intro")
            yield Paper([[("ActivityWatch", Tone.STRONG), (f"  {self._setup.fixed or _RECORDED}", Tone.DIM)]])
            yield self._aw
            yield self._found
            yield Paper([[("Store", Tone.STRONG), (f"  {_STORES}", Tone.DIM)]])
            yield self._store
            yield self._answer
            yield self._outlook
            yield self._step
        yield KeyBar()

    def on_mount(self) -> None:
        """Looks at once."""
        # A field takes its text only once there is a screen.
        self._aw.value = self._looked = self._setup.aw_url
        for field in (self._aw, self._store):
            field.cursor_blink = self.console.cursor_blinks
        self._show_step()
        self.action_look_again()

    def update_header(self, board: Board, facts: Facts) -> None:
        """There is none."""

    def forbids(self, action: str) -> str | None:
        """Before there is a store, only a few keys have something to act on."""
        return None if action in _KEYS else "First the store: this works once config.toml is written."

    def close(self) -> bool:
        """There is nothing below to go back to."""
        self.action_leave()
        return True

    def copied(self) -> str:
        """What is known so far, such as the remedy of a store."""
        return "\n".join(filter(None, (self._found.text, self._answer.text)))

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was said of another address does not hold for this one."""
        if event.input is self._aw and event.value != self._looked:
            self._looked = ""
            self.workers.cancel_group(self, "look")
            self._found.show(_hint("Enter looks there."))
        elif event.input is self._store and event.value != self._asked:
            self._asked, self._passed = "", False
            self.workers.cancel_group(self, "test")
            self._answer.show(_hint("Enter tests it."))
        self._show_step()

    def action_look_again(self) -> None:
        """Looks for ActivityWatch, and for a store where none is named."""
        self.run_worker(self._look(), group="look", exclusive=True)
        if not self._store.value:
            self.run_worker(self._find_store(), group="test", exclusive=True)

    def action_go_on(self) -> None:
        """The next step from where the person is."""
        if self.focused is self._aw and not self._looked:
            self.run_worker(self._look(), group="look", exclusive=True)
        elif self._passed:
            self._write()
        else:
            self.run_worker(self._test(), group="test", exclusive=True)

    def action_leave(self) -> None:
        """Nothing is written."""
        self.console.exit(0)

    async def _look(self) -> None:
        self._looked = self._aw.value
        self._found.show(_hint("Looking ..."))
        outcome = await self._setup.look(self._looked)
        self._found.show(_verdict(outcome, "" if outcome.good else _WITHOUT))
        if outcome.good and self.focused is self._aw:
            self._store.focus()

    async def _find_store(self) -> None:
        self._answer.show(_hint("Looking ..."))
        self._asked, sentence = await self._setup.usual_store()
        self._store.value = self._asked
        self._answer.show(_hint(sentence if self._asked else f"{sentence} Type where yours is."))
        if not self._asked and self.focused is self._step:
            self._store.focus()

    async def _test(self) -> None:
        self._asked = self._store.value
        if not self._asked.strip():
            outcome = Outcome("Type the address of your store, such as http://localhost:9090.", good=False)
        else:
            self._answer.show(_hint("Testing ..."))
            outcome = await self._setup.test(self._asked)
        self._answer.show(_verdict(outcome))
        self._passed = outcome.good
        self._show_step()
        (self._step if outcome.good else self._store).focus()

    def _write(self) -> None:
        try:
            self._setup.write(self._aw.value, self._store.value)
        except ConfigError as error:
            self._answer.show(_verdict(Outcome(str(error), good=False)))
            return
        self.console.say(f"Written to {self._setup.path}.")
        self.console.begin()

    def _show_step(self) -> None:
        path = self._setup.path
        if self._passed:
            outlook = f"Enter writes {path} and starts to deliver your history. {_LEAVE_OUT}"
        else:
            outlook = f"Once the store answers, {path} is written."
        self._outlook.show(paragraph(outlook, WIDTH, Tone.DIM))
        words = "Write config.toml and start" if self._passed else "Test the store"
        self._step.tell(words)


def _hint(text: str) -> list[TextLine]:
    return [[(f"  {line}", Tone.DIM)] for line in wrap(text, WIDTH - 2)]


def _verdict(outcome: Outcome, more: str = "") -> list[TextLine]:
    """A mark, and the sentences beside it."""
    tone = Tone.GOOD if outcome.good else Tone.BAD
    text = f"{outcome.text} {more}".rstrip()
    lines = [line for part in text.split("\n") for line in wrap(plain(part), WIDTH - 2)]
    mark = "✓ " if outcome.good else "✗ "
    return [[(mark if number == 0 else "  ", tone), (line, Tone.PLAIN)] for number, line in enumerate(lines)]
