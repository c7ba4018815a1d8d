"""The doctor at an ActivityWatch server: does it answer, may awsync read, do the watchers report.

May import: the standard library, and of awsync activitywatch, errors, neighbours, planning, roll_call,
settings, words, doctor.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.doctor.findings import PATIENCE, Area, Finding, Walk
from awsync.doctor.skew import clock_finding
from awsync.errors import SourceError, SourceRefusedError
from awsync.neighbours import host_of, twin
from awsync.planning import host_label, left_out
from awsync.roll_call import roll_call
from awsync.settings import SourceSettings
from awsync.timeline import DAY, MICROSECONDS
from awsync.words import amount, clock, roughly

_RETIRED = 30 * DAY
"""A watcher that is silent for longer was taken off, or belongs to a machine of the past."""
_FOCUS, _AFK = "currentwindow", "afkstatus"
_NO_AFK_OF_ITS_OWN = "android"
"""A phone's screen is on or off; there is no AFK watcher for it."""
_NAMED = 3
"""So many watchers or hosts are named; the number tells the rest."""


async def look_at_sources(walk: Walk) -> AsyncGenerator[Finding, None]:
    """Every source in turn; one that fails stops no other."""
    sources, wiring = walk.settings.sources, walk.wiring
    alone = len(sources) == 1
    if not alone:
        async with roll_call(sources, transport=wiring.aw_transport, silence=PATIENCE) as called:
            walk.among = called.neighbours
    for source in sources:
        area = Area("ActivityWatch" if alone else f"ActivityWatch {source.name}")
        async with aclosing(_look(area, source, walk)) as found:
            async for finding in found:
                yield finding


async def _look(area: Area, source: SourceSettings, walk: Walk) -> AsyncGenerator[Finding, None]:
    async with ActivityWatch(source, transport=walk.wiring.aw_transport, timeout=PATIENCE) as aw:
        rest = ("clock", "authentication", "buckets", "watchers", "AFK")
        try:
            info = await aw.info()
        except SourceRefusedError as error:
            yield _refused(area, source, error)
            for finding in area.skipped("It does not let awsync read", "clock", *rest[2:]):
                yield finding
            return
        except SourceError as error:
            yield area.failed("reachable", error.message, error.remedy)
            for finding in area.skipped("ActivityWatch is not reachable", *rest):
                yield finding
            return
        who = f"ActivityWatch {info.version} of {info.hostname}"
        yield area.ok("reachable", f"{who} answers at {source.aw_url}.")
        if aw.skew is not None:
            walk.skews[source.name] = aw.skew
        yield clock_finding(area, "ActivityWatch's clock", aw.skew)
        try:
            buckets = await aw.buckets()
        except SourceError as error:
            refused = isinstance(error, SourceRefusedError)
            yield _refused(area, source, error) if refused else _unlisted(area, error)
            for finding in area.skipped("The buckets cannot be read", *rest[2 if refused else 3 :]):
                yield finding
            return
    walk.read.add(source.name)
    yield area.ok("authentication", _authentication(source))
    wanted = [
        bucket
        for bucket in buckets
        if left_out(bucket, source, walk.among) is None and bucket.newest is not None
    ]
    walk.wanted += [(source, bucket) for bucket in wanted]
    if (other := twin(source.name, walk.among)) is not None:
        yield _twin(area, source, other)
        return
    yield _buckets(area, buckets, wanted)
    if not wanted:
        return
    yield _watchers(area, wanted, walk.wiring.clock())
    yield _afk(area, buckets, wanted, walk)


def _refused(area: Area, source: SourceSettings, error: SourceError) -> Finding:
    sent = "It refuses the API key that awsync sends." if source.token else "It asks for an API key."
    remedy = (
        "Copy api_key from the config.toml of ActivityWatch into that of awsync:\n"
        '  aw-token = "..."\n'
        f'Where the source "{source.name}" is a [[source]] table, the key is called token there.'
    )
    return area.failed("authentication", f"{error.message} {sent}", remedy)


def _unlisted(area: Area, error: SourceError) -> Finding:
    return area.failed("buckets", error.message, error.remedy)


def _authentication(source: SourceSettings) -> str:
    return (
        "awsync may read with its API key." if source.token else "awsync may read; no API key is asked for."
    )


def _twin(area: Area, source: SourceSettings, other: str) -> Finding:
    what = f'It is the same device as source "{other}", so it is not synced: its time would count twice.'
    return area.warning("device", what, f'Remove source "{source.name}" or "{other}" from config.toml.')


def _buckets(area: Area, buckets: Sequence[Bucket], wanted: Sequence[Bucket]) -> Finding:
    if not buckets:
        remedy = "Start the watchers: aw-qt does, or aw-watcher-window and aw-watcher-afk by hand."
        return area.warning("buckets", "There is no bucket yet: no watcher has ever reported.", remedy)
    if not wanted:
        remedy = "`awsync buckets` says why each is left out: see excluded-watchers and included-watchers."
        return area.warning("buckets", f"None of {amount(len(buckets), 'bucket')} is synced.", remedy)
    left_out = len(buckets) - len(wanted)
    rest = f" {left_out} excluded or empty (see `awsync buckets`)." if left_out else ""
    return area.ok("buckets", f"{amount(len(wanted), 'bucket')} to sync.{rest}")


def _watchers(area: Area, wanted: Sequence[Bucket], now: int) -> Finding:
    """A watcher is stale when it has said nothing for a day while others of its host went on."""
    newest_of: dict[str, int] = {}
    for bucket in wanted:
        newest_of[host_of(bucket)] = max(newest_of.get(host_of(bucket), 0), bucket.newest or 0)
    newest = max(newest_of.values())
    if now - newest > DAY:
        silent = roughly((now - newest) / MICROSECONDS)
        what = f"No watcher has reported for {silent} (since {clock(newest)} UTC)."
        return area.warning("watchers", what, "Start the watchers on that machine: aw-qt does.")
    late = {bucket.id: newest_of[host_of(bucket)] - (bucket.newest or 0) for bucket in wanted}
    stale = [bucket for bucket in wanted if DAY < late[bucket.id] <= _RETIRED]
    if not stale:
        retired = sum(behind > _RETIRED for behind in late.values())
        rest = f" {amount(retired, 'bucket')} ended long ago." if retired else ""
        return area.ok("watchers", f"They report; the newest event ended {clock(newest)} UTC.{rest}")
    told = [f"{b.id} for {roughly(late[b.id] / MICROSECONDS)}" for b in stale]
    what = f"Silent while others of the same host are active: {_listed(told)}."
    remedy = f"Start them again, or add what is gone for good to excluded-watchers: {_globs(stale)}."
    return area.warning("watchers", what, remedy)


def _afk(area: Area, buckets: Sequence[Bucket], wanted: Sequence[Bucket], walk: Walk) -> Finding:
    """Only a host whose windows are watched needs to know whether somebody sits before them."""

    def host(bucket: Bucket) -> str:
        return host_label(bucket, walk.settings.hosts)

    watched = {host(b) for b in wanted if b.type == _FOCUS and _NO_AFK_OF_ITS_OWN not in b.client}
    lacking = sorted(watched - {host(bucket) for bucket in buckets if bucket.type == _AFK})
    if not lacking:
        return area.ok("AFK", "Every host whose windows are watched has an AFK bucket.")
    what = f"No AFK bucket for {_listed(lacking)}: time away looks like time at work there."
    return area.warning("AFK", what, "Start aw-watcher-afk on that machine: aw-qt does.")


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest


def _globs(buckets: Sequence[Bucket]) -> str:
    return ", ".join(f'"{bucket.id}"' for bucket in buckets)
