"""Reads ActivityWatch as a first pass would, and weighs what it finds; no store, no state.

May import: everything below the engine, and costs.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta

import httpx
from msgspec import Struct

from awsync.activitywatch.answers import Bucket
from awsync.admissions import Unwritten
from awsync.ahead import ahead
from awsync.budget import Budget, Count
from awsync.costs.said import Reading, Said, Skipped, Unread, Weighed
from awsync.costs.weighing import Scale
from awsync.counting import BucketCounter
from awsync.errors import AwsyncError, SourceError, no_such_bucket
from awsync.labelling import Labelling
from awsync.neighbours import Neighbours, origin
from awsync.planning import left_out
from awsync.presence import PresenceReader
from awsync.reader import first_moment, guessed_width, opened, raw_pages
from awsync.records import Neighbour
from awsync.roll_call import Present, roll_call
from awsync.series import Amounts, decoded
from awsync.settings import Settings
from awsync.timeline import DAY, Carry, Event, closed_until, floor_to

_MICROSECOND = timedelta(microseconds=1)
_MOST_KEYS = 200
_LOOKED_AT = 50
"""Of so many events of a page the keys are taken down."""


async def plan(
    settings: Settings,
    since: int | None,
    *,
    now: int,
    bucket: str | None = None,
    remembered: Iterable[Neighbour] = (),
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncGenerator[Said, None]:
    """What is found, as it is found; `since` (a moment) None reads all that a first pass would send.

    `bucket` is the only one that is read. Raises AwsyncError where nobody has it.
    """
    found = False
    async with roll_call(settings.sources, remembered, transport=transport) as called:
        reading = _Plan(settings, called.neighbours, since, now)
        for present in called.sources:
            async with aclosing(reading.source(present, bucket)) as said:
                async for each in said:
                    found = True
                    yield each
    if bucket is not None and not found:
        raise no_such_bucket(bucket)


class _Plan(Struct, frozen=True):
    """What all sources are read with."""

    settings: Settings
    among: Neighbours
    since: int | None
    now: int

    @property
    def _resolution(self) -> int:
        return self.settings.resolution // _MICROSECOND

    async def source(self, present: Present, only: str | None) -> AsyncGenerator[Said, None]:
        """The buckets of a source, in the order of a pass; one that fails stops no other."""
        source = present.source
        if present.error is not None:
            yield _unread(source.name, present.error)
            return
        presence = PresenceReader(present.aw, source, self.settings.hosts, present.buckets)
        with Labelling(present.aw, source, self.settings) as labelling:
            for bucket in sorted(present.buckets, key=_order):
                if only not in (None, bucket.id):
                    continue
                try:
                    why = await self._why_not(present, bucket)
                    if why is not None:
                        yield Skipped(source.name, bucket.id, why)
                        continue
                    async with aclosing(self._bucket(present, bucket, presence, labelling)) as said:
                        async for each in said:
                            yield each
                except SourceError as error:
                    yield _unread(f"{source.name}/{bucket.id}", error)

    async def _why_not(self, present: Present, bucket: Bucket) -> str | None:
        why = left_out(bucket, present.source, self.among)
        if why is not None:
            return why
        if bucket.newest is None:
            return "it is empty"
        least, events = self.settings.min_data, await present.aw.count(bucket.id)
        return f"{events} events are fewer than min-data {least}" if events < least else None

    async def _bucket(
        self, present: Present, bucket: Bucket, presence: PresenceReader, labelling: Labelling
    ) -> AsyncGenerator[Reading | Weighed, None]:
        aw, name = present.aw, present.source.name
        start, whole = await self._start(present, bucket)
        end = self._closed(bucket, presence)
        labeller = await labelling.of(bucket)
        counter = BucketCounter(
            aw, bucket, labeller, self._resolution, presence=presence, carry=Carry() if whole else None
        )
        beam = _Beam(Budget(self.settings.series_budget, labeller.identity, Unwritten()))
        if start < end and (bucket.newest or 0) > start:
            width = guessed_width((bucket.newest or 0) - start, await aw.count(bucket.id)) if whole else DAY
            found = raw_pages(aw, bucket.id, start, end, self._resolution, width, beginning=whole)
            async with aclosing(found), ahead(found, 1) as read:
                async for raw in read:
                    page = await opened(aw, raw)
                    counted = await counter.count_page(page)
                    await asyncio.to_thread(beam.add, page.events, counted.amounts)
                    yield Reading(name, bucket.id, (counted.end - start) / (end - start))
        weight = await asyncio.to_thread(beam.scale.weight, end)
        yield Weighed(
            source=name,
            bucket=bucket.id,
            watcher=bucket.client,
            start=start,
            end=end,
            events=beam.events,
            weight=weight,
            keys=frozenset(beam.keys),
            folded=beam.folded.sets,
        )

    async def _start(self, present: Present, bucket: Bucket) -> tuple[int, bool]:
        """Where the reading begins, and whether nothing of the bucket lies before."""
        history = self.settings.initial_history
        begun = None if history is None else self.now - history // _MICROSECOND
        if limits := [each for each in (self.since, begun) if each is not None]:
            return floor_to(max(*limits, 0), self._resolution), False
        return floor_to(await first_moment(present.aw, bucket), self._resolution), True

    def _closed(self, bucket: Bucket, presence: PresenceReader) -> int:
        settle = self.settings.settle // _MICROSECOND

        def until(newest: int) -> int:
            return closed_until(newest, self.now, settle, self._resolution)

        return presence.closed(bucket, until(bucket.newest or 0), settle, until)


def _order(bucket: Bucket) -> tuple[bool, int]:
    """As a pass reads them: copies last, and first those that tell whether somebody was there."""
    return origin(bucket.id) is not None, PresenceReader.rank(bucket)


class _Beam:
    """What is found out of one bucket, page by page."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.scale = Scale()
        self.events = 0
        self.keys: set[str] = set()
        self.folded = Count()

    def add(self, events: Sequence[Event], amounts: Amounts) -> None:
        """Takes in a page; takes time of the processor."""
        self.events += len(events)
        if len(self.keys) < _MOST_KEYS:
            for data in {event.data for event in events[:_LOOKED_AT]}:
                self.keys.update(decoded(data))
        within = self._budget.fold(amounts)
        for day, sets in sorted(within.moved.items()):
            self.folded.add(day, [hash(labels) for labels in sets])
        self.scale.add(within.amounts)


def _unread(where: str, error: AwsyncError) -> Unread:
    return Unread(where, error.message, error.remedy)
