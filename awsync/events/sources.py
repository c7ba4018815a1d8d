"""What is said of the sources within a pass: servers, their buckets, and what is read of them.

May import: the standard library, msgspec.
"""

from enum import StrEnum

from msgspec import Struct


class Work(StrEnum):
    """Why a range of a bucket is read."""

    FORWARD = "new"
    LOOK_BACK = "look back"
    SET_ASIDE = "set aside before"


class SourceReached(Struct, frozen=True, kw_only=True):
    """An ActivityWatch server answered with its buckets."""

    source: str
    url: str
    version: str
    hostname: str
    buckets: int


class SourceFailed(Struct, frozen=True, kw_only=True):
    """A server, or one of its buckets, could not be read; the others go on."""

    source: str
    bucket: str | None
    reason: str
    remedy: str


class SameDevice(Struct, frozen=True, kw_only=True):
    """Two sources serve one device; `other` is synced, and `source` is not."""

    source: str
    other: str
    hostname: str


class LabelsChanged(Struct, frozen=True, kw_only=True):
    """What makes the labels of a source changed; what was sent until `until` keeps those that it has.

    `what` are the names of what changed: categories, rules, privacy, pseudonyms.
    """

    source: str
    what: tuple[str, ...]
    until: int


class CategoriesLeftOut(Struct, frozen=True, kw_only=True):
    """Categories of ActivityWatch whose rule cannot be read; no event falls under them."""

    source: str
    categories: tuple[str, ...]


class AwayUnknown(Struct, frozen=True, kw_only=True):
    """The AFK watcher of a host went silent while others go on; `since` is the end of its newest event.

    `bucket` is the AFK watcher's.
    """

    source: str
    host: str
    bucket: str
    since: int


class BucketFound(Struct, frozen=True, kw_only=True):
    """A bucket that is synced, with the range that is due now (empty when nothing is)."""

    source: str
    bucket: str
    watcher: str
    host: str
    type: str
    newest: int
    due_from: int
    due_to: int


class LongHistoryFound(Struct, frozen=True, kw_only=True):
    """A first pass over a long history begins: what it costs the store, and from when on that takes it.

    `samples` is how many there are at most. `accepts_from` is None where the store does not tell.
    """

    source: str
    bucket: str
    start: int
    events: int
    samples: int
    accepts_from: int | None


class BucketSkipped(Struct, frozen=True, kw_only=True):
    """A bucket that is not synced, and why."""

    source: str
    bucket: str
    why: str
    watcher: str = ""
    host: str = ""
    type: str = ""


class PageRead(Struct, frozen=True, kw_only=True):
    """One read of a bucket's events."""

    source: str
    bucket: str
    work: Work
    start: int
    end: int
    events: int


class HistoryWentBack(Struct, frozen=True, kw_only=True):
    """A bucket's newest event is older than it was: its database was restored or wiped, or events deleted.

    `newest` and `before` are ends of its newest event, in microseconds.
    """

    source: str
    bucket: str
    newest: int
    before: int


class FutureLeft(Struct, frozen=True, kw_only=True):
    """A checkpoint lay in the future, where a clock that was ahead had put it; it was taken back."""

    source: str
    bucket: str
    position: int


SourceEvent = (
    SourceReached
    | SourceFailed
    | SameDevice
    | LabelsChanged
    | CategoriesLeftOut
    | AwayUnknown
    | BucketFound
    | LongHistoryFound
    | BucketSkipped
    | PageRead
    | HistoryWentBack
    | FutureLeft
)
