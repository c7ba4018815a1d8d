"""One source within one pass: what is due, page by page into samples, and what becomes of them.

May import: everything below the engine.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain

from awsync.activitywatch import ActivityWatch, Bucket, Info
from awsync.ahead import ahead
from awsync.delivery import Delivery, ParkedError, Refusal
from awsync.errors import SourceError, SourceUnreachableError
from awsync.events import (
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CorrectionSent,
    Event,
    PageRead,
    SamplesSetAside,
    SetAsideDelivered,
    SourceFailed,
    SourceReached,
    Work,
)
from awsync.ledger import Entry, Ledger, Range, covered, due
from awsync.planning import Stretch, look_back_is_due, retries, stretches, unwanted
from awsync.reader import carry_at, completed, first_moment, guessed_width, pages
from awsync.series import Labeller
from awsync.settings import Settings, SourceSettings
from awsync.state import Checkpoint, Settled, State
from awsync.tally import Tally
from awsync.timeline import (
    DAY,
    HOUR,
    MILLISECOND,
    SINGLE_FOCUS_TYPES,
    Carry,
    Page,
    closed_until,
    floor_to,
    lay_out,
)

BATCH_SAMPLES = 5_000
"""Pages are collected until they hold so many samples: few requests, and little to repeat after a crash."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PassContext:
    """What all sources of one pass share."""

    settings: Settings
    state: State
    delivery: Delivery
    emit: Callable[[Event], None]
    tally: Tally
    now: int
    look_back: bool

    @property
    def resolution(self) -> int:
        """Length of a slot in microseconds."""
        return self.settings.resolution // _MICROSECOND

    @property
    def keep_from(self) -> int:
        """Slots that end after this stay in the ledger."""
        return floor_to(self.now - self.settings.lookback // _MICROSECOND, HOUR)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A page as entries, ready to go out."""

    stretch: Stretch
    page: Page
    carry: Carry
    entries: Sequence[Entry]
    series: frozenset[int]

    @property
    def last(self) -> bool:
        return self.page.end >= self.stretch.end


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
        try:
            async with aclosing(self._pages()) as pages_, ahead(pages_) as found:
                await self._work(found)
        except ParkedError as error:
            self._context.delivery.park(error)
        except SourceError as error:
            self._fail(error, None)
        finally:
            self._context.tally.add_reads(self._aw.requests)
            for event in self._set_aside.values():
                self._context.emit(event)

    async def _pages(self) -> AsyncGenerator[tuple[Stretch, Page], None]:
        info = self._infos.get(self._source.name) or await self._aw.info()
        self._infos[self._source.name] = info
        buckets = await self._aw.buckets()
        self._context.emit(
            SourceReached(
                source=self._source.name,
                url=self._source.aw_url,
                version=info.version,
                hostname=info.hostname,
                buckets=len(buckets),
            )
        )
        for bucket in buckets:
            try:
                for stretch in await self._due(bucket):
                    await self._context.delivery.open()
                    async for page in self._read(stretch):
                        yield stretch, page
            except SourceUnreachableError:
                raise
            except SourceError as error:
                self._fail(error, bucket.id)

    async def _read(self, stretch: Stretch) -> AsyncIterator[Page]:
        step = self._context.resolution
        bucket, width = stretch.bucket.id, stretch.width
        async for page in pages(self._aw, bucket, stretch.start, stretch.end, step, width):
            self._context.emit(
                PageRead(
                    source=self._source.name,
                    bucket=stretch.bucket.id,
                    work=stretch.work,
                    start=page.start,
                    end=page.end,
                    events=len(page.events),
                )
            )
            yield page

    async def _due(self, bucket: Bucket) -> list[Stretch]:
        """The stretches of a bucket that are due; says what was found, or why it is skipped."""
        context, name = self._context, self._source.name
        checkpoint = context.state.checkpoint(name, bucket.id)
        newest = bucket.newest
        why = unwanted(bucket, self._source) or (None if newest is not None else "it is empty")
        if why is None and (events := await self._events(bucket, checkpoint)) < context.settings.min_data:
            why = f"{events} events are fewer than min-data {context.settings.min_data}"
        if why is not None or newest is None:
            context.emit(BucketSkipped(source=name, bucket=bucket.id, why=why or ""))
            return []
        settle = context.settings.settle // _MICROSECOND
        closed = closed_until(newest, context.now, settle, context.resolution)
        start, width = checkpoint.position, DAY
        if start is None:
            start = await self._beginning(bucket)
            width = guessed_width(newest - start, events)
            if context.settings.initial_history is None:
                checkpoint = replace(checkpoint, carry=Carry())  # nothing lies before the first event
        due_back = context.look_back or look_back_is_due(checkpoint, context.now)
        held = [kept for _, where, kept in context.state.set_aside(name) if where == bucket.id]
        result: list[Stretch] = []
        if held:
            await context.delivery.open()
            floor = context.delivery.floor
            result += retries(bucket, held, floor, context.resolution, blind=due_back)
        look_back_from = context.keep_from if due_back else None
        result += stretches(bucket, checkpoint, start, closed, look_back_from, width=width)
        forward = [stretch for stretch in result if stretch.work is Work.FORWARD]
        context.emit(
            BucketFound(
                source=name,
                bucket=bucket.id,
                watcher=bucket.client,
                host=bucket.hostname,
                type=bucket.type,
                newest=newest,
                due_from=start,
                due_to=forward[0].end if forward else start,
            )
        )
        return result

    async def _events(self, bucket: Bucket, checkpoint: Checkpoint) -> int:
        """How many events the bucket has, at least; asked for only while they may be too few."""
        newest, events = bucket.newest or 0, checkpoint.events
        if events >= self._context.settings.min_data and (events or checkpoint.position is not None):
            return events
        if checkpoint.position is not None or newest != checkpoint.newest:
            events = await self._aw.count(bucket.id)
            self._context.state.count_events(self._source.name, bucket.id, events, newest)
        return events

    async def _beginning(self, bucket: Bucket) -> int:
        history = self._context.settings.initial_history
        if history is not None:
            moment = self._context.now - history // _MICROSECOND
        else:
            moment = await first_moment(self._aw, bucket)
        return floor_to(moment, self._context.resolution)

    async def _work(self, found: AsyncIterator[tuple[Stretch, Page]]) -> None:
        current: Stretch | None = None
        carry = Carry()
        async for stretch, page in found:
            if stretch is not current:
                current = stretch
                given = stretch.carry
                carry = (
                    given if given is not None else await carry_at(self._aw, stretch.bucket.id, stretch.start)
                )
                bucket = stretch.bucket
                labeller = Labeller.of(
                    self._source, bucket.id, bucket.client, bucket.hostname, self._context.settings.hosts
                )
            page = await completed(self._aw, stretch.bucket.id, page, carry)
            ledger = self._context.state.ledger(self._source.name, stretch.bucket.id, page.start, page.end)
            prepared = await asyncio.to_thread(self._prepare, stretch, page, carry, labeller, ledger)
            carry = prepared.carry
            self._pending.append(prepared)
            enough = sum(len(p.entries) for p in self._pending) >= BATCH_SAMPLES
            if enough or (prepared.last and stretch.work is not Work.FORWARD):
                await self._flush()
        await self._flush()

    def _prepare(
        self, stretch: Stretch, page: Page, carry: Carry, labeller: Labeller, ledger: Ledger
    ) -> _Prepared:
        spans, carry = lay_out(page, carry, single_focus=stretch.bucket.type in SINGLE_FOCUS_TYPES)
        amounts = labeller.amounts(spans, self._context.resolution, until=page.end)
        entries = list(due(amounts, ledger, again=stretch.work is Work.FORWARD))
        series = frozenset(hash(labels) for labels in {id(e.labels): e.labels for e in entries}.values())
        return _Prepared(stretch, page, carry, entries, series)

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

    def _fail(self, error: SourceError, bucket: str | None) -> None:
        self._context.emit(
            SourceFailed(source=self._source.name, bucket=bucket, reason=error.message, remedy=error.remedy)
        )
