"""What a console is attached to: an engine here or a service beside it, what is said there, and its state.

May import: everything but cli, demo, tui and agent.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from awsync.config import Watched
from awsync.control import Said
from awsync.engine import Wiring
from awsync.errors import LockHeldError
from awsync.events import Paused, Resumed, RunEnded, RunStarted
from awsync.journal import Journal
from awsync.remote_write.connection import shown_url
from awsync.settings import Settings
from awsync.sides import Beside, Here, Side
from awsync.state import State

HISTORY = 500


class Attachment:
    """The side where the engine runs now. Made inside a running event loop; raises AwsyncError."""

    def __init__(self, watched: Watched, wiring: Wiring) -> None:
        settings = watched.loaded.settings
        self._watched = watched
        self._wiring = wiring
        self._queue: asyncio.Queue[Said] = asyncio.Queue()
        self.journal = Journal(settings.state_dir)
        self._history = self.journal.recent(HISTORY)
        self.paused = False
        # Whoever writes goes first: it makes the state readable where it is old or damaged.
        here: Side | None = None
        with suppress(LockHeldError):
            here = self._here()
        self._reading = State(settings.state_dir, _sink_of(settings), write=False)
        self.side = here or self._beside()

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self.side.settings

    @property
    def sink(self) -> str:
        """The store, as it may be shown."""
        return _sink_of(self.settings)

    @property
    def state(self) -> State:
        """The state database of the store, to read."""
        self._reading.sink = self.sink
        return self._reading

    async def events(self) -> AsyncIterator[Said]:
        """History, then what is said."""
        for said in self._history:
            yield said
        while True:
            yield await self._queue.get()

    async def take_over(self) -> str:
        """Runs the engine in this process."""
        if not self.side.ended:
            return "The service still runs; it is only observed."
        here = self._here()
        await self.side.close()
        self.side = here
        return "This console runs the engine now."

    async def close(self) -> None:
        """Stops the engine, or ends the observation."""
        await self.side.close()
        self.journal.close()
        self._reading.database.close()

    def _here(self) -> Side:
        return Here(self._watched, _sink_of(self._watched.loaded.settings), self._hear, self._wiring)

    def _beside(self) -> Side:
        for said in self._history:
            self._note(said)
        # Not the journal's last number: what came in since the history was read would be left out.
        heard = max((said.number for said in self._history), default=0)
        return Beside(self._watched, self._reading, self.journal, self._hear, heard=heard)

    def _hear(self, said: Said) -> None:
        self._note(said)
        self._queue.put_nowait(said)

    def _note(self, said: Said) -> None:
        if isinstance(said.event, Paused):
            self.paused = True
        elif isinstance(said.event, Resumed | RunStarted | RunEnded):
            self.paused = False


def _sink_of(settings: Settings) -> str:
    assert settings.store is not None, "a console needs prometheus-url; config.load demands it"
    return shown_url(settings.store.write_url)
