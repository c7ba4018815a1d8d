"""Reads a bucket page by page: every event of a stretch of time once, in bounded memory.

The facts this rests on are in `activitywatch`: windows are inclusive and clipped, and aw-server (Python)
forgets an event 24 h after its start. May import: activitywatch, arriving, errors, flood, timeline.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.activitywatch.moments import to_microseconds
from awsync.arriving import Arriving
from awsync.errors import AnswerTooLargeError
from awsync.flood import PULSE, TRIM, Event, order
from awsync.timeline import (
    DAY,
    Carry,
    Page,
    ambiguous,
    first_behind,
    floor_to,
    forgotten,
    lay_out,
    wants_behind,
)

PAGE_EVENTS = 10_000
PAGE_BYTES = 200 * PAGE_EVENTS
"""A second of aw-server's time at most, and what a page costs in memory."""

MAX_EVENTS = 2 * PAGE_EVENTS
"""What one page has at most: each event takes about a kilobyte of memory while it is worked on."""

SMALLEST_EVENT = 60
"""Bytes of an event without data: a body of fewer than so many for each event cannot hold MAX_EVENTS."""
LONGEST_PAGE = 64 * DAY
_NEWEST = (20, 200, 2_000)
_OLDEST = 946_684_800_000_000  # 2000-01-01: no ActivityWatch event is older


class RawPage(Struct, frozen=True):
    """A page as the server sends it: what touches [start, end), in microseconds, as JSON text."""

    start: int
    end: int
    body: bytes | Arriving


async def raw_pages(
    aw: ActivityWatch,
    bucket: str,
    start: int,
    end: int,
    step: int,
    width: int = DAY,
    *,
    beginning: bool = False,
) -> AsyncGenerator[RawPage, None]:
    """The pages of [start, end), cut at multiples of `step` microseconds; `width` is a guess for the first.

    `beginning` says that the bucket has nothing before `start`.
    The width of a page follows the size of the one before it, but not of those up to the first event: how
    much of their time lies before the history is not known. A page is handed out as soon as its size is
    known, and not decoded here, so that the server can be asked for the next one at once. A page that turns
    out too large is read again in parts: a dense day after a quiet year does not fill the memory.
    """
    limit = MAX_EVENTS
    while start < end:
        stop = _border(start, width, step, end)
        try:
            body = aw.begin(bucket, None if beginning else start, stop, limit)
            size = await body.size()
            cut_off = limit == MAX_EVENTS and await _cut_off(aw, body, size)
        except AnswerTooLargeError:
            if stop - start <= step:
                raise
            width = (stop - start) // 8
            continue
        if cut_off:
            # One slot cannot be cut: it is read whole, however much it holds.
            limit = -1 if stop - start <= step else MAX_EVENTS
            width = (stop - start) // 8
            continue
        yield RawPage(start, stop, body)
        if not beginning:
            width = _next_width(stop - start, size)
        beginning = beginning and size < SMALLEST_EVENT
        start, limit = stop, MAX_EVENTS


async def opened(aw: ActivityWatch, raw: RawPage) -> Page:
    """The events of a page, decoded off the event loop."""
    body = raw.body if isinstance(raw.body, bytes) else await raw.body.whole()
    return Page(raw.start, raw.end, await asyncio.to_thread(aw.events, body))


def guessed_width(length: int, events: int) -> int:
    """How much time probably holds one page of events, where `length` microseconds hold `events`."""
    return max(-(-length // -(-events // PAGE_EVENTS)), DAY) if events else DAY


async def _cut_off(aw: ActivityWatch, body: Arriving, size: int) -> bool:
    """Whether the server had more events than it was asked for."""
    if size < MAX_EVENTS * SMALLEST_EVENT:
        return False
    return await asyncio.to_thread(aw.count_in, await body.whole()) >= MAX_EVENTS


def _border(start: int, width: int, step: int, end: int) -> int:
    """Where a page ends; no small page is left for the end of a stretch, where all wait for it."""
    if width > step and 2 * (end - start) <= 3 * width:
        return end
    return min(floor_to(start + max(width, step), step), end)


def _next_width(width: int, size: int) -> int:
    return min(width * PAGE_BYTES // max(size, 1), 4 * width, LONGEST_PAGE)


async def completed(aw: ActivityWatch, bucket: str, page: Page, carry: Carry, *, single_focus: bool) -> Page:
    """The page with what the server left out or cut beyond recognition, asked for by id.

    In a single-focus bucket also the first event behind it, where that has a share in the page.
    """
    wanted = forgotten(page, carry)
    if single_focus:
        wanted += ambiguous(page, carry)
    if wanted:
        found = await _by_id(aw, bucket, wanted)
        rest = [event for event in page.events if event.id not in wanted]
        page = Page(page.start, page.end, [*rest, *found])
    if single_focus and wants_behind(page, carry):
        page = replace(page, behind=await _behind(aw, bucket, page, carry))
    return page


async def recalled(aw: ActivityWatch, bucket: str, page: Page, carry: Carry, *, single_focus: bool) -> Carry:
    """The carry with what its events are about, where that was not written down.

    Most of them reach into the page. Where one is gone, the carry is asked for anew.
    """
    if not carry.unknown(page.start):
        return carry
    carry = carry.known({event.id: event.data for event in page.events})
    ids = [id_ for held in carry.unknown(page.start) for id_ in held.ids[-1:]]
    carry = carry.known({event.id: event.data for event in await _by_id(aw, bucket, dict.fromkeys(ids))})
    if carry.unknown(page.start):
        return await carry_at(aw, bucket, page.start, single_focus=single_focus)
    return carry


async def _behind(aw: ActivityWatch, bucket: str, page: Page, carry: Carry) -> Event | None:
    touching = aw.events(await aw.read(bucket, page.end, page.end + PULSE))
    first = first_behind(page, carry, touching)
    if len(first) > 1:
        first = await _by_id(aw, bucket, [event.id for event in first])
    return min(first, key=order, default=None)


async def _by_id(aw: ActivityWatch, bucket: str, ids: Iterable[int]) -> list[Event]:
    return [event for id_ in ids if (event := await aw.event(bucket, id_)) is not None]


async def carry_at(aw: ActivityWatch, bucket: str, moment: int, *, single_focus: bool) -> Carry:
    """What a page that starts at `moment` must know, where no page before it was read."""
    newest = await _newest_before(aw, bucket, moment, single_focus=single_focus)
    known = {event.id for event in newest}
    since = moment - PULSE if single_focus else moment
    touching = aw.events(await aw.read(bucket, since, moment))
    older = [e.id for e in touching if e.id not in known and (e.start < moment or e.start == since)]
    events = [event for event in [*newest, *await _by_id(aw, bucket, older)] if event.start < moment]
    page = Page(min([moment, *(event.start for event in events)]), moment, events)
    if single_focus and (cut := ambiguous(page, Carry())):
        page = replace(page, events=[e for e in events if e.id not in cut] + await _by_id(aw, bucket, cut))
    return lay_out(page, Carry(), single_focus=single_focus)[1]


def stands_alone(page: Page, moment: int) -> bool:
    """Whether a page of a single-focus bucket tells all of what it holds from `moment` on.

    It does where two events in it that differ and are no blinks cut whatever began before them, and a gap
    that is closed before the second, or half of an overlap, ends before `moment`.
    """
    before = [event for event in page.events if page.start < event.start < min(moment - PULSE, page.end)]
    return len({event.data for event in before if event.end - event.start > TRIM}) > 1


async def _newest_before(aw: ActivityWatch, bucket: str, moment: int, *, single_focus: bool) -> list[Event]:
    """Events that begin before `moment`, so many that no older one matters where one thing has the focus.

    Two that are no blinks and differ cut whatever began before them; some watchers send bursts of events
    without duration.
    """
    for limit in _NEWEST:
        found = await aw.newest_before(bucket, moment, limit)
        events = [event for event in found if event.start < moment]
        lasting = {event.data for event in events if event.end - event.start > TRIM}
        if not single_focus or len(found) < limit or len(lasting) > 1:
            break
    return events


async def first_moment(aw: ActivityWatch, bucket: Bucket) -> int:
    """A moment not after the bucket's first event, and not far before it.

    aw-server-rust tells it. aw-server (Python) only counts, so the search goes back from the bucket's
    creation in growing steps: an import brings events that are older than their bucket.
    """
    if bucket.oldest is not None:
        return max(bucket.oldest, _OLDEST)
    newest = bucket.newest or 0
    moment = newest if bucket.created is None else min(to_microseconds(bucket.created), newest)
    step = 32 * DAY
    while moment > _OLDEST and await aw.count(bucket.id, until=moment):
        moment -= step
        step *= 4
    return max(moment, _OLDEST)
