"""The sync itself: passes over every source, as one stream of events that all front ends are told.

A pass gives each source a task of its own, so that a slow or dead server delays no other. Inside a source
the next page is read while the last one is prepared and delivered; CPU work runs in a thread, so that the
event loop stays free. Cancelling at any point loses nothing: what was not committed is sent again.

May import: everything but cli, demo and tui.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from awsync.activitywatch import ActivityWatch, Info
from awsync.delivery import Delivery
from awsync.errors import ConfigError
from awsync.events import (
    Event,
    NextPass,
    PassFinished,
    PassStarted,
    SettingsReloaded,
)
from awsync.remote_write.client import Client
from awsync.remote_write.connection import shown_url
from awsync.schedule import Schedule
from awsync.settings import Settings, SourceSettings
from awsync.source_pass import PassContext, SourcePass
from awsync.state import State
from awsync.tally import Tally

Emit = Callable[[Event], None]
_LOOK_SECONDS = 1.0


def system_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Wiring:
    """What tests replace: the clock and the two transports."""

    clock: Callable[[], int] = system_clock
    aw_transport: httpx.AsyncBaseTransport | None = None
    store_transport: httpx.AsyncBaseTransport | None = None


@dataclass(slots=True)
class Engine:
    """Runs passes with one set of settings over one state.

    `patience` is how many seconds of a failing store one pass bears (None: for ever).
    """

    settings: Settings
    state: State
    patience: float | None = None
    wiring: Wiring = field(default_factory=Wiring)
    _infos: dict[str, Info] = field(default_factory=dict)

    async def one_pass(self, emit: Emit, *, look_back: bool = False) -> PassFinished:
        """One pass over every source; raises StateError only. `look_back` does not wait for the hour."""
        started, begun = self.wiring.clock(), time.monotonic()
        number = self.state.begin_pass(started)
        tally = Tally()

        def say(event: Event) -> None:
            tally.apply(event)
            emit(event)

        say(
            PassStarted(
                at=started,
                sources=tuple(source.name for source in self.settings.sources),
                sink=self.state.sink,
            )
        )
        store = self.settings.store
        assert store is not None, "a pass needs prometheus-url; config.load demands it"
        async with aclosing(Client(store, transport=self.wiring.store_transport)) as client:
            context = PassContext(
                settings=self.settings,
                state=self.state,
                delivery=Delivery(
                    client,
                    store,
                    say,
                    sink=self.state.sink,
                    clock=self.wiring.clock,
                    patience=self.patience,
                ),
                emit=say,
                tally=tally,
                now=started,
                look_back=look_back,
            )
            await self._sources(context)
        totals = tally.totals()
        if totals.samples:
            self.state.prune(context.keep_from)
        finished = PassFinished(
            at=self.wiring.clock(),
            elapsed=time.monotonic() - begun,
            complete=tally.complete,
            totals=totals,
        )
        self.state.finish_pass(number, finished)
        say(finished)
        return finished

    async def run(self, emit: Emit, *, reload: Callable[[], Settings | None] = lambda: None) -> None:
        """Passes for ever: one at once, then at the times of the cron.

        `reload` is asked every second between passes; it returns new settings, None for no change, or
        raises ConfigError, and then the old settings stay.
        """
        while True:
            await self.one_pass(emit)
            await self._wait(emit, reload)

    async def _wait(self, emit: Emit, reload: Callable[[], Settings | None]) -> None:
        """Waits for the next pass by the wall clock; a machine that slept through it goes on at once."""
        upcoming = self._next_pass(emit)
        while (left := upcoming - self.wiring.clock()) > 0:
            await asyncio.sleep(min(left / 1_000_000, _LOOK_SECONDS))
            if self._reload(emit, reload):
                upcoming = self._next_pass(emit)

    def _next_pass(self, emit: Emit) -> int:
        now = datetime.fromtimestamp(self.wiring.clock() / 1_000_000, UTC).astimezone()
        upcoming = round(Schedule(self.settings.cron).next_after(now).timestamp() * 1_000_000)
        emit(NextPass(at=upcoming))
        return upcoming

    def _reload(self, emit: Emit, reload: Callable[[], Settings | None]) -> bool:
        try:
            changed = reload()
        except ConfigError as error:
            emit(SettingsReloaded(problem=str(error)))
            return False
        if changed is None:
            return False
        if changed.state_dir != self.settings.state_dir:
            emit(SettingsReloaded(problem="state-dir changed; restart awsync to use the new folder."))
            return False
        if changed.store is not None:
            # A checkpoint says what one store has: another store has its own.
            self.state.sink = shown_url(changed.store.write_url)
        self.settings = changed
        emit(SettingsReloaded())
        return True

    async def _sources(self, context: PassContext) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for source in self.settings.sources:
                    group.create_task(self._source(source, context))
        except ExceptionGroup as failed:
            # What one source cannot bear (a state that cannot be written) ends the pass as itself.
            raise failed.exceptions[0] from failed

    async def _source(self, source: SourceSettings, context: PassContext) -> None:
        async with ActivityWatch(source, transport=self.wiring.aw_transport) as aw:
            await SourcePass(source, aw, context, self._infos).run()
