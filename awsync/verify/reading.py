"""Both sides of a bucket, look by look: what ActivityWatch says, and what the store holds of the same time.

May import: the standard library, activitywatch, ahead, budget, counting, ledger, link, presence, series,
timeline, verify.comparing, verify.periods.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.ahead import ahead
from awsync.budget import Budget, Folded
from awsync.counting import BucketCounter, Counted
from awsync.ledger import from_store
from awsync.link import Link
from awsync.presence import PresenceReader
from awsync.remote_write.queries import Held
from awsync.series import Amounts, Labeller
from awsync.timeline import DAY, MILLISECOND
from awsync.verify.comparing import Look
from awsync.verify.periods import Periods

_LONGEST_LOOK = 8 * DAY
"""So much of a bucket is asked of the store at once, and held in memory."""
_PAGES_AHEAD = 1


class BucketReader:
    """Reads one bucket from both sides; raises SourceError, QueryError and ParkedError."""

    def __init__(
        self,
        aw: ActivityWatch,
        bucket: Bucket,
        labeller: Labeller,
        resolution: int,
        presence: PresenceReader,
        link: Link,
        periods: Periods,
        budget: Budget,
    ) -> None:
        self.bucket = bucket
        self._aw = aw
        self._labeller = labeller
        self._resolution = resolution
        self._presence = presence
        self._link = link
        self._periods = periods
        self._budget = budget

    async def looks(self, start: int, end: int) -> AsyncGenerator[Look, None]:
        """Everything in [start, end), in stretches that end where a period does."""
        waiting: Amounts = {}
        begin = start
        async with (
            aclosing(self._counter(self._presence).pages(start, end)) as pages,
            ahead(pages, _PAGES_AHEAD) as counted,
        ):
            async for page in counted:
                _add(waiting, page)
                whole = page.end if page.end >= end else self._periods.start_of(page.end)
                while begin < whole:
                    stop = self._stop(begin, whole)
                    yield await self._look(begin, stop, _taken(waiting, stop))
                    begin = stop

    async def again(self, look: Look) -> Look:
        """The same stretch, with both sides asked anew."""
        wanted: Amounts = {}
        async with aclosing(self._counter(self._presence.anew()).pages(look.start, look.end)) as pages:
            async for page in pages:
                _add(wanted, page)
        await self._link.knowledge.flush()
        return await self._look(look.start, look.end, wanted)

    async def _look(self, start: int, end: int, wanted: Amounts) -> Look:
        """Both sides of a stretch; what the store holds tells of series that nobody here remembers."""
        held = await self._held(start, end)

        def fold() -> Folded:
            return self._budget.fold(wanted, from_store(held, start, end, self._resolution))

        folded = await asyncio.to_thread(fold)
        return Look(start, end, folded.amounts, held)

    def _counter(self, presence: PresenceReader) -> BucketCounter:
        return BucketCounter(self._aw, self.bucket, self._labeller, self._resolution, presence=presence)

    def _stop(self, begin: int, whole: int) -> int:
        """Where a look ends: not far from its beginning, at the border of a period or of everything."""
        if whole - begin <= _LONGEST_LOOK:
            return whole
        return self._periods.start_of(begin + _LONGEST_LOOK)

    async def _held(self, start: int, end: int) -> Held:
        link, identity = self._link, self._labeller.identity
        from_ms, to_ms = start // MILLISECOND, end // MILLISECOND - 1
        return await link.ask(lambda: link.knowledge.samples(identity, from_ms, to_ms))


def _add(amounts: Amounts, page: Counted) -> None:
    """Adds what a page amounts to: where the resolution was changed two pages may share a slot's end."""
    for labels, slots in page.amounts.items():
        known = amounts.setdefault(labels, {})
        for slot_end, microseconds in slots.items():
            known[slot_end] = known.get(slot_end, 0) + microseconds


def _taken(amounts: Amounts, until: int) -> Amounts:
    """Takes the slots that end by `until` out of what waits."""
    taken: Amounts = {}
    for labels in list(amounts):
        slots = amounts[labels]
        done = {slot_end: slots.pop(slot_end) for slot_end in list(slots) if slot_end <= until}
        if done:
            taken[labels] = done
        if not slots:
            del amounts[labels]
    return taken
