"""The line in which a filter is typed. What it matches changes with every key.

May import: textual, and of tui actions, bindings.
"""

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from awsync.tui.actions import FILTERING
from awsync.tui.bindings import bindings

_HINT = "words to find, !word to leave out   enter keeps, esc drops"


class FilterBar(Input):
    """A filter; enter keeps it, escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(FILTERING)]

    class Typed(Message):
        """The filter is another one; `done` when the person goes back to the list."""

        def __init__(self, text: str, *, done: bool) -> None:
            self.text = text
            self.done = done
            super().__init__()

    def __init__(self, value: str, hint: str = "") -> None:
        super().__init__(value, placeholder=hint or _HINT, select_on_focus=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while it is typed."""
        event.stop()
        self.post_message(self.Typed(event.value, done=False))

    def action_keep(self) -> None:
        """Keeps the filter."""
        self.post_message(self.Typed(self.value, done=True))

    def action_drop(self) -> None:
        """Drops the filter."""
        self.post_message(self.Typed("", done=True))
