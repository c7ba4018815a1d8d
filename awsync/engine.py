"""The sync itself: one pass over every source, as a stream of events that all front ends read.

A pass gives each source a task of its own, so that a slow or dead server delays no other. Inside a source
the next page is read while the last one is prepared and delivered; CPU work runs in a thread, so that the
event loop stays free. Cancelling at any point loses nothing: what was not committed is sent again.

May import: everything but cli, demo and tui.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import httpx
from msgspec import Struct, field
from msgspec.structs import replace

from awsync.activitywatch.answers import Info, Listing
from awsync.activitywatch.client import DEADLINE, SILENCE, ActivityWatch
from awsync.delivery import Delivery
from awsync.errors import GONE_REMEDY, BucketGoneError, StateError
from awsync.events import Event, PassFinished, PassStarted
from awsync.link import Link
from awsync.meeting import Meeting
from awsync.pass_context import PassContext
from awsync.persistence import FIRST_DELAY
from awsync.remote_write.client import Client
from awsync.settings import Settings, SourceSettings
from awsync.source_pass import SourcePass
from awsync.state import State
from awsync.tally import Tally
from awsync.telemetry.own_series import OwnSeries

Emit = Callable[[Event], None]
Only = tuple[str, str | None] | None
"""What a pass is restricted to: a source, and a bucket of it; None for everything."""

_STOPPED = "It was stopped before its end."


def system_clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class Wiring(Struct, frozen=True):
    """What tests replace: the clocks, the two transports and how long each of the two servers is waited for.

    `stopwatch` gives seconds from anywhere on; `first_delay` are those before a request is repeated.
    """

    clock: Callable[[], int] = system_clock
    stopwatch: Callable[[], float] = time.monotonic
    aw_transport: httpx.AsyncBaseTransport | None = None
    store_transport: httpx.AsyncBaseTransport | None = None
    aw_timeout: timedelta = SILENCE
    aw_deadline: timedelta = DEADLINE
    first_delay: float = FIRST_DELAY


class Engine(Struct):
    """Runs passes with one set of settings over one state.

    `patience` is how many seconds of a failing store one pass bears (None: for ever). `infos` are what
    servers said of themselves, by address: none is asked twice. `own` sends what is known of the passes.
    """

    settings: Settings
    state: State
    patience: float | None = None
    wiring: Wiring = field(default_factory=Wiring)
    infos: dict[str, Info] = field(default_factory=dict)
    own: OwnSeries | None = None
    _silent: set[str] = field(default_factory=set)
    _unwatched: dict[tuple[str, str], int] = field(default_factory=dict)

    async def one_pass(self, emit: Emit, *, look_back: bool = False, only: Only = None) -> PassFinished:
        """One pass; raises StateError only. `look_back` does not wait for the hour.

        A pass that is cancelled says that it was stopped, and settles nothing more.
        """
        account = _Account(self.state, self.wiring, emit)
        settings = self.settings
        source_name, bucket = only or (None, None)
        sources = [each for each in settings.sources if source_name in (None, each.name)]
        account.begin(sources, bucket)
        async with self._link(account.say) as link:
            with account.unless_stopped():
                keep_from = await self._work(link, account, sources, bucket, look_back=look_back)
            if account.tally.totals().samples:
                self.state.prune(keep_from)
            finished = account.finish(stopped=False)
            if self.own is not None:
                nothing_waits = finished.complete and only is None
                refused = await self.own.send(link, settings, nothing_waits=nothing_waits)
                if refused is not None:
                    emit(refused)
        return finished

    @asynccontextmanager
    async def _link(self, say: Emit) -> AsyncIterator[Link]:
        """The store as one pass reaches it."""
        store, wiring = self.settings.store, self.wiring
        assert store is not None, "a pass needs prometheus-url; config.load demands it"
        client = Client(store, transport=wiring.store_transport)
        try:
            yield Link(
                client,
                store,
                say,
                sink=self.state.sink,
                clock=wiring.clock,
                patience=self.patience,
                first_delay=wiring.first_delay,
            )
        finally:
            await _to_its_end(client.aclose())

    async def _work(
        self,
        link: Link,
        account: "_Account",
        sources: Sequence[SourceSettings],
        bucket: str | None,
        *,
        look_back: bool,
    ) -> int:
        """Runs the sources; returns the moment from which the ledger is kept."""
        started, say = account.started, account.say
        context = PassContext(
            settings=self.settings,
            state=self.state,
            link=link,
            delivery=Delivery(link, say),
            emit=say,
            tally=account.tally,
            meeting=Meeting(self.settings.sources, sources, self.state, self._silent, started),
            now=started,
            unwatched=self._unwatched,
            newest=min(started, self.state.newest() or started),
            look_back=look_back,
            whole=bucket is None,
        )
        try:
            async with asyncio.TaskGroup() as group:
                for source in sources:
                    group.create_task(self._source(source, bucket, context))
        except ExceptionGroup as failed:
            # What one source cannot bear (a state that cannot be written) ends the pass as itself.
            raise failed.exceptions[0] from failed
        return context.keep_from

    async def _source(self, source: SourceSettings, bucket: str | None, context: PassContext) -> None:
        wiring = self.wiring
        transport, timeout, deadline = wiring.aw_transport, wiring.aw_timeout, wiring.aw_deadline
        client = ActivityWatch(source, transport=transport, timeout=timeout, deadline=deadline)
        if bucket is not None:
            client = OneBucket(source, bucket, transport=transport, timeout=timeout, deadline=deadline)
        async with client as aw:
            await SourcePass(source, aw, context, self.infos).run()


class _Account:
    """What one pass says of itself: counted as it is said, its beginning and its end written down."""

    def __init__(self, state: State, wiring: Wiring, emit: Emit) -> None:
        self.started = wiring.clock()
        self.tally = Tally()
        self._begun = wiring.stopwatch()
        self._state = state
        self._wiring = wiring
        self._emit = emit
        self._number = state.begin_pass(self.started)

    def say(self, event: Event) -> None:
        """Counts and hands on what happened."""
        self.tally.apply(event)
        self._emit(event)

    def begin(self, sources: Sequence[SourceSettings], bucket: str | None) -> None:
        """Says that the pass begins."""
        names = tuple(each.name for each in sources)
        self.say(PassStarted(at=self.started, sources=names, sink=self._state.sink, bucket=bucket))

    @contextmanager
    def unless_stopped(self) -> Iterator[None]:
        """Notes where the work of the pass is stopped, or the state cannot bear it."""
        try:
            yield
        except asyncio.CancelledError:
            self._state.stop_pass(self.started)
            self.finish(stopped=True)
            raise
        except StateError:
            self._state.stop_pass(self.started)
            raise

    def finish(self, *, stopped: bool) -> PassFinished:
        """Writes down how the pass ended, and says so."""
        totals = self.tally.totals(
            held_ranges=len(self._state.set_aside()), held_samples=len(self._state.quarantine())
        )
        finished = PassFinished(
            at=self._wiring.clock(),
            elapsed=self._wiring.stopwatch() - self._begun,
            complete=self.tally.complete and not stopped,
            totals=replace(totals, faults=(*totals.faults, _STOPPED)) if stopped else totals,
            stopped=stopped,
        )
        self._state.finish_pass(self._number, finished)
        self.say(finished)
        return finished


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Waits for what must not be left half done; who is cancelled meanwhile hears of it afterwards."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class OneBucket(ActivityWatch):
    """A server as a pass over one bucket sees it."""

    def __init__(
        self,
        source: SourceSettings,
        bucket: str,
        *,
        transport: httpx.AsyncBaseTransport | None,
        timeout: timedelta,
        deadline: timedelta,
    ) -> None:
        super().__init__(source, transport=transport, timeout=timeout, deadline=deadline)
        self._bucket = bucket

    async def listing(self) -> Listing:
        """The one bucket; raises BucketGoneError where the server does not have it."""
        whole = await super().listing()
        found = [bucket for bucket in whole.buckets if bucket.id == self._bucket]
        unreadable = {id_: error for id_, error in whole.unreadable.items() if id_ == self._bucket}
        if not found and not unreadable:
            raise BucketGoneError(f'ActivityWatch at {self.url} has no bucket "{self._bucket}".', GONE_REMEDY)
        return Listing(found, unreadable, [bucket for bucket in whole.buckets if bucket.id != self._bucket])
