"""Runs the engine in tests: settings for real servers, one pass, and what it said."""

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from awsync.engine import Engine, Wiring
from awsync.events import Event, PassFinished, describe
from awsync.schedule import Schedule
from awsync.settings import Settings, SourceSettings, StoreSettings
from awsync.state import State


def make_settings(
    folder: Path,
    aw_url: str,
    store_url: str,
    *,
    source: dict[str, Any] | None = None,
    store: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 fields of Settings
) -> Settings:
    """Settings with the defaults of config.toml; `source`, `store` and `changes` replace fields."""
    settings = Settings(
        sources=(replace(SourceSettings("default", aw_url, "me"), **(source or {})),),
        store=replace(
            StoreSettings(write_url=f"{store_url}/api/v1/write", base_url=store_url), **(store or {})
        ),
        cron="*/5 * * * *",
        min_data=5,
        series_budget=1_000,
        resolution=timedelta(minutes=5),
        settle=timedelta(minutes=5),
        lookback=timedelta(hours=24),
        initial_history=None,
        hosts={},
        state_dir=folder / "state",
    )
    return replace(settings, **changes)


def late(settings: Settings, splay: timedelta, least: timedelta) -> Settings:
    """Settings of somebody whose splay makes him so much later than the cron, wherever the test runs."""
    people = (replace(settings, user_id=f"user{number}", splay=splay) for number in itertools.count())
    return next(each for each in people if Schedule.of(each).later >= least)


def open_state(settings: Settings) -> State:
    """The state of the settings' store, to be closed by the caller."""
    assert settings.store is not None
    return State(settings.state_dir, settings.store.write_url, write=True)


def position_of(settings: Settings, bucket: str, source: str = "default") -> int:
    """How far a bucket has come, in microseconds since the epoch."""
    with open_state(settings) as state:
        position = state.checkpoint(source, bucket).position
    assert position is not None, f"{bucket} has no checkpoint"
    return position


def run_pass(
    settings: Settings,
    *,
    patience: float | None = 0.0,
    now: datetime | None = None,
    look_back: bool = False,
    wiring: Wiring | None = None,
) -> tuple[PassFinished, list[Event]]:
    """One pass with a state of its own opening; returns its end and everything it said."""
    said: list[Event] = []
    moment = time.time_ns() // 1000 if now is None else round(now.timestamp() * 1_000_000)
    wiring = wiring or Wiring(clock=lambda: moment)
    with open_state(settings) as state:
        engine = Engine(settings, state, patience=patience, wiring=wiring)
        finished = asyncio.run(engine.one_pass(said.append, look_back=look_back))
    return finished, said


def sentences(events: list[Event]) -> str:
    """What the events say, a line each."""
    return "\n".join(describe(event) for event in events)


def utc_now() -> datetime:
    """Now, as a moment with a zone."""
    return datetime.now(UTC)
