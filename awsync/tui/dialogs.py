"""Questions over a page: one to choose an answer, one to type an answer that is checked while it is typed.

The safe answer has the focus. Escape is always the safe answer.

May import: textual, rich, and of tui actions, bindings, cells, paper.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from awsync.tui.actions import QUESTIONS
from awsync.tui.bindings import bindings
from awsync.tui.cells import Tone
from awsync.tui.paper import Paper, TextLine, paragraph
from awsync.tui.tones import drawn, style

WIDTH = 68
"""Cells of text in a dialog: it fits a terminal of 80."""


class Choice(NamedTuple):
    """An answer: its value, its label, and the letter that gives it at once."""

    value: str
    label: str
    letter: str


class Choices(Widget, can_focus=True):
    """Answers beside each other; the one in brackets is taken by enter."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.choices = tuple(choices)
        self.chosen = 0

    def move(self, by: int) -> None:
        """To the answer beside."""
        self.chosen = (self.chosen + by) % len(self.choices)
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """Draws the answers."""
        segments: list[Segment] = []
        for number, choice in enumerate(self.choices):
            tone = Tone.CHOSEN if number == self.chosen else Tone.PLAIN
            text = f"({choice.letter}) {choice.label}"
            text = f"[ {text} ]" if number == self.chosen else f"  {text}  "
            segments += [Segment(text, style(self, tone)), Segment(" ")]
        return drawn(self, segments, self.size.width)


class Confirm(ModalScreen[str], inherit_bindings=False):
    """A question with a few answers; the first one is safe, has the focus, and is what escape gives."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(QUESTIONS)]

    def __init__(self, title: str, question: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self.question = question
        self._choices = Choices(choices)

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Paper(paragraph(self.question, WIDTH))
            yield self._choices

    def on_mount(self) -> None:
        """The safe answer has the focus."""
        self._choices.focus()

    def on_key(self, event: Key) -> None:
        """A letter answers at once; it is not a key of the page below as well."""
        for choice in self._choices.choices:
            if choice.letter == event.character:
                event.stop()
                self.dismiss(choice.value)
                return

    def action_safe(self) -> None:
        """Nothing happens."""
        self.dismiss(self._choices.choices[0].value)

    def action_take(self) -> None:
        """Takes the answer in brackets."""
        self.dismiss(self._choices.choices[self._choices.chosen].value)

    def action_move(self, by: int) -> None:
        """To the answer beside."""
        self._choices.move(by)


class Checked(NamedTuple):
    """What a typed answer means; `usable` says whether enter takes it."""

    lines: Sequence[TextLine]
    usable: bool


class Ask(ModalScreen[str | None], inherit_bindings=False):
    """A typed answer with what it means below it; None where the person left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings(QUESTIONS) if binding.action in {"safe", "take"}
    ]

    def __init__(
        self, title: str, question: str, value: str, check: Callable[[str], Checked], *, rows: int
    ) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._value = value
        self._check = check
        self._meaning = Paper()
        self._meaning.styles.height = rows

    def compose(self) -> ComposeResult:
        """Question, input, meaning, keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Paper(paragraph(self._question, WIDTH))
            field = Input(self._value, select_on_focus=False)
            field.cursor_blink = self.app.cursor_blinks  # type: ignore[attr-defined]
            yield field
            yield self._meaning
            yield Paper([[("enter", Tone.KEY), (" takes it   ", Tone.DIM), ("esc", Tone.KEY),
                          (" leaves everything as it is", Tone.DIM)]])  # fmt: skip

    def on_mount(self) -> None:
        """Shows what the value means now."""
        self.query_one(Input).focus()
        self._explain(self._value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows what it means, as it is typed."""
        self._explain(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The field takes enter for itself."""
        self.action_take()

    def action_take(self) -> None:
        """Takes a usable answer; any other stays where it can be mended."""
        text = self.query_one(Input).value
        if self._check(text).usable:
            self.dismiss(text)
        else:
            self.app.bell()

    def action_safe(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    def _explain(self, text: str) -> None:
        self._meaning.show(self._check(text).lines)
