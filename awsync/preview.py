"""Real events before and after: what ActivityWatch has of them, what would leave, and which rule did what.

Nothing here writes state or talks to the store; what it finds is for the person at this machine alone. May
import: everything below the engine.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import httpx
from msgspec import Struct
from msgspec.structs import replace

from awsync.active import VALUES
from awsync.activitywatch.answers import Bucket
from awsync.admissions import Book, Unwritten
from awsync.budget import Budget, Folded
from awsync.counting import BucketCounter
from awsync.errors import SourceError, no_such_bucket
from awsync.labelling import Labelling
from awsync.ledger import Entry, due
from awsync.neighbours import Neighbours
from awsync.planning import left_out
from awsync.presence import PresenceReader
from awsync.records import Neighbour
from awsync.roll_call import Present, roll_call
from awsync.rules.steps import Step
from awsync.rules.trace import Did, traced
from awsync.series import ACTIVE, Data, Labeller, Labels, decoded
from awsync.settings import Rule, Settings
from awsync.timeline import Event, Page, floor_to

Books = Callable[[str, str], Book]
"""What was decided about the series of a bucket of a source."""

SERIES_BUDGET = "series-budget"
"""The name of what folds labels, among those of the rules."""
_MICROSECOND = timedelta(microseconds=1)


class Example(Struct, frozen=True):
    """Events with the same data: how many, their microseconds, when the newest began; and what would leave.

    `labels` are without those that every series of the bucket has, and without `active`; None where a step
    drops the event. `did` are the steps that changed anything, in their order.
    """

    data: Data
    events: int
    microseconds: int
    newest: int
    labels: Labels | None
    did: Sequence[Did]


class Preview(Struct, frozen=True):
    """The newest time of a bucket: its events, newest first, and the entries that would be sent for them.

    `why_not` is why the bucket is not synced, so that nothing of it would leave; None where it is.
    """

    source: str
    bucket: str
    watcher: str
    start: int
    end: int
    examples: Sequence[Example]
    entries: Sequence[Entry]
    why_not: str | None = None

    @property
    def events(self) -> int:
        """How many events there are."""
        return sum(example.events for example in self.examples)


async def previews(
    settings: Settings,
    bucket_id: str | None,
    *,
    length: timedelta,
    source: str | None = None,
    tried: Rule | None = None,
    books: Books = lambda source, bucket: Unwritten(),
    remembered: Iterable[Neighbour] = (),
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncGenerator[Preview, None]:
    """What would leave for the last `length` of a bucket, or of each that is synced (None).

    `tried` is one more rule, behind the others; `books` tell what is within the series budget. Raises
    AwsyncError where a source cannot be read, after the others, where an event cannot be judged, and where
    nobody has the bucket.
    """
    if tried is not None:
        settings = replace(settings, rules=(*settings.rules, tried))
    failed: SourceError | None = None
    found = False
    async with roll_call(settings.sources, remembered, transport=transport) as called:
        for present in called.sources:
            if source not in (None, present.source.name):
                continue
            failed = present.error or failed
            with Labelling(present.aw, present.source, settings) as labelling:
                looking = _Looking(settings, present, called.neighbours, labelling, length, books)
                for bucket in present.buckets:
                    if bucket_id is None and (bucket.newest is None or looking.why_not(bucket) is not None):
                        continue
                    if bucket_id in (None, bucket.id):
                        found = True
                        yield await looking.at(bucket)
    if failed is not None and (bucket_id is None or not found):
        raise failed
    if bucket_id is not None and not found:
        raise no_such_bucket(bucket_id)


class _Looking(Struct, frozen=True):
    """What the buckets of one source are looked at with."""

    settings: Settings
    present: Present
    among: Neighbours
    labelling: Labelling
    length: timedelta
    books: Books

    def why_not(self, bucket: Bucket) -> str | None:
        """Why nothing of a bucket would leave."""
        return left_out(bucket, self.present.source, self.among)

    async def at(self, bucket: Bucket) -> Preview:
        """What would leave of a bucket. Raises SourceError."""
        aw, source = self.present.aw, self.present.source
        resolution = self.settings.resolution // _MICROSECOND
        newest = bucket.newest or 0
        end = floor_to(newest, resolution) + resolution
        start = max(floor_to(newest - self.length // _MICROSECOND, resolution), 0)
        page = Page(start, end, aw.events(await aw.read(bucket.id, start, end)))
        presence = PresenceReader(aw, source, self.settings.hosts, self.present.buckets)
        labels = await self.labelling.of(bucket)
        counter = BucketCounter(aw, bucket, labels, resolution, presence=presence)
        counted = await counter.count_page(page)
        steps = await self.labelling.steps(bucket)
        budget = Budget(self.settings.series_budget, labels.identity, self.books(source.name, bucket.id))
        folded = await asyncio.to_thread(budget.fold, counted.amounts)
        examples = await asyncio.to_thread(_examples, page.events, steps, labels, folded)
        return Preview(
            source=source.name,
            bucket=bucket.id,
            watcher=bucket.client,
            start=start,
            end=end,
            examples=examples,
            entries=sorted(due(folded.amounts, {}, again=False), key=_by_time),
            why_not=self.why_not(bucket),
        )


def _examples(
    events: Sequence[Event], steps: Sequence[Step], labeller: Labeller, folded: Folded
) -> list[Example]:
    """Each kind of event, the newest first; the user's own code may take its time over them."""
    moved = {labels: target for of_day in folded.moved.values() for labels, target in of_day.items()}
    found = [_example(alike, steps, labeller, moved) for alike in _by_data(events)]
    return sorted(found, key=lambda example: -example.newest)


def _example(
    events: Sequence[Event], steps: Sequence[Step], labeller: Labeller, moved: Mapping[Labels, Labels]
) -> Example:
    data = decoded(events[0].data)
    left, did = traced(steps, data)
    labels = None if left is None else labeller.labels(events[0].data)
    if labels is not None and (others := _within_budget(events[0].data, labeller, moved)) is not None:
        changed = tuple(name for name, value in others if (name, value) not in labels)
        labels, did = others, [*did, Did(SERIES_BUDGET, changed=changed)]
    return Example(
        data=data,
        events=len(events),
        microseconds=sum(event.end - event.start for event in events),
        newest=max(event.start for event in events),
        labels=labels and tuple(each for each in labels if each not in labeller.identity),
        did=did,
    )


def _within_budget(data: bytes, labeller: Labeller, moved: Mapping[Labels, Labels]) -> Labels | None:
    """The labels without `active` that are beyond the budget, as they leave; None where none of them is."""
    for active in ("", *VALUES):
        labels = labeller.labels(data, active)
        if labels is not None and (target := moved.get(labels)) is not None:
            return tuple(each for each in target if each[0] != ACTIVE)
    return None


def _by_data(events: Sequence[Event]) -> Iterable[list[Event]]:
    found: dict[bytes, list[Event]] = {}
    for event in events:
        found.setdefault(event.data, []).append(event)
    return found.values()


def _by_time(entry: Entry) -> tuple[int, int]:
    return entry.slot_end, -entry.microseconds
