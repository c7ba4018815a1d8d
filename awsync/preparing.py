"""From a page as ActivityWatch sent it to the entries that are due: what is known of its slots decides.

Known is what the ledger remembers, what waits in quarantine, and, where the page may have been sent before,
what the store holds.

May import: everything below the passes over a source.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch import ActivityWatch
from awsync.events import PageRead, Work
from awsync.ledger import Entry, Ledger, Range, all_entries, due, from_store, lacking, merged
from awsync.pass_context import PassContext
from awsync.planning import Stretch
from awsync.reader import RawPage, carry_at, completed, opened
from awsync.series import Labeller
from awsync.settings import SourceSettings
from awsync.timeline import MILLISECOND, SINGLE_FOCUS_TYPES, Carry, Page, lay_out


class Prepared(Struct, frozen=True):
    """A page as entries, ready to go out.

    `found` are entries that the store was found to hold, `withheld` those that wait in quarantine; `series`
    are the hashes of the series that have entries.
    """

    stretch: Stretch
    page: Page
    carry: Carry
    entries: Sequence[Entry]
    found: Sequence[Entry]
    withheld: frozenset[Entry]
    series: frozenset[int]

    @property
    def last(self) -> bool:
        """Whether it is the last page of its stretch."""
        return self.page.end >= self.stretch.end


class _Work(Struct, frozen=True):
    """The stretch that is being worked on, and what its next page must know."""

    stretch: Stretch
    carry: Carry
    labeller: Labeller


class _Known(Struct, frozen=True):
    """What is known of the slots of a page: delivered, held by the store (None: not asked), in quarantine.

    Nothing of `closed` is sent by this page.
    """

    ledger: Ledger
    held: Ledger | None
    quarantine: frozenset[Entry]
    closed: Sequence[Range]


class Preparer:
    """Prepares the pages of one source, in their order; raises SourceError, StateError and ParkedError."""

    def __init__(self, source: SourceSettings, aw: ActivityWatch, context: PassContext) -> None:
        self._source = source
        self._aw = aw
        self._context = context
        self._current: _Work | None = None

    async def prepare(self, stretch: Stretch, raw: RawPage) -> Prepared:
        """A page as entries that are due; the work of the processor is done in a thread."""
        if self._current is None or stretch is not self._current.stretch:
            self._current = await self._begin(stretch)
        current, bucket = self._current, stretch.bucket.id
        page = await opened(self._aw, raw)
        self._context.emit(
            PageRead(
                source=self._source.name,
                bucket=bucket,
                work=stretch.work,
                start=page.start,
                end=page.end,
                events=len(page.events),
            )
        )
        page = await completed(self._aw, bucket, page, current.carry)
        known = await self._known(current, page)
        prepared = await asyncio.to_thread(_prepared, current, page, known, self._context.resolution)
        self._current = replace(current, carry=prepared.carry)
        return prepared

    async def _begin(self, stretch: Stretch) -> _Work:
        bucket, carry = stretch.bucket, stretch.carry
        if carry is None:
            carry = await carry_at(self._aw, bucket.id, stretch.start)
        return _Work(stretch, carry, self._context.labeller(self._source, bucket))

    async def _known(self, current: _Work, page: Page) -> _Known:
        state, name, bucket = self._context.state, self._source.name, current.stretch.bucket.id
        work, start, end = current.stretch.work, page.start, page.end
        ledger = state.ledger(name, bucket, start, end)
        reached = state.checkpoint(name, bucket).reached
        may_be_held = work is not Work.LOOK_BACK and reached is not None and start < reached
        held = await self._held(current, page) if may_be_held else None
        # A checkpoint that was moved back decides anew about what somebody gave up.
        quarantine = state.withheld(name, bucket, start, end, dropped=work is not Work.FORWARD)
        ranges = state.set_aside(name, dropped=True) if work is Work.LOOK_BACK else []
        return _Known(ledger, held, quarantine, [each for _, where, each in ranges if where == bucket])

    async def _held(self, current: _Work, page: Page) -> Ledger | None:
        """What the store holds of a page that may have been sent before; None where it hides that."""
        link, start, end = self._context.link, page.start, page.end
        identity = current.labeller.identity
        series = await link.series(identity, start // MILLISECOND, end // MILLISECOND)
        return None if series is None else from_store(series, start, end, self._context.resolution)


def _prepared(current: _Work, page: Page, known: _Known, resolution: int) -> Prepared:
    stretch = current.stretch
    spans, carry = lay_out(page, current.carry, single_focus=stretch.bucket.type in SINGLE_FOCUS_TYPES)
    amounts = current.labeller.amounts(spans, resolution, until=page.end)
    if known.held is None:
        wanted = list(due(amounts, known.ledger, again=stretch.work is Work.FORWARD))
    else:
        wanted = lacking(known.ledger, known.held)
        wanted += due(amounts, merged(known.ledger, known.held), again=False)
    if known.closed:
        wanted = [each for each in wanted if not any(held.holds(each.slot_end) for held in known.closed)]
    withheld: frozenset[Entry] = frozenset()
    if known.quarantine:
        withheld = known.quarantine.intersection(wanted)
        wanted = [each for each in wanted if each not in withheld]
    series = frozenset(hash(labels) for labels in {id(e.labels): e.labels for e in wanted}.values())
    return Prepared(stretch, page, carry, wanted, list(all_entries(known.held or {})), withheld, series)
