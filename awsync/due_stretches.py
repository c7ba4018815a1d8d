"""What is due of one bucket: the stretches of its time, or why it is skipped.

Planning says what a checkpoint makes due; here it meets what ActivityWatch, the state and the store tell.

May import: activitywatch, events, labelling, neighbours, pass_context, planning, presence, reader, records,
settings, timeline.
"""

from msgspec import Struct, field
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.events import (
    AwayUnknown,
    BucketFound,
    BucketSkipped,
    FutureLeft,
    HistoryWentBack,
    LongHistoryFound,
    Work,
)
from awsync.labelling import Labelling
from awsync.neighbours import host_of
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
from awsync.reader import first_moment, guessed_width
from awsync.records import Checkpoint
from awsync.settings import SourceSettings
from awsync.timeline import DAY, MILLISECOND, Carry, closed_until, floor_to

_LONG, _VERY_LONG = 30 * DAY, 180 * DAY
"""A first pass over more than that is worth a sentence before it begins: where the store would refuse some of
it, and where it would not."""


class DueStretches(Struct, frozen=True):
    """What is due of the buckets of one source within one pass.

    `presence` knows the buckets of the source by then. `synced` becomes the ids of those that are not left
    out.
    """

    source: SourceSettings
    aw: ActivityWatch
    context: PassContext
    presence: PresenceReader
    labelling: Labelling
    synced: set[str] = field(default_factory=set)

    async def of(self, bucket: Bucket) -> list[Stretch]:
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
