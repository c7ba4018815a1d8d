"""One source within one pass: its pages are delivered and settled.

May import: everything below the engine.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from awsync.activitywatch.answers import Info
from awsync.activitywatch.client import ActivityWatch
from awsync.delivery import Refusal
from awsync.due_stretches import DueStretches
from awsync.errors import SourceError
from awsync.events import SetAsideDelivered, Work
from awsync.labelling import Labelling
from awsync.ledger import Entry, Quarantined, Range
from awsync.link import ParkedError
from awsync.outcome import Outcome
from awsync.pass_context import PassContext
from awsync.planning import Stretch
from awsync.preparing import Prepared, Preparer, Read
from awsync.presence import PresenceReader
from awsync.reader import RawPage
from awsync.records import Settled
from awsync.relabelling import Relabelling
from awsync.series import Sample
from awsync.settings import SourceSettings
from awsync.source_reader import SourceReader
from awsync.waiting import WaitingRoom

BATCH_SAMPLES = 5_000
"""Pages are collected until they hold so many samples: few requests, and little to repeat after a crash."""
BATCH_EVENTS = 4 * BATCH_SAMPLES
"""Or so many events, where many give one sample."""


class SourcePass:
    """Runs one source; every failure becomes an event, and only StateError is raised."""

    def __init__(
        self, source: SourceSettings, aw: ActivityWatch, context: PassContext, infos: dict[str, Info]
    ) -> None:
        self._source = source
        self._aw = aw
        self._context = context
        self._infos = infos
        self._presence = PresenceReader(aw, source, context.settings.hosts)
        self._labelling = Labelling(aw, source, context.settings)
        self._relabelling = Relabelling(source, self._labelling, context)
        self._due = DueStretches(source, aw, context, self._presence, self._labelling)
        self._preparer = Preparer(source, aw, context, self._presence, self._labelling)
        self._waiting = WaitingRoom(self._presence)
        self._outcome = Outcome(source.name, context)
        self._broken: set[str] = set()
        self._pending: list[Prepared] = []
        self._aside_until: dict[str, int] = {}

    async def run(self) -> None:
        """Reads, delivers and settles everything that is due."""
        reader = SourceReader(
            self._source,
            self._aw,
            self._context,
            self._infos,
            self._presence,
            self._due,
            self._relabelling,
        )
        try:
            with self._labelling:
                async with reader.pages() as found:
                    await self._work(found, reader)
                await self._retry_quarantine(reader)
        except ParkedError as error:
            self._context.link.park(error)
        except SourceError as error:
            self._context.fail(self._source.name, None, error)
        finally:
            self._context.meeting.gone(self._source)
            self._context.tally.add_reads(self._aw.requests)
            self._outcome.say()

    async def _retry_quarantine(self, reader: SourceReader) -> None:
        """Sends samples in quarantine again, where the store may take them now or somebody asks for it."""
        context, name = self._context, self._source.name
        quarantine = [held for held in context.state.quarantine(name) if self._may_leave(held.bucket, reader)]
        if not quarantine:
            return
        await context.link.open()
        facts = context.link.knowledge.fingerprint
        due_again = {held.entry.sample: held for held in quarantine if held.is_due(facts, context.now)}
        if not due_again or await self._relabelling.changed():
            return
        refusals = await context.delivery.deliver(due_again, source=name)
        words = {refusal.sample: refusal.words for refusal in refusals}
        delivered = [held for sample, held in due_again.items() if sample not in words]
        context.state.settle_quarantine(
            delivered,
            [(due_again[sample], said) for sample, said in words.items()],
            now=context.now,
            keep_from=context.keep_from,
            facts=facts,
        )
        for bucket, held in _by_bucket(delivered).items():
            ends = [each.entry.slot_end for each in held]
            start = min(ends) - context.resolution
            context.emit(
                SetAsideDelivered(source=name, bucket=bucket, start=start, end=max(ends), samples=len(held))
            )

    def _may_leave(self, bucket: str, reader: SourceReader) -> bool:
        """Whether a bucket's samples may leave: no glob can be asked about one that is gone."""
        globs = self._source.excluded_watchers or self._source.included_watchers
        gone = self._context.whole and bucket not in reader.listed
        return bucket in self._due.synced or (gone and not globs)

    async def _work(self, found: AsyncIterator[tuple[Stretch, RawPage]], reader: SourceReader) -> None:
        async for stretch, raw in found:
            bucket = stretch.bucket.id
            if bucket in self._broken:
                continue
            try:
                self._waiting.enter(await self._preparer.read(stretch, raw))
            except SourceError as error:
                # What was read of the bucket before goes out; behind it nothing can, or a gap would remain.
                await reader.blame(bucket, error)
                self._broken.add(bucket)
            while (page := self._waiting.called()) is not None:
                await self._prepare(page, reader)
        for page in self._waiting.rest():
            await self._prepare(page, reader)
        await self._flush()

    async def _prepare(self, page: Read, reader: SourceReader) -> None:
        """Puts a page with those that go out next, and sends them where they are enough."""
        try:
            prepared = await self._preparer.prepare(page)
        except SourceError as error:
            bucket = page.stretch.bucket.id
            await reader.blame(bucket, error)
            self._broken.add(bucket)
            self._waiting.leave(bucket)
            return
        self._pending.append(prepared)
        # What the store was found to hold takes memory like what is to be sent.
        enough = sum(len(p.entries) + len(p.found) for p in self._pending) >= BATCH_SAMPLES
        enough |= sum(p.page.events for p in self._pending) >= BATCH_EVENTS
        if enough or (prepared.last and page.stretch.work is not Work.FORWARD):
            await self._flush()

    async def _flush(self) -> None:
        """Delivers the pending pages and settles each: checkpoints move, what was refused is set aside."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        refused = await self._deliver(pending)
        settled = [self._settle(prepared, refused) for prepared in pending]
        before = self._context.state.set_aside(self._source.name) if refused else []
        await asyncio.to_thread(
            self._context.state.commit,
            settled,
            now=self._context.now,
            keep_from=self._context.keep_from,
            facts=self._context.link.knowledge.fingerprint,
        )
        for prepared, page in zip(pending, settled, strict=True):
            self._outcome.settled(
                prepared, page, [held for _, bucket, held in before if bucket == page.bucket]
            )

    async def _deliver(self, pending: Sequence[Prepared]) -> dict[Entry, Refusal]:
        entries = await asyncio.to_thread(_by_sample, pending)
        decided = self._preparer.decisions()
        if entries or decided:
            sending = [
                (each.stretch.bucket.id, each.page.start, each.page.end) for each in pending if each.entries
            ]
            await asyncio.to_thread(self._context.state.note_sending, self._source.name, sending, decided)
            self._preparer.written()
        refusals = await self._context.delivery.deliver(entries, source=self._source.name)
        return {entries[refusal.sample]: refusal for refusal in refusals}

    def _settle(self, prepared: Prepared, refused: dict[Entry, Refusal]) -> Settled:
        stretch, page = prepared.stretch, prepared.page
        bad = [entry for entry in prepared.entries if entry in refused] if refused else []
        good = [entry for entry in prepared.entries if entry not in refused] if bad else prepared.entries
        old = [entry for entry in bad if refused[entry].too_old]
        self._context.tally.add_series(prepared.series)
        self._outcome.fold(prepared)
        return Settled(
            source=self._source.name,
            bucket=stretch.bucket.id,
            work=stretch.work,
            start=page.start,
            end=page.end,
            newest=stretch.bucket.newest or 0,
            carry=page.carry,
            entries=good,
            found=prepared.found,
            asides=[self._aside(prepared, old, refused[old[-1]].words)] if old else [],
            refused=[(entry, refused[entry].words) for entry in bad if not refused[entry].too_old],
            withheld=prepared.withheld,
            samples=len(good),
            last=prepared.last,
        )

    def _aside(self, prepared: Prepared, old: Sequence[Entry], words: str) -> Range:
        """The range of a page that holds everything too old.

        Where a page holds all there is of its time, its range joins that of the page before.
        """
        page, bucket, work = prepared.page, prepared.stretch.bucket.id, prepared.stretch.work
        ends = [entry.slot_end for entry in old]
        of_all = [entry.slot_end for entry in prepared.entries]
        whole = work is not Work.LOOK_BACK and max(ends) == max(of_all)
        joins = work is Work.FORWARD and self._aside_until.get(bucket) == page.start
        joins |= work is Work.SET_ASIDE and min(ends) == min(of_all)
        self._aside_until[bucket] = end = page.end if whole else max(ends)
        return Range(
            start=page.start if joins else max(page.start, min(ends) - self._context.resolution),
            end=end,
            words=words.partition("\n")[0],
            since=self._context.now,
        )


def _by_sample(pending: Sequence[Prepared]) -> dict[Sample, Entry]:
    return {entry.sample: entry for prepared in pending for entry in prepared.entries}


def _by_bucket(held: Iterable[Quarantined]) -> dict[str, list[Quarantined]]:
    buckets: dict[str, list[Quarantined]] = {}
    for each in held:
        buckets.setdefault(each.bucket, []).append(each)
    return buckets
