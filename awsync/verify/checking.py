"""One bucket: what of its time is compared, look by look, and mended where that is wanted.

A difference counts only if both sides say the same when they are asked once more: a service may just have
sent a correction, and a Prometheus that compacts may leave samples out of an answer for a moment.

May import: the standard library, msgspec, and of awsync what lies below the engine, and verify.*.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from msgspec import Struct

from awsync.ledger import Entry
from awsync.records import Checkpoint
from awsync.state import State
from awsync.timeline import floor_to
from awsync.verify.comparing import Comparer, Comparison, Known, Look, Slots
from awsync.verify.reading import BucketReader
from awsync.verify.repairing import Repairer
from awsync.verify.report import Begun, Compared, Mended, Reached, Said

_MOST_LOOKS = 5


class Span(Struct, frozen=True):
    """The time of a bucket that is compared; what ends after `position` waits for a pass."""

    start: int
    end: int
    position: int


def span_of(checkpoint: Checkpoint, since: int, due: int, now: int, resolution: int) -> Span:
    """What to compare of a bucket: from `since`, a border of periods, to what was delivered, or is due.

    Before its checkpoint began nothing was to be sent. One in the future is the work of a wrong clock.
    """
    position = checkpoint.position or 0
    end = min(max(position, due), floor_to(now, resolution))
    return Span(max(since, checkpoint.began or 0), end, position)


class _Totals(Struct):
    periods: int = 0
    agree: int = 0
    expected: int = 0
    held: int = 0
    differences: int = 0
    missing: int = 0
    extra: int = 0

    def add(self, compared: Comparison) -> None:
        self.periods += compared.periods
        self.agree += compared.agree
        self.expected += compared.expected_sum
        self.held += compared.held_sum
        self.differences += len(compared.rows)
        self.missing -= sum(min(each.difference, 0) for each in compared.differences if each.why.fault)
        self.extra += sum(max(each.difference, 0) for each in compared.differences if each.why.fault)


class Checker:
    """Compares one bucket; raises SourceError, QueryError, ParkedError and StateError.

    `pause` is how many seconds lie between two looks at one thing. Without a repairer nothing is sent.
    """

    def __init__(
        self,
        reader: BucketReader,
        comparer: Comparer,
        state: State,
        repairer: Repairer | None,
        pause: float,
    ) -> None:
        self._reader = reader
        self._comparer = comparer
        self._state = state
        self._repairer = repairer
        self._pause = pause

    async def check(self, checkpoint: Checkpoint, span: Span) -> AsyncGenerator[Said, None]:
        """Everything that is to be said of the bucket; what is sent is said behind its differences."""
        source, bucket = self._comparer.source, self._comparer.bucket
        yield Begun(source, bucket, span.start, span.end)
        totals = _Totals()
        async with aclosing(self._reader.looks(span.start, span.end)) as looks:
            async for first in looks:
                look, compared, sure = await self._sure(first, checkpoint, span)
                totals.add(compared)
                for difference in compared.differences:
                    yield difference
                slots = compared.repairable
                if self._repairer is not None and sure and slots:
                    yield await self._mend(self._repairer, look, checkpoint, span, slots)
                yield Reached(source, bucket, look.end)
        yield Compared(
            source,
            bucket,
            span.start,
            span.end,
            totals.periods,
            totals.agree,
            totals.expected,
            totals.held,
            totals.differences,
            totals.missing,
            totals.extra,
        )

    async def _sure(self, look: Look, checkpoint: Checkpoint, span: Span) -> tuple[Look, Comparison, bool]:
        """The look, or a later one that agrees with the one before it; whether two looks agree."""
        compared = await self._compared(look, checkpoint, span)
        for _ in range(_MOST_LOOKS):
            if compared.sure:
                return look, compared, True
            await asyncio.sleep(self._pause)
            look = await self._reader.again(look)
            before, compared = compared, await self._compared(look, checkpoint, span)
            if compared.rows == before.rows and compared.held == before.held:
                return look, compared, True
        return look, compared, False

    async def _compared(self, look: Look, checkpoint: Checkpoint, span: Span) -> Comparison:
        known = self._known(look, checkpoint, span)
        return await asyncio.to_thread(self._comparer.compare, look, known)

    def _known(self, look: Look, checkpoint: Checkpoint, span: Span) -> Known:
        state, source, bucket = self._state, self._comparer.source, self._comparer.bucket
        return Known(
            position=span.position,
            remembered=checkpoint.ledger_from or 0,
            relabelled=checkpoint.relabelled or 0,
            ledger=state.ledger(source, bucket, look.start, look.end),
            quarantine=[
                each
                for each in state.quarantine(source, dropped=True)
                if each.bucket == bucket and look.start < each.entry.slot_end <= look.end
            ],
            ranges=[
                held for _, where, held in state.set_aside(source, dropped=True)
                if where == bucket and held.start < look.end and look.start < held.end
            ],
        )  # fmt: skip

    async def _mend(
        self, repairer: Repairer, look: Look, checkpoint: Checkpoint, span: Span, slots: Slots
    ) -> Mended:
        first = await repairer.mend(look, self._known(look, checkpoint, span), slots)
        sent: list[Entry] = [*first.delivered]
        refused, words, hidden = len(first.refused), first.words, 0
        left = _of(slots, first.delivered)
        left, look = await self._hidden(left, look, checkpoint, span)
        if left:
            known = self._known(look, checkpoint, span)
            second = await repairer.mend_hidden(look, known, left, sent)
            sent += second.delivered
            refused += len(second.refused)
            left, _ = await self._hidden(left, look, checkpoint, span)
            hidden = sum(map(len, left.values()))
        return Mended(
            self._comparer.source,
            self._comparer.bucket,
            samples=len(sent),
            microseconds=sum(entry.microseconds for entry in sent),
            refused=refused,
            hidden=hidden,
            words=words,
        )

    async def _hidden(
        self, slots: Slots, look: Look, checkpoint: Checkpoint, span: Span
    ) -> tuple[Slots, Look]:
        """Those of the slots that still differ, in two looks, though the store took what was sent."""
        if not slots:
            return {}, look
        for _ in range(2):
            await asyncio.sleep(self._pause)
            look = await self._reader.again(look)
            compared = await self._compared(look, checkpoint, span)
            differ = compared.repairable
            slots = {
                labels: both for labels, ends in slots.items() if (both := ends & differ.get(labels, set()))
            }
            if not slots:
                break
        return slots, look


def _of(slots: Slots, entries: Iterable[Entry]) -> Slots:
    """Those of the slots for which there is an entry."""
    result: Slots = {}
    for entry in entries:
        if entry.slot_end in slots.get(entry.labels, ()):
            result.setdefault(entry.labels, set()).add(entry.slot_end)
    return result
