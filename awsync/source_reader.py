"""What one source has that is due: its buckets, in their order, and the pages of each.

ActivityWatch's server is what a pass waits for, so it is never left idle: while a page is being worked on
the next one is read, and while a bucket is being read it is found out what is due of the next.

May import: activitywatch, ahead, due_stretches, errors, events, link, neighbours, pass_context, planning,
presence, reader, relabelling, settings.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from msgspec import Struct, field

from awsync.activitywatch.answers import Bucket, Info
from awsync.activitywatch.client import ActivityWatch
from awsync.ahead import ahead
from awsync.due_stretches import DueStretches
from awsync.errors import SourceError, SourceUnreachableError, UncategorizedError
from awsync.events import ClockSkewed, SameDevice, SourceReached, Work
from awsync.link import SKEW_SECONDS
from awsync.neighbours import origin
from awsync.pass_context import PassContext
from awsync.planning import Stretch
from awsync.presence import PresenceReader
from awsync.reader import RawPage, raw_pages
from awsync.relabelling import Relabelling
from awsync.settings import SourceSettings

_BUCKETS_AHEAD = 1
_PAGES_AHEAD = 2


class SourceReader(Struct, frozen=True):
    """Reads one source within one pass; a fault of one bucket becomes an event, and the others go on.

    `infos` are the answers of servers that were asked in earlier passes, by address; `presence`
    is told of the buckets once they are known. `listed` becomes the ids of all buckets, `blamed` of those
    that failed.
    """

    source: SourceSettings
    aw: ActivityWatch
    context: PassContext
    infos: dict[str, Info]
    presence: PresenceReader
    due: DueStretches
    relabelling: Relabelling
    listed: set[str] = field(default_factory=set)
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
                due = await self.due.of(bucket)
                if due and await self.relabelling.changed():
                    due = [stretch for stretch in due if stretch.work is not Work.LOOK_BACK]
            except SourceError as error:
                await self.blame(bucket.id, error)
                continue
            for stretch in due:
                yield stretch


def _order(bucket: Bucket) -> tuple[bool, int]:
    """Copies last, and first those that tell whether somebody was there."""
    return _is_copy(bucket), PresenceReader.rank(bucket)


def _is_copy(bucket: Bucket) -> bool:
    return origin(bucket.id) is not None
