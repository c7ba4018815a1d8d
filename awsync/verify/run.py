"""One verification: each bucket of each source that is asked for, compared with the store.

May import: everything below the agent.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from msgspec import Struct

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.budget import Budget
from awsync.delivery import Delivery
from awsync.engine import Wiring
from awsync.errors import SourceError, no_such_bucket
from awsync.labelling import Labelling
from awsync.link import Link
from awsync.neighbours import Neighbours
from awsync.pass_context import MICROSECOND
from awsync.planning import left_out
from awsync.presence import PresenceReader
from awsync.records import Checkpoint
from awsync.remote_write.connection import shown_url
from awsync.roll_call import roll_call
from awsync.schedule import Schedule
from awsync.settings import Settings, SourceSettings, StoreSettings
from awsync.state import State
from awsync.timeline import MICROSECONDS, MINUTE, closed_until, floor_to
from awsync.verify.checking import Checker, span_of
from awsync.verify.comparing import Comparer
from awsync.verify.periods import By, Periods
from awsync.verify.reading import BucketReader
from awsync.verify.repairing import Repairer
from awsync.verify.report import Asked, Said, Skipped, Unread

_A_PASS = MINUTE
"""What came due so lately may be on its way."""


class Question(Struct, frozen=True):
    """What is compared: since which moment, by which periods, of which source and bucket (None: all)."""

    since: int
    by: By = By.DAY
    source: str | None = None
    bucket: str | None = None
    repair: bool = False


class Run:
    """One verification over everything that is asked for."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        question: Question,
        link: Link,
        delivery: Delivery,
        wiring: Wiring,
        pause: float,
    ) -> None:
        self._settings = settings
        self._state = state
        self._question = question
        self._link = link
        self._delivery = delivery
        self._wiring = wiring
        self._pause = pause
        self._now = wiring.clock()
        self._resolution = settings.resolution // MICROSECOND
        self._periods = Periods(question.by)
        self._since = 0
        self._found = False
        self._among = Neighbours()

    async def everything(self, store: StoreSettings) -> AsyncGenerator[Said, None]:
        """The store, and then each bucket of each source."""
        link, question = self._link, self._question
        if question.repair:
            await link.open()
        else:
            await link.knowledge.ask()
        await link.knowledge.flush()
        yield self._asked(store)
        await self._meet()
        for source in self._settings.sources:
            if question.source in (None, source.name):
                async with aclosing(self._source(source)) as said:
                    async for each in said:
                        yield each
        if question.bucket is not None and not self._found:
            raise no_such_bucket(question.bucket)

    async def _meet(self) -> None:
        """Finds out what the sources have in common: what is left out for that was never to be sent."""
        wiring, remembered = self._wiring, self._state.neighbours()
        async with roll_call(
            self._settings.sources, remembered, transport=wiring.aw_transport, silence=wiring.aw_timeout
        ) as called:
            self._among = called.neighbours

    def _asked(self, store: StoreSettings) -> Asked:
        facts, since = self._link.knowledge.facts, self._question.since
        kept_from = None
        if facts.retention is not None and (oldest := self._now - facts.retention // MICROSECOND) > since:
            since = kept_from = self._periods.end_of(self._periods.start_of(max(oldest, 0)))
        self._since = self._periods.start_of(max(since, 0))
        return Asked(shown_url(store.asked_url or ""), facts.engine, facts.version or "", kept_from)

    async def _source(self, source: SourceSettings) -> AsyncGenerator[Said, None]:
        wiring = self._wiring
        async with ActivityWatch(
            source, transport=wiring.aw_transport, timeout=wiring.aw_timeout, deadline=wiring.aw_deadline
        ) as aw:
            try:
                listing = await aw.listing()
            except SourceError as error:
                yield Unread(source.name, None, error.message, error.remedy)
                return
            for id_, fault in listing.unreadable.items():
                if self._question.bucket in (None, id_):
                    self._found = True
                    yield Unread(source.name, id_, fault.message, fault.remedy)
            presence = PresenceReader(aw, source, self._settings.hosts, listing.buckets)
            with Labelling(aw, source, self._settings) as labelling:
                for bucket in sorted(listing.buckets, key=PresenceReader.rank):
                    if self._question.bucket not in (None, bucket.id):
                        continue
                    self._found = True
                    try:
                        async with aclosing(self._bucket(source, aw, bucket, presence, labelling)) as said:
                            async for each in said:
                                yield each
                    except SourceError as error:
                        yield Unread(source.name, bucket.id, error.message, error.remedy)
            for skipped in self._gone(
                source.name, {*listing.unreadable, *(each.id for each in listing.buckets)}
            ):
                yield skipped

    def _gone(self, source: str, listed: set[str]) -> list[Skipped]:
        """Buckets that were synced, and that ActivityWatch does not have any more."""
        return [
            Skipped(source, each.bucket, "ActivityWatch does not have it any more")
            for each in self._state.checkpoints()
            if each.source == source and each.position is not None and each.bucket not in listed
            and self._question.bucket in (None, each.bucket)
        ]  # fmt: skip

    async def _bucket(
        self,
        source: SourceSettings,
        aw: ActivityWatch,
        bucket: Bucket,
        presence: PresenceReader,
        labelling: Labelling,
    ) -> AsyncGenerator[Said, None]:
        checkpoint = self._state.checkpoint(source.name, bucket.id)
        why = left_out(bucket, source, self._among) or await self._why_not(aw, bucket, checkpoint)
        span = span_of(
            checkpoint, self._since_of(checkpoint), self._due(bucket, presence), self._now, self._resolution
        )
        if why is None and span.start >= span.end:
            why = "nothing of this time was to be sent"
        if why is not None:
            yield Skipped(source.name, bucket.id, why)
            return
        labels = await labelling.of(bucket)
        book = self._state.admissions(source.name, bucket.id)
        budget = Budget(self._settings.series_budget, labels.identity, book)
        reader = BucketReader(
            aw, bucket, labels, self._resolution, presence, self._link, self._periods, budget
        )
        comparer = Comparer(source.name, bucket.id, self._resolution, self._periods)
        checker = Checker(reader, comparer, self._state, self._repairer(source, bucket), self._pause)
        async with aclosing(checker.check(checkpoint, span)) as said:
            async for each in said:
                yield each

    async def _why_not(self, aw: ActivityWatch, bucket: Bucket, checkpoint: Checkpoint) -> str | None:
        """Why there is nothing to compare; a bucket that was synced is not left out for having few events."""
        if bucket.newest is None and checkpoint.position is None:
            return "it is empty"
        if checkpoint.position is None and (events := await aw.count(bucket.id)) < self._settings.min_data:
            return f"{events} events are fewer than min-data {self._settings.min_data}"
        return None

    def _since_of(self, checkpoint: Checkpoint) -> int:
        history = self._settings.initial_history
        if checkpoint.position is not None or history is None:
            return self._since
        return max(self._since, floor_to(self._now - history // MICROSECOND, self._resolution))

    def _due(self, bucket: Bucket, presence: PresenceReader) -> int:
        """Until when everything should be there: a pass was to run since, and had a minute for its work."""
        settle = self._settings.settle // MICROSECOND
        moment = datetime.fromtimestamp((self._now - _A_PASS) / 1e6, UTC)
        last = round(Schedule.of(self._settings).last_until(moment).timestamp()) * MICROSECONDS

        def until(newest: int) -> int:
            return closed_until(newest, min(last, self._now), settle, self._resolution)

        return presence.closed(bucket, until(bucket.newest or 0), settle, until)

    def _repairer(self, source: SourceSettings, bucket: Bucket) -> Repairer | None:
        if not self._question.repair:
            return None
        facts = self._link.knowledge.fingerprint
        return Repairer(
            source.name, bucket.id, self._resolution, self._state, self._delivery, self._now, facts
        )
