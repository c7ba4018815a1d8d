"""The console's application: the agent's stream goes in, the screen is drawn four times a second at most.

May import: textual, and of awsync control, errors, schedule, events, and all of tui.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.tui import actions, pages, palette, scheduling, takeaway, themes, tones
from awsync.tui.bindings import bindings
from awsync.tui.cells import Tone
from awsync.tui.commands import Commands, Work
from awsync.tui.header import facts
from awsync.tui.page import Page
from awsync.tui.rows import Key
from awsync.tui.state import Board
from awsync.tui.text import plain
from awsync.tui.watch import Watch
from awsync.tui.watchers import WatchersPage

FLUSH_SECONDS = 0.25
CLOSE_SECONDS = 1.0
_SWITCH_SECONDS = 0.001
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
    ) -> None:
        # The filter that takes colours away is chosen while the application is made: with the terminal's
        # palette it leaves bold, dim and reverse alone, where any other theme would turn red into dark grey.
        colourless = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if colourless else None)
        for theme in themes.THEMES:
            self.register_theme(theme)
        wanted = os.environ.get("TEXTUAL_THEME", themes.OWN)
        self.theme = themes.TERMINAL if colourless or wanted not in self.available_themes else wanted
        # One of ours that the environment names was unknown when the style sheet was made.
        self.stylesheet.set_variables(self.get_css_variables())
        self.board = Board()
        self.config_path = config_path
        self.now = clock
        self.cursor_blinks = cursor_blinks
        self.watch_agent: Watch | None = None
        self._open_agent = open_agent
        self._open_first = first
        self._prepare = prepare
        self._first: Page | None = None
        self.commands = Commands(self)
        self._toast = ("", Level.INFO)
        self._toasted = 0.0
        self._styled = ""
        self._styles: Mapping[Tone, Style] = {}
        self._drawn: tuple[object, ...] = ()
        self._leaving: asyncio.Future[None] | None = None
        self._off: tuple[object, ...] = ()

    @property
    def agent(self) -> Agent | None:
        """The engine as this console sees it; None until it is connected."""
        return None if self.watch_agent is None else self.watch_agent.agent

    @property
    def connected(self) -> bool:
        """Whether there is an engine to ask."""
        return self.agent is not None

    @property
    def cron(self) -> str:
        """The schedule in force; empty until it is known."""
        return "" if self.agent is None else self.agent.settings.cron

    @property
    def page(self) -> Page | None:
        """The page at the front; a question stands over it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def get_default_screen(self) -> Screen[None]:
        """The table of watchers."""
        return WatchersPage()

    @property
    def styles_of_tones(self) -> Mapping[Tone, Style]:
        """How each tone looks in the theme in force."""
        if self._styled != self.theme:
            self._styled = self.theme
            self._styles = tones.styles(self.get_css_variables(), terminal=self.native_ansi_color)
        return self._styles

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own variables, for themes that do not know them."""
        return themes.fallbacks(self.current_theme)

    def on_mount(self) -> None:
        """Connects once the first picture stands."""
        if sys.platform != "win32" and not self.is_headless:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.exit, 0)
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self.set_interval(FLUSH_SECONDS, self.flush)
        self.call_after_refresh(_keep)
        if self._open_first is None:
            self.call_after_refresh(self._connect)
        else:
            self._first = self._open_first()
            self.push_screen(self._first)

    def begin(self) -> None:
        """What comes before everything else is done."""
        self._first = None
        self.pop_screen()
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        self.run_worker(self._run_agent(), exit_on_error=True, group="agent")

    async def _run_agent(self) -> None:
        await asyncio.to_thread(self._prepare)
        try:
            agent = self._open_agent()
        except AwsyncError as error:
            self.exit(error.exit_code, return_code=error.exit_code, message=str(error))
            return
        _keep()
        self.watch_agent = Watch(agent, self.board, self.now)
        await self.watch_agent.run()

    def _hang_up(self) -> None:
        """The terminal is gone: nothing can be drawn on it, and Textual would wait for it without end."""
        self._leaving = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        await self._close_agent()
        os._exit(0)

    async def on_unmount(self) -> None:
        """The engine stops with the console, however it ends."""
        await self._close_agent()

    async def _close_agent(self) -> None:
        watch, self.watch_agent = self.watch_agent, None
        if watch is not None:
            with suppress(TimeoutError, AwsyncError):
                await asyncio.wait_for(watch.agent.close(), CLOSE_SECONDS)

    def flush(self, *, force: bool = False) -> None:
        """Draws what changed; the clock moves on once a second."""
        page = self.page
        if page is None or not page.is_mounted or self._leaving is not None:
            return
        now = self.now()
        agent = self.agent
        if agent is not None:
            self.board.paused = agent.paused
        drawn = (page, self.board.version, now // 1_000_000)
        if drawn == self._drawn and not force:
            return
        self._drawn = drawn
        page.update_header(self.board, facts(agent, self.cron, now))
        page.update_board(self.board, self.board.surroundings(now))
        off = tuple(self.why_not(action.name) or page.why_not(action.name) for action in actions.ACTIONS)
        if off != self._off:
            self._off = off
            self.refresh_bindings()

    def why_not(self, action: str) -> str | None:
        """Why a key that works everywhere does nothing now; None where it works."""
        if (reason := self.forbidden(action)) is not None:
            return reason
        agent = self.agent
        if action == "refresh" and agent is None:
            return "awsync is still starting."
        if action == "undo" and not self.commands.undoable:
            return "There is nothing to undo."
        if action in {"sync_now", "pause", "schedule"}:
            if agent is None:
                return "awsync is still starting."
            if agent.service_ended:
                return "The observed service has ended: T lets this console sync."
        if action == "take_over" and (agent is None or not agent.service_ended):
            return "There is nothing to take over: a sync runs."
        return None

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
        if self.watch_agent is not None:
            self.watch_agent.look_soon()

    @property
    def watcher(self) -> Key | None:
        """The watcher under the cursor of the table."""
        return next((page.key for page in self.screen_stack if isinstance(page, WatchersPage)), None)

    def type_filter(self, page: Page, text: str, hint: str = "") -> None:
        """Opens the line in which a filter is typed, on a page that takes one; `hint` is for an empty one."""
        from awsync.tui.filtering import FilterBar

        if not page.query(FilterBar):
            field = FilterBar(text, hint)
            field.cursor_blink = self.cursor_blinks
            page.before_filter = page.focused
            page.mount(field)
            # At once: what is typed next would otherwise still be keys of the page.
            page.set_focus(field)

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
        if self.no_color:
            self.say("NO_COLOR is set: there are no colours to change.", Level.WARNING, log=False)
            return
        at = themes.CYCLE.index(self.theme) if self.theme in themes.CYCLE else -1
        self.theme = themes.CYCLE[(at + 1) % len(themes.CYCLE)]
        self.say(f"Theme: {themes.WORDS[self.theme]}.", log=False)

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
        await self._close_agent()
        self.exit(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action, for the palette."""
        yield from palette.commands(self)

    def go_back_to(self, name: str) -> None:
        """Closes what lies over a page."""
        while self.page is not None and name != self.page.NAME:
            self.pop_screen()


def _keep() -> None:
    """What stands now stands to the end: looking through it for garbage would make keys wait."""
    gc.freeze()
    gc.enable()


def run(
    open_agent: Callable[[], Agent],
    *,
    config_path: Path,
    first: Callable[[], Page] | None = None,
    prepare: Callable[[], object] = lambda: None,
) -> int:
    """Runs the console until the person leaves; returns the exit code.

    `first` is a page before all others. `prepare` runs in a thread behind the first picture, before
    `open_agent`: it may load what takes time.
    """
    # A key passes several turns of the loop; in each it would wait 5 ms for a thread that is at work.
    sys.setswitchinterval(_SWITCH_SECONDS)
    app = Console(open_agent, config_path=config_path, first=first, prepare=prepare)
    code = app.run(mouse=True)
    return app.return_code or (code if isinstance(code, int) else 0)
