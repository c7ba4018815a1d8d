"""Passes for ever: at once, at the times of the cron, and when somebody asks; and what else is asked.

It looks for requests and for a changed config.toml twice a second, also while a pass runs or waits for a
store that is down. A pass that does not fit any more (a pause, other settings, a moved checkpoint) is
stopped, which loses nothing, and begun again where that makes sense.

May import: everything but cli, demo and tui.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec.structs import replace

from awsync import __version__
from awsync.control import Command, Request
from awsync.engine import Emit, Engine
from awsync.errors import AwsyncError, ConfigError
from awsync.events import (
    AsideDecided,
    CheckpointRewound,
    Event,
    GapSkipped,
    HeldForThisRun,
    PassFailed,
    RunEnded,
    RunStarted,
    SettingsReloaded,
    SyncAsked,
)
from awsync.exclusions import ForThisRun
from awsync.ledger import Mark
from awsync.passes import Passes
from awsync.remote_write.connection import shown_url
from awsync.schedule import Schedule
from awsync.settings import Settings

LOOK_SECONDS = 0.5


class Conductor:
    """Runs one engine until it is cancelled.

    `reload` returns new settings, None for no change, or raises ConfigError, and then the old ones stay.
    `asked` returns what other processes ask for.
    """

    def __init__(
        self,
        engine: Engine,
        emit: Emit,
        *,
        reload: Callable[[], Settings | None] = lambda: None,
        asked: Callable[[], Iterable[Command]] = lambda: (),
    ) -> None:
        self._engine = engine
        self._emit = emit
        self._reload = reload
        self._asked = asked
        self._wanted = engine.settings
        self._for_this_run = ForThisRun()
        self._inbox: list[tuple[Command, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._passes = Passes(engine, emit, self._wake.set)

    async def run(self) -> None:
        """Passes until cancelled; a pass that fails for the state's sake is said, and tried again."""
        self._emit(RunStarted(pid=os.getpid(), version=__version__))
        try:
            while True:
                await self._look()
                self._passes.begin()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for _, done in self._inbox:
                done.cancel()
            await self._passes.stop()
            self._emit(RunEnded(pid=os.getpid()))

    async def obey(self, command: Command) -> None:
        """Does what is asked; returns when it is done, and raises StateError where it cannot be."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.append((command, done))
        self._wake.set()
        await done

    async def _look(self) -> None:
        self._passes.end()
        # The file first: whoever asks for something and then changes the file means them in this order.
        changed = self._changed()
        inbox, self._inbox = self._inbox, []
        for command in self._asked():
            try:
                await self._do(command)
            except AwsyncError as error:
                self._emit(PassFailed(reason=error.message, remedy=error.remedy))
        for command, done in inbox:
            try:
                await self._do(command)
            except AwsyncError as error:
                if not done.cancelled():
                    done.set_exception(error)
            else:
                if not done.cancelled():
                    done.set_result(None)
        if changed is not None:
            self._for_this_run = self._for_this_run.after(self._wanted, changed)
            self._wanted = changed
            await self._adopt(SettingsReloaded())

    def _changed(self) -> Settings | None:
        try:
            changed = self._reload()
        except ConfigError as error:
            self._emit(SettingsReloaded(problem=str(error)))
            return None
        if changed is not None and changed.state_dir != self._engine.settings.state_dir:
            problem = "state-dir changed; restart awsync to use the new folder."
            self._emit(SettingsReloaded(problem=problem))
            return None
        return changed

    async def _adopt(self, event: Event) -> None:
        """Takes the settings that are wanted; a pass that runs with others begins again."""
        before, after = self._engine.settings, self._for_this_run.over(self._wanted)
        if replace(before, cron=after.cron, splay=after.splay) != after:
            await self._passes.renew()
        if after.store is not None:
            # A checkpoint says what one store has: another store has its own.
            self._engine.state.sink = shown_url(after.store.write_url)
        self._engine.settings = after
        self._emit(event)
        self._passes.plan_if_idle()

    async def _do(self, command: Command) -> None:
        match command.request:
            case Request.SYNC_NOW:
                await self._sync_now(command)
            case Request.PAUSE:
                await self._passes.pause()
            case Request.RESUME:
                self._passes.resume()
            case Request.EXCLUDE | Request.INCLUDE | Request.CRON:
                await self._hold(command)
            case Request.REWIND | Request.SKIP:
                await self._move(command)
            case Request.RETRY_ASIDE | Request.DROP_ASIDE:
                await self._decide(command)

    async def _sync_now(self, command: Command) -> None:
        known = {source.name for source in self._engine.settings.sources}
        if command.source is not None and command.source not in known:
            return
        self._emit(SyncAsked(source=command.source, bucket=command.bucket))
        self._passes.want(None if command.source is None else (command.source, command.bucket))
        if self._passes.failing:
            # It waits for a store that is down; the new pass tries at once, and the old one goes on later.
            await self._passes.begin_again()

    async def _hold(self, command: Command) -> None:
        """Changes settings without config.toml."""
        held, text = self._for_this_run, command.text
        if command.request is Request.CRON:
            try:
                schedule = Schedule.of(replace(self._engine.settings, cron=text))
            except ValueError as error:
                self._emit(SettingsReloaded(problem=str(error)))
                return
            words = f'cron is "{text}", {schedule.describe()}'
            self._for_this_run = replace(held, cron=text)
        elif command.request is Request.EXCLUDE:
            self._for_this_run = held.exclude(command.source or "", text)
            words = f'{command.source} leaves out "{text}"'
        else:
            self._for_this_run = held.include(command.source or "", text)
            words = f'{command.source} does not leave out "{text}"'
        await self._adopt(HeldForThisRun(what=words))

    async def _move(self, command: Command) -> None:
        """Moves a checkpoint while no pass runs, for a pass would move it on."""
        source, bucket, position = command.source or "", command.bucket or "", command.position
        await self._passes.begin_again()
        now, state = self._engine.wiring.clock(), self._engine.state
        if command.request is Request.REWIND:
            state.rewind(source, bucket, position, now)
            moved = state.checkpoint(source, bucket).position
            self._emit(CheckpointRewound(source=source, bucket=bucket, position=moved))
        elif position is not None:
            state.skip_to(source, bucket, position, now)
            self._emit(GapSkipped(source=source, bucket=bucket, position=position))

    async def _decide(self, command: Command) -> None:
        """Marks what is set aside while no pass runs, for a pass would decide as well."""
        retry = command.request is Request.RETRY_ASIDE
        await self._passes.begin_again()
        things = self._engine.state.mark_aside(command.ids, Mark.RETRY if retry else Mark.DROPPED)
        self._emit(AsideDecided(things=things, retry=retry))
        if retry and things and not self._passes.paused:
            self._passes.want(None)
