"""A console beside a running `awsync sync`: what it sees, and that what it asks reaches the service."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from awsync import __version__
from awsync.agent import ConsoleAgent
from awsync.config import Watched
from awsync.control import Said
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring, system_clock
from awsync.events import (
    BucketSkipped,
    CheckpointRewound,
    Event,
    NextPass,
    PassFinished,
    Paused,
    Resumed,
    RunStarted,
    ServiceLost,
    SettingsReloaded,
    SyncAsked,
)
from awsync.journal import Journal, Recorder
from awsync.sent import values_of
from awsync.state import State
from tests.commands import running_service
from tests.passes import utc_now

BUCKET = "aw-watcher-window_x"
REACHED_SECONDS = 2.0


@pytest.fixture
def folder(aw: AwServer, tmp_path: Path) -> Iterator[Path]:
    """A folder with a config.toml for a server with one bucket and a store."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begun = utc_now() - timedelta(hours=2)
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begun + timedelta(minutes=5 * i)).isoformat(),
                "duration": 299.0,
                "data": {"app": f"app {i % 3}", "title": "t"},
            }
            for i in range(20)
        ],
    )
    with Receiver() as store:
        (tmp_path / "config.toml").write_text(
            f'# mine\nprometheus-url = "{store.url}"\naw-url = "{aw.url}"\n'
            f'state-dir = "{tmp_path / "state"}"\ncron = "0 0 1 1 *" # rarely\n'
        )
        yield tmp_path


@pytest.fixture
def service(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `awsync sync` that has done its first pass."""
    with running_service(folder) as process:
        yield process


class Listener:
    """Everything an agent said, for tests that wait for something."""

    def __init__(self, agent: ConsoleAgent) -> None:
        self.agent = agent
        self._events = agent.events()

    def paused(self) -> bool:
        """What the agent says now."""
        return self.agent.paused

    async def until(self, wanted: type[Event]) -> Event:
        """The next event of a type."""
        return (await self._next(wanted)).event

    async def reached(self, wanted: type[Event], asked: int) -> Event:
        """The next event of a type, which the engine said soon after it was asked for."""
        said = await self._next(wanted)
        assert (said.at - asked) / 1e6 <= REACHED_SECONDS
        return said.event

    async def _next(self, wanted: type[Event]) -> Said:
        async with asyncio.timeout(30.0):
            async for said in self._events:
                if isinstance(said.event, wanted):
                    return said
        raise AssertionError("events() has an end")


@asynccontextmanager
async def opened(folder: Path, clock: Callable[[], int] = system_clock) -> AsyncIterator[Listener]:
    """An agent over the folder's config.toml."""
    agent = ConsoleAgent(Watched({"config": str(folder / "config.toml")}, {}), wiring=Wiring(clock=clock))
    try:
        yield Listener(agent)
    finally:
        async with asyncio.timeout(1.0):
            await agent.close()


async def test_the_observer_sees_what_has_left(service: subprocess.Popen[str], folder: Path) -> None:
    """What the service sent is listed beside it, each sample once."""
    async with opened(folder) as heard:
        report = await heard.agent.sent(days=1)
        assert report.left.samples == sum(each.samples for each in heard.agent.checkpoints()) > 20
        assert {each.value for each in values_of(report.buckets, "app")} == {"app 0", "app 1", "app 2"}


async def test_each_command_reaches_the_service(service: subprocess.Popen[str], folder: Path) -> None:
    """Sync now, pause, exclusions, cron and rewind reach a running service within two seconds."""
    async with opened(folder) as heard:
        agent = heard.agent
        assert agent.observing == service.pid
        await heard.until(NextPass)

        asked = system_clock()
        assert f"pid {service.pid}" in await agent.sync_now("default", BUCKET)
        await heard.reached(SyncAsked, asked)
        await heard.until(NextPass)

        asked = system_clock()
        await agent.pause()
        await heard.reached(Paused, asked)
        assert heard.paused()
        asked = system_clock()
        await agent.resume()
        await heard.reached(Resumed, asked)
        assert not heard.paused()

        asked = system_clock()
        await agent.set_cron("*/7 * * * *")
        assert 'cron = "*/7 * * * *" # rarely' in (folder / "config.toml").read_text()
        assert await heard.reached(SettingsReloaded, asked) == SettingsReloaded()
        upcoming = await heard.until(NextPass)
        assert isinstance(upcoming, NextPass)
        assert upcoming.at < utc_now().timestamp() * 1e6 + 8 * 60e6
        assert agent.settings.cron == "*/7 * * * *"

        asked = system_clock()
        await agent.rewind("default", BUCKET, None)
        assert isinstance(await heard.reached(CheckpointRewound, asked), CheckpointRewound)
        assert [found.position for found in agent.checkpoints()] == [None]

        asked = system_clock()
        await agent.set_excluded([("default", BUCKET)], excluded=True)
        assert "# mine" in (folder / "config.toml").read_text()
        await heard.reached(SettingsReloaded, asked)
        asked = system_clock()
        await agent.sync_now()
        skipped = await heard.reached(BucketSkipped, asked)
        assert isinstance(skipped, BucketSkipped)
        assert "excluded by" in skipped.why


async def test_a_service_that_ends_is_said_and_can_be_followed_by_this_console(
    service: subprocess.Popen[str], folder: Path
) -> None:
    """After kill -9 of the service its journal is readable, the loss is said, and the console takes over."""
    async with opened(folder) as heard:
        await heard.until(NextPass)
        assert "still runs" in await heard.agent.take_over()
        service.kill()
        service.wait()
        await heard.until(ServiceLost)
        assert heard.agent.service_ended
        await heard.agent.take_over()
        assert heard.agent.observing is None
        await heard.until(RunStarted)
        finished = await heard.until(PassFinished)
        assert isinstance(finished, PassFinished)
        assert finished.complete


async def test_what_is_said_while_the_console_opens_is_heard(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a service says between the reading of the history and the following reaches the console."""
    with (
        State(folder / "state", "x", write=True) as state,
        Recorder(folder / "state") as service,
    ):
        state.database.announce("awsync sync", system_clock())
        read = Journal.recent
        unsaid: list[Event] = [NextPass(at=1)]

        def recent(journal: Journal, limit: int) -> list[Said]:
            found = read(journal, limit)
            if unsaid:
                service.record(unsaid.pop())
                service.settle()
            return found

        monkeypatch.setattr(Journal, "recent", recent)
        async with opened(folder) as heard:
            assert await heard.until(NextPass) == NextPass(at=1)


async def test_history_comes_first(service: subprocess.Popen[str], folder: Path) -> None:
    """A console that comes later begins with what the service said before."""
    async with opened(folder) as heard:
        first: Said = await anext(heard.agent.events())
        assert first.event == RunStarted(pid=service.pid, version=__version__)
