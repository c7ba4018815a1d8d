"""What all pages share: the header, the keys at the bottom, and keys that say why they are off.

May import: textual, and of tui actions, app (its type), bindings, filtering, header, keybar, rows, state.
"""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from awsync.tui import actions
from awsync.tui.bindings import bindings
from awsync.tui.header import Facts, Header
from awsync.tui.keybar import KeyBar
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board

if TYPE_CHECKING:
    from awsync.tui.app import Console
    from awsync.tui.filtering import FilterBar

_FIRST_RUN = frozenset(action.name for action in actions.of(actions.FIRST_RUN))


class Page(Screen[None], inherit_bindings=False):
    """A full screen of the console. A page is told when something changed, four times a second at most.

    Its keys are those that the table of actions has for its name.
    """

    NAME: ClassVar[str] = ""
    ESCAPE_TO_MINIMIZE = False
    ALLOW_IN_MAXIMIZED_VIEW = "Header, KeyBar, FilterBar"

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = [*bindings(cls.NAME)]
        super().__init_subclass__()

    def __init__(self) -> None:
        super().__init__()
        self._header_line = Header()
        self.before_filter: Widget | None = None

    @property
    def console(self) -> "Console":
        """The application."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """Header, body, keys."""
        yield self._header_line
        yield from self.body()
        yield KeyBar()

    def body(self) -> ComposeResult:
        """The widgets of this page."""
        yield from ()

    def update_header(self, board: Board, facts: Facts) -> None:
        """Shows the facts of the moment."""
        self._header_line.show(board, facts)

    def update_board(self, board: Board, around: Surroundings) -> None:
        """Shows what changed."""

    def on_screen_resume(self) -> None:
        """A page that comes to the front shows what holds now."""
        self.console.flush(force=True)

    def why_not(self, action: str) -> str | None:
        """Why a key of this page does nothing now; None where it works."""
        return None

    def forbids(self, action: str) -> str | None:
        """Why a key has no place in the console now; None where it has."""
        return "The first run is over." if action in _FIRST_RUN else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that does nothing now is dim."""
        return None if self.why_not(action) else True

    def close(self) -> bool:
        """Escape: goes back by one step within the page; False where there is none."""
        return False

    def type_filter(self, text: str, hint: str = "") -> None:
        """Opens the line in which a filter is typed, on a page that takes one; `hint` is for an empty one."""
        from awsync.tui.filtering import FilterBar

        if not self.query(FilterBar):
            field = FilterBar(text, hint)
            field.cursor_blink = self.console.cursor_blinks
            self.before_filter = self.focused
            self.mount(field)
            # At once: what is typed next would otherwise still be keys of the page.
            self.set_focus(field)

    def set_pattern(self, text: str) -> None:
        """Shows what passes a filter."""

    def on_filter_bar_typed(self, event: "FilterBar.Typed") -> None:
        """Another filter; the line goes when the person goes back to the list."""
        self.set_pattern(event.text)
        if event.done:
            self.set_focus(self.before_filter)
            self.query("FilterBar").remove()

    def copied(self) -> str:
        """The line under the cursor, for the clipboard."""
        return ""

    def exported(self) -> tuple[str, str]:
        """The ending of a file name, and what is shown as text."""
        return "txt", ""
