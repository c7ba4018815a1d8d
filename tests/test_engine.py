"""What ends a pass, and what a pass leaves behind when it ends early."""

import asyncio
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Fault, Receiver
from awsync.engine import Engine
from awsync.errors import StateError
from awsync.events import BatchDelivered, Event, RetryScheduled
from tests.passes import make_settings, open_state, position_of, run_pass, utc_now

BUCKET = "aw-watcher-window_x"


@pytest.fixture
def hours(aw: AwServer) -> AwServer:
    """Three hours of one bucket."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now() - timedelta(hours=3)
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begin + timedelta(minutes=i)).isoformat(),
                "duration": 50.0,
                "data": {"app": f"app {i % 3}"},
            }
            for i in range(150)
        ],
    )
    return aw


def test_a_state_that_cannot_be_written_ends_the_pass(hours: AwServer, tmp_path: Path) -> None:
    """A database that breaks in the middle is one StateError, not a group of exceptions."""
    with Receiver() as store:
        settings = make_settings(tmp_path, hours.url, store.url)

        def break_it(event: Event) -> None:
            if isinstance(event, BatchDelivered):
                with sqlite3.connect(settings.state_dir / "state.db") as other:
                    other.execute("DROP TABLE ledger")
                other.close()

        with open_state(settings) as state, pytest.raises(StateError, match="could not be written"):
            asyncio.run(Engine(settings, state).one_pass(break_it))


def test_a_pass_that_is_cancelled_loses_and_doubles_nothing(hours: AwServer, tmp_path: Path) -> None:
    """Cancelled while the store fails, a pass ends within a second; the next one delivers everything once."""

    async def cancelled(engine: Engine) -> float:
        loop = asyncio.get_running_loop()
        waiting = asyncio.Event()

        def emit(event: Event) -> None:
            if isinstance(event, RetryScheduled):
                waiting.set()

        task = asyncio.create_task(engine.one_pass(emit))
        await waiting.wait()
        begun = loop.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return loop.time() - begun

    with Receiver() as store:
        settings = make_settings(tmp_path, hours.url, store.url)
        store.fail(Fault(status=0), Fault(status=503, stored=True, headers={"Retry-After": "60"}))
        with open_state(settings) as state:
            assert asyncio.run(cancelled(Engine(settings, state))) < 1.0
            assert state.checkpoint("default", BUCKET).position is None
        finished, _ = run_pass(settings)
        assert finished.complete
        position = position_of(settings, BUCKET)
        inside = [
            min(1e6 * e_end, position) - 1e6 * e_start
            for e_start, e_end in _spans(hours)
            if 1e6 * e_start < position
        ]
        assert abs(store.total_seconds() - sum(inside) / 1e6) < 0.001


def _spans(aw: AwServer) -> list[tuple[float, float]]:
    starts = [(datetime.fromisoformat(e["timestamp"]).timestamp(), e["duration"]) for e in aw.events(BUCKET)]
    return [(start, start + duration) for start, duration in starts]


def test_initial_history_is_kept(hours: AwServer, tmp_path: Path) -> None:
    """With initial-history the first pass sends that much and no more, and no later look back adds to it."""
    with Receiver() as store:
        settings = make_settings(tmp_path, hours.url, store.url, initial_history=timedelta(hours=1))
        assert run_pass(settings)[0].complete
        first = store.total_seconds()
        assert 0 < first <= 3600
        assert run_pass(settings, look_back=True)[0].complete
        assert store.total_seconds() == first
