"""The agent of the console: what it shows and what it asks, over an engine here or a service beside it.

May import: everything but cli, demo and tui.
"""

import asyncio
import shlex
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta

from awsync.config import Loaded, Watched, set_value
from awsync.config.keys import CRON
from awsync.control import Activity, Agreement, BucketDetail, Command, Finding, Move, Request, Said
from awsync.detail import ActivityReader, look
from awsync.engine import Wiring
from awsync.errors import ConfigError, LockHeldError, SourceError, StateError
from awsync.events import (
    CheckpointMoved,
    CheckpointRewound,
    GapSkipped,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)
from awsync.exclusions import Edit, Globs, effective_globs, exclude, globs_of, include, write
from awsync.journal import Journal
from awsync.ledger import Quarantined, Range
from awsync.planning import matching
from awsync.records import Aside, Checkpoint, Neighbour, PassRecord
from awsync.remote_write.clock import ahead_by
from awsync.remote_write.connection import shown_url
from awsync.schedule import Schedule
from awsync.sent import Report as Sent
from awsync.sent_reader import read as read_sent
from awsync.settings import Settings, SourceSettings
from awsync.sides import Beside, Here, Side
from awsync.state import State
from awsync.survey import BucketReport, SourceReport, survey
from awsync.timeline import DAY, floor_to
from awsync.totals import By, Report
from awsync.words import amount, clock

HISTORY = 500
_MOVES = ("CheckpointMoved", "CheckpointRewound", "GapSkipped")
_SEARCHED_MOVES = 2_000
_SHOWN_MOVES = 100


class ConsoleAgent:
    """Implements control.Agent. Made inside a running event loop; raises AwsyncError."""

    def __init__(self, watched: Watched, *, wiring: Wiring | None = None) -> None:
        settings = watched.loaded.settings
        self._watched = watched
        self._wiring = wiring or Wiring()
        self._queue: asyncio.Queue[Said] = asyncio.Queue()
        self._known: dict[str, SourceReport] = {}
        self._neighbours: list[Neighbour] = []
        self._activity = ActivityReader(self._wiring.aw_transport)
        self._journal = Journal(settings.state_dir)
        self._history = self._journal.recent(HISTORY)
        self.paused = False
        # Whoever writes goes first: it makes the state readable where it is old or damaged.
        here: Side | None = None
        with suppress(LockHeldError):
            here = self._here()
        self._reading = State(settings.state_dir, _sink_of(settings), write=False)
        self._side = here or self._beside()

    @property
    def observing(self) -> int | None:
        """The process id of the observed service."""
        return self._side.pid

    @property
    def service_ended(self) -> bool:
        """Whether the observed service is gone."""
        return self._side.ended

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self._side.settings

    @property
    def loaded(self) -> Loaded:
        """The settings with their file and where each came from."""
        return self._watched.loaded

    @property
    def sink(self) -> str:
        """The store, as it may be shown."""
        return _sink_of(self.settings)

    async def events(self) -> AsyncIterator[Said]:
        """History, then what is said."""
        for said in self._history:
            yield said
        while True:
            yield await self._queue.get()

    async def survey(self) -> list[SourceReport]:
        """What each source has now."""
        with suppress(StateError):
            self._neighbours = self._state().neighbours()
        reports = await survey(self.settings, self._neighbours, transport=self._wiring.aw_transport)
        # A server that is down still has the buckets it had: they can be excluded and rewound meanwhile.
        answered = {report.source: report for report in reports if report.error is None}
        self._known = {
            report.source: answered.get(report.source) or self._known.get(report.source, report)
            for report in reports
        }
        return reports

    async def activity(self, source: str, bucket: str) -> Activity:
        """The bucket's last 24 hours."""
        now = self._wiring.clock()
        today = (
            datetime.fromtimestamp(now / 1e6).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        )
        found = await self._report(source, bucket)
        return await self._activity.read(self._source(source), found, now, round(today.timestamp() * 1e6))

    async def detail(self, source: str, bucket: str) -> BucketDetail:
        """A bucket in depth."""
        found = await self._report(source, bucket)
        await self._side.settle()
        return await look(
            self.settings,
            self._source(source),
            found,
            checkpoint=self._state().checkpoint(source, bucket),
            history=self._moves(source, bucket),
            transport=self._wiring.aw_transport,
        )

    async def examine(self, *, probe: bool) -> AsyncGenerator[Finding, None]:
        """The doctor's findings."""
        from awsync import doctor

        for finding in doctor.settings_findings(self.loaded):
            yield finding
        wiring = self._wiring
        parts = doctor.Wiring(
            clock=wiring.clock, aw_transport=wiring.aw_transport, store_transport=wiring.store_transport
        )
        async with aclosing(doctor.examine(self.settings, probe=probe, wiring=parts)) as findings:
            async for finding in findings:
                yield finding

    async def verify(self, *, days: int) -> AsyncGenerator[Agreement, None]:
        """How the store agrees with ActivityWatch."""
        from awsync.verify.shown import agreements

        found = agreements(self.settings, self._state(), days=days, wiring=self._wiring)
        async with aclosing(found):
            async for each in found:
                yield each

    async def today(self, by: By, since: str | None) -> Report:
        """What the time was spent on."""
        from awsync.today import today

        return await today(
            self.settings,
            by,
            since,
            now=self._wiring.clock(),
            remembered=self._neighbours,
            transport=self._wiring.aw_transport,
        )

    async def sent(self, *, days: int) -> Sent:
        """What has left this machine."""
        now = self._wiring.clock()
        return await asyncio.to_thread(read_sent, self._state(), now - days * DAY, now)

    async def skew(self) -> float | None:
        """Seconds that the store's clock is ahead."""
        store = self.settings.store
        return None if store is None else await ahead_by(store, transport=self._wiring.store_transport)

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints of the store."""
        return self._state().checkpoints()

    def passes(self, limit: int) -> list[PassRecord]:
        """The last passes, newest first."""
        return self._state().passes(limit)

    def set_aside(self) -> list[tuple[str, str, Range]]:
        """Ranges that are set aside."""
        return self._state().set_aside()

    def quarantine(self) -> list[Quarantined]:
        """Samples in quarantine."""
        return self._state().quarantine()

    def aside_counts(self) -> Mapping[tuple[str, str], Aside]:
        """How much is set aside."""
        return self._state().aside_counts()

    def series(self) -> Mapping[tuple[str, str], int]:
        """Series of each bucket."""
        return self._state().series_counts()

    async def sync_now(self, source: str | None = None, bucket: str | None = None) -> str:
        """Starts a pass."""
        told = await self._side.obey(Command(request=Request.SYNC_NOW, source=source, bucket=bucket))
        where = "everything" if source is None else f"{source}/{bucket}" if bucket else source
        return f"Syncing {where}." + told

    async def pause(self) -> str:
        """Stops the running pass and the cron."""
        return "Paused; nothing is sent until you resume." + await self._ask(Request.PAUSE)

    async def resume(self) -> str:
        """The cron goes on."""
        return "Resumed." + await self._ask(Request.RESUME)

    async def set_excluded(
        self, buckets: Sequence[tuple[str, str]], *, excluded: bool, skip_gap: bool = False
    ) -> str:
        """Leaves buckets out, or takes them in again."""
        reports = [await self._report(source, bucket) for source, bucket in buckets]
        told = await self._skip(reports) if skip_gap and not excluded else ""
        where, why = self._write_globs(reports, excluded=excluded)
        if where is not None:
            return _sentence(reports, where, excluded=excluded) + told
        edit = self._edit(effective_globs(self.settings), reports, excluded=excluded)
        told += await self._hold_globs(edit)
        return _sentence(reports, edit, excluded=excluded) + f" For this run only: {why}" + told

    async def set_cron(self, expr: str) -> str:
        """Changes the schedule."""
        words = Schedule(expr).describe()
        why = self._write_cron(expr)
        if not why:
            return f"The schedule is now {words}."
        told = await self._side.obey(Command(request=Request.CRON, text=expr))
        return f"The schedule is now {words}. For this run only: {why}" + told

    async def rewind(self, source: str, bucket: str, position: int | None) -> str:
        """Moves a checkpoint back."""
        command = Command(request=Request.REWIND, source=source, bucket=bucket, position=position)
        told = await self._side.obey(command)
        where = "the beginning" if position is None else f"{clock(position)} UTC"
        return f"{source}/{bucket} is sent again from {where} by the next pass." + told

    async def retry_aside(self, ids: Sequence[str]) -> str:
        """Has things tried again."""
        told = await self._side.obey(Command(request=Request.RETRY_ASIDE, ids=tuple(ids)))
        return f"{amount(len(ids), 'set-aside item')} to be tried again." + told

    async def drop_aside(self, ids: Sequence[str]) -> str:
        """Gives things up."""
        told = await self._side.obey(Command(request=Request.DROP_ASIDE, ids=tuple(ids)))
        return f"{amount(len(ids), 'set-aside item')} given up." + told

    async def take_over(self) -> str:
        """Runs the engine in this process."""
        if not self._side.ended:
            return "The service still runs; it is only observed."
        here = self._here()
        await self._side.close()
        self._side = here
        return "This console runs the engine now."

    async def close(self) -> None:
        """Stops the engine, or ends the observation."""
        await self._side.close()
        self._journal.close()
        self._reading.database.close()

    def _here(self) -> Side:
        command = shlex.join(["awsync", *sys.argv[1:]])
        sink = _sink_of(self._watched.loaded.settings)
        return Here(self._watched, sink, command, self._hear, self._wiring)

    def _beside(self) -> Side:
        pid = self._reading.database.announced() or 0
        for said in self._history:
            self._note(said)
        return Beside(self._watched, self._reading, self._journal, pid, self._hear)

    def _hear(self, said: Said) -> None:
        self._note(said)
        self._queue.put_nowait(said)

    def _note(self, said: Said) -> None:
        if isinstance(said.event, Paused):
            self.paused = True
        elif isinstance(said.event, Resumed | RunStarted | RunEnded):
            self.paused = False

    def _state(self) -> State:
        self._reading.sink = self.sink
        return self._reading

    async def _ask(self, request: Request) -> str:
        return await self._side.obey(Command(request=request))

    def _source(self, name: str) -> SourceSettings:
        for source in self.settings.sources:
            if source.name == name:
                return source
        raise SourceError(f'The settings have no source "{name}" any more.')

    async def _report(self, source: str, bucket: str) -> BucketReport:
        for again in (False, True):
            if again:
                await self.survey()
            known = self._known.get(source)
            for found in known.buckets if known is not None else ():
                if found.bucket == bucket:
                    return found
        raise SourceError(f'{source} has no bucket "{bucket}" now.', "Is its ActivityWatch running?")

    def _moves(self, source: str, bucket: str) -> list[Move]:
        moves: list[Move] = []
        for said in self._journal.of_types(_MOVES, _SEARCHED_MOVES):
            event = said.event
            if not isinstance(event, CheckpointMoved | CheckpointRewound | GapSkipped):
                continue
            if (event.source, event.bucket) == (source, bucket):
                samples = event.samples if isinstance(event, CheckpointMoved) else 0
                what = _WHAT[type(event)]
                moves.append(Move(at=said.at, position=event.position, samples=samples, what=what))
        return moves[:_SHOWN_MOVES]

    async def _skip(self, reports: Sequence[BucketReport]) -> str:
        """Puts checkpoints at the end of the running slot, so that nothing of the gap is sent."""
        resolution = self.settings.resolution // timedelta(microseconds=1)
        position = floor_to(self._wiring.clock(), resolution) + resolution
        told = ""
        for found in reports:
            told = await self._side.obey(
                Command(request=Request.SKIP, source=found.source, bucket=found.bucket, position=position)
            )
        return " What happened until now is not sent." + told

    def _edit(self, globs: Globs, reports: Sequence[BucketReport], *, excluded: bool) -> Edit:
        if excluded:
            return exclude(globs, reports)
        return include(globs, reports, [found for each in self._known.values() for found in each.buckets])

    def _write_globs(self, reports: Sequence[BucketReport], *, excluded: bool) -> tuple[Edit | None, str]:
        """The edit as it was written to config.toml, or why it cannot hold there."""
        path = self._watched.path
        if not path.exists():
            return None, f"there is no {path}."
        try:
            before = globs_of(path)
            edit = self._edit(before, reports, excluded=excluded)
            if not excluded and edit.globs == before and not edit.stuck:
                return None, f"{path} does not exclude it."
            write(path, before, edit.globs)
            after = effective_globs(self._watched.again())
        except ConfigError as error:
            return None, str(error)
        missing = [
            found
            for found in reports
            if any(self._matches(after, found)) != (excluded or (found.source, found.bucket) in edit.stuck)
        ]
        return (None, "the environment or a flag is stronger than config.toml.") if missing else (edit, "")

    def _matches(self, globs: Globs, found: BucketReport) -> list[str]:
        return list(matching(globs.get(found.source, ()), found.watcher, found.bucket))

    async def _hold_globs(self, edit: Edit) -> str:
        told = ""
        for source, before in effective_globs(self.settings).items():
            after = edit.globs[source]
            for text in [each for each in after if each not in before]:
                told = await self._side.obey(Command(request=Request.EXCLUDE, source=source, text=text))
            for text in [each for each in before if each not in after]:
                told = await self._side.obey(Command(request=Request.INCLUDE, source=source, text=text))
        return told

    def _write_cron(self, expr: str) -> str:
        path = self._watched.path
        if not path.exists():
            return f"there is no {path}."
        try:
            set_value(path, CRON.name, expr)
            holds = self._watched.again().cron == expr
        except ConfigError as error:
            return str(error)
        return "" if holds else "the environment or a flag is stronger than config.toml."


_WHAT = {CheckpointMoved: "delivered", CheckpointRewound: "moved back", GapSkipped: "gap left out"}


def _sink_of(settings: Settings) -> str:
    assert settings.store is not None, "a console needs prometheus-url; config.load demands it"
    return shown_url(settings.store.write_url)


def _sentence(reports: Sequence[BucketReport], edit: Edit, *, excluded: bool) -> str:
    stuck = [found for found in reports if (found.source, found.bucket) in edit.stuck]
    if stuck:
        first = stuck[0]
        pattern = edit.stuck[first.source, first.bucket]
        return f'{first.bucket} stays excluded by "{pattern}", which covers others too; edit config.toml.'
    names = reports[0].bucket if len(reports) == 1 else amount(len(reports), "watcher")
    return f"{names} {'excluded' if excluded else 'included again'}."
