"""What one source has that is due: its buckets, the stretches of their time, and the pages of those.

ActivityWatch's server is what a pass waits for, so it is never left idle: while a page is being worked on
the next one is read, and while a bucket is being read it is found out what is due of the next.

May import: activitywatch, ahead, events, pass_context, planning, reader, settings, state, timeline.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch import ActivityWatch, Bucket, Info
from awsync.ahead import ahead
from awsync.errors import SourceError, SourceUnreachableError
from awsync.events import BucketFound, BucketSkipped, SourceReached, Work
from awsync.pass_context import MICROSECOND, PassContext
from awsync.planning import Stretch, look_back_is_due, retries, stretches, unwanted
from awsync.reader import RawPage, first_moment, guessed_width, raw_pages
from awsync.settings import SourceSettings
from awsync.state import Checkpoint
from awsync.timeline import DAY, Carry, closed_until, floor_to

_BUCKETS_AHEAD = 1
_PAGES_AHEAD = 2


class SourceReader(Struct, frozen=True):
    """Reads one source within one pass; a fault of one bucket becomes an event, and the others go on.

    `infos` are the answers of servers that were asked in earlier passes.
    """

    source: SourceSettings
    aw: ActivityWatch
    context: PassContext
    infos: dict[str, Info]

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[AsyncIterator[tuple[Stretch, RawPage]]]:
        """Every page that is due, in order, read ahead of its use.

        The iterator raises SourceError where the source fails as a whole, and ParkedError.
        """
        async with (
            aclosing(self._stretches()) as due,
            ahead(due, _BUCKETS_AHEAD) as due_ahead,
            aclosing(self._pages(due_ahead)) as read,
            ahead(read, _PAGES_AHEAD) as read_ahead,
        ):
            yield read_ahead

    async def blame(self, bucket: str, error: SourceError) -> None:
        """Says that a bucket failed; raises the error where its server is gone, and all buckets with it.

        One bucket may break an answer off, or never finish one, on a server that is well otherwise.
        """
        if isinstance(error, SourceUnreachableError) and not await self.aw.answers():
            raise error
        self.context.fail(self.source.name, bucket, error)

    async def _pages(self, due: AsyncIterator[Stretch]) -> AsyncGenerator[tuple[Stretch, RawPage], None]:
        step = self.context.resolution
        broken: str | None = None
        async for stretch in due:
            bucket = stretch.bucket.id
            if bucket == broken:
                continue
            await self.context.delivery.open()
            found = raw_pages(
                self.aw, bucket, stretch.start, stretch.end, step, stretch.width,
                beginning=stretch.beginning,
            )  # fmt: skip
            try:
                async with aclosing(found):
                    async for raw in found:
                        yield stretch, raw
            except SourceError as error:
                await self.blame(bucket, error)
                broken = bucket

    async def _stretches(self) -> AsyncGenerator[Stretch, None]:
        name = self.source.name
        info = self.infos.get(name) or await self.aw.info()
        self.infos[name] = info
        listing = await self.aw.listing()
        self.context.emit(
            SourceReached(
                source=name,
                url=self.source.aw_url,
                version=info.version,
                hostname=info.hostname,
                buckets=len(listing.buckets) + len(listing.unreadable),
            )
        )
        for id_, error in listing.unreadable.items():
            self.context.fail(name, id_, error)
        for bucket in listing.buckets:
            try:
                due = await self._due(bucket)
            except SourceError as error:
                await self.blame(bucket.id, error)
                continue
            for stretch in due:
                yield stretch

    async def _due(self, bucket: Bucket) -> list[Stretch]:
        """The stretches of a bucket that are due; says what was found, or why it is skipped."""
        context, name = self.context, self.source.name
        checkpoint = context.state.checkpoint(name, bucket.id)
        newest = bucket.newest
        why = unwanted(bucket, self.source) or (None if newest is not None else "it is empty")
        if why is None and (events := await self._events(bucket, checkpoint)) < context.settings.min_data:
            why = f"{events} events are fewer than min-data {context.settings.min_data}"
        if why is not None or newest is None:
            context.emit(
                BucketSkipped(
                    source=name,
                    bucket=bucket.id,
                    why=why or "",
                    watcher=bucket.client,
                    host=bucket.hostname,
                    type=bucket.type,
                )
            )
            return []
        settle = context.settings.settle // MICROSECOND
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
        if events >= self.context.settings.min_data and (events or checkpoint.position is not None):
            return events
        if checkpoint.position is not None or newest != checkpoint.newest:
            events = await self.aw.count(bucket.id)
            self.context.state.count_events(self.source.name, bucket.id, events, newest)
        return events

    async def _beginning(self, bucket: Bucket) -> int:
        history = self.context.settings.initial_history
        if history is not None:
            moment = self.context.now - history // MICROSECOND
        else:
            moment = await first_moment(self.aw, bucket)
        return floor_to(moment, self.context.resolution)
