"""Looks without touching: what buckets there are, and why some are not synced.

Nothing here writes state or talks to the store. May import: everything below the engine.
"""

from collections.abc import Iterable, Sequence

import httpx
from msgspec import Struct

from awsync.activitywatch.answers import Bucket
from awsync.errors import SourceError
from awsync.neighbours import Neighbours, host_of
from awsync.planning import left_out, matching
from awsync.records import Neighbour
from awsync.roll_call import Present, roll_call
from awsync.settings import Settings


class BucketReport(Struct, frozen=True):
    """One bucket as it stands in ActivityWatch; `why_not` is None for one that is synced.

    `excluded_by` is the glob of excluded-watchers that leaves it out.
    """

    source: str
    bucket: str
    watcher: str
    type: str
    host: str
    events: int
    newest: int | None
    why_not: str | None
    excluded_by: str | None = None


class SourceReport(Struct, frozen=True):
    """One source with its buckets, or why it could not be read.

    `skew` is how many seconds its clock is ahead of this machine's; None where it does not tell.
    """

    source: str
    url: str
    version: str
    buckets: Sequence[BucketReport]
    error: SourceError | None = None
    skew: float | None = None


async def survey(
    settings: Settings,
    remembered: Iterable[Neighbour] = (),
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[SourceReport]:
    """What each source has, in the order of the settings; a source that fails says so and stops no other.

    `remembered` is what is known of those that do not answer now.
    """
    async with roll_call(settings.sources, remembered, transport=transport) as called:
        return [await _report(each, settings, called.neighbours) for each in called.sources]


async def _report(present: Present, settings: Settings, among: Neighbours) -> SourceReport:
    source, error = present.source, present.error
    if error is None:
        try:
            buckets = [await _bucket(present, bucket, settings, among) for bucket in present.buckets]
        except SourceError as failed:
            error = failed
    if error is not None:
        return SourceReport(source.name, source.aw_url, "", (), error)
    return SourceReport(source.name, source.aw_url, present.info.version, buckets, skew=present.skew)


async def _bucket(present: Present, bucket: Bucket, settings: Settings, among: Neighbours) -> BucketReport:
    source = present.source
    events = await present.aw.count(bucket.id)
    why_not = left_out(bucket, source, among)
    if why_not is None and events < settings.min_data:
        why_not = f"fewer events than min-data {settings.min_data}"
    return BucketReport(
        source=source.name,
        bucket=bucket.id,
        watcher=bucket.client,
        type=bucket.type,
        host=host_of(bucket),
        events=events,
        newest=bucket.newest,
        why_not=why_not,
        excluded_by=next(matching(source.excluded_watchers, bucket.client, bucket.id), None),
    )
