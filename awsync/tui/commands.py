"""What is asked of the engine: one thing after the other, and the changes that can be taken back.

A change can be taken back from the moment it is asked for; taking it back waits for it. What cannot be
taken back now, because the service or the file refuses, can be tried again.

May import: the standard library, control, errors, tui app (its type).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.events import Level

if TYPE_CHECKING:
    from awsync.tui.app import Console

Work = Callable[[Agent], Awaitable[str]]


@dataclass(slots=True, eq=False)
class _Change:
    """A change that was asked for, and what takes it back."""

    back: Work
    done: bool = False


class Commands:
    """The commands of one console."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._changes: list[_Change] = []
        self._turn = asyncio.Lock()

    @property
    def undoable(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._changes)

    def perform(self, work: Work, *, undo: Work | None = None) -> None:
        """Asks for something without making the person wait; the answer is shown."""
        if undo is None:
            self._start(self._in_turn(work))
        elif self._console.connected:
            change = _Change(undo)
            self._changes.append(change)
            self._start(self._change(work, change))
        else:
            self._starting()

    def undo(self) -> None:
        """Takes back the last change."""
        if self._changes:
            self._start(self._take_back(self._changes.pop()))

    def look(self, work: Work) -> None:
        """Asks for something that changes nothing: it waits for no other, and no other for it."""
        self._start(self._answered(work))

    def _start(self, task: Coroutine[None, None, object]) -> None:
        self._console.run_worker(task, group="commands", exit_on_error=True)

    async def _change(self, work: Work, change: _Change) -> None:
        change.done = await self._in_turn(work)
        if not change.done and change in self._changes:
            self._changes.remove(change)

    async def _take_back(self, change: _Change) -> None:
        async def back(agent: Agent) -> str:
            return await change.back(agent) if change.done else "There was nothing to undo: it was not done."

        if not await self._in_turn(back):
            self._changes.append(change)

    async def _in_turn(self, work: Work) -> bool:
        async with self._turn:
            return await self._answered(work)

    async def _answered(self, work: Work) -> bool:
        """Whether it was done; its answer or its failure is shown."""
        console = self._console
        agent = console.agent
        if agent is None:
            self._starting()
            return False
        try:
            sentence = await work(agent)
        except (AwsyncError, ValueError) as error:
            console.say(str(error), Level.ERROR)
            return False
        console.look_soon()
        if sentence:
            console.say(sentence)
        console.flush(force=True)
        return True

    def _starting(self) -> None:
        self._console.say("awsync is still starting.", Level.WARNING, log=False)
