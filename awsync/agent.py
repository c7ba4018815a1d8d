"""The agent of the console: what it shows and what it asks, over what it is attached to.

May import: everything but cli, demo and tui.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta

from msgspec.structs import replace

from awsync.attachment import Attachment
from awsync.config import Loaded, Watched
from awsync.control import Activity, Agreement, BucketDetail, Command, Finding, Request, Said
from awsync.costs.said import Said as Planned
from awsync.detail import MOVES, SEARCHED_MOVES, ActivityReader, look, moves
from awsync.engine import Wiring
from awsync.known_sources import KnownSources
from awsync.ledger import Quarantined, Range
from awsync.preview import Preview, previews
from awsync.records import Aside, Checkpoint, PassRecord
from awsync.remote_write.clock import ahead_by
from awsync.sent import Report as Sent
from awsync.sent_reader import read as read_sent
from awsync.settings import Settings
from awsync.survey import BucketReport, SourceReport
from awsync.timeline import DAY, floor_to
from awsync.totals import By, Report
from awsync.wanted import Wanted
from awsync.words import amount, clock


class ConsoleAgent:
    """Implements control.Agent. Made inside a running event loop; raises AwsyncError."""

    def __init__(self, watched: Watched, *, wiring: Wiring | None = None) -> None:
        self._watched = watched
        self._wiring = wiring or Wiring()
        self._attached = Attachment(watched, self._wiring)
        self._sources = KnownSources(self._attached, self._wiring.aw_transport)
        self._activity = ActivityReader(self._wiring.aw_transport)
        self._wanted = Wanted(watched, self._obey)

    @property
    def observing(self) -> int | None:
        """The process id of the observed service."""
        return self._attached.side.pid

    @property
    def service_ended(self) -> bool:
        """Whether the observed service is gone."""
        return self._attached.side.ended

    @property
    def paused(self) -> bool:
        """Whether the cron is paused."""
        return self._attached.paused

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self._attached.settings

    @property
    def loaded(self) -> Loaded:
        """The settings with their file and where each came from."""
        return self._watched.loaded

    @property
    def sink(self) -> str:
        """The store, as it may be shown."""
        return self._attached.sink

    def events(self) -> AsyncIterator[Said]:
        """History, then what is said."""
        return self._attached.events()

    async def survey(self) -> list[SourceReport]:
        """What each source has now."""
        return await self._sources.survey()

    async def activity(self, source: str, bucket: str) -> Activity:
        """The bucket's last 24 hours."""
        found = await self._sources.bucket(source, bucket)
        return await self._activity.read(self._sources.source(source), found, self._wiring.clock())

    async def detail(self, source: str, bucket: str) -> BucketDetail:
        """A bucket in depth."""
        found = await self._sources.bucket(source, bucket)
        await self._attached.side.settle()
        return await look(
            self.settings,
            self._sources.source(source),
            found,
            checkpoint=self._attached.state.checkpoint(source, bucket),
            book=self._attached.state.admissions(source, bucket),
            history=moves(self._attached.journal.of_types(MOVES, SEARCHED_MOVES), source, bucket),
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

        found = agreements(self.settings, self._attached.state, days=days, wiring=self._wiring)
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
            remembered=self._sources.neighbours,
            transport=self._wiring.aw_transport,
        )

    async def sent(self, *, days: int) -> Sent:
        """What has left this machine."""
        now = self._wiring.clock()
        return await asyncio.to_thread(read_sent, self._attached.state, now - days * DAY, now)

    async def preview(self, source: str, bucket: str, *, hours: int, rule: str) -> Preview:
        """A bucket's newest hours before and after."""
        from awsync.config.tried import harmless

        found = previews(
            self._ruled(),
            bucket,
            length=timedelta(hours=hours),
            source=source,
            tried=harmless(rule, "tried") if rule.strip() else None,
            books=self._attached.state.admissions,
            remembered=self._sources.neighbours,
            transport=self._wiring.aw_transport,
        )
        async with aclosing(found):
            return await anext(found)

    async def plan(self, *, days: int) -> AsyncGenerator[Planned, None]:
        """What the buckets cost."""
        from awsync.costs.plan import plan

        now = self._wiring.clock()
        found = plan(
            self._ruled(),
            now - days * DAY,
            now=now,
            remembered=self._sources.neighbours,
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
        return self._attached.state.checkpoints()

    def passes(self, limit: int) -> list[PassRecord]:
        """The last passes, newest first."""
        return self._attached.state.passes(limit)

    def set_aside(self) -> list[tuple[str, str, Range]]:
        """Ranges that are set aside."""
        return self._attached.state.set_aside()

    def quarantine(self) -> list[Quarantined]:
        """Samples in quarantine."""
        return self._attached.state.quarantine()

    def aside_counts(self) -> Mapping[tuple[str, str], Aside]:
        """How much is set aside."""
        return self._attached.state.aside_counts()

    def series(self) -> Mapping[tuple[str, str], int]:
        """Series of each bucket."""
        return self._attached.state.series_counts()

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
        reports = [await self._sources.bucket(source, bucket) for source, bucket in buckets]
        if excluded:
            return await self._wanted.exclude(self.settings, reports)
        # The gap goes before its bucket is taken in, or a pass that begins at once would send it.
        skipped = await self._skip(reports) if skip_gap else ""
        return await self._wanted.include(self.settings, reports, self._sources.buckets()) + skipped

    async def add_rule(self, text: str) -> str:
        """Puts a rule at the end of config.toml."""
        return await self._wanted.add_rule(text)

    async def remove_rule(self, text: str) -> str:
        """Takes a rule away that was put there."""
        return await self._wanted.remove_rule(text)

    async def set_cron(self, expr: str) -> str:
        """Changes the schedule."""
        return await self._wanted.schedule(self.settings, expr)

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
        return await self._attached.take_over()

    async def close(self) -> None:
        """Stops the engine, or ends the observation."""
        await self._attached.close()

    async def _obey(self, command: Command) -> str:
        return await self._attached.side.obey(command)

    async def _skip(self, reports: Sequence[BucketReport]) -> str:
        """Puts checkpoints at the end of the running slot, so that nothing of the gap is sent."""
        resolution = self.settings.resolution // timedelta(microseconds=1)
        end = floor_to(self._wiring.clock(), resolution) + resolution
        told = ""
        for found in reports:
            command = Command(request=Request.SKIP, source=found.source, bucket=found.bucket, position=end)
            told = await self._obey(command)
        return " What happened until now is not sent." + told
