"""A clock that jumps, and a machine that sleeps: the schedule follows, and nothing is lost or sent twice."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.conductor import Conductor
from awsync.demo.aw_server import AwServer
from awsync.engine import Engine, Wiring
from awsync.events import CorrectionSent, Event, NextPass, PassFinished
from awsync.settings import Settings
from tests.conftest import StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store

BUCKET = "aw-watcher-window_x"
DAYS = 9


@pytest.fixture
def days(aw: AwServer) -> AwServer:
    """Nine days of one bucket, with pauses; the last event ends some minutes ago."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now() - timedelta(days=DAYS)
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begin + timedelta(minutes=15 * number)).isoformat(),
                "duration": 731.25,
                "data": {"app": f"app {number % 5}"},
            }
            for number in range(DAYS * 24 * 4 - 2)
        ],
    )
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
    """A conductor under a clock that the test moves; `looks` counts how often it looked around."""

    def __init__(self, engine: Engine, moment: datetime) -> None:
        self.now = _microseconds(moment)
        self.said: list[Event] = []
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

    def _look(self) -> None:
        self.looks += 1
        self._changed.set()

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
