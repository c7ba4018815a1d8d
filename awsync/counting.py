"""What ActivityWatch says of a bucket, page by page: its events become microseconds by series and slot.

A pass, and whatever else asks what a bucket holds, counts here, so that no two of them can disagree.

May import: active, activitywatch, presence, reader, series, timeline.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec import Struct

from awsync.active import Presence, split
from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.presence import PresenceReader
from awsync.reader import RawPage, carry_at, completed, opened, raw_pages, recalled
from awsync.series import Amounts, Labeller
from awsync.timeline import DAY, SINGLE_FOCUS_TYPES, Carry, Page, Span, lay_out


class Counted(Struct, frozen=True):
    """A page of a bucket: [start, end) in microseconds, the events it was read from, and what they amount to.

    `carry` is what the page behind it must know.
    """

    start: int
    end: int
    events: int
    amounts: Amounts
    carry: Carry


class Laid(Struct, frozen=True):
    """A page of a bucket laid out, and not yet labelled: [start, end) in microseconds, its events, its spans.

    `carry` is what the page behind it must know.
    """

    start: int
    end: int
    events: int
    spans: Sequence[Span]
    carry: Carry


class BucketCounter:
    """Counts the pages of one bucket, in their order and without a gap; raises SourceError.

    It does so in two steps, for what a page lays out may tell of the pages of another bucket.

    `presence` tells what `active` is. `carry` is what the first page must know; where it is None
    ActivityWatch is asked.
    """

    def __init__(
        self,
        aw: ActivityWatch,
        bucket: Bucket,
        labeller: Labeller,
        resolution: int,
        *,
        presence: PresenceReader,
        carry: Carry | None = None,
    ) -> None:
        self.bucket = bucket
        self._presence = presence
        self._single_focus = bucket.type in SINGLE_FOCUS_TYPES
        self.labeller = labeller
        self._aw = aw
        self._resolution = resolution
        self._carry = carry

    async def count(self, raw: RawPage) -> Counted:
        """The next page; the work of the processor is done in a thread."""
        return await self.count_page(await opened(self._aw, raw))

    async def count_page(self, page: Page) -> Counted:
        """The next page, where it was opened already."""
        return await self.label(await self.lay(page))

    async def lay(self, page: Page) -> Laid:
        """The next page laid out, and noted where it tells of somebody's presence."""
        carry, events = self._carry, len(page.events)
        if carry is None:
            carry = await carry_at(self._aw, self.bucket.id, page.start, single_focus=self._single_focus)
        carry = await recalled(self._aw, self.bucket.id, page, carry, single_focus=self._single_focus)
        page = await completed(self._aw, self.bucket.id, page, carry, single_focus=self._single_focus)
        spans, left = await asyncio.to_thread(lay_out, page, carry, single_focus=self._single_focus)
        self._presence.note(self.bucket, page.start, page.end, spans)
        await asyncio.to_thread(self.labeller.learn, spans)
        self._carry = left
        return Laid(page.start, page.end, events, spans, left)

    async def label(self, laid: Laid) -> Counted:
        """What a page amounts to; the work of the processor is done in a thread."""
        start, end, spans = laid.start, laid.end, laid.spans
        presence = await self._presence.of(self.bucket, spans, start, end) if spans else None
        amounts = await asyncio.to_thread(self._amounts, spans, presence, end)
        return Counted(start, end, laid.events, amounts, laid.carry)

    async def pages(
        self, start: int, end: int, width: int = DAY, *, beginning: bool = False
    ) -> AsyncGenerator[Counted, None]:
        """Everything in [start, end), read page by page as `raw_pages` does."""
        found = raw_pages(self._aw, self.bucket.id, start, end, self._resolution, width, beginning=beginning)
        async with aclosing(found):
            async for raw in found:
                yield await self.count(raw)

    def _amounts(self, spans: Sequence[Span], presence: Presence | None, until: int) -> Amounts:
        if presence is None:
            return self.labeller.amounts(spans, self._resolution, until=until)
        amounts: Amounts = {}
        for active, part in split(spans, presence).items():
            amounts |= self.labeller.amounts(part, self._resolution, until=until, active=active)
        return amounts
