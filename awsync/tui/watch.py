"""Keeps the board up to date: the agent's stream as it comes, and looks at what no event tells.

Looks are spaced by what they cost, so that a server with hundreds of buckets is not kept busy by a console.

May import: the standard library, msgspec, control, errors, events, and of tui folding, rows, schedule, state.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from msgspec import Struct, field

from awsync.control import Agent
from awsync.errors import AwsyncError
from awsync.events import (
    CheckpointMoved,
    CheckpointRewound,
    Event,
    GapSkipped,
    Level,
    PassFinished,
    SettingsReloaded,
)
from awsync.tui import folding, schedule
from awsync.tui.rows import Key
from awsync.tui.state import Board

SURVEY_SECONDS = 10.0
LACKING_SECONDS = 2.0
"""How soon is looked again while a source is down or empty: somebody is just starting it."""
ACTIVITY_SECONDS = 60.0
STATE_SECONDS = 1.0
SKEW_SECONDS = 60.0
COST_FACTOR = 20.0
"""A look waits at least so many times as long as the last one took."""
KEPT_PASSES = 200

_MOVES = (CheckpointMoved, CheckpointRewound, GapSkipped, PassFinished)


class Watch(Struct):
    """Folds everything about one agent into one board, until it is cancelled."""

    agent: Agent
    board: Board
    now: Callable[[], int]
    _soon: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: bool = True
    _active: dict[Key, tuple[float, int | None]] = field(default_factory=dict)
    _problem: str = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        self.board.store.sink = self.agent.sink
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._survey())
            group.create_task(self._state())
            group.create_task(self._skew())

    def look_soon(self) -> None:
        """Something was changed here: what it changed is looked at now."""
        self._moved = True
        self._soon.set()

    async def _listen(self) -> None:
        async for said in self.agent.events():
            folding.apply(self.board, said)
            self._notice(said.event)

    def _notice(self, event: Event) -> None:
        if isinstance(event, _MOVES):
            self._moved = True
        if isinstance(event, SettingsReloaded | PassFinished):
            self._soon.set()

    async def _survey(self) -> None:
        while True:
            self._soon.clear()
            self._settings()
            begun = time.monotonic()
            reports = await self.agent.survey()
            self.board.survey(reports, self.now())
            self._moved = True
            await self._activity()
            calm = SURVEY_SECONDS if all(report.buckets for report in reports) else LACKING_SECONDS
            wait = max(calm, COST_FACTOR * (time.monotonic() - begun))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), wait)

    def _settings(self) -> None:
        settings = self.agent.settings
        microsecond = timedelta(microseconds=1)
        self.board.resolution = settings.resolution // microsecond
        self.board.settle = settings.settle // microsecond
        self.board.period = schedule.period(settings.cron, self.now())

    async def _activity(self) -> None:
        """One bucket after the other, and only those that have something new."""
        self._active = {key: read for key, read in self._active.items() if key in self.board.rows}
        for key, row in list(self.board.rows.items()):
            read_at, newest = self._active.get(key, (float("-inf"), None))
            if row.newest is None or row.newest == newest or time.monotonic() - read_at < ACTIVITY_SECONDS:
                continue
            with suppress(AwsyncError):
                self.board.activity(key, await self.agent.activity(*key))
                self._active[key] = (time.monotonic(), row.newest)
            if self._soon.is_set():
                return

    async def _state(self) -> None:
        """The state database is read when something moved, at most once a second."""
        while True:
            if self._moved:
                self._moved = False
                self._read_state()
            await asyncio.sleep(STATE_SECONDS)

    def _read_state(self) -> None:
        agent, board = self.agent, self.board
        try:
            board.checkpoints(agent.checkpoints())
            board.counts(agent.series(), agent.aside_counts())
            board.history(agent.passes(KEPT_PASSES))
        except AwsyncError as error:
            board.troubles["state"] = str(error)
            if str(error) != self._problem:
                self._problem = str(error)
                board.log.write(self.now(), Level.ERROR, str(error))
        else:
            board.troubles.pop("state", None)

    async def _skew(self) -> None:
        while True:
            with suppress(AwsyncError):
                self.board.store.skew = await self.agent.skew()
            await asyncio.sleep(SKEW_SECONDS)
