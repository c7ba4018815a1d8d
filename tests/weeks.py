"""What an engine says in weeks of passes, and an agent that tells it, for tests of the screens."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from awsync.events import (
    BatchDelivered,
    BucketFound,
    CheckpointMoved,
    CorrectionSent,
    Event,
    NextPass,
    PageRead,
    PassFinished,
    PassStarted,
    Paused,
    Resumed,
    RetryScheduled,
    RunEnded,
    RunStarted,
    SamplesSetAside,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
    Totals,
    Work,
)
from awsync.records import PassRecord
from awsync.survey import SourceReport
from tests.scripted import NOW, ScriptedAgent, report

MINUTE = 60_000_000
BUCKETS = tuple(
    f"aw-watcher-{name}_pc" for name in ("afk", "chrome", "firefox", "steam", "tv", "vim", "window", "x")
)
SINK = "http://localhost:9090"


def a_pass(number: int) -> Iterator[Event]:
    """What the engine says in a pass over eight buckets that all have something new, and now and then a
    fault."""
    at = NOW + number * MINUTE
    yield PassStarted(at=at, sources=("laptop",), sink=SINK)
    yield SourceReached(
        source="laptop", url="http://localhost:5600", version="v0.13.2", hostname="pc", buckets=8
    )
    yield StoreReached(sink=SINK, engine="Prometheus", version="3.5.0", protocol="2.0", accepts_from=None)
    for bucket in BUCKETS:
        due = {"due_from": at - 2 * MINUTE, "due_to": at - MINUTE}
        yield BucketFound(
            source="laptop",
            bucket=bucket,
            watcher="aw-watcher-window",
            host="pc",
            type="currentwindow",
            newest=at,
            **due,
        )
    for bucket in BUCKETS:
        yield PageRead(
            source="laptop", bucket=bucket, work=Work.FORWARD, start=at - 2 * MINUTE, end=at, events=number
        )
    yield from a_fault(number, at)
    yield BatchDelivered(
        source="laptop", samples=8, series=8, bytes=500 + number, elapsed=0.002, protocol="2.0"
    )
    for bucket in BUCKETS:
        yield CheckpointMoved(source="laptop", bucket=bucket, position=at - MINUTE, samples=number)
    totals = Totals(sources_reached=1, buckets=8, events=number, samples=8, series=8)
    yield PassFinished(at=at, elapsed=0.3, complete=number % 37 != 0, totals=totals)
    yield NextPass(at=at + MINUTE)


def a_fault(number: int, at: int) -> Sequence[Event]:
    """What weeks bring, each in its turn and each in other words."""
    bucket = BUCKETS[number % 8]
    of = {"source": "laptop", "bucket": bucket}
    faults: Sequence[Sequence[Event]] = (
        [RetryScheduled(sink=SINK, reason=f"It answered 503 ({number}).", attempt=1, delay=1.0)],
        [SourceFailed(source="laptop", bucket=None, reason=f"No answer in {number} ms.", remedy="Start it.")],
        [SourceFailed(**of, reason=f"A bad answer {number}.", remedy="Look at it.")],
        [CorrectionSent(**of, samples=1, microseconds=number)],
        [SamplesSetAside(**of, start=at, end=at, samples=1, reason=f"too old {number}", remedy="Wait.")],
        [SettingsReloaded(problem=f"Line {number} is wrong."), SettingsReloaded()],
        [StoreParked(sink=SINK, reason=f"It answered 401 ({number}).", remedy="Look at the token.")],
        [Paused(), Resumed(), RunEnded(pid=number), RunStarted(pid=number, version="1")],
    )
    return faults[number // 5 % len(faults)] if number % 5 == 0 else ()


class Weeks(ScriptedAgent):
    """An agent whose service runs a pass a minute, and whose sources come and go."""

    number = 0

    async def survey(self) -> list[SourceReport]:
        """The buckets, with another one each hour, and another source beside them."""
        hour = self.number // 60
        gone = replace(report(f"aw-watcher-window_{hour}"), source=f"source {hour}")
        newest = NOW + self.number * MINUTE
        found = [replace(report(bucket), newest=newest) for bucket in (*BUCKETS, gone.bucket)]
        return [
            SourceReport("laptop", "http://localhost:5600", "v0.13.2", found),
            SourceReport(gone.source, "http://localhost:5601", "v0.13.2", [replace(gone, newest=newest)]),
        ]

    def passes(self, limit: int) -> list[PassRecord]:
        """The last passes."""
        first = max(0, self.number - limit)
        return [
            PassRecord(NOW + n * MINUTE, NOW + n * MINUTE, 1.0, complete=True)
            for n in range(first, self.number)
        ]
