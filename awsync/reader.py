"""Reads a bucket page by page: every event of a stretch of time once, in bounded memory.

The facts this rests on are in `activitywatch`: windows are inclusive and clipped, and aw-server (Python)
forgets an event 24 h after its start. May import: errors, activitywatch, timeline.
"""

import asyncio
from collections.abc import AsyncGenerator

from awsync.activitywatch import ActivityWatch, Bucket, to_microseconds
from awsync.timeline import DAY, Carry, Event, Page, ambiguous, floor_to, forgotten

PAGE_EVENTS = 10_000
PAGE_BYTES = 200 * PAGE_EVENTS
"""A second of aw-server's time at most, and what a page costs in memory."""

MAX_EVENTS = 50_000
LONGEST_PAGE = 64 * DAY
_NEWEST = (20, 200, 2_000)
_OLDEST = 946_684_800_000_000  # 2000-01-01: no ActivityWatch event is older


async def pages(
    aw: ActivityWatch, bucket: str, start: int, end: int, step: int, width: int = DAY
) -> AsyncGenerator[Page, None]:
    """The pages of [start, end), cut at multiples of `step` microseconds; `width` is a guess for the first.

    The width of a page follows the size of the one before it, and the next page is asked for before this
    one is decoded, so that the server never waits. A page that turns out far too large is read again in
    parts: a dense day after a quiet year does not fill the memory.
    """
    limit = MAX_EVENTS
    stop = _border(start, width, step, end)
    reading = asyncio.create_task(aw.read(bucket, start, stop, limit))
    try:
        while True:
            body = await reading
            width = _next_width(stop - start, len(body), step)
            following = _border(stop, width, step, end)
            if stop < end:
                reading = asyncio.create_task(aw.read(bucket, stop, following, limit))
            events = await asyncio.to_thread(aw.events, body)
            if len(events) >= MAX_EVENTS and limit == MAX_EVENTS:
                await _ended(reading)
                # One slot cannot be cut: it is read whole, however much it holds.
                limit = -1 if stop - start <= step else MAX_EVENTS
                stop = _border(start, (stop - start) // 8, step, end)
                reading = asyncio.create_task(aw.read(bucket, start, stop, limit))
                continue
            limit = MAX_EVENTS
            yield Page(start, stop, events)
            if stop >= end:
                return
            start, stop = stop, following
    finally:
        await _ended(reading)


def guessed_width(length: int, events: int) -> int:
    """How much time probably holds one page of events, where `length` microseconds hold `events`."""
    return max(length * PAGE_EVENTS // events, DAY) if events else DAY


async def _ended(reading: asyncio.Task[bytes]) -> None:
    """Stops a read that nobody waits for; cancelling also keeps asyncio from reporting its failure."""
    reading.cancel()
    await asyncio.wait([reading])


def _border(start: int, width: int, step: int, end: int) -> int:
    return min(floor_to(start + max(width, step), step), end)


def _next_width(width: int, size: int, step: int) -> int:
    ideal = width * PAGE_BYTES // max(size, 1)
    return max(min(ideal, 4 * width, LONGEST_PAGE), step)


async def completed(aw: ActivityWatch, bucket: str, page: Page, carry: Carry) -> Page:
    """The page with what the server left out or cut beyond recognition, asked for by id."""
    wanted = [*forgotten(page, carry), *ambiguous(page, carry)]
    if not wanted:
        return page
    found = [event for id_ in wanted if (event := await aw.event(bucket, id_)) is not None]
    rest = [event for event in page.events if event.id not in wanted]
    return Page(page.start, page.end, [*rest, *found])


async def carry_at(aw: ActivityWatch, bucket: str, moment: int) -> Carry:
    """What a page that starts at `moment` must know, where no page before it was read."""
    newest = await _newest_before(aw, bucket, moment)
    touching = aw.events(await aw.read(bucket, moment, moment))
    starts = {event.id: event.start for event in newest}
    open_: dict[int, int] = {}
    for id_ in {event.id for event in [*touching, *newest] if event.end >= moment}:
        start = starts[id_] if id_ in starts else _start(await aw.event(bucket, id_))
        if start is not None and start < moment:
            open_[id_] = start
    lasting = [event.start for event in newest if event.end > event.start]
    return Carry(open_, max([*lasting, *open_.values()], default=None))


async def _newest_before(aw: ActivityWatch, bucket: str, moment: int) -> list[Event]:
    """Events that start before `moment`, so many that one of them holds time: some watchers send bursts of
    events without duration, and those cut nothing."""
    for limit in _NEWEST:
        found = await aw.newest_before(bucket, moment, limit)
        events = [event for event in found if event.start < moment]
        if len(found) < limit or any(event.end > event.start for event in events):
            break
    return events


async def first_moment(aw: ActivityWatch, bucket: Bucket) -> int:
    """A moment not after the bucket's first event, and not far before it.

    aw-server-rust tells it. aw-server (Python) only counts, so the search goes back from the bucket's
    creation in growing steps: an import brings events that are older than their bucket.
    """
    if bucket.oldest is not None:
        return bucket.oldest
    newest = bucket.newest or 0
    moment = newest if bucket.created is None else min(to_microseconds(bucket.created), newest)
    step = 32 * DAY
    while moment > _OLDEST and await aw.count(bucket.id, until=moment):
        moment -= step
        step *= 4
    return max(moment, _OLDEST)


def _start(event: Event | None) -> int | None:
    return None if event is None else event.start
