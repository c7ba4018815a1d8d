"""Looks at one bucket in depth: its last hours, and its last day beside what would leave the machine for it.

May import: everything below the engine, control.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import httpx
import msgspec
from msgspec import Struct

from awsync.activitywatch.client import ActivityWatch
from awsync.admissions import Book
from awsync.budget import Budget, Folded
from awsync.control import Activity, BucketDetail, LabelTime, Move, Said
from awsync.counting import BucketCounter
from awsync.errors import GONE_REMEDY, BucketGoneError
from awsync.events import CheckpointMoved, CheckpointRewound, GapSkipped
from awsync.labelling import Labelling
from awsync.ledger import due
from awsync.presence import PresenceReader
from awsync.reader import RawPage, carry_at, completed, opened
from awsync.records import Checkpoint
from awsync.settings import Settings, SourceSettings
from awsync.survey import BucketReport
from awsync.timeline import DAY, HOUR, SINGLE_FOCUS_TYPES, Carry, Event, Page, floor_to, lay_out, slots

HOURS = 24
SHOWN_EVENTS = 200
SHOWN_ENTRIES = 500
SHOWN_VALUES = 20
SHOWN_MOVES = 100
SEARCHED_MOVES = 2_000
_WHAT = {CheckpointMoved: "delivered", CheckpointRewound: "moved back", GapSkipped: "gap left out"}
MOVES = tuple(type_.__name__ for type_ in _WHAT)
"""The names of the events that tell of a move."""
_MICROSECOND = timedelta(microseconds=1)
_SAME_FOR_ALL = frozenset({"__name__", "bucket", "host", "user"})


class _Hour(Struct, frozen=True):
    seconds: float = 0.0
    events: int = 0


class ActivityReader:
    """Reads the last day of buckets; hours that are over are read once."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._hours: dict[tuple[str, str], dict[int, _Hour]] = {}

    async def read(self, source: SourceSettings, bucket: BucketReport, now: int) -> Activity:
        """The hours of a bucket up to `now`. Raises SourceError."""
        running = floor_to(now, HOUR)
        first = running - (HOURS - 1) * HOUR
        known = self._hours.setdefault((bucket.source, bucket.bucket), {})
        for hour in [hour for hour in known if hour < first]:
            del known[hour]
        # The hour before the running one may still have grown since it was read last.
        start = max(first, max(known, default=first) - HOUR)
        if bucket.newest is not None and bucket.newest > start:
            async with ActivityWatch(source, transport=self._transport) as aw:
                single = bucket.type in SINGLE_FOCUS_TYPES
                carry = await carry_at(aw, bucket.bucket, start, single_focus=single)
                page = await opened(aw, RawPage(start, now, await aw.read(bucket.bucket, start, now)))
                page = await completed(aw, bucket.bucket, page, carry, single_focus=single)
                known |= await asyncio.to_thread(_by_hour, page, carry, bucket)
        hours = [known.get(hour, _Hour()) for hour in range(first, running + 1, HOUR)]
        midnight = _midnight(now)
        today = [each for hour, each in known.items() if hour >= midnight]
        return Activity(
            hours=tuple(hour.seconds for hour in hours),
            today_seconds=sum(hour.seconds for hour in today),
            today_events=sum(hour.events for hour in today),
        )


def _midnight(now: int) -> int:
    """When today began here."""
    here = datetime.fromtimestamp(now / 1e6).astimezone()
    return round(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1e6)


def _by_hour(page: Page, carry: Carry, bucket: BucketReport) -> dict[int, _Hour]:
    counts = Counter(floor_to(max(event.start, page.start), HOUR) for event in page.events)
    spans, _ = lay_out(page, carry, single_focus=bucket.type in SINGLE_FOCUS_TYPES)
    active = [span for span in spans if bucket.type != "afkstatus" or _is_active(span.data)]
    amounts: Counter[int] = Counter()
    for hour_end, microseconds, _ in slots(active, HOUR):
        amounts[hour_end - HOUR] += microseconds
    wanted = range(floor_to(page.start, HOUR), page.end, HOUR)
    return {hour: _Hour(amounts[hour] / 1e6, counts[hour]) for hour in wanted}


def _is_active(data: bytes) -> bool:
    """Whether an event of an AFK watcher says that somebody was there."""
    try:
        found = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError):
        return False
    return found.get("status") == "not-afk"


async def look(
    settings: Settings,
    source: SourceSettings,
    bucket: BucketReport,
    *,
    checkpoint: Checkpoint,
    book: Book,
    history: Sequence[Move],
    transport: httpx.AsyncBaseTransport | None = None,
) -> BucketDetail:
    """The day that ends with a bucket's newest event, within its budget by `book`.

    Raises SourceError and StateError.
    """
    resolution = settings.resolution // _MICROSECOND
    newest = bucket.newest or 0
    end = floor_to(newest, resolution) + resolution
    start = max(floor_to(newest - DAY, resolution), 0)
    async with ActivityWatch(source, transport=transport) as aw:
        buckets = (await aw.listing()).buckets
        found = next((each for each in buckets if each.id == bucket.bucket), None)
        if found is None:
            raise BucketGoneError(f'ActivityWatch at {aw.url} has no bucket "{bucket.bucket}".', GONE_REMEDY)
        with Labelling(aw, source, settings) as labelling:
            presence = PresenceReader(aw, source, settings.hosts, buckets)
            labels = await labelling.of(found)
            counter = BucketCounter(aw, found, labels, resolution, presence=presence)
            page = await opened(aw, RawPage(start, end, await aw.read(found.id, start, end)))
            counted = await counter.count_page(page)

    def work() -> BucketDetail:
        folded = Budget(settings.series_budget, labels.identity, book).fold(counted.amounts)
        return _detail(bucket, page, folded, checkpoint, history)

    return await asyncio.to_thread(work)


def moves(said: Iterable[Said], source: str, bucket: str) -> list[Move]:
    """How the checkpoint of a bucket moved, of what was said, in the same order."""
    found: list[Move] = []
    for each in said:
        event = each.event
        if not isinstance(event, CheckpointMoved | CheckpointRewound | GapSkipped):
            continue
        if (event.source, event.bucket) == (source, bucket):
            samples = event.samples if isinstance(event, CheckpointMoved) else 0
            what = _WHAT[type(event)]
            found.append(Move(at=each.at, position=event.position, samples=samples, what=what))
    return found[:SHOWN_MOVES]


def _detail(
    bucket: BucketReport, page: Page, folded: Folded, checkpoint: Checkpoint, history: Sequence[Move]
) -> BucketDetail:
    entries = list(due(folded.amounts, {}, again=False))
    times: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for label in entry.labels:
            if label[0] not in _SAME_FOR_ALL:
                times[label] += entry.microseconds
    values = Counter(label for label, _ in times)
    # How much of it was active comes before what the time was spent on.
    split = [found for found in times.most_common() if found[0][0] == "active"]
    others = [found for found in times.most_common() if found[0][0] != "active"]
    newest_first = sorted(entries, key=lambda entry: (-entry.slot_end, -entry.microseconds))
    return BucketDetail(
        source=bucket.source,
        bucket=bucket.bucket,
        start=page.start,
        end=page.end,
        events=_newest(page.events),
        entries=newest_first[:SHOWN_ENTRIES],
        series=len(folded.amounts),
        folded=sum(map(len, folded.moved.values())),
        top=[
            LabelTime(label=label, value=value, seconds=microseconds / 1e6)
            for (label, value), microseconds in [*split, *others][:SHOWN_VALUES]
        ],
        values=values.most_common(),
        checkpoint=checkpoint,
        history=history,
    )


def _newest(events: Sequence[Event]) -> Sequence[Event]:
    return sorted(events, key=lambda event: (-event.start, -event.id))[:SHOWN_EVENTS]
