"""What a pass did, bucket by bucket: the engine's events folded into rows that any front end can show.

May import: the standard library, msgspec, events, words.
"""

from msgspec import Struct, field
from msgspec.structs import asdict

from awsync.events import (
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CorrectionSent,
    Event,
    PageRead,
    PassFinished,
    SamplesSetAside,
    SeriesFolded,
    SetAsideDelivered,
    SourceFailed,
    StoreReached,
)
from awsync.words import iso


class BucketRow(Struct):
    """One bucket of one pass; moments are microseconds since the epoch."""

    source: str
    bucket: str
    watcher: str = ""
    host: str = ""
    events: int = 0
    samples: int = 0
    due_from: int | None = None
    due_to: int | None = None
    position: int | None = None
    newest: int | None = None
    folded: int = 0
    set_aside: int = 0
    note: str = ""

    @property
    def share(self) -> float:
        """How much of what is due is behind the checkpoint, from 0 to 1."""
        if self.due_from is None or self.due_to is None or self.due_to <= self.due_from:
            return 1.0
        return ((self.position or self.due_from) - self.due_from) / (self.due_to - self.due_from)

    @property
    def state(self) -> str:
        """The row in a few words."""
        if self.note:
            return self.note
        if self.set_aside:
            return f"{self.set_aside:,} samples set aside"
        if self.share < 1.0:
            return "not finished"
        folded = f", {self.folded:,} label sets folded" if self.folded else ""
        return f"delivered{folded}" if self.samples else "nothing new"


class PassSummary(Struct):
    """Folds the events of one pass."""

    rows: dict[tuple[str, str], BucketRow] = field(default_factory=dict)
    store: str = ""
    finished: PassFinished | None = None

    def apply(self, event: Event) -> None:
        """Takes in one event."""
        match event:
            case BucketFound():
                row = self.row(event.source, event.bucket)
                row.watcher, row.host, row.newest = event.watcher, event.host, event.newest
                row.due_from, row.due_to = event.due_from, event.due_to
                row.position = event.due_from
            case BucketSkipped():
                self.row(event.source, event.bucket).note = f"skipped: {event.why}"
            case PageRead():
                self.row(event.source, event.bucket).events += event.events
            case CheckpointMoved():
                row = self.row(event.source, event.bucket)
                row.position = event.position
                row.samples += event.samples
            case CorrectionSent() | SetAsideDelivered():
                self.row(event.source, event.bucket).samples += event.samples
            case SamplesSetAside() | SeriesFolded():
                self._kept(self.row(event.source, event.bucket), event)
            case SourceFailed(bucket=str(bucket)):
                self.row(event.source, bucket).note = f"failed: {event.reason}"
            case StoreReached():
                known = event.engine != "unknown"
                self.store = f"{event.engine} {event.version}".strip() if known else ""
            case PassFinished():
                self.finished = event
            case _:
                pass

    def row(self, source: str, bucket: str) -> BucketRow:
        """The row of a bucket, made when it is first heard of."""
        return self.rows.setdefault((source, bucket), BucketRow(source, bucket))

    def _kept(self, row: BucketRow, event: SamplesSetAside | SeriesFolded) -> None:
        if isinstance(event, SeriesFolded):
            row.folded += event.sets
        else:
            row.set_aside += event.samples

    def document(self) -> dict[str, object]:
        """The summary for machines; moments as ISO 8601 text."""
        assert self.finished is not None
        totals = asdict(self.finished.totals)
        return {
            "complete": self.finished.complete,
            "elapsed_seconds": round(self.finished.elapsed, 3),
            "store": self.store,
            "totals": totals,
            "buckets": [_document(row) for row in self.rows.values()],
        }


def _document(row: BucketRow) -> dict[str, object]:
    return {
        "source": row.source,
        "bucket": row.bucket,
        "watcher": row.watcher,
        "host": row.host,
        "events": row.events,
        "samples": row.samples,
        "folded": row.folded,
        "set_aside": row.set_aside,
        "state": row.state,
        "position": iso(row.position),
        "newest": iso(row.newest),
    }
