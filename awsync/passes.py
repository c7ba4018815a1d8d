"""The passes of one run, one at a time: which are due, the one that runs, and when the next comes.

May import: the standard library, engine, errors, events, schedule.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from awsync.engine import Emit, Engine, Only
from awsync.errors import StateDamagedError, StateError
from awsync.events import (
    BatchDelivered,
    Event,
    NextPass,
    PassFailed,
    PassFinished,
    Paused,
    Resumed,
    RetryScheduled,
    StoreReached,
)
from awsync.schedule import Schedule


class Passes:
    """Begins what is due, and says how it ended; one over everything is due at once.

    `ended` is called when the running pass is done, for `end` to look at it.
    """

    def __init__(self, engine: Engine, tell: Emit, ended: Callable[[], None]) -> None:
        self.failing = False
        """Whether the running pass waits for a store that is down."""
        self.paused = False
        """Whether passes come only where somebody asks for one."""
        self._engine = engine
        self._tell = tell
        self._ended = ended
        self._due: list[Only] = [None]
        self._pass: asyncio.Task[PassFinished] | None = None
        self._finished: PassFinished | None = None
        self._only: Only = None
        self._lacking = False
        self._begun_anew = False
        self._interrupted = False
        self._next: int | None = None
        self._planned = 0

    def begin(self) -> None:
        """Starts the pass that is due, if none runs; where none is due, says when the next comes."""
        now = self._engine.wiring.clock()
        if self._next is not None and not self.paused:
            if self._next <= now:
                self._next = None
                self.want(None)
            elif now < self._planned:
                # The clock went back: what it said then may be years away.
                self._plan()
        if self._pass is None and self._due:
            self._only = self._due.pop(0)
            self._next = None
            self._finished = None
            self.failing = False
            self._pass = asyncio.create_task(self._engine.one_pass(self._emit, only=self._only))
            self._pass.add_done_callback(lambda _: self._ended())
        elif self._next is None and not self.paused:
            self.plan_if_idle()

    def end(self) -> None:
        """Takes note of the running pass where it is done, and plans the next."""
        if self._pass is not None and self._pass.done():
            self._note(self._pass)
            self.plan_if_idle()

    def want(self, only: Only) -> None:
        """Makes a pass due."""
        if only not in self._due:
            self._due.append(only)

    async def stop(self) -> bool:
        """Stops the running pass, if there is one; returns whether that cut it short.

        A pass whose end was said is not cut short: what still goes out then is awsync's word of itself.
        """
        task = self._pass
        if task is None:
            return False
        task.cancel()
        await asyncio.wait({task})
        self._note(task)
        return task.cancelled() and self._finished is None

    async def begin_again(self) -> bool:
        """Stops the running pass, if there is one, and makes it due again; returns whether it did."""
        stopped = await self.stop()
        if stopped:
            self.want(self._only)
        return stopped

    async def renew(self) -> None:
        """Begins the running pass again, for other settings; or one where the last pass lacked something."""
        if not await self.begin_again() and self._lacking and not self.paused:
            # They may mend what the last pass lacked: a token, an address.
            self.want(None)

    def plan_if_idle(self) -> None:
        """Says when the next pass comes, where none runs or is due."""
        if self._pass is None and not self._due:
            self._plan()

    async def pause(self) -> None:
        """Stops the running pass, and begins none until they go on."""
        self.paused = True
        self._interrupted |= await self.stop() or bool(self._due)
        self._due.clear()
        self._tell(Paused())

    def resume(self) -> None:
        """Goes on after a pause: at once, where one was interrupted or missed."""
        if not self.paused:
            return
        self.paused = False
        self._tell(Resumed())
        missed = self._next is not None and self._next <= self._engine.wiring.clock()
        if self._interrupted or missed:
            self._interrupted = False
            self.want(None)
        elif self._pass is None:
            self._plan()

    def _note(self, task: asyncio.Task[PassFinished]) -> None:
        """Takes note of how a pass ended that is done."""
        self._pass = None
        if self._finished is not None:
            self._lacking = not self._finished.complete
            self._begun_anew = False
        if task.cancelled():
            return
        try:
            task.result()
        except StateDamagedError as error:
            self._tell(PassFailed(reason=error.message, remedy=""))
            self._begin_anew(error)
        except StateError as error:
            self._tell(PassFailed(reason=error.message, remedy=error.remedy))

    def _begin_anew(self, error: StateDamagedError) -> None:
        """Begins the state anew, and the pass with it, but not for ever: the disk may be what is bad."""
        try:
            self._tell(self._engine.state.database.begin_anew(error.reason))
        except StateError as worse:
            self._tell(PassFailed(reason=worse.message, remedy=worse.remedy))
            return
        if not self._begun_anew:
            self._begun_anew = True
            self.want(self._only)

    def _plan(self) -> None:
        """Says when the next pass comes."""
        if self.paused:
            self._tell(Paused())
            return
        self._planned = self._engine.wiring.clock()
        now = datetime.fromtimestamp(self._planned / 1_000_000, UTC).astimezone()
        self._next = round(Schedule.of(self._engine.settings).next_after(now).timestamp() * 1_000_000)
        self._tell(NextPass(at=self._next))

    def _emit(self, event: Event) -> None:
        if isinstance(event, RetryScheduled):
            self.failing = True
        elif isinstance(event, BatchDelivered | StoreReached):
            self.failing = False
        elif isinstance(event, PassFinished) and not event.stopped:
            self._finished = event
        self._tell(event)
