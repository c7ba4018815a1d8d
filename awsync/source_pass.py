"""One source within one pass: what is due, page by page into samples, and what becomes of them.

May import: everything below the engine.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch import ActivityWatch, Info
from awsync.delivery import ParkedError, Refusal
from awsync.errors import SourceError
from awsync.events import (
    CheckpointMoved,
    CorrectionSent,
    PageRead,
    SamplesSetAside,
    SetAsideDelivered,
    Work,
)
from awsync.ledger import Entry, Ledger, Range, covered, due
from awsync.pass_context import PassContext
from awsync.planning import Stretch
from awsync.reader import RawPage, carry_at, completed, opened
from awsync.series import Labeller
from awsync.settings import SourceSettings
from awsync.source_reader import SourceReader
from awsync.state import Settled
from awsync.timeline import MILLISECOND, SINGLE_FOCUS_TYPES, Carry, Page, lay_out

BATCH_SAMPLES = 5_000
"""Pages are collected until they hold so many samples: few requests, and little to repeat after a crash."""


class _Prepared(Struct, frozen=True):
    """A page as entries, ready to go out."""

    stretch: Stretch
    page: Page
    carry: Carry
    entries: Sequence[Entry]
    series: frozenset[int]

    @property
    def last(self) -> bool:
        return self.page.end >= self.stretch.end


class _Current(Struct, frozen=True):
    """The stretch that is being worked on, and what its next page must know."""

    stretch: Stretch
    carry: Carry
    labeller: Labeller


class SourcePass:
    """Runs one source; every failure becomes an event, and only StateError is raised."""

    def __init__(
        self, source: SourceSettings, aw: ActivityWatch, context: PassContext, infos: dict[str, Info]
    ) -> None:
        self._source = source
        self._aw = aw
        self._context = context
        self._infos = infos
        self._pending: list[_Prepared] = []
        self._set_aside: dict[tuple[str, str], SamplesSetAside] = {}
        self._aside_until: dict[str, int] = {}

    async def run(self) -> None:
        """Reads, delivers and settles everything that is due."""
        reader = SourceReader(self._source, self._aw, self._context, self._infos)
        try:
            async with reader.pages() as found:
                await self._work(found, reader)
        except ParkedError as error:
            self._context.delivery.park(error)
        except SourceError as error:
            self._context.fail(self._source.name, None, error)
        finally:
            self._context.tally.add_reads(self._aw.requests)
            for event in self._set_aside.values():
                self._context.emit(event)

    async def _work(self, found: AsyncIterator[tuple[Stretch, RawPage]], reader: SourceReader) -> None:
        current: _Current | None = None
        broken: str | None = None
        async for stretch, raw in found:
            bucket = stretch.bucket.id
            if bucket == broken:
                continue
            try:
                if current is None or stretch is not current.stretch:
                    current = await self._begin(stretch)
                prepared = await self._prepare(current, raw)
            except SourceError as error:
                # What was read of the bucket before goes out; behind it nothing can, or a gap would remain.
                await reader.blame(bucket, error)
                broken = bucket
                continue
            current = replace(current, carry=prepared.carry)
            self._pending.append(prepared)
            enough = sum(len(p.entries) for p in self._pending) >= BATCH_SAMPLES
            if enough or (prepared.last and stretch.work is not Work.FORWARD):
                await self._flush()
        await self._flush()

    async def _begin(self, stretch: Stretch) -> _Current:
        """What the first page of a stretch must know of the time before it."""
        bucket, carry = stretch.bucket, stretch.carry
        if carry is None:
            carry = await carry_at(self._aw, bucket.id, stretch.start)
        labeller = Labeller.of(
            self._source, bucket.id, bucket.client, bucket.hostname, self._context.settings.hosts
        )
        return _Current(stretch, carry, labeller)

    async def _prepare(self, current: _Current, raw: RawPage) -> _Prepared:
        """A page as entries that are due; the work of the processor is done in a thread."""
        stretch, bucket, name = current.stretch, current.stretch.bucket.id, self._source.name
        page = await opened(self._aw, raw)
        self._context.emit(
            PageRead(
                source=name,
                bucket=bucket,
                work=stretch.work,
                start=page.start,
                end=page.end,
                events=len(page.events),
            )
        )
        page = await completed(self._aw, bucket, page, current.carry)
        ledger = self._context.state.ledger(name, bucket, page.start, page.end)
        return await asyncio.to_thread(_prepared, current, page, ledger, self._context.resolution)

    async def _flush(self) -> None:
        """Delivers the pending pages and settles each: checkpoints move, what was refused is set aside."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        refused = await self._deliver(pending)
        settled = [self._settle(prepared, refused) for prepared in pending]
        before = self._context.state.set_aside(self._source.name) if refused else []
        await asyncio.to_thread(
            self._context.state.commit, settled, now=self._context.now, keep_from=self._context.keep_from
        )
        for prepared, page in zip(pending, settled, strict=True):
            self._tell(prepared, page, [held for _, bucket, held in before if bucket == page.bucket])

    async def _deliver(self, pending: Sequence[_Prepared]) -> dict[Entry, Refusal]:
        delivery = self._context.delivery
        floor, words = delivery.floor, delivery.floor_words
        entries = list(chain.from_iterable(prepared.entries for prepared in pending))
        samples = [entry.sample for entry in entries]
        refusals = []
        if floor is not None and any(sample.timestamp_ms < floor for sample in samples):
            refusals = [Refusal(s, too_old=True, words=words) for s in samples if s.timestamp_ms < floor]
            samples = [sample for sample in samples if sample.timestamp_ms >= floor]
        refusals += await delivery.deliver(samples, source=self._source.name)
        if not refusals:
            return {}
        by_sample = {entry.sample: entry for entry in entries}
        return {by_sample[refusal.sample]: refusal for refusal in refusals}

    def _settle(self, prepared: _Prepared, refused: dict[Entry, Refusal]) -> Settled:
        stretch, page = prepared.stretch, prepared.page
        bad = [entry for entry in prepared.entries if entry in refused] if refused else []
        good = [entry for entry in prepared.entries if entry not in refused] if bad else prepared.entries
        self._context.tally.add_series(prepared.series)
        return Settled(
            source=self._source.name,
            bucket=stretch.bucket.id,
            work=stretch.work,
            start=page.start,
            end=page.end,
            newest=stretch.bucket.newest or 0,
            carry=prepared.carry,
            entries=good,
            asides=[self._aside(prepared, bad, refused)] if bad else [],
            samples=len(good),
            last=prepared.last,
        )

    def _aside(self, prepared: _Prepared, bad: Sequence[Entry], refused: dict[Entry, Refusal]) -> Range:
        """The range of a page that holds everything refused.

        Where a page holds all there is of its time, its range joins that of the page before.
        """
        page, bucket = prepared.page, prepared.stretch.bucket.id
        first, last = min(entry.slot_end for entry in bad), max(entry.slot_end for entry in bad)
        forward = prepared.stretch.work is Work.FORWARD
        joins = forward and self._aside_until.get(bucket) == page.start
        whole = forward and last == max(entry.slot_end for entry in prepared.entries)
        self._aside_until[bucket] = end = page.end if whole else last
        return Range(
            start=page.start if joins else max(page.start, first - self._context.resolution),
            end=end,
            too_old=all(refused[entry].too_old for entry in bad),
            words=refused[bad[-1]].words.partition("\n")[0],
            since=self._context.now,
        )

    def _tell(self, prepared: _Prepared, page: Settled, before: Sequence[Range]) -> None:
        """Says what became of a page; what was set aside already, and still is, was said then."""
        emit, name = self._context.emit, self._source.name
        for aside in page.asides:
            if not covered(before, aside):
                self._note_aside(page.bucket, aside, len(prepared.entries) - page.samples)
        if page.work is Work.FORWARD:
            emit(CheckpointMoved(source=name, bucket=page.bucket, position=page.end, samples=page.samples))
        elif page.work is Work.SET_ASIDE and page.samples:
            emit(
                SetAsideDelivered(
                    source=name, bucket=page.bucket, start=page.start, end=page.end, samples=page.samples
                )
            )
        elif page.work is Work.LOOK_BACK and page.entries:
            emit(
                CorrectionSent(
                    source=name,
                    bucket=page.bucket,
                    samples=page.samples,
                    microseconds=sum(entry.microseconds for entry in page.entries),
                )
            )

    def _note_aside(self, bucket: str, aside: Range, samples: int) -> None:
        """Collects what was set aside, so that one sentence a bucket says it at the end."""
        delivery = self._context.delivery
        before = self._set_aside.get((bucket, aside.reason))
        start = aside.start if before is None else min(before.start, aside.start)
        self._set_aside[bucket, aside.reason] = SamplesSetAside(
            source=self._source.name,
            bucket=bucket,
            start=start,
            end=aside.end if before is None else max(before.end, aside.end),
            samples=samples + (0 if before is None else before.samples),
            reason=f"{aside.reason} ({aside.words}).",
            remedy=delivery.remedy(start // MILLISECOND) if aside.too_old else "",
        )


def _prepared(current: _Current, page: Page, ledger: Ledger, resolution: int) -> _Prepared:
    stretch = current.stretch
    spans, carry = lay_out(page, current.carry, single_focus=stretch.bucket.type in SINGLE_FOCUS_TYPES)
    amounts = current.labeller.amounts(spans, resolution, until=page.end)
    entries = list(due(amounts, ledger, again=stretch.work is Work.FORWARD))
    series = frozenset(hash(labels) for labels in {id(e.labels): e.labels for e in entries}.values())
    return _Prepared(stretch, page, carry, entries, series)
