"""The console's application: the agent's stream goes in, the screen is drawn four times a second at most.

May import: textual, and of awsync control, events, and all of tui.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from awsync.control import Agent
from awsync.events import Level
from awsync.tui import actions, latency, pages, palette, refusals, scheduling, takeaway, themes
from awsync.tui.appearance import Appearance, colourless
from awsync.tui.bindings import bindings
from awsync.tui.commands import Commands, Work
from awsync.tui.connection import Connection
from awsync.tui.header import facts
from awsync.tui.page import Page
from awsync.tui.rows import Key
from awsync.tui.state import Board
from awsync.tui.text import plain
from awsync.tui.watchers import WatchersPage

FLUSH_SECONDS = 0.25
_TOAST_SECONDS = 5.0


def system_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class Console(App[int], inherit_bindings=False):
    """The operator console over an agent."""

    CSS_PATH = "awsync.tcss"
    TITLE = "awsync"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(actions.EVERYWHERE)]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 textual declares it so
        (0, "-narrow"),
        (80, "-normal"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012 as above
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        open_agent: Callable[[], Agent],
        *,
        config_path: Path,
        clock: Callable[[], int] = system_clock,
        cursor_blinks: bool = True,
        first: Callable[[], Page] | None = None,
        prepare: Callable[[], object] = lambda: None,
        tidy: Callable[[], object] = lambda: None,
    ) -> None:
        # The filter that takes colours away is chosen while the application is made: with the terminal's
        # palette it leaves bold, dim and reverse alone, where any other theme would turn red into dark grey.
        super().__init__(ansi_color=True if colourless() else None)
        self.appearance = Appearance(self)
        self.board = Board()
        self.config_path = config_path
        self.now = clock
        self.cursor_blinks = cursor_blinks
        self._connection = Connection(self, open_agent, prepare, tidy)
        self._open_first = first
        self._first: Page | None = None
        self.commands = Commands(self)
        self._toast = ("", Level.INFO)
        self._toasted = 0.0
        self._drawn: tuple[object, ...] = ()
        self._off: tuple[object, ...] = ()

    @property
    def agent(self) -> Agent | None:
        """The engine as this console sees it; None until it is connected."""
        return self._connection.agent

    @property
    def connected(self) -> bool:
        """Whether there is an engine to ask."""
        return self.agent is not None

    @property
    def page(self) -> Page | None:
        """The page at the front; a question stands over it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def get_default_screen(self) -> Screen[None]:
        """The table of watchers."""
        return WatchersPage()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, for themes that do not know them."""
        return themes.fallbacks(self.current_theme)

    def on_mount(self) -> None:
        """Connects once the first picture stands."""
        if sys.platform != "win32" and not self.is_headless:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.exit, 0)
            loop.add_signal_handler(signal.SIGHUP, self._connection.hang_up)
        self.set_interval(FLUSH_SECONDS, self.flush)
        self.call_after_refresh(latency.keep)
        if self._open_first is None:
            self.call_after_refresh(self._connection.start)
        else:
            self._first = self._open_first()
            self.push_screen(self._first)

    def begin(self) -> None:
        """What comes before everything else is done."""
        self._first = None
        self.pop_screen()
        self.call_after_refresh(self._connection.start)

    async def on_unmount(self) -> None:
        """The engine stops with the console, however it ends."""
        await self._connection.close()

    def flush(self, *, force: bool = False) -> None:
        """Draws what changed; the clock moves on once a second."""
        page = self.page
        if page is None or not page.is_mounted or self._connection.leaving:
            return
        now = self.now()
        agent = self.agent
        if agent is not None:
            self.board.paused = agent.paused
        drawn = (page, self.board.version, now // 1_000_000)
        if drawn == self._drawn and not force:
            return
        self._drawn = drawn
        page.update_header(self.board, facts(agent, now))
        page.update_board(self.board, self.board.surroundings(now))
        off = tuple(self.why_not(action.name) or page.why_not(action.name) for action in actions.ACTIONS)
        if off != self._off:
            self._off = off
            self.refresh_bindings()

    def why_not(self, action: str) -> str | None:
        """Why a key that works everywhere does nothing now; None where it works."""
        return refusals.why_not(self, action)

    def forbidden(self, action: str) -> str | None:
        """Why a key has no place in the console now; None where it has."""
        page = self._first or self.page
        return None if page is None else page.forbids(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that does nothing now is dim; one that has no place at all is not shown."""
        spelled = actions.spelled(action, parameters)
        if self.forbidden(spelled) is not None:
            return False
        return None if self.why_not(spelled) else super().check_action(action, parameters)

    async def run_action(self, action, default_namespace=None, namespaces=None) -> bool:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Runs an action; one that is off says why."""
        target, name, parameters = self._parse_action(action, default_namespace or self, namespaces)
        spelled = actions.spelled(name, parameters)
        if isinstance(target, Page | Console) and (reason := target.why_not(spelled)) is not None:
            self.say(reason, Level.WARNING, log=False)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def say(self, text: str, severity: Level = Level.INFO, *, log: bool = True) -> None:
        """Shows a sentence for a moment, never twice at once; errors and results go into the log too."""
        text = plain(text)
        if log:
            self.board.log.write(self.now(), severity, text)
            self.board.version += 1
        if (text, severity) == self._toast and time.monotonic() - self._toasted < _TOAST_SECONDS:
            return
        self._toast, self._toasted = (text, severity), time.monotonic()
        kind = {Level.WARNING: "warning", Level.ERROR: "error"}.get(severity, "information")
        self.notify(text, severity=kind, timeout=_TOAST_SECONDS, markup=False)  # type: ignore[arg-type]

    def perform(self, work: Work, *, undo: Work | None = None) -> None:
        """Asks for something without making the person wait; the answer is shown."""
        self.commands.perform(work, undo=undo)

    def look_soon(self) -> None:
        """What was changed here is looked at now."""
        self._connection.look_soon()

    @property
    def watcher(self) -> Key | None:
        """The watcher under the cursor of the table."""
        return next((page.key for page in self.screen_stack if isinstance(page, WatchersPage)), None)

    def action_sync_now(self) -> None:
        """A pass over everything."""
        self.perform(lambda agent: agent.sync_now())

    def action_pause(self) -> None:
        """Pauses, or goes on."""
        self.perform(lambda agent: agent.resume() if agent.paused else agent.pause())

    def action_refresh(self) -> None:
        """Looks now at what else is looked at by and by."""
        self.look_soon()
        self.say("Looking again.", log=False)

    def action_undo(self) -> None:
        """Takes back the last change."""
        self.commands.undo()

    def action_take_over(self) -> None:
        """Syncs here, once the observed service has ended."""
        self.perform(lambda agent: agent.take_over())

    def action_schedule(self) -> None:
        """Asks for another cron."""
        scheduling.ask(self)

    def action_open(self, name: str) -> None:
        """Opens a page over the one at the front, closes it there, or goes back to it."""
        if self.page is not None and name == self.page.NAME:
            self.pop_screen()
        elif any(isinstance(screen, Page) and name == screen.NAME for screen in self.screen_stack):
            self.go_back_to(name)
        else:
            self.push_screen(pages.entry(name).open())

    async def action_back(self) -> None:
        """Closes what is open, one step at a time."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.page is not None and not self.page.close() and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_copy(self) -> None:
        """Copies the line under the cursor."""
        takeaway.copy(self)

    def action_export(self) -> None:
        """Writes what is shown to a file."""
        takeaway.export(self)

    def action_next_theme(self) -> None:
        """The next theme."""
        self.appearance.next_theme()

    def action_zoom(self) -> None:
        """One pane on the whole screen."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.screen.focused is not None:
            self.screen.maximize(self.screen.focused)

    def action_next_pane(self) -> None:
        """The next pane."""
        self.screen.focus_next()

    def action_previous_pane(self) -> None:
        """The pane before."""
        self.screen.focus_previous()

    async def action_quit(self) -> None:
        """Leaves; what is not confirmed is sent next time."""
        await self._connection.close()
        self.exit(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, for the palette."""
        yield from palette.commands(self)

    def go_back_to(self, name: str) -> None:
        """Closes what lies over a page."""
        while self.page is not None and name != self.page.NAME:
            self.pop_screen()


def run(
    open_agent: Callable[[], Agent],
    *,
    config_path: Path,
    first: Callable[[], Page] | None = None,
    prepare: Callable[[], object] = lambda: None,
    tidy: Callable[[], object] = lambda: None,
) -> int:
    """Runs the console until the person leaves; returns the exit code.

    `first` is a page before all others. `prepare` runs in a thread behind the first picture, before
    `open_agent`: it may load what takes time. Where the terminal goes away only `tidy` runs, in a thread.
    """
    latency.switch_often()
    app = Console(open_agent, config_path=config_path, first=first, prepare=prepare, tidy=tidy)
    code = app.run(mouse=True)
    return app.return_code or (code if isinstance(code, int) else 0)
