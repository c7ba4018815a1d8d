"""The agent of the console: what it shows and what it asks, over an engine here or a service beside it.

May import: everything but cli, demo and tui.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta

from msgspec.structs import replace

from awsync.config import Loaded, Watched
from awsync.control import Activity, Agreement, BucketDetail, Command, Finding, Request, Said
from awsync.costs.said import Said as Planned
from awsync.detail import MOVES, SEARCHED_MOVES, ActivityReader, look, moves
from awsync.engine import Wiring
from awsync.errors import LockHeldError, SourceError, StateError
from awsync.events import Paused, Resumed, RunEnded, RunStarted
from awsync.journal import Journal
from awsync.ledger import Quarantined, Range
from awsync.preview import Preview, previews
from awsync.records import Aside, Checkpoint, Neighbour, PassRecord
from awsync.remote_write.clock import ahead_by
from awsync.remote_write.connection import shown_url
from awsync.sent import Report as Sent
from awsync.sent_reader import read as read_sent
from awsync.settings import Settings, SourceSettings
from awsync.sides import Beside, Here, Side
from awsync.state import State
from awsync.survey import BucketReport, SourceReport, survey
from awsync.timeline import DAY, floor_to
from awsync.totals import By, Report
from awsync.wanted import Wanted
from awsync.words import amount, clock

HISTORY = 500


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
        self._wanted = Wanted(watched, self._obey)

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
        found = await self._report(source, bucket)
        return await self._activity.read(self._source(source), found, self._wiring.clock())

    async def detail(self, source: str, bucket: str) -> BucketDetail:
        """A bucket in depth."""
        found = await self._report(source, bucket)
        await self._side.settle()
        return await look(
            self.settings,
            self._source(source),
            found,
            checkpoint=self._state().checkpoint(source, bucket),
            book=self._state().admissions(source, bucket),
            history=moves(self._journal.of_types(MOVES, SEARCHED_MOVES), source, bucket),
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

    async def preview(self, source: str, bucket: str, *, hours: int, rule: str) -> Preview:
        """A bucket's newest hours before and after."""
        from awsync.config.tried import harmless

        found = previews(
            self._ruled(),
            bucket,
            length=timedelta(hours=hours),
            source=source,
            tried=harmless(rule, "tried") if rule.strip() else None,
            books=self._state().admissions,
            remembered=self._neighbours,
            transport=self._wiring.aw_transport,
        )
        async with aclosing(found):
            return await anext(found)

    async def plan(self, *, days: int) -> AsyncGenerator[Planned, None]:
        """What the buckets cost."""
        from awsync.costs.plan import plan

        found = plan(
            self._ruled(),
            timedelta(days=days),
            now=self._wiring.clock(),
            remembered=self._neighbours,
            transport=self._wiring.aw_transport,
        )
        async with aclosing(found):
            async for each in found:
                yield each

    def _ruled(self) -> Settings:
        """The settings with the rules that config.toml has now: the engine may not have read them yet."""
        now = self._watched.again()
        return replace(self.settings, rules=now.rules, pseudonym_key=now.pseudonym_key)

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
        told = await self._obey(Command(request=Request.SYNC_NOW, source=source, bucket=bucket))
        where = "everything" if source is None else f"{source}/{bucket}" if bucket else source
        return f"Syncing {where}." + told

    async def pause(self) -> str:
        """Stops the running pass and the cron."""
        return "Paused; nothing is sent until you resume." + await self._obey(Command(request=Request.PAUSE))

    async def resume(self) -> str:
        """The cron goes on."""
        return "Resumed." + await self._obey(Command(request=Request.RESUME))

    async def set_excluded(
        self, buckets: Sequence[tuple[str, str]], *, excluded: bool, skip_gap: bool = False
    ) -> str:
        """Leaves buckets out, or takes them in again."""
        reports = [await self._report(source, bucket) for source, bucket in buckets]
        if excluded:
            return await self._wanted.exclude(self.settings, reports)
        # The gap goes before its bucket is taken in, or a pass that begins at once would send it.
        skipped = await self._skip(reports) if skip_gap else ""
        everything = (found for each in self._known.values() for found in each.buckets)
        return await self._wanted.include(self.settings, reports, everything) + skipped

    async def add_rule(self, text: str) -> str:
        """Puts a rule at the end of config.toml."""
        return await self._wanted.add_rule(text)

    async def remove_rule(self, text: str) -> str:
        """Takes a rule away that was put there."""
        return await self._wanted.remove_rule(text)

    async def set_cron(self, expr: str) -> str:
        """Changes the schedule."""
        return await self._wanted.schedule(expr)

    async def rewind(self, source: str, bucket: str, position: int | None) -> str:
        """Moves a checkpoint back."""
        command = Command(request=Request.REWIND, source=source, bucket=bucket, position=position)
        told = await self._obey(command)
        where = "the beginning" if position is None else f"{clock(position)} UTC"
        return f"{source}/{bucket} is sent again from {where} by the next pass." + told

    async def retry_aside(self, ids: Sequence[str]) -> str:
        """Has things tried again."""
        told = await self._obey(Command(request=Request.RETRY_ASIDE, ids=tuple(ids)))
        return f"{amount(len(ids), 'set-aside item')} to be tried again." + told

    async def drop_aside(self, ids: Sequence[str]) -> str:
        """Gives things up."""
        told = await self._obey(Command(request=Request.DROP_ASIDE, ids=tuple(ids)))
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
        return Here(self._watched, _sink_of(self._watched.loaded.settings), self._hear, self._wiring)

    def _beside(self) -> Side:
        for said in self._history:
            self._note(said)
        # Not the journal's last number: what came in since the history was read would be left out.
        heard = max((said.number for said in self._history), default=0)
        return Beside(self._watched, self._reading, self._journal, self._hear, heard=heard)

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

    async def _obey(self, command: Command) -> str:
        return await self._side.obey(command)

    def _source(self, name: str) -> SourceSettings:
        for source in self.settings.sources:
            if source.name == name:
                return source
        raise SourceError(
            f'The settings have no source "{name}" any more.', "Leave this page: what it shows is gone."
        )

    async def _report(self, source: str, bucket: str) -> BucketReport:
        for again in (False, True):
            if again:
                await self.survey()
            known = self._known.get(source)
            for found in known.buckets if known is not None else ():
                if found.bucket == bucket:
                    return found
        raise SourceError(f'{source} has no bucket "{bucket}" now.', "Is its ActivityWatch running?")

    async def _skip(self, reports: Sequence[BucketReport]) -> str:
        """Puts checkpoints at the end of the running slot, so that nothing of the gap is sent."""
        resolution = self.settings.resolution // timedelta(microseconds=1)
        end = floor_to(self._wiring.clock(), resolution) + resolution
        told = ""
        for found in reports:
            command = Command(request=Request.SKIP, source=found.source, bucket=found.bucket, position=end)
            told = await self._obey(command)
        return " What happened until now is not sent." + told


def _sink_of(settings: Settings) -> str:
    assert settings.store is not None, "a console needs prometheus-url; config.load demands it"
    return shown_url(settings.store.write_url)
