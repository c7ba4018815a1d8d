"""The two places where the engine may run, seen from a console: in this process, or as a service beside it.

May import: everything but cli, demo and tui.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from awsync.conductor import Conductor
from awsync.config import Watched
from awsync.config.command_line import shown_command
from awsync.control import Command, Said
from awsync.engine import Engine, Wiring
from awsync.errors import ConfigError
from awsync.events import Event, JournalBegunAnew, RunStarted, ServiceLost
from awsync.journal import Journal, Recorder
from awsync.settings import Settings
from awsync.state import State
from awsync.telemetry.own_series import begun

POLL_SECONDS = 0.25
TAKEN_SECONDS = 2.0
"""How long a service may take to read a request before the console says that it has not."""

Tell = Callable[[Said], None]


class Side(Protocol):
    """Where the engine runs."""

    pid: int | None
    ended: bool

    @property
    def settings(self) -> Settings:
        """What holds there, as far as it can be known here."""

    async def obey(self, command: Command) -> str:
        """Has it done; returns what is to be added to the sentence about it."""

    async def settle(self) -> None:
        """Returns when what was said here can be read in the journal."""

    async def close(self) -> None:
        """Ends the work, or the observation."""


class Here:
    """The engine runs in this process. Raises LockHeldError where another one holds the state."""

    pid: int | None = None
    ended = False

    def __init__(self, watched: Watched, sink: str, tell: Tell, wiring: Wiring) -> None:
        settings = watched.loaded.settings
        self._state = State(settings.state_dir, sink, write=True)
        self._state.database.announce(shown_command(), wiring.clock())
        self._recorder = Recorder(settings.state_dir, wiring.clock)
        self._tell = tell
        self._clock = wiring.clock
        self._own = begun(self._state, wiring.clock)
        self._engine = Engine(settings, self._state, wiring=wiring, own=self._own)
        self._conductor = Conductor(self._engine, self._emit, reload=watched, asked=self._recorder.take)
        if (begun_anew := self._state.database.begun_anew) is not None:
            self._emit(begun_anew)
        if self._recorder.begun_anew:
            self._emit(JournalBegunAnew(reason=self._recorder.begun_anew))
        self._task = asyncio.create_task(self._conductor.run())

    @property
    def settings(self) -> Settings:
        """The settings of the engine."""
        return self._engine.settings

    async def obey(self, command: Command) -> str:
        """Raises StateError where it cannot be done."""
        await self._conductor.obey(command)
        return ""

    async def settle(self) -> None:
        """The journal is written in batches, a moment later."""
        await asyncio.to_thread(self._recorder.settle)

    async def close(self) -> None:
        """Stops the engine; what was not confirmed is sent by the next pass."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._recorder.close()
        self._state.database.close()

    def _emit(self, event: Event) -> None:
        self._recorder.record(event)
        self._own.hear(event)
        self._tell(Said(0, self._clock(), event))


class Beside:
    """A service runs the engine; its journal tells what it says after the event with the number `heard`."""

    ended = False

    def __init__(self, watched: Watched, reading: State, journal: Journal, tell: Tell, *, heard: int) -> None:
        self.pid: int | None = reading.database.announced() or 0
        self._watched = watched
        self._reading = reading
        self._journal = journal
        self._tell = tell
        self._last = heard
        self._task = asyncio.create_task(self._follow())

    @property
    def settings(self) -> Settings:
        """The settings as config.toml gives them; flags of the service are not known here."""
        return self._watched.loaded.settings

    async def obey(self, command: Command) -> str:
        """Asks the service. Raises AwsyncError where the request cannot be left for it."""
        if self.ended:
            return " Nobody heard it: the service has ended."
        number = self._journal.ask(command)
        for _ in range(round(TAKEN_SECONDS / POLL_SECONDS)):
            await asyncio.sleep(POLL_SECONDS)
            if self._journal.is_taken(number):
                return f" The service (pid {self.pid}) has it."
        return f" The service (pid {self.pid}) has not answered yet; a single pass (--once) never does."

    async def settle(self) -> None:
        """Nothing is said here."""

    async def close(self) -> None:
        """Ends the observation."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _follow(self) -> None:
        while True:
            for said in self._journal.after(self._last):
                self._last = said.number
                if isinstance(said.event, RunStarted):
                    self.pid, self.ended = said.event.pid, False
                self._tell(said)
            with suppress(ConfigError):
                self._watched()
            if not self.ended and not _writes(self._reading):
                self.ended = True
                self._tell(Said(0, _now(), ServiceLost(pid=self.pid or 0)))
            await asyncio.sleep(POLL_SECONDS)


def _now() -> int:
    return Wiring().clock()


def _writes(reading: State) -> bool:
    """Whether somebody writes to the state; the lock is only tried where the process is gone or unknown.

    Trying takes the lock for a moment, in which a service that starts would be refused.
    """
    pid = reading.database.announced()
    if pid is not None and sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    return reading.database.holder() is not None
