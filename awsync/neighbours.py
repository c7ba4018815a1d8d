"""Pure decisions about several sources: whose activity one has that another one serves too.

aw-sync copies the buckets of one device to the ActivityWatch of another, as `<id>-synced-from-<host>`
(FACTS A5). A copy is left out where its host is a source itself, and where an earlier source has the same
copy. A source that never answered may be any host: until it has answered once, or is taken from the
settings, copies wait, for time that was sent twice can never be taken back, and time that waits is not lost.
A source that answered once is remembered, so that one which is down later holds nothing back.

May import: the standard library, msgspec, settings, types of activitywatch and records.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from awsync.activitywatch.answers import Bucket, Info
from awsync.records import Neighbour
from awsync.settings import SourceSettings

_COPIED = "-synced-from-"


class Neighbours(Struct, frozen=True):
    """What is known of the sources, by name; `names` are all that the settings have, in their order."""

    names: tuple[str, ...] = ()
    known: Mapping[str, Neighbour] = field(default_factory=dict)


def neighbours_of(sources: Sequence[SourceSettings], known: Iterable[Neighbour]) -> Neighbours:
    """The sources of the settings; what was known of one whose address has changed does not count."""
    addresses = {source.name: source.aw_url for source in sources}
    current = {each.source: each for each in known if addresses.get(each.source) == each.url}
    return Neighbours(tuple(addresses), current)


def introduced(
    source: SourceSettings, info: Info, buckets: Iterable[Bucket], before: Neighbour | None, now: int
) -> Neighbour:
    """A source as its server just told; `before` is what was known of it."""
    listed = list(buckets)
    copies = [each.id for each in listed if origin(each.id) is not None and each.newest is not None]
    hosts = {each.hostname for each in listed if origin(each.id) is None and each.hostname}
    same = before is not None and (before.url, before.device) == (source.aw_url, info.device_id)
    return Neighbour(
        source=source.name,
        url=source.aw_url,
        hostname=info.hostname,
        device=info.device_id,
        hosts=tuple(sorted(hosts)),
        copies=tuple(sorted(copies)),
        since=before.since if before is not None and same else now,
    )


def origin(bucket: str) -> str | None:
    """The host that a bucket of this id was copied from; None for one that is no copy."""
    original, mark, host = bucket.rpartition(_COPIED)
    return host if original and mark and host else None


def host_of(bucket: Bucket) -> str:
    """The host whose activity a bucket holds, before the settings rename it."""
    return origin(bucket.id) or bucket.hostname


def twin(source: str, among: Neighbours) -> str | None:
    """The source that serves the same device and comes before this one; None where there is none.

    The first to be known comes first, else the order of the settings. Computers that were cloned share
    their device id, and not their name: they are two devices.
    """
    own = among.known.get(source)
    if own is None or not own.device:
        return None
    place = {name: number for number, name in enumerate(among.names)}
    same = [
        each for each in among.known.values() if (each.device, each.hostname) == (own.device, own.hostname)
    ]
    first = min(same, key=lambda each: (each.since, place[each.source]))
    return None if first.source == source else first.source


def copied(bucket: Bucket, source: str, among: Neighbours) -> str | None:
    """Why a copy is left out for another source's sake, or None."""
    host = origin(bucket.id)
    if host is None or source not in among.names:
        return None
    others = [name for name in among.names if name != source and twin(name, among) != source]
    known = [among.known[name] for name in others if name in among.known]
    for each in known:
        if host == each.hostname or host in each.hosts:
            return f'copied by aw-sync from {host}, which source "{each.source}" serves itself'
    for each in known:
        if bucket.id in each.copies and among.names.index(each.source) < among.names.index(source):
            return f'copied by aw-sync from {host}, and source "{each.source}" has the same copy'
    for name in others:
        if name not in among.known:
            return f'copied by aw-sync from {host}, which source "{name}" may be: it has never answered'
    return None
