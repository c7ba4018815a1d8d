"""The log: the engine's own sentences, with a level, a filter, and an end that is followed or not.

May import: textual, and of tui what it shows.
"""

from textual.app import ComposeResult
from textual.content import Content

from awsync.events import Level
from awsync.tui.lines import Lines
from awsync.tui.matching import Pattern
from awsync.tui.page import Page
from awsync.tui.pages import LOG
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
from awsync.tui.text import plain

_CYCLE = {
    Level.INFO: Level.WARNING,
    Level.WARNING: Level.ERROR,
    Level.ERROR: Level.DEBUG,
    Level.DEBUG: Level.INFO,
}
_WORDS = {
    Level.DEBUG: "details too",
    Level.INFO: "from info on",
    Level.WARNING: "warnings and errors",
    Level.ERROR: "errors only",
}


class LogPage(Page):
    """What was said, oldest first."""

    NAME = LOG

    def __init__(self) -> None:
        super().__init__()
        self.log_lines = Lines(id="log", cursor=True)
        self.level = Level.INFO
        self.pattern = Pattern()
        self._logged = 0
        self._titles = ("", "")

    def body(self) -> ComposeResult:
        """The log alone."""
        yield self.log_lines

    def on_mount(self) -> None:
        """The log has the focus."""
        self.log_lines.focus()
        self.call_after_refresh(self._refill)

    def update_board(self, board: Board, around: Surroundings) -> None:
        """What was said since."""
        if self.log_lines.size.width:
            self.log_lines.add(board.log.since(self._logged, self.level, self.pattern))
            self._logged = board.log.written
        self._title()

    def on_lines_scrolled(self) -> None:
        """The border says whether the end is followed."""
        self._title()

    def close(self) -> bool:
        """Drops the filter."""
        if not self.pattern:
            return False
        self.set_pattern("")
        return True

    def copied(self) -> str:
        """The sentence under the cursor."""
        line = self.log_lines.cursor_line
        return "" if line is None else str(line)

    def exported(self) -> tuple[str, str]:
        """The sentences that pass the filters."""
        return "log", "".join(f"{line}\n" for line in self.log_lines.lines)

    def action_level(self) -> None:
        """The next level."""
        self.level = _CYCLE[self.level]
        self._refill()

    def action_follow(self) -> None:
        """Goes to the end."""
        self.log_lines.follow()
        self._title()

    def action_filter(self) -> None:
        """Opens the line in which the filter is typed."""
        self.type_filter(self.pattern.text)

    def set_pattern(self, text: str) -> None:
        """Shows what passes the filter."""
        self.pattern = Pattern(text)
        self._refill()

    def _refill(self) -> None:
        board = self.console.board
        self.log_lines.replace(
            board.log.since(0, self.level, self.pattern), "Nothing was said that passes the filters."
        )
        self._logged = board.log.written
        self._title()

    def _title(self) -> None:
        following = self.log_lines.following
        end = "following" if following else f"held, {self.log_lines.missed:,} lines below, F follows"
        filters = f"  /{self.pattern.text}" if self.pattern else ""
        titles = (plain(f"Log  {_WORDS[self.level]}{filters}"), end)
        if titles != self._titles:
            self._titles = titles
            self.log_lines.border_title, self.log_lines.border_subtitle = map(Content, titles)
