"""What one source has that is due: its buckets, the stretches of their time, and the pages of those.

ActivityWatch's server is what a pass waits for, so it is never left idle: while a page is being worked on
the next one is read, and while a bucket is being read it is found out what is due of the next.

May import: activitywatch, ahead, delivery, events, labelling, pass_context, planning, presence, reader,
relabelling, settings, state, timeline, neighbours.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from msgspec import Struct, field
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket, Info
from awsync.activitywatch.client import ActivityWatch
from awsync.ahead import ahead
from awsync.errors import SourceError, SourceUnreachableError, UncategorizedError
from awsync.events import (
    AwayUnknown,
    BucketFound,
    BucketSkipped,
    ClockSkewed,
    FutureLeft,
    HistoryWentBack,
    LongHistoryFound,
    SameDevice,
    SourceReached,
    Work,
)
from awsync.labelling import Labelling
from awsync.link import SKEW_SECONDS
from awsync.neighbours import host_of, origin
from awsync.pass_context import MICROSECOND, PassContext
from awsync.planning import (
    Stretch,
    left_out,
    look_back_is_due,
    out_of_future,
    retries,
    stretches,
    went_back,
)
from awsync.presence import PresenceReader
from awsync.reader import RawPage, first_moment, guessed_width, raw_pages
from awsync.records import Checkpoint
from awsync.relabelling import Relabelling
from awsync.settings import SourceSettings
from awsync.timeline import DAY, MILLISECOND, Carry, closed_until, floor_to

_BUCKETS_AHEAD = 1
_PAGES_AHEAD = 2
_LONG, _VERY_LONG = 30 * DAY, 180 * DAY
"""A first pass over more than that is worth a sentence before it begins: where the store would refuse some of
it, and where it would not."""


class SourceReader(Struct, frozen=True):
    """Reads one source within one pass; a fault of one bucket becomes an event, and the others go on.

    `infos` are the answers of servers that were asked in earlier passes, by address; `presence`
    is told of the buckets once they are known. `listed` becomes the ids of all buckets, `synced` of those
    that are not left out, `blamed` of those that failed.
    """

    source: SourceSettings
    aw: ActivityWatch
    context: PassContext
    infos: dict[str, Info]
    presence: PresenceReader
    labelling: Labelling
    relabelling: Relabelling
    listed: set[str] = field(default_factory=set)
    synced: set[str] = field(default_factory=set)
    blamed: set[str] = field(default_factory=set)

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
        """Says once that a bucket failed; raises the error where all fail with it: the server is gone.

        One bucket may break an answer off, or never finish one, on a server that is well otherwise.
        """
        if isinstance(error, UncategorizedError):
            raise error
        if isinstance(error, SourceUnreachableError) and not await self.aw.answers():
            raise error
        if bucket not in self.blamed:
            self.blamed.add(bucket)
            self.context.fail(self.source.name, bucket, error)

    async def _pages(self, due: AsyncIterator[Stretch]) -> AsyncGenerator[tuple[Stretch, RawPage], None]:
        step = self.context.resolution
        async for stretch in due:
            bucket = stretch.bucket.id
            if bucket in self.blamed:
                continue
            await self.context.link.open()
            found = raw_pages(
                self.aw, bucket, stretch.start, stretch.end, step, stretch.width,
                beginning=stretch.beginning,
            )  # fmt: skip
            try:
                async with aclosing(found):
                    async for raw in found:
                        yield stretch, raw
                        if bucket in self.blamed:
                            break
            except SourceError as error:
                await self.blame(bucket, error)

    async def _stretches(self) -> AsyncGenerator[Stretch, None]:
        name, meeting = self.source.name, self.context.meeting
        info = self.infos.get(self.source.aw_url) or await self.aw.info()
        self.infos[self.source.aw_url] = info
        meeting.told(self.source, info)
        listing = await self.aw.listing()
        self.presence.learn([*listing.buckets, *listing.others])
        self.context.emit(
            SourceReached(
                source=name,
                url=self.source.aw_url,
                version=info.version,
                hostname=info.hostname,
                buckets=len(listing.buckets) + len(listing.unreadable),
            )
        )
        if self.aw.skew is not None and abs(self.aw.skew) >= SKEW_SECONDS:
            self.context.emit(ClockSkewed(of=name, seconds=self.aw.skew))
        for id_, error in listing.unreadable.items():
            self.context.fail(name, id_, error)
        self.listed.update(listing.unreadable, (bucket.id for bucket in listing.buckets))
        if self.context.whole:
            meeting.listed(self.source, info, listing.buckets)
        if (other := await meeting.twin(self.source)) is not None:
            self.context.emit(SameDevice(source=name, other=other, hostname=info.hostname))
        # Whether a copy is synced depends on what the other sources have, so it waits for them.
        for bucket in sorted(listing.buckets, key=_order):
            if _is_copy(bucket):
                await meeting.listings(self.source)
            try:
                due = await self._due(bucket)
                if due and await self.relabelling.changed():
                    due = [stretch for stretch in due if stretch.work is not Work.LOOK_BACK]
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
        why = left_out(bucket, self.source, context.meeting.neighbours)
        if why is None and newest is None:
            why = "it is empty"
        if why is None and (events := await self._events(bucket, checkpoint)) < context.settings.min_data:
            why = f"{events} events are fewer than min-data {context.settings.min_data}"
        if why is not None or newest is None:
            self._skipped(bucket, why or "")
            return []
        self.synced.add(bucket.id)
        restored = went_back(bucket, checkpoint)
        checkpoint = self._sound(bucket, checkpoint)
        start, width = checkpoint.position, DAY
        if start is None:
            start = await self._beginning(bucket)
            width = guessed_width(newest - start, events)
            if context.settings.initial_history is None:
                checkpoint = replace(checkpoint, carry=Carry())  # nothing lies before the first event
        closed = await self._closed(bucket, start)
        if checkpoint.reached is None and start < closed:
            await self._recall(bucket, start, closed)
        if checkpoint.position is None:
            self._tell_long(bucket, start, closed, events)
        due_back = context.look_back or restored or look_back_is_due(checkpoint, context.now)
        result = await self._set_aside(bucket, blind=due_back)
        look_back_from = context.keep_from if due_back else None
        result += stretches(bucket, checkpoint, start, closed, look_back_from, width=width)
        forward = [stretch for stretch in result if stretch.work is Work.FORWARD]
        context.emit(
            BucketFound(
                source=name,
                bucket=bucket.id,
                watcher=bucket.client,
                host=host_of(bucket),
                type=bucket.type,
                newest=newest,
                due_from=start,
                due_to=forward[0].end if forward else start,
            )
        )
        self._say_silent(bucket)
        return result

    def _say_silent(self, bucket: Bucket) -> None:
        """Says that the AFK watcher of a bucket's host is silent, when that begins."""
        watcher = self.presence.silent(bucket, self.context.settings.settle // MICROSECOND)
        if watcher is None:
            return
        source, host, since = self.source.name, self.presence.host(bucket), watcher.newest or 0
        if self.context.unwatched.get((source, host)) != since:
            self.context.unwatched[source, host] = since
            self.context.emit(AwayUnknown(source=source, host=host, bucket=watcher.id, since=since))

    def _tell_long(self, bucket: Bucket, start: int, closed: int, events: int) -> None:
        """Says what a first pass costs; each event has a sample, and one more for each border it crosses."""
        floor = self.context.link.knowledge.floor
        refuses = floor is not None and floor * MILLISECOND > start
        if closed - start <= (_LONG if refuses else _VERY_LONG):
            return
        if self.context.settings.initial_history is not None:
            return
        self.context.emit(
            LongHistoryFound(
                source=self.source.name,
                bucket=bucket.id,
                start=start,
                events=events,
                samples=events + (closed - start) // self.context.resolution,
                accepts_from=None if floor is None else floor * MILLISECOND,
            )
        )

    def _skipped(self, bucket: Bucket, why: str) -> None:
        self.context.emit(
            BucketSkipped(
                source=self.source.name,
                bucket=bucket.id,
                why=why,
                watcher=bucket.client,
                host=host_of(bucket),
                type=bucket.type,
            )
        )

    def _sound(self, bucket: Bucket, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint, mended where a clock or ActivityWatch's history went back, and that said once."""
        state, name, now = self.context.state, self.source.name, self.context.now
        if went_back(bucket, checkpoint):
            newest, before = bucket.newest or 0, checkpoint.newest or 0
            state.note_newest(name, bucket.id, newest)
            self.context.emit(HistoryWentBack(source=name, bucket=bucket.id, newest=newest, before=before))
        position = out_of_future(checkpoint, now)
        if position is not None:
            state.leave_future(name, bucket.id, position, now)
            if (checkpoint.position or 0) > now:
                self.context.emit(FutureLeft(source=name, bucket=bucket.id, position=position))
        return state.checkpoint(name, bucket.id)

    async def _closed(self, bucket: Bucket, start: int) -> int:
        """The end of the last closed slot; where the store's clock is behind ours, by the store's clock."""
        context = self.context
        settle, resolution = context.settings.settle // MICROSECOND, context.resolution

        def until(newest: int) -> int:
            return closed_until(newest, context.now, settle, resolution)

        closed = self.presence.closed(bucket, until(bucket.newest or 0), settle, until)
        if start < closed:
            await context.link.open()
            closed = min(closed, floor_to(context.now - context.link.ahead, resolution))
        return closed

    async def _recall(self, bucket: Bucket, start: int, closed: int) -> None:
        """Finds out whether the store holds samples of a bucket that the state knows nothing of.

        So it is after the state was lost: what the store holds is then asked for page by page, and only what
        is missing goes out.
        """
        identity, link = self.labelling.identity(bucket), self.context.link
        if await link.has_series(identity, start // MILLISECOND, closed // MILLISECOND):
            self.context.state.expect_held(self.source.name, bucket.id, closed)

    async def _set_aside(self, bucket: Bucket, *, blind: bool) -> list[Stretch]:
        """What was set aside of a bucket, and may be taken now."""
        context = self.context
        held = [kept for _, where, kept in context.state.set_aside(self.source.name) if where == bucket.id]
        if not held:
            return []
        await context.link.open()
        return list(retries(bucket, held, context.link.knowledge.floor, context.resolution, blind=blind))

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


def _order(bucket: Bucket) -> tuple[bool, int]:
    """Copies last, and first those that tell whether somebody was there."""
    return _is_copy(bucket), PresenceReader.rank(bucket)


def _is_copy(bucket: Bucket) -> bool:
    return origin(bucket.id) is not None
