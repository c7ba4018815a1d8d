"""Sentences under each other, wrapped to the width: the log.

A reader who scrolled up stays where he is, whatever is said meanwhile, as long as that is not the oldest of
very many sentences; at the end, the end is followed.

May import: textual, rich, and of tui bindings, cells, logbook, text.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from awsync.events import Level
from awsync.tui.actions import LISTS
from awsync.tui.bindings import bindings
from awsync.tui.cells import Tone
from awsync.tui.logbook import KEPT, Line
from awsync.tui.text import fit, plain, wrap
from awsync.tui.tones import cursor, drawn, style

_HELD = 5 * KEPT
"""Sentences for a reader who scrolled up, however long he stays; a pass says some thirty, with details."""
_GLYPHS = {Level.DEBUG: "·", Level.INFO: " ", Level.WARNING: "!", Level.ERROR: "✗"}
_LINE_BREAK = plain("\n")
_INDENT = len("15:04:05 ! ")
_TONES = {Level.DEBUG: Tone.DIM, Level.INFO: Tone.PLAIN, Level.WARNING: Tone.WARN, Level.ERROR: Tone.BAD}


class _Shown(NamedTuple):
    """One line of the screen: a part of a sentence with its head, or the day of what follows."""

    line: Line
    head: str
    text: str


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """The log as a list that is only ever added to, until it is filtered anew."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(LISTS)]

    class Scrolled(Message):
        """Other lines are in sight."""

    def __init__(self, *, id: str | None = None, cursor: bool = False) -> None:  # noqa: A002 textual's name
        super().__init__(id=id)
        self._has_cursor = cursor
        self._lines: list[Line] = []
        self._shown: list[_Shown] = []
        self._width = 0
        self._cursor: int | None = None
        self._empty = ""
        self._left_at_end = True

    @property
    def following(self) -> bool:
        """Whether the end is in sight, and stays so; also when the room just became smaller."""
        return self._left_at_end or self.scroll_offset.y >= self._end

    @property
    def missed(self) -> int:
        """How many lines of the screen lie below what is in sight."""
        return max(0, len(self._shown) - self.scroll_offset.y - self._view.height)

    @property
    def lines(self) -> Sequence[Line]:
        """The sentences, oldest first."""
        return self._lines

    @property
    def cursor_line(self) -> Line | None:
        """The sentence under the cursor; while the end is followed that is the last one."""
        if not self._shown:
            return None
        return self._shown[self._at].line

    def replace(self, lines: Sequence[Line], empty: str = "") -> None:
        """Shows other sentences, from their end."""
        self._lines, self._shown, self._cursor, self._empty = [], [], None, empty
        self._write(lines)
        self.follow()
        self.refresh()

    def add(self, lines: Sequence[Line]) -> None:
        """Shows more sentences below."""
        if not lines:
            return
        followed = self.following
        self._write(lines)
        if followed:
            if len(self._lines) > 2 * KEPT:
                self._forget(KEPT)
            self.follow()
        elif len(self._lines) > _HELD:
            top = self.scroll_offset.y - self._forget(_HELD - KEPT)
            self.scroll_to(y=max(top, 0), animate=False, immediate=True, force=True)
        self.refresh()

    def follow(self) -> None:
        """Goes to the end, and stays there."""
        self._cursor = None
        self.scroll_to(y=self._end, animate=False, immediate=True, force=True)
        # Where the log is not in sight, as on a short terminal, there is no end to scroll to.
        self._left_at_end = True

    def render_line(self, y: int) -> Strip:
        """Draws one line of the screen."""
        width = self._view.width
        number = y + self.scroll_offset.y
        if number >= len(self._shown):
            if not self._shown and y == 0 and self._empty:
                return drawn(self, [Segment(fit(f" {self._empty}", width), style(self, Tone.DIM))], width)
            return Strip.blank(width, self.rich_style)
        line, head, text = self._shown[number]
        at_cursor = self._has_cursor and self.has_focus and number == self._at
        over = cursor(self) if at_cursor else Style.null()
        glyph = "" if not text else f"{_GLYPHS[line.level]} " if head.strip() else "  "
        tone = style(self, _TONES[line.level])
        segments = [Segment(head, style(self, Tone.DIM) + over), Segment(f"{glyph}{text}", tone + over)]
        return drawn(self, segments, width, over)

    @property
    def _view(self) -> Size:
        return self.scrollable_content_region.size

    @property
    def _end(self) -> int:
        return max(0, len(self._shown) - self._view.height)

    @property
    def _at(self) -> int:
        last = len(self._shown) - 1
        return last if self._cursor is None else min(self._cursor, last)

    def _write(self, lines: Sequence[Line]) -> None:
        self._width = self._view.width
        # The scrollbar may come with the very lines that are wrapped here, and then hides their last cell.
        width = max(self._width - (not self.show_vertical_scrollbar) - _INDENT, 20)
        for line in lines:
            if not self._lines or self._lines[-1].day != line.day:
                self._shown.append(_Shown(line, line.day, ""))
            self._lines.append(line)
            parts = [part for text in line.text.split(_LINE_BREAK) for part in wrap(text, width)]
            for number, part in enumerate(parts):
                self._shown.append(_Shown(line, f"{line.time} " if number == 0 else " " * 9, part))
        self.virtual_size = Size(self._view.width, len(self._shown))

    def _forget(self, kept: int) -> int:
        """Keeps the last sentences; returns by how many lines of the screen all of them moved up."""
        before = len(self._shown)
        self._lines = self._lines[-kept:]
        first = self._lines[0]
        self._shown = [shown for shown in self._shown if shown.line.number >= first.number]
        if self._shown[0].head != first.day:
            self._shown.insert(0, _Shown(first, first.day, ""))
        moved = before - len(self._shown)
        if self._cursor is not None:
            self._cursor = max(self._cursor - moved, 0)
        self.virtual_size = Size(self._view.width, len(self._shown))
        return moved

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Only a move says whether the end is followed: without one, the end itself has moved."""
        super().watch_scroll_y(old_value, new_value)
        self._left_at_end = new_value >= self._end
        self.post_message(self.Scrolled())

    def on_resize(self) -> None:
        """Wraps anew; the sentence at the top stays at the top, and the end in sight where it was."""
        if not self._view.width:
            return  # out of sight: it comes back as it was left
        if self._view.width == self._width:
            if self.following:
                self.call_after_refresh(self.follow)
            return
        self._width = self._view.width
        followed, lines = self.following, self._lines
        top = self._shown[self.scroll_offset.y].line if self._shown and not followed else None
        self._lines, self._shown, self._cursor = [], [], None
        self._write(lines)
        if top is None:
            self.call_after_refresh(self.follow)
        else:
            numbers = [number for number, shown in enumerate(self._shown) if shown.line is top]
            self.scroll_to(y=numbers[0], animate=False, immediate=True, force=True)

    def _move(self, number: int) -> None:
        if not self._shown:
            return
        last = len(self._shown) - 1
        number = max(0, min(number, last))
        self._cursor = None if number == last else number
        top, room = self.scroll_offset.y, self._view.height
        if number < top:
            self.scroll_to(y=number, animate=False, immediate=True)
        elif number >= top + room:
            self.scroll_to(y=number - room + 1, animate=False, immediate=True)
        self.refresh()

    def action_up(self) -> None:
        """One line up."""
        self._move(self._at - 1)

    def action_down(self) -> None:
        """One line down."""
        self._move(self._at + 1)

    def action_page_up(self) -> None:
        """One page up."""
        self._move(min(self._at, self.scroll_offset.y + self._view.height - 1) - self._view.height)

    def action_page_down(self) -> None:
        """One page down."""
        self._move(self._at + self._view.height)

    def action_first(self) -> None:
        """To the oldest line."""
        self._move(0)

    def action_last(self) -> None:
        """To the end, which is then followed."""
        self._move(len(self._shown) - 1)
