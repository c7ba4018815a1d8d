"""Lines of text with tones, as they are: panels, questions, help.

May import: textual, rich, and of tui bindings, cells, text.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from awsync.tui.actions import LISTS
from awsync.tui.bindings import bindings
from awsync.tui.cells import Tone
from awsync.tui.text import clip, plain, width, wrap
from awsync.tui.tones import drawn, style

Piece = tuple[str, Tone]
TextLine = Sequence[Piece]


def paragraph(text: str, cells: int, tone: Tone = Tone.PLAIN) -> list[TextLine]:
    """A text wrapped into lines of one tone; its own line breaks stay."""
    return [[(line, tone)] for part in text.split("\n") for line in wrap(plain(part), cells)]


class Paper(ScrollView, can_focus=False, inherit_bindings=False):
    """Lines of pieces; each line is cut at the right, never wrapped."""

    def __init__(
        self,
        lines: Sequence[TextLine] = (),
        *,
        id: str | None = None,  # noqa: A002 textual's own name
        title: str = "",
    ) -> None:
        super().__init__(id=id)
        self.border_title = title or None
        self._lines: list[TextLine] = list(lines)

    @property
    def lines(self) -> list[TextLine]:
        """What is shown."""
        return self._lines

    @property
    def text(self) -> str:
        """What is shown, without tones."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    @property
    def room(self) -> int:
        """Cells of a line that stay in sight when the lines become so many that a scrollbar comes."""
        return max(self.scrollable_content_region.width - (not self.show_vertical_scrollbar), 0)

    def show(self, lines: Sequence[TextLine]) -> None:
        """Shows these lines; draws only where something changed."""
        lines = list(lines)
        if lines == self._lines:
            return
        higher = len(lines) != len(self._lines)
        self._lines = lines
        self._measure()
        self.refresh(layout=higher)

    def on_mount(self) -> None:
        """Now the size is known."""
        self._measure()

    def on_resize(self) -> None:
        """Lines are cut elsewhere."""
        self._measure()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row for each line."""
        return len(self._lines)

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """Draws one line."""
        room = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        left = room
        segments: list[Segment] = []
        for raw, tone in self._lines[number] if number < len(self._lines) else ():
            text = clip(plain(raw), left)
            segments.append(Segment(text, style(self, tone)))
            left -= width(text)
        return drawn(self, segments, room)


class Book(Paper, can_focus=True, inherit_bindings=False):
    """Paper that is longer than the screen: it is scrolled by keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(LISTS)]

    def action_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_page_up(self) -> None:
        """One page up."""
        self.scroll_relative(y=-self.size.height, animate=False)

    def action_page_down(self) -> None:
        """One page down."""
        self.scroll_relative(y=self.size.height, animate=False)

    def action_first(self) -> None:
        """To the first line."""
        self.scroll_to(y=0, animate=False)

    def action_last(self) -> None:
        """To the last line."""
        self.scroll_to(y=len(self._lines), animate=False)
