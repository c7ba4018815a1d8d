"""Pure decisions: which buckets are synced, and which stretches of their time are due in a pass.

May import: the standard library, msgspec, events, ledger, neighbours, series, settings, timeline, types of
activitywatch, state.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from awsync.activitywatch.answers import Bucket
from awsync.events import Work
from awsync.ledger import Mark, Range
from awsync.neighbours import Neighbours, copied, host_of, twin
from awsync.records import Checkpoint
from awsync.settings import SourceSettings
from awsync.timeline import DAY, HOUR, MILLISECOND, SINGLE_FOCUS_TYPES, Carry, floor_to


class Stretch(Struct, frozen=True):
    """A range of a bucket's time that is due, and why; `carry` is None where it has to be asked for.

    `width` is a guess of how much time fits a page, in microseconds. `beginning` says that the bucket has
    nothing before it.
    """

    bucket: Bucket
    work: Work
    start: int
    end: int
    carry: Carry | None
    width: int = DAY
    beginning: bool = False


def matching(globs: Iterable[str], client: str, bucket: str) -> Iterator[str]:
    """The globs that match a watcher, by its client or the bucket id."""
    return (glob for glob in globs if any(fnmatchcase(name, glob) for name in (client, bucket)))


def unwanted(bucket: Bucket, source: SourceSettings) -> str | None:
    """Why the settings leave a bucket out, or None."""
    for glob in matching(source.excluded_watchers, bucket.client, bucket.id):
        return f'excluded by "{glob}"'
    included = source.included_watchers
    if included and not any(matching(included, bucket.client, bucket.id)):
        return "not among included-watchers"
    return None


def left_out(bucket: Bucket, source: SourceSettings, among: Neighbours) -> str | None:
    """Why a bucket is not synced, by the settings and by what the other sources serve; None where it is."""
    if (other := twin(source.name, among)) is not None:
        return f'source "{other}" serves the same device'
    return unwanted(bucket, source) or copied(bucket, source.name, among)


def host_label(bucket: Bucket, hosts: Mapping[str, str]) -> str:
    """The host that a bucket's series carry: the one whose activity it holds, as `hosts` renames it."""
    host = host_of(bucket)
    return hosts.get(host, host)


def first_open_slot(floor: int | None, resolution: int) -> int | None:
    """Start of the first slot whose sample is not older than `floor` (milliseconds)."""
    if floor is None:
        return None
    return floor_to(floor * MILLISECOND + MILLISECOND - 1, resolution)


def look_back_is_due(checkpoint: Checkpoint, now: int) -> bool:
    """Once an hour what was sent lately is computed again."""
    return checkpoint.looked_back is not None and now - checkpoint.looked_back >= HOUR


def out_of_future(checkpoint: Checkpoint, now: int) -> int | None:
    """Where a bucket goes on whose checkpoint was moved by a clock that was ahead; None for a sound one.

    That is the full hour before what ActivityWatch was known to hold: behind it nothing was delivered in
    truth, and before it the store is asked. What somebody decided not to send (State.skip_to puts a position
    at the end of the running slot) stays unsent.
    """
    latest = now + HOUR
    moments = (checkpoint.position, checkpoint.looked_back, checkpoint.ledger_from)
    if all(moment is None or moment <= latest for moment in moments):
        return None
    began = checkpoint.began if checkpoint.began is not None and checkpoint.began <= latest else 0
    return max(floor_to(min(now, checkpoint.newest or now), HOUR), began)


def went_back(bucket: Bucket, checkpoint: Checkpoint) -> bool:
    """Whether ActivityWatch's history ends before it did, as after its database was restored.

    Where events may overlap, the one that began last may well end before another.
    """
    known = checkpoint.newest if bucket.type in SINGLE_FOCUS_TYPES else None
    return known is not None and (bucket.newest or 0) < known


def stretches(
    bucket: Bucket,
    checkpoint: Checkpoint,
    start: int,
    closed: int,
    look_back_from: int | None,
    *,
    width: int = DAY,
) -> list[Stretch]:
    """What is due of a bucket: the look back if one is asked for, and what is new.

    `start` is where it goes on, `closed` the end of its last closed slot. A bucket whose newest event lies
    before the checkpoint has nothing new, and costs no read.
    """
    result: list[Stretch] = []
    if look_back_from is not None and checkpoint.position is not None:
        back = max(look_back_from, checkpoint.began or 0, checkpoint.ledger_from or 0)
        if back < checkpoint.position:
            result.append(Stretch(bucket, Work.LOOK_BACK, back, checkpoint.position, None))
    if start < closed and (bucket.newest or 0) > start:
        carry = checkpoint.carry
        beginning = checkpoint.position is None and carry is not None
        result.append(Stretch(bucket, Work.FORWARD, start, closed, carry, width, beginning))
    return result


def retries(
    bucket: Bucket, ranges: Iterable[Range], floor: int | None, resolution: int, *, blind: bool
) -> Sequence[Stretch]:
    """The parts of set-aside ranges that the store takes now.

    Where the store does not tell its floor only trying tells: that is done when `blind` says so, once an
    hour, and when somebody asks for it.
    """
    opened = first_open_slot(floor, resolution)
    result: list[Stretch] = []
    for held in ranges:
        asked = held.mark is Mark.RETRY
        start = held.start if asked else max(held.start, opened or 0)
        if start < held.end and (asked or blind or opened is not None):
            result.append(Stretch(bucket, Work.SET_ASIDE, start, held.end, None))
    return result
