"""What the pages share that run a check: what it finds, as it comes, above all that is said of one finding.

May import: textual, and of awsync control, errors, events, tui what it shows.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import ClassVar, Generic, Protocol, TypeVar

from textual.app import ComposeResult

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.tui.grid import Grid
from awsync.tui.page import Page
from awsync.tui.paper import Book, TextLine
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board

Key = TypeVar("Key")
Found = TypeVar("Found")


class Check(Protocol[Key, Found]):
    """What is asked, and how what it finds is told: the rows of a grid, a book about one, lines of a file."""

    grid: Grid
    book: Book

    def ask(self, agent: Agent) -> AsyncGenerator[Found, None]:
        """Runs it as it is run by itself."""
        ...

    def key_of(self, found: Found, before: int) -> Key:
        """What names the row of a finding; `before` it there are so many rows."""
        ...

    def show(self, found: Mapping[Key, Found], *, checking: bool, anew: bool) -> None:
        """Shows the rows and how far it is; `anew` where it begins."""
        ...

    def lines(self, found: Found, cells: int) -> list[TextLine]:
        """All that is said of a finding."""
        ...

    def as_text(self, found: Found) -> str:
        """A finding as lines of a file."""
        ...


class CheckPage(Page, Generic[Key, Found]):
    """A check that begins by itself when there is an engine to ask, and again when a key says so.

    `found` is what it found, by the keys of the rows in the grid; the book is about the one under the cursor.
    """

    CHECKS: ClassVar[frozenset[str]] = frozenset()
    """The actions that begin it."""

    def __init__(self, check: Check[Key, Found]) -> None:
        super().__init__()
        self._check = check
        self.grid = check.grid
        self.book = check.book
        self.found: dict[Key, Found] = {}
        self.checking = False
        self._began = False

    def body(self) -> ComposeResult:
        """The findings above what is said of one."""
        yield self.grid
        yield self.book

    def on_mount(self) -> None:
        """The findings have the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The first check begins when there is an engine to ask."""
        if not self._began and self.console.connected:
            self.begin()

    def why_not(self, action: str) -> str | None:
        """Nothing can be checked before there are settings."""
        if action in self.CHECKS and not self.console.connected:
            return "awsync is still starting."
        return None

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another finding is looked at."""
        self.show_one()

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        self.call_after_refresh(self.show_one)

    def exported(self) -> tuple[str, str]:
        """All that was found."""
        return "txt", "".join(f"{self._check.as_text(found)}\n" for found in self.found.values())

    @property
    def chosen(self) -> Found | None:
        """What is under the cursor."""
        return next((found for key, found in self.found.items() if key == self.grid.cursor_key), None)

    def begin(self) -> None:
        """Runs the check as it is run by itself."""
        self.run_check(self._check.ask)

    def run_check(self, ask: Callable[[Agent], AsyncGenerator[Found, None]]) -> None:
        """Runs a check, in place of the one that runs."""
        self._began = True
        self.run_worker(self._run(ask), group="check", exclusive=True)

    def show_one(self) -> None:
        """Shows what is said of the finding under the cursor."""
        chosen, cells = self.chosen, self.book.room
        self.book.show([] if chosen is None or cells < 1 else self._check.lines(chosen, cells))

    async def _run(self, ask: Callable[[Agent], AsyncGenerator[Found, None]]) -> None:
        agent = self.console.agent
        if agent is None:
            return
        self.found, self.checking = {}, True
        self._show(anew=True)
        try:
            async with aclosing(ask(agent)) as findings:
                async for found in findings:
                    self.found[self._check.key_of(found, len(self.found))] = found
                    self._show()
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
        self.checking = False
        self._show()

    def _show(self, *, anew: bool = False) -> None:
        self._check.show(self.found, checking=self.checking, anew=anew)
        self.show_one()
