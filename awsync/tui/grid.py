"""A table of lines, drawn by itself: only what changed is drawn again, and the cursor stays with its row.

A cell is text, never markup. Columns fall away where they do not fit.

May import: textual, rich, and of tui bindings, cells, text.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from awsync.tui.actions import LISTS
from awsync.tui.bindings import bindings
from awsync.tui.cells import GAP, Cell, Column, Placed, Tone, place
from awsync.tui.text import fit, plain, width
from awsync.tui.tones import cursor, drawn, style

KEPT_STRIPS = 2_000
"""Drawn rows that are kept; the table has each in the forms of its cursor and its focus."""


class Record(NamedTuple):
    """A row of the table: what names it, and its cells, one for each column."""

    key: object
    cells: tuple[Cell, ...]

    @property
    def line(self) -> str:
        """The row as one line that is safe to paste: no line break and no control character."""
        return "\t".join(plain(cell.text) for cell in self.cells if cell.text)


class Grid(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows under a header. The owner sorts and filters; the grid shows and moves a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(LISTS)]

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, grid: "Grid") -> None:
            self.grid = grid
            super().__init__()

        @property
        def control(self) -> "Grid":
            """The grid, for handlers that want a certain one."""
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,  # noqa: A002 textual's own name
        title: str = "",
        empty: str = "",
        header: bool = True,
        cursor: bool = True,
    ) -> None:
        super().__init__(id=id)
        self.border_title = title or None
        self._columns = tuple(columns)
        self._header = header
        self._shows_cursor = cursor
        self._empty = empty
        self._hidden: tuple[str, ...] = ()
        self._arrow: tuple[str, str] = ("", "")
        self._titles = (title, "")
        self._records: list[Record] = []
        self._places: dict[object, int] = {}
        self._cursor = 0
        self._placed: tuple[Placed, ...] = ()
        self._needs: dict[str, int] = {}
        self._laid_out = 0
        self._strips: dict[tuple[Record, bool, bool], Strip] = {}

    @property
    def cursor_key(self) -> object | None:
        """What names the row under the cursor; None in an empty table."""
        return self._records[self._cursor].key if self._records else None

    @property
    def cursor_record(self) -> Record | None:
        """The row under the cursor."""
        return self._records[self._cursor] if self._records else None

    @property
    def records(self) -> Sequence[Record]:
        """The rows as they are shown, all columns included."""
        return self._records

    @property
    def shown_columns(self) -> list[str]:
        """The keys of the columns that fit."""
        return [placed.column.key for placed in self._placed]

    def width_of(self, key: str) -> int:
        """How many cells a column has now; 0 where it fell away."""
        return next((placed.width for placed in self._placed if placed.column.key == key), 0)

    def show(self, records: Sequence[Record], *, arrow: tuple[str, str] = ("", ""), empty: str = "") -> None:
        """Shows these rows; what did not change is not drawn again, and the cursor stays with its row.

        `arrow` is the key of the column that the rows are sorted by, and its sign.
        """
        old, key, previous = self._records, self.cursor_key, self._cursor
        self._records = list(records)
        if empty and empty != self._empty:
            self._empty = empty
            self.refresh()
        self._places = {record.key: number for number, record in enumerate(self._records)}
        place_of_key = self._places.get(key) if key is not None else None
        self._cursor = max(min(previous, len(self._records) - 1), 0) if place_of_key is None else place_of_key
        if self._grew():
            self._lay_out()
        if len(old) != len(self._records) or arrow != self._arrow:
            self._arrow = arrow
            self._measure()
            self.refresh()
        else:
            self._refresh_changed(old, previous)
        if self._cursor != previous:
            self._keep_in_sight()
        if self.cursor_key != key:
            self.post_message(self.Moved(self))

    def set_titles(self, title: str, left: str = "", right: str = "") -> None:
        """Texts in the border, as text: at the top, and at the bottom."""
        titles = (plain(f"{title}  {left}".rstrip()), plain(right))
        if titles != self._titles:
            self._titles = titles
            self.border_title, self.border_subtitle = map(Content, titles)

    def forget_widths(self) -> None:
        """The rows that come next are of another kind: columns take the room that those need."""
        self._needs.clear()

    def hide_columns(self, *keys: str) -> None:
        """Never shows these columns."""
        if keys != self._hidden:
            self._hidden = keys
            self._lay_out()

    def go_to(self, key: object) -> bool:
        """Moves the cursor to a row; False where there is no such row."""
        if key not in self._places:
            return False
        self._move(self._places[key])
        return True

    def render_line(self, y: int) -> Strip:
        """Draws one line of the screen."""
        if self._view.width != self._laid_out:
            self._place()  # a scrollbar came or went, which no event tells
        if self._header and y == 0:
            return self._header_strip()
        number = y + self.scroll_offset.y - self._header
        if number >= len(self._records):
            if not self._records and number == 0 and self._empty:
                text = fit(f" {self._empty}", self._view.width)
                return drawn(self, [Segment(text, style(self, Tone.DIM))], self._view.width)
            return Strip.blank(self._view.width, self.rich_style)
        record = self._records[number]
        at_cursor = self._shows_cursor and number == self._cursor
        key = (record, at_cursor, self.has_focus)
        if (strip := self._strips.get(key)) is None:
            if len(self._strips) > KEPT_STRIPS:
                self._strips.clear()
            strip = self._strips[key] = self._row_strip(record, at_cursor=at_cursor)
        return strip

    def _row_strip(self, record: Record, *, at_cursor: bool) -> Strip:
        over = cursor(self) if at_cursor else Style.null()
        segments = [Segment("▌" if at_cursor and self.has_focus else " ", style(self, Tone.ACCENT) + over)]
        for number, (index, column, cells) in enumerate(self._placed):
            text, tone = record.cells[index]
            look = style(self, tone) + over
            if number:
                segments.append(Segment(" " * GAP, look))
            segments.append(Segment(fit(plain(text), cells, right=column.right), look))
        return drawn(self, segments, self._view.width, over)

    def _header_strip(self) -> Strip:
        look = style(self, Tone.HEADING)
        sorted_by, sign = self._arrow
        segments = [Segment(" ", look)]
        for number, (_, column, cells) in enumerate(self._placed):
            arrow = sign if column.key == sorted_by else ""
            title = f"{arrow}{column.title}" if column.right else f"{column.title}{arrow}"
            segments.append(Segment(" " * GAP if number else "", look))
            segments.append(Segment(fit(title, cells, right=column.right), look))
        return drawn(self, segments, self._view.width)

    def _refresh_changed(self, old: Sequence[Record], previous: int) -> None:
        top = self.scroll_offset.y
        bottom = top + self._room
        changed = {previous, self._cursor} if previous != self._cursor else set()
        changed.update(
            number
            for number in range(top, min(bottom, len(self._records)))
            if old[number] != self._records[number]
        )
        for number in changed:
            self._refresh_row(number)

    def _refresh_row(self, number: int) -> None:
        y = number - self.scroll_offset.y + self._header
        if 0 <= y < self._view.height:
            self.refresh(Region(0, y, self._view.width, 1))

    def _lay_out(self) -> None:
        self._place()
        self._measure()
        self.refresh()

    def _place(self) -> None:
        self._laid_out = self._view.width
        self._placed = place(self._columns, self._laid_out - 1, self._hidden, self._needs)
        self._strips.clear()

    def _grew(self) -> bool:
        """Whether a column needs more room than any text of it did; it never shrinks under the reader."""
        grew = False
        for index, column in enumerate(self._columns):
            if column.wide > column.narrow:
                longest = max((width(plain(record.cells[index].text)) for record in self._records), default=0)
                if longest > self._needs.get(column.key, 0):
                    self._needs[column.key] = longest
                    grew = True
        return grew

    def _measure(self) -> None:
        self.virtual_size = Size(self._view.width, max(len(self._records), 1) + self._header)

    @property
    def _view(self) -> Size:
        """What is left of the widget between its border and its scrollbar."""
        return self.scrollable_content_region.size

    @property
    def _room(self) -> int:
        return max(self._view.height - self._header, 1)

    def _move(self, number: int) -> None:
        number = max(0, min(number, len(self._records) - 1))
        if not self._records or number == self._cursor:
            return
        previous, self._cursor = self._cursor, number
        self._refresh_row(previous)
        self._refresh_row(number)
        self._keep_in_sight()
        self.post_message(self.Moved(self))

    def _keep_in_sight(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + self._room:
            self.scroll_to(y=self._cursor - self._room + 1, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Columns fall away, or come back."""
        self._lay_out()
        self._keep_in_sight()

    def notify_style_update(self) -> None:
        """Another theme: everything is drawn again."""
        super().notify_style_update()
        self._strips.clear()

    def on_focus(self) -> None:
        """The cursor is drawn stronger."""
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        """The cursor is drawn weaker."""
        self._refresh_row(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """A mouse may be used, though it never has to."""
        number = event.y + self.scroll_offset.y - self._header
        if event.y >= self._header and number < len(self._records):
            self._move(number)

    def action_up(self) -> None:
        """One row up."""
        self._move(self._cursor - 1)

    def action_down(self) -> None:
        """One row down."""
        self._move(self._cursor + 1)

    def action_page_up(self) -> None:
        """One page up."""
        self._move(self._cursor - self._room)

    def action_page_down(self) -> None:
        """One page down."""
        self._move(self._cursor + self._room)

    def action_first(self) -> None:
        """To the first row."""
        self._move(0)

    def action_last(self) -> None:
        """To the last row."""
        self._move(len(self._records) - 1)
