"""From a page as ActivityWatch sent it to the entries that are due: what is known of its slots decides.

Known is what the ledger remembers, what waits in quarantine, and, where the page may have been sent before,
what the store holds.

May import: everything below the passes over a source.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch.client import ActivityWatch
from awsync.admissions import Decisions
from awsync.budget import Budget, Folded
from awsync.counting import BucketCounter, Counted, Laid
from awsync.errors import SourceError
from awsync.events import PageRead, Work
from awsync.labelling import Labelling
from awsync.ledger import Entry, Ledger, Range, all_entries, due, from_store, lacking, merged
from awsync.pass_context import PassContext
from awsync.planning import Stretch
from awsync.presence import PresenceReader
from awsync.reader import RawPage, opened
from awsync.series import Labeller, Labels
from awsync.settings import SourceSettings
from awsync.timeline import MILLISECOND


class Read(Struct, frozen=True):
    """A page that was read, and not yet labelled."""

    stretch: Stretch
    counter: BucketCounter
    laid: Laid


class Prepared(Struct, frozen=True):
    """A page as entries, ready to go out; what it amounts to is within the budget of its bucket.

    `found` are entries that the store was found to hold, `withheld` those that wait in quarantine; `series`
    are the hashes of the series that have entries. `folded` has by day the hashes of the label sets that are
    beyond the budget.
    """

    stretch: Stretch
    page: Counted
    entries: Sequence[Entry]
    found: Sequence[Entry]
    withheld: frozenset[Entry]
    series: frozenset[int]
    folded: Mapping[int, frozenset[int]]

    @property
    def last(self) -> bool:
        """Whether it is the last page of its stretch."""
        return self.page.end >= self.stretch.end


class _Known(Struct, frozen=True):
    """What is known of the slots of a page: delivered, held by the store (None: not asked), in quarantine.

    Nothing of `closed` is sent by this page.
    """

    ledger: Ledger
    held: Ledger | None
    quarantine: frozenset[Entry]
    closed: Sequence[Range]


class Preparer:
    """Reads and prepares the pages of one source, those of a bucket in their order.

    Raises SourceError, StateError and ParkedError.
    """

    def __init__(
        self,
        source: SourceSettings,
        aw: ActivityWatch,
        context: PassContext,
        presence: PresenceReader,
        labelling: Labelling,
    ) -> None:
        self._source = source
        self._presence = presence
        self._labelling = labelling
        self._aw = aw
        self._context = context
        self._stretch: Stretch | None = None
        self._counter: BucketCounter | None = None
        self._budgets: dict[str, Budget] = {}

    def decisions(self) -> dict[str, Decisions]:
        """What the budgets decided about the pages since the last `written`, by bucket."""
        found = {bucket: budget.decisions for bucket, budget in self._budgets.items()}
        return {bucket: decisions for bucket, decisions in found.items() if decisions}

    def written(self) -> None:
        """Notes that the state holds all decisions now."""
        for budget in self._budgets.values():
            budget.written()

    async def read(self, stretch: Stretch, raw: RawPage) -> Read:
        """The next page of a stretch."""
        if self._counter is None or stretch is not self._stretch:
            self._stretch, self._counter = stretch, await self._begin(stretch)
        page = await self._counter.lay(await opened(self._aw, raw))
        self._context.emit(
            PageRead(
                source=self._source.name,
                bucket=stretch.bucket.id,
                work=stretch.work,
                start=page.start,
                end=page.end,
                events=page.events,
            )
        )
        return Read(stretch, self._counter, page)

    async def prepare(self, read: Read) -> Prepared:
        """A page as entries that are due; the work of the processor is done in a thread."""
        stretch, labeller = read.stretch, read.counter.labeller
        page = await read.counter.label(read.laid)
        known = await self._known(stretch, page, labeller)
        budget = self._budget(stretch.bucket.id, labeller.identity)
        return await asyncio.to_thread(_prepared, stretch, page, known, budget)

    async def _begin(self, stretch: Stretch) -> BucketCounter:
        context, bucket = self._context, stretch.bucket
        labeller = await self._labelling.of(bucket)
        return BucketCounter(
            self._aw, bucket, labeller, context.resolution, presence=self._presence, carry=stretch.carry
        )

    def _budget(self, bucket: str, identity: Labels) -> Budget:
        budget = self._budgets.get(bucket)
        if budget is None:
            book = self._context.state.admissions(self._source.name, bucket)
            budget = self._budgets[bucket] = Budget(self._context.settings.series_budget, identity, book)
        return budget

    async def _known(self, stretch: Stretch, page: Counted, labeller: Labeller) -> _Known:
        state, name, bucket = self._context.state, self._source.name, stretch.bucket.id
        work, start, end = stretch.work, page.start, page.end
        ledger = state.ledger(name, bucket, start, end)
        checkpoint = state.checkpoint(name, bucket)
        reached = checkpoint.reached if work is not Work.LOOK_BACK else None
        may_be_held = (reached is not None and start < reached) or checkpoint.is_unconfirmed(start, end)
        held = await self._held(labeller.identity, start, end) if may_be_held else None
        if may_be_held and held is None and work is Work.FORWARD and start < (checkpoint.relabelled or 0):
            raise SourceError(
                "It was sent with other labels before, and the store does not tell what it holds: sent again "
                "it would count twice.",
                "Give query-url an address of the store where these credentials may read.",
            )
        # A checkpoint that was moved back decides anew about what somebody gave up.
        quarantine = state.withheld(name, bucket, start, end, dropped=work is not Work.FORWARD)
        ranges = state.set_aside(name, dropped=True) if work is Work.LOOK_BACK else []
        return _Known(ledger, held, quarantine, [each for _, where, each in ranges if where == bucket])

    async def _held(self, identity: Labels, start: int, end: int) -> Ledger | None:
        """What the store holds of a page that may have been sent before; None where it hides that."""
        series = await self._context.link.series(identity, start // MILLISECOND, end // MILLISECOND)
        return None if series is None else from_store(series, start, end, self._context.resolution)


def _prepared(stretch: Stretch, page: Counted, known: _Known, budget: Budget) -> Prepared:
    folded = budget.fold(page.amounts, known.ledger, known.held or {})
    page = replace(page, amounts=folded.amounts)
    if known.held is None:
        wanted = list(due(page.amounts, known.ledger, again=stretch.work is Work.FORWARD))
    else:
        wanted = lacking(known.ledger, known.held)
        wanted += due(page.amounts, merged(known.ledger, known.held), again=False)
    if known.closed:
        wanted = [each for each in wanted if not any(held.holds(each.slot_end) for held in known.closed)]
    withheld: frozenset[Entry] = frozenset()
    if known.quarantine:
        withheld = known.quarantine.intersection(wanted)
        wanted = [each for each in wanted if each not in withheld]
    series = frozenset(hash(labels) for labels in {id(e.labels): e.labels for e in wanted}.values())
    found = list(all_entries(known.held or {}))
    return Prepared(stretch, page, wanted, found, withheld, series, _beyond(folded, wanted))


def _beyond(folded: Folded, wanted: Iterable[Entry]) -> Mapping[int, frozenset[int]]:
    """By day the label sets that were folded, as hashes, where something is due of what they folded into."""
    if not folded.moved:
        return {}
    due_now = {entry.labels for entry in wanted}
    return {
        day: frozenset(hash(labels) for labels, target in moved.items() if target in due_now)
        for day, moved in folded.moved.items()
    }
