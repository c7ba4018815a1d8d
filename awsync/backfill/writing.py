"""Reads what is to go out as files from ActivityWatch, page by page, and writes the files of a folder.

Nothing is written to the state, and nothing to the store.

May import: everything below the engine, and of the engine its Wiring.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.ahead import ahead
from awsync.backfill.manifest import SPOOL, VERSION, File, Manifest, Part, Piece, make_ready, write
from awsync.backfill.plan import Borders, borders, pieces
from awsync.backfill.spool import PERIOD_MS, Spool
from awsync.budget import Budget
from awsync.counting import BucketCounter, Counted
from awsync.engine import Wiring
from awsync.errors import UsageError
from awsync.knowledge import Knowledge
from awsync.labelling import Labelling
from awsync.ledger import Entry, Ledger, all_entries, due, from_store, lacking, merged
from awsync.neighbours import Neighbours
from awsync.planning import left_out
from awsync.presence import PresenceReader
from awsync.reader import first_moment
from awsync.remote_write.client import Client
from awsync.remote_write.store import StoreFacts
from awsync.roll_call import roll_call
from awsync.settings import Settings, SourceSettings
from awsync.state import State
from awsync.timeline import MILLISECOND, closed_until, floor_to
from awsync.words import amount, clock, iso

_MICROSECOND = timedelta(microseconds=1)


class Wanted(Struct, frozen=True):
    """What somebody asks for: moments in microseconds, names; None for all there is.

    `files` asks for them also where the store takes samples of any age.
    """

    since: int | None = None
    until: int | None = None
    source: str | None = None
    bucket: str | None = None
    files: bool = False


class Written(Struct, frozen=True):
    """The end of a run: the manifest (None where there was nothing to write), and what was found out.

    `failures` are sentences about buckets that could not be read.
    """

    manifest: Manifest | None
    facts: StoreFacts
    at: Borders
    files: bool
    failures: Sequence[str]


@asynccontextmanager
async def knowing(settings: Settings, wiring: Wiring) -> AsyncIterator[Knowledge]:
    """What the store tells of itself, asked now; nothing is sent to it."""
    assert settings.store is not None, "a backfill needs prometheus-url; config.load demands it"
    async with aclosing(Client(settings.store, transport=wiring.store_transport)) as client:
        knowledge = Knowledge(client, settings.store, wiring.clock)
        await knowledge.ask()
        yield knowledge


class Backfill:
    """One run. Raises SourceError, StateError, QueryError, UsageError; a folder without manifest is void."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        wanted: Wanted,
        tell: Callable[[str], None],
        wiring: Wiring | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._wanted = wanted
        self._tell = tell
        self._wiring = wiring or Wiring()
        self._resolution = settings.resolution // _MICROSECOND
        self._now = self._wiring.clock()
        self._failures: list[str] = []
        self._among = Neighbours()

    async def run(self, folder: Path) -> Written:
        """Writes the files, and then the manifest."""
        self._check_names()
        await asyncio.to_thread(make_ready, folder)
        await self._meet()
        async with knowing(self._settings, self._wiring) as knowledge:
            facts, files = knowledge.facts, self._wanted.files
            at = borders(facts, self._now)
            takes_all = facts.engine == "VictoriaMetrics" and not files
            manifest = None if takes_all else await self._write(folder, knowledge, at)
        if manifest is None:
            await asyncio.to_thread(folder.rmdir)
        return Written(manifest, facts, at, files, self._failures)

    async def _meet(self) -> None:
        """Finds out what the sources have in common: no time goes into the files twice."""
        wiring, sources = self._wiring, self._settings.sources
        remembered = self._state.neighbours()
        async with roll_call(
            sources, remembered, transport=wiring.aw_transport, silence=wiring.aw_timeout
        ) as called:
            self._among = called.neighbours

    def _check_names(self) -> None:
        names = [source.name for source in self._settings.sources]
        if self._wanted.source not in (None, *names):
            raise UsageError(
                f'There is no source "{self._wanted.source}".', f"The settings have: {', '.join(names)}."
            )

    async def _write(self, folder: Path, knowledge: Knowledge, at: Borders) -> Manifest | None:
        with Spool(folder / SPOOL) as spool:
            parts = [part async for part in self._parts(knowledge, at, spool)]
            if not parts:
                return None
            files = [await self._file(folder, spool, *each) for each in spool.periods()]
            manifest = self._manifest(knowledge.facts, parts, files, spool.series)
        await asyncio.to_thread(write, folder, manifest)
        return manifest

    async def _file(self, folder: Path, spool: Spool, period: int, samples: int) -> File:
        start = period * PERIOD_MS * MILLISECOND
        name = f"{(iso(start) or '')[:13]}.om"
        await asyncio.to_thread(spool.write, period, folder / name)
        return File(name, start, start + PERIOD_MS * MILLISECOND, samples)

    def _manifest(
        self, facts: StoreFacts, parts: Sequence[Part], files: Sequence[File], series: int
    ) -> Manifest:
        return Manifest(
            version=VERSION,
            sink=self._state.sink,
            engine=facts.engine,
            created=self._now,
            resolution=self._resolution,
            samples=sum(file.samples for file in files),
            series=series,
            files=files,
            parts=parts,
        )

    async def _parts(self, knowledge: Knowledge, at: Borders, spool: Spool) -> AsyncIterator[Part]:
        wiring = self._wiring
        for source in self._settings.sources:
            if self._wanted.source not in (None, source.name):
                continue
            async with ActivityWatch(
                source, transport=wiring.aw_transport, timeout=wiring.aw_timeout, deadline=wiring.aw_deadline
            ) as aw:
                listing = await aw.listing()
                for id_, error in listing.unreadable.items():
                    self._failures.append(f"{source.name}/{id_}: {error}")
                presence = PresenceReader(aw, source, self._settings.hosts, listing.buckets)
                with Labelling(aw, source, self._settings) as labelling:
                    for bucket in sorted(listing.buckets, key=PresenceReader.rank):
                        if self._wanted.bucket not in (None, bucket.id):
                            continue
                        place = _Place(source, bucket, aw, presence, labelling)
                        part = await self._part(place, knowledge, at, spool)
                        if part is not None:
                            yield part

    async def _part(self, place: "_Place", knowledge: Knowledge, at: Borders, spool: Spool) -> Part | None:
        found = await self._pieces(place, at)
        if not found:
            return None
        source, bucket = place.source, place.bucket
        labels = await place.labelling.of(bucket)
        counter = BucketCounter(place.aw, bucket, labels, self._resolution, presence=place.presence)
        budget = Budget(
            self._settings.series_budget, labels.identity, self._state.admissions(source.name, bucket.id)
        )
        filled = [await self._fill(place, piece, counter, budget, knowledge, spool) for piece in found]
        sums = f"{amount(sum(piece.samples for piece in filled), 'sample')}"
        self._tell(
            f"{source.name}/{bucket.id}: {clock(filled[0].start)} to {clock(filled[-1].end)} UTC, {sums}."
        )
        return Part(source.name, bucket.id, labels.identity, filled)

    async def _pieces(self, place: "_Place", at: Borders) -> Sequence[Piece]:
        """What of a bucket goes into files; nothing where it is not synced at all."""
        settings, wanted, source, bucket = self._settings, self._wanted, place.source, place.bucket
        newest = bucket.newest
        if newest is None or left_out(bucket, source, self._among) is not None:
            return ()
        checkpoint = self._state.checkpoint(source.name, bucket.id)
        if checkpoint.events < settings.min_data and await place.aw.count(bucket.id) < settings.min_data:
            return ()
        beginning = 0
        if checkpoint.position is None or wanted.since is not None:
            if settings.initial_history is not None and wanted.since is None:
                beginning = self._now - settings.initial_history // _MICROSECOND
            else:
                beginning = await first_moment(place.aw, bucket)
        aside = self._state.set_aside(source.name, dropped=True)
        settle = settings.settle // _MICROSECOND

        def until(newest: int) -> int:
            return closed_until(newest, self._now, settle, self._resolution)

        return pieces(
            checkpoint,
            [held for _, where, held in aside if where == bucket.id],
            at,
            beginning=floor_to(beginning, self._resolution),
            since=wanted.since,
            until=wanted.until,
            closed=place.presence.closed(bucket, until(newest), settle, until),
        )

    async def _fill(
        self,
        place: "_Place",
        piece: Piece,
        counter: BucketCounter,
        budget: Budget,
        knowledge: Knowledge,
        spool: Spool,
    ) -> Piece:
        """Brings a piece into the spool; returns it with what the store will hold of it."""
        identity = counter.labeller.identity
        reached = self._state.checkpoint(place.source.name, place.bucket.id).reached
        asks = (reached is not None and piece.start < reached) or await knowledge.has_series(
            identity, piece.start // MILLISECOND, piece.end // MILLISECOND
        )
        samples = microseconds = 0
        async with aclosing(counter.pages(piece.start, piece.end)) as pages, ahead(pages, 1) as read:
            async for page in read:
                held = await self._held(knowledge, counter, page) if asks else {}
                entries = await asyncio.to_thread(self._missing, place, page, held, budget)
                await asyncio.to_thread(spool.add, entries)
                both = [*entries, *all_entries(held)]
                samples += len(both)
                microseconds += sum(entry.microseconds for entry in both)
        return replace(piece, samples=samples, microseconds=microseconds)

    async def _held(self, knowledge: Knowledge, counter: BucketCounter, page: Counted) -> Ledger:
        """What the store holds of a page already; nothing where it hides that."""
        series = await knowledge.series(
            counter.labeller.identity, page.start // MILLISECOND, page.end // MILLISECOND
        )
        return from_store(series or {}, page.start, page.end, self._resolution)

    def _missing(self, place: "_Place", page: Counted, held: Ledger, budget: Budget) -> list[Entry]:
        """The entries of a page that the store lacks; what is in quarantine stays there."""
        where = (place.source.name, place.bucket.id, page.start, page.end)
        known = self._state.ledger(*where)
        kept_back = self._state.withheld(*where, dropped=True)
        amounts = budget.fold(page.amounts, known, held).amounts
        wanted = [*lacking(known, held), *due(amounts, merged(known, held), again=False)]
        return [entry for entry in wanted if entry not in kept_back] if kept_back else wanted


class _Place(Struct, frozen=True):
    """A bucket, and where it is read."""

    source: SourceSettings
    bucket: Bucket
    aw: ActivityWatch
    presence: PresenceReader
    labelling: Labelling
