"""The console's tie to its agent: made behind the first picture, and ended however the console ends.

May import: the standard library, control, errors, tui app (its type), latency, watch.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.tui import latency
from awsync.tui.watch import Watch

if TYPE_CHECKING:
    from awsync.tui.app import Console

CLOSE_SECONDS = 1.0


class Connection:
    """The agent of one console.

    `prepare` runs in a thread before `open_agent`, `tidy` in one where the terminal is gone.
    """

    def __init__(
        self,
        console: "Console",
        open_agent: Callable[[], Agent],
        prepare: Callable[[], object],
        tidy: Callable[[], object],
    ) -> None:
        self._console = console
        self._open_agent = open_agent
        self._prepare = prepare
        self._tidy = tidy
        self._watch: Watch | None = None
        self._leaving: asyncio.Future[None] | None = None

    @property
    def agent(self) -> Agent | None:
        """The engine as the console sees it; None until it is connected."""
        return None if self._watch is None else self._watch.agent

    @property
    def leaving(self) -> bool:
        """Whether the terminal is gone."""
        return self._leaving is not None

    def start(self) -> None:
        """Connects, and folds what the agent says into the board."""
        self._console.run_worker(self._run(), exit_on_error=True, group="agent")

    def look_soon(self) -> None:
        """What was changed here is looked at now."""
        if self._watch is not None:
            self._watch.look_soon()

    def hang_up(self) -> None:
        """The terminal is gone: nothing can be drawn on it, and Textual would wait for it without end."""
        self._leaving = asyncio.ensure_future(self._leave())

    async def close(self) -> None:
        """The engine stops, or the observation ends."""
        watch, self._watch = self._watch, None
        if watch is not None:
            with suppress(TimeoutError, AwsyncError):
                await asyncio.wait_for(watch.agent.close(), CLOSE_SECONDS)

    async def _run(self) -> None:
        console = self._console
        await asyncio.to_thread(self._prepare)
        try:
            agent = self._open_agent()
        except AwsyncError as error:
            console.exit(error.exit_code, return_code=error.exit_code, message=str(error))
            return
        latency.keep()
        self._watch = Watch(agent, console.board, console.now)
        await self._watch.run()

    async def _leave(self) -> None:
        await self.close()
        try:
            await asyncio.to_thread(self._tidy)
        finally:
            os._exit(0)
