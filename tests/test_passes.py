"""The last moments of a pass: its end is said, and awsync's own series are still on their way."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.conductor import Conductor
from awsync.control import Command, Request
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Engine
from awsync.events import (
    CheckpointRewound,
    Event,
    NextPass,
    OwnSeriesRefused,
    PassFinished,
    PassStarted,
    SettingsReloaded,
)
from awsync.link import Link
from awsync.settings import Settings
from awsync.telemetry.figures import Figures
from awsync.telemetry.own_series import OwnSeries
from tests.doctors import fill
from tests.passes import make_settings, open_state

NOWHERE = "http://127.0.0.1:9"
BUCKET = "aw-watcher-window_pc"


class NeverThere(OwnSeries):
    """Series that never arrive; `begun` is set when they are on their way."""

    def __init__(self, clock: int) -> None:
        super().__init__(Figures(clock), lambda: clock)
        self.begun = asyncio.Event()

    async def send(self, link: Link, settings: Settings, *, nothing_waits: bool) -> OwnSeriesRefused | None:
        """Waits for ever."""
        self.begun.set()
        await asyncio.Event().wait()
        return None


class Run:
    """A conductor whose first pass stays in its last moments."""

    def __init__(self, engine: Engine) -> None:
        self.said: list[Event] = []
        self.changed: Settings | None = None
        self.own = NeverThere(engine.wiring.clock())
        self._news = asyncio.Event()
        engine.own = self.own
        self.conductor = Conductor(engine, self._emit, reload=self._reload)

    def kinds(self) -> list[type[Event]]:
        """What was said of passes, and of what was asked."""
        told = (PassStarted, PassFinished, NextPass, SettingsReloaded, CheckpointRewound)
        return [type(each) for each in self.said if isinstance(each, told)]

    async def until(self, kind: type[Event], times: int) -> None:
        """Waits until something was said so often."""
        async with asyncio.timeout(20):
            while self.kinds().count(kind) < times:
                self._news.clear()
                await self._news.wait()

    def _emit(self, event: Event) -> None:
        self.said.append(event)
        self._news.set()

    def _reload(self) -> Settings | None:
        changed, self.changed = self.changed, None
        return changed


async def in_last_moments(run: Run) -> asyncio.Task[None]:
    """Runs it to where the first pass has said its end."""
    task = asyncio.create_task(run.conductor.run())
    async with asyncio.timeout(20):
        await run.own.begun.wait()
    assert run.kinds() == [PassStarted, PassFinished]
    return task


async def ended(task: asyncio.Task[None]) -> None:
    """Stops it."""
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("url", ["aw", NOWHERE])
def test_new_settings_find_such_a_pass_ended(url: str, aw: AwServer, tmp_path: Path) -> None:
    """It does not begin anew for them, unless it lacked something; and the next one is planned."""
    fill(aw)

    async def work(settings: Settings) -> list[type[Event]]:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0))
            task = await in_last_moments(run)
            run.changed = replace(settings, min_data=7)
            await run.until(SettingsReloaded, 1)
            if url == NOWHERE:
                await run.until(PassFinished, 2)
            else:
                await run.until(NextPass, 1)
            await ended(task)
            return run.kinds()

    with Receiver() as store:
        said = asyncio.run(work(make_settings(tmp_path, aw.url if url == "aw" else url, store.url)))
    again = [PassStarted, PassFinished] if url == NOWHERE else [NextPass]
    assert said == [PassStarted, PassFinished, SettingsReloaded, *again]


def test_a_rewind_finds_such_a_pass_ended(aw: AwServer, tmp_path: Path) -> None:
    """The checkpoint moves, no pass begins for it, and the next one is planned."""
    fill(aw)

    async def work(settings: Settings) -> list[type[Event]]:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0))
            task = await in_last_moments(run)
            await run.conductor.obey(Command(request=Request.REWIND, source="default", bucket=BUCKET))
            await run.until(NextPass, 1)
            await ended(task)
            return run.kinds()

    with Receiver() as store:
        said = asyncio.run(work(make_settings(tmp_path, aw.url, store.url)))
    assert said == [PassStarted, PassFinished, CheckpointRewound, NextPass]
