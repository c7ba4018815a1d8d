"""A clock that jumps, and a machine that sleeps: the schedule follows, and nothing is lost or sent twice."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.conductor import Conductor
from awsync.control import Command, Request
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Engine, Wiring
from awsync.events import (
    CorrectionSent,
    Event,
    NextPass,
    PassFinished,
    PassStarted,
    RetryScheduled,
    SettingsReloaded,
)
from awsync.schedule import Schedule
from awsync.settings import Settings
from tests.conftest import StartStore
from tests.doctors import fill
from tests.history import HOUR_US, assert_equal_hours, closed_hours, fill_evenly, stored_hours
from tests.passes import late, make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store

BUCKET = "aw-watcher-window_x"
DAYS = 9


@pytest.fixture
def days(aw: AwServer) -> AwServer:
    """Nine days of one bucket, with pauses; the last event ends some minutes ago."""
    fill_evenly(aw, BUCKET, days=DAYS, minutes=15, seconds=731.25, apps=5)
    return aw


@pytest.fixture
def store(start_store: StartStore) -> Store:
    """A Prometheus."""
    return start_store("prometheus-3.5")


@pytest.fixture
def settings(days: AwServer, store: Store, tmp_path: Path) -> Settings:
    """Settings for both."""
    return make_settings(tmp_path, days.url, store.url)


def assert_delivered(aw: AwServer, store: Store, settings: Settings, *, until: datetime) -> None:
    """Each hour equals ActivityWatch, and the last of them is not far from `until`."""
    position = position_of(settings, BUCKET)
    assert _microseconds(until - timedelta(minutes=45)) <= position <= _microseconds(until)
    last = position // HOUR_US * HOUR_US
    found = stored_hours(store, last - (DAYS + 1) * 24 * HOUR_US, last)
    wanted = closed_hours(aw, BUCKET, position)
    assert sum(wanted.values()) > 3600
    assert_equal_hours(wanted, found[BUCKET], BUCKET)


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


class Run:
    """A conductor under a clock that the test moves; `looks` counts how often it looked around.

    It finds `reloaded` in config.toml once.
    """

    def __init__(self, engine: Engine, moment: datetime) -> None:
        self.now = _microseconds(moment)
        self.said: list[Event] = []
        self.reloaded: Settings | None = None
        self._changed = asyncio.Event()
        engine.wiring = Wiring(clock=lambda: self.now)
        self.looks = 0
        self.conductor = Conductor(engine, self._emit, reload=self._look)

    def set(self, moment: datetime) -> None:
        """Moves the clock."""
        self.now = _microseconds(moment)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until what was said and looked at fulfils a condition."""
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def count(self, kind: type[Event]) -> int:
        """How many events of a kind were said."""
        return len([each for each in self.said if isinstance(each, kind)])

    def next(self) -> int:
        """When the next pass comes, as it was said last."""
        return [each.at for each in self.said if isinstance(each, NextPass)][-1]

    def _look(self) -> Settings | None:
        self.looks += 1
        self._changed.set()
        reloaded, self.reloaded = self.reloaded, None
        return reloaded

    def _emit(self, event: Event) -> None:
        self.said.append(event)
        self._changed.set()


@pytest.mark.servers
def test_a_week_of_sleep_is_caught_up_by_one_pass(days: AwServer, store: Store, settings: Settings) -> None:
    """At the wake-up one pass sends the week; the 2,016 hours that were missed do not each get their own."""
    now = utc_now()

    async def work() -> None:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0), now - timedelta(days=7))
            task = asyncio.create_task(run.conductor.run())
            await run.until(lambda: run.count(NextPass) == 1)
            run.set(now)
            await run.until(lambda: run.count(NextPass) == 2)
            assert run.next() > _microseconds(now)
            looks = run.looks
            await run.until(lambda: run.looks >= looks + 3)
            task.cancel()
            await asyncio.wait({task})
            assert run.count(PassFinished) == 2
            assert all(each.complete for each in run.said if isinstance(each, PassFinished))

    asyncio.run(work())
    assert_delivered(days, store, settings, until=now)


@pytest.mark.servers
def test_the_schedule_follows_a_clock_that_goes_back(
    days: AwServer, store: Store, settings: Settings
) -> None:
    """A pass that was planned by a clock a year ahead does not keep the service idle for that year."""
    now = utc_now()

    async def work() -> None:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0), now + timedelta(days=365))
            task = asyncio.create_task(run.conductor.run())
            await run.until(lambda: run.count(NextPass) == 1)
            assert run.next() > _microseconds(now + timedelta(days=365))
            run.set(now)
            await run.until(lambda: run.count(NextPass) == 2)
            assert run.next() <= _microseconds(now + timedelta(minutes=5))
            run.set(now + timedelta(minutes=5))
            await run.until(lambda: run.count(PassFinished) == 2)
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(work())
    assert_delivered(days, store, settings, until=now)


@pytest.mark.servers
@pytest.mark.parametrize("wrong", [timedelta(days=-1), timedelta(days=400), timedelta(days=-400)])
def test_a_pass_under_a_wrong_clock_harms_nothing(
    wrong: timedelta, days: AwServer, store: Store, settings: Settings
) -> None:
    """Before, under and after a jump the store equals ActivityWatch, and history is corrected as before."""
    now = utc_now() - timedelta(hours=2)
    assert run_pass(settings, now=now)[0].complete
    assert_delivered(days, store, settings, until=now)
    run_pass(settings, now=now + wrong)
    for later in (timedelta(minutes=30), timedelta(minutes=100)):
        finished, said = run_pass(settings, now=now + later)
        assert finished.complete, sentences(said)
        assert_delivered(days, store, settings, until=now + later)
    held = days.events(BUCKET)
    days.insert(BUCKET, [{**held[number], "duration": 17.5} for number in (4, 40)])
    finished, said = run_pass(settings, now=utc_now(), look_back=True)
    assert finished.complete, sentences(said)
    assert any(isinstance(each, CorrectionSent) for each in said)
    assert_delivered(days, store, settings, until=utc_now())


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATE = timedelta(minutes=5), timedelta(minutes=2)


async def stopped(task: asyncio.Task[None]) -> None:
    """Ends a conductor."""
    task.cancel()
    await asyncio.wait({task})


def test_a_splay_is_added_to_planned_passes_alone(aw: AwServer, tmp_path: Path) -> None:
    """The first pass, one that is asked for and the one after a sleep come at once, a planned one as said."""

    async def work(settings: Settings) -> None:
        later = Schedule.of(settings).later
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0), NOON)
            task = asyncio.create_task(run.conductor.run())
            await run.until(lambda: run.count(NextPass) == 1)
            first = NOON + later
            assert (run.count(PassFinished), run.next()) == (1, _microseconds(first))
            await run.conductor.obey(Command(request=Request.SYNC_NOW))
            await run.until(lambda: run.count(NextPass) == 2)
            assert (run.count(PassFinished), run.next()) == (2, _microseconds(first))
            run.set(first - timedelta(microseconds=1))
            looks = run.looks
            await run.until(lambda: run.looks >= looks + 2)
            assert run.count(PassStarted) == 2
            run.set(first)
            await run.until(lambda: run.count(NextPass) == 3)
            assert run.next() == _microseconds(first + timedelta(minutes=5))
            run.set(NOON + timedelta(hours=9, seconds=1))
            await run.until(lambda: run.count(NextPass) == 4)
            assert run.count(PassFinished) == 4
            assert run.next() == _microseconds(NOON + timedelta(hours=9) + later)
            await stopped(task)

    with Receiver() as store:
        asyncio.run(work(late(make_settings(tmp_path, aw.url, store.url), *LATE)))


def test_another_splay_stops_no_pass(aw: AwServer, tmp_path: Path) -> None:
    """A pass that waits for its store goes on under another splay and cron."""
    fill(aw)

    async def work(settings: Settings) -> None:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=None), utc_now())
            task = asyncio.create_task(run.conductor.run())
            await run.until(lambda: run.count(RetryScheduled) > 0)
            run.reloaded = replace(settings, splay=timedelta(0), cron="*/7 * * * *")
            await run.until(lambda: run.count(SettingsReloaded) == 1)
            looks = run.looks
            await run.until(lambda: run.looks >= looks + 2)
            assert (run.count(PassStarted), run.count(PassFinished)) == (1, 0)
            await stopped(task)

    asyncio.run(work(late(make_settings(tmp_path, aw.url, "http://127.0.0.1:9"), *LATE)))


def test_another_splay_plans_anew(aw: AwServer, tmp_path: Path) -> None:
    """Who waits for his next pass gets another moment at once, and no pass for it."""

    async def work(settings: Settings) -> None:
        with open_state(settings) as state:
            run = Run(Engine(settings, state, patience=0.0), NOON)
            task = asyncio.create_task(run.conductor.run())
            await run.until(lambda: run.count(NextPass) == 1)
            run.reloaded = replace(settings, splay=timedelta(0))
            await run.until(lambda: run.count(NextPass) == 2)
            assert run.next() == _microseconds(NOON + timedelta(minutes=5))
            run.reloaded = settings
            await run.until(lambda: run.count(NextPass) == 3)
            assert run.next() == _microseconds(NOON + Schedule.of(settings).later)
            assert run.count(PassStarted) == 1
            await stopped(task)

    with Receiver() as store:
        asyncio.run(work(late(make_settings(tmp_path, aw.url, store.url), *LATE)))
