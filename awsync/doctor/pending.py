"""How old the oldest activity is that is not delivered yet, against what the store takes and keeps.

May import: the standard library, msgspec, and of awsync activitywatch, errors, reader, remote_write.store,
settings, timeline, words, doctor.findings.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.doctor.findings import PATIENCE, Area, Finding, Walk
from awsync.errors import SourceError
from awsync.reader import first_moment
from awsync.remote_write.store import IMPORT_REMEDY, StoreFacts, remedy_for
from awsync.settings import SourceSettings
from awsync.timeline import DAY, MICROSECONDS, MILLISECOND
from awsync.words import clock, roughly

_MICROSECOND = timedelta(microseconds=1)
_TAKES_ANYWAY = timedelta(hours=1)
"""What a Prometheus head takes without an out-of-order window (FACTS B4)."""
_RECOMMENDED = 29 * DAY
"""Gives a window of 30 d: an absence that may be caught up, and corrections of the last day."""
_CLOSE = 600 * MICROSECONDS
_YEAR = 365 * DAY


async def oldest_pending(walk: Walk) -> int | None:
    """The oldest moment that is not delivered yet, or set aside for its age; None where nothing waits."""
    known = {(each.source, each.bucket): each for each in walk.checkpoints or ()}
    oldest = [held.start for _, _, held in walk.set_aside]
    for source, bucket in walk.wanted:
        checkpoint = known.get((source.name, bucket.id))
        if checkpoint is not None and checkpoint.position is not None:
            if (bucket.newest or 0) > checkpoint.position:
                oldest.append(checkpoint.position)
        elif (beginning := await _beginning(walk, source, bucket)) is not None:
            oldest.append(beginning)
    return min(oldest, default=None)


async def _beginning(walk: Walk, source: SourceSettings, bucket: Bucket) -> int | None:
    """Where the first pass over a bucket begins; None where it has too few events to be synced."""
    settings = walk.settings
    try:
        async with ActivityWatch(source, transport=walk.wiring.aw_transport, timeout=PATIENCE) as aw:
            if await aw.count(bucket.id) < settings.min_data:
                return None
            first = await _first_event(aw, bucket)
    except SourceError:
        return None
    if settings.initial_history is not None:
        first = max(first, walk.wiring.clock() - settings.initial_history // _MICROSECOND)
    return first


async def _first_event(aw: ActivityWatch, bucket: Bucket) -> int:
    """A moment not after the first event of a bucket, and less than ten minutes before it.

    aw-server (Python) does not tell it; what a pass begins with may lie months before (reader.first_moment).
    """
    first = await first_moment(aw, bucket)
    newest = bucket.newest or first
    while bucket.oldest is None and newest - first > _CLOSE:
        middle = (first + newest) // 2
        if await aw.count(bucket.id, until=middle):
            newest = middle
        else:
            first = middle
    return first


async def oldest_history(walk: Walk, retention: timedelta | None) -> int | None:
    """Where the delivered history begins, if that is longer ago than the store keeps; None otherwise."""
    if retention is None:
        return None
    limit = walk.wiring.clock() - retention // _MICROSECOND
    known = {(each.source, each.bucket): each.began for each in walk.checkpoints or ()}
    begins = []
    for source, bucket in walk.wanted:
        began = known.get((source.name, bucket.id))
        if began is None or began >= limit:
            continue
        with suppress(SourceError):
            async with ActivityWatch(source, transport=walk.wiring.aw_transport, timeout=PATIENCE) as aw:
                begins.append(max(began, await _first_event(aw, bucket)))
    return min((moment for moment in begins if moment < limit), default=None)


def age_findings(
    area: Area, walk: Walk, facts: StoreFacts, pending: int | None, history: int | None
) -> Iterator[Finding]:
    """Whether the store takes what waits, keeps what it gets, and counts a repeated sample once."""
    now = walk.wiring.clock()
    if facts.engine == "unknown":
        yield from _hidden(area, walk, facts, pending, now)
        return
    if facts.engine == "VictoriaMetrics":
        yield area.ok("age", "VictoriaMetrics takes samples in any order.")
    else:
        yield _window(area, walk, facts, pending, now)
    oldest = min((moment for moment in (pending, history) if moment is not None), default=None)
    yield _retention(area, facts, oldest, now, all_seen=walk.saw_all)
    if facts.keeps_duplicates is not None:
        yield _duplicates(area, keeps=facts.keeps_duplicates)


def _hidden(area: Area, walk: Walk, facts: StoreFacts, pending: int | None, now: int) -> Iterator[Finding]:
    if walk.set_aside and pending is not None:
        what = f"It refused samples for their age; the oldest that waits is of {clock(pending)} UTC."
        yield area.failed("age", what, _remedy(facts, pending, now))
    else:
        yield from area.skipped("The store does not tell what it takes and keeps", "age", "retention")


def _window(area: Area, walk: Walk, facts: StoreFacts, pending: int | None, now: int) -> Finding:
    step, window = "age", facts.out_of_order_window
    if window is None:
        return next(area.skipped("The store does not show its configuration", step))
    newest = max(now, (facts.head_max_ms or 0) * MILLISECOND)
    has = f"its out-of-order window is {_told(window)}" if window else "it has no out-of-order window"
    if pending is not None and newest - pending > max(window, _TAKES_ANYWAY) // _MICROSECOND:
        age = roughly((newest - pending) / MICROSECONDS)
        what = f"The oldest activity that waits is {age} old ({clock(pending)} UTC), and {has}."
        return area.failed(step, what, f"{_remedy(facts, pending, now)}\n{IMPORT_REMEDY}")
    if not walk.saw_all:
        return next(area.skipped("What waits is not known while ActivityWatch cannot be read", step))
    lookback = walk.settings.lookback
    if window < lookback:
        what = (
            f"Nothing that waits is too old, but {has}: corrections of the last {_told(lookback)}, and what"
            " waits after an outage of an hour, would be set aside."
        )
        return area.warning(
            step, what, _remedy(facts, now - max(_RECOMMENDED, lookback // _MICROSECOND), now)
        )
    waits = "nothing waits" if pending is None else f"the oldest that waits is of {clock(pending)} UTC"
    return area.ok(step, f"{has[0].upper()}{has[1:]}; {waits}.")


def _retention(area: Area, facts: StoreFacts, oldest: int | None, now: int, *, all_seen: bool) -> Finding:
    step, retention = "retention", facts.retention
    if retention is None:
        return area.ok(step, "It tells no limit in time.")
    if oldest is None or now - oldest <= retention // _MICROSECOND:
        enough = ", which holds all there is" if all_seen else ""
        return area.ok(step, f"It keeps {_told(retention)}{enough}.")
    age = roughly((now - oldest) / MICROSECONDS)
    what = (
        f"It keeps {_told(retention)}, and the history is {age} long and grows: what is older is lost there."
    )
    # As if there were no other limit: the window has a finding of its own.
    unlimited = replace(facts, out_of_order_window=timedelta.max)
    return area.warning(step, what, _remedy(unlimited, oldest - _YEAR, now))


def _duplicates(area: Area, *, keeps: bool) -> Finding:
    step = "duplicates"
    if not keeps:
        return area.ok(step, "A sample that has to be sent twice counts once.")
    what = "A sample that has to be sent twice, as after a lost answer, counts twice in sums."
    remedy = "Start VictoriaMetrics with this flag more:\n  -dedup.minScrapeInterval=1ms"
    return area.warning(step, what, remedy)


def _remedy(facts: StoreFacts, oldest: int, now: int) -> str:
    """The lines of remedy_for; those of a file are set off, so that they can be copied as they are."""
    # What it tells to accept is no limit here: the window is held against now, not against the head alone.
    text = remedy_for(replace(facts, accepts_from_ms=None), oldest // MILLISECOND, now // MILLISECOND)
    yaml = ("storage:", "  tsdb:", "    out_of_order_time_window:")
    return "\n".join(f"  {line}" if line.startswith(yaml) else line for line in text.splitlines())


def _told(length: timedelta) -> str:
    return roughly(length.total_seconds())
