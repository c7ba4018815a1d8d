"""The store as one pass reaches it: opened once, asked until it answers, and parked once for all sources.

May import: the standard library, anchor, events, knowledge, persistence, series, settings, remote_write.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from awsync import anchor
from awsync.events import ClockSkewed, Event, RetryScheduled, StoreParked, StoreReached
from awsync.knowledge import Knowledge
from awsync.persistence import FIRST_DELAY, OutOfPatienceError, Persistence
from awsync.remote_write.client import Client, Rejected, Retry, Verdict
from awsync.remote_write.client import StoreReached as Opened
from awsync.remote_write.queries import Held, QueryError
from awsync.remote_write.store import StoreFacts
from awsync.series import Labels
from awsync.settings import StoreSettings
from awsync.timeline import MICROSECONDS, MILLISECOND

SKEW_SECONDS = 5.0
"""A clock that is so far off is worth a sentence; two seconds are what the Date header cannot tell."""
_UNSURE_SECONDS = 2.0

_Answer = TypeVar("_Answer")


class ParkedError(Exception):
    """The store refuses everything until somebody changes something."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Link:
    """One store, through any weather, for all sources of a pass. What waits for it raises ParkedError.

    `patience` is how many seconds of failing in a row are borne before a run gives up; None is for ever.
    `first_delay` is the longest wait, in seconds, before the first repeat; each further one is twice as long.
    """

    def __init__(
        self,
        client: Client,
        store: StoreSettings,
        emit: Callable[[Event], None],
        *,
        sink: str,
        clock: Callable[[], int],
        patience: float | None = None,
        first_delay: float = FIRST_DELAY,
    ) -> None:
        self.client = client
        self._emit = emit
        self.sink = sink
        self._clock = clock
        self._persistence = Persistence(self._tell_retry, patience, first_delay)
        self._opening = asyncio.Lock()
        self._opened = False
        self._parked: ParkedError | None = None
        self.knowledge = Knowledge(client, store, clock)

    @property
    def parked(self) -> bool:
        """Whether a source of the pass found that the store takes nothing."""
        return self._parked is not None

    @property
    def ahead(self) -> int:
        """Microseconds that this machine's clock is ahead of the store's; 0 where that is not sure."""
        skew = self.client.skew
        return round(-skew * MICROSECONDS) if skew is not None and skew < -_UNSURE_SECONDS else 0

    def park(self, error: ParkedError) -> None:
        """Says once that the store takes nothing; every source of the pass runs into it."""
        if self._parked is None:
            self._parked = error
            self._emit(StoreParked(sink=self.sink, reason=error.reason, remedy=error.remedy))

    async def open(self) -> None:
        """Reaches the store and learns what it is, once; raises ParkedError."""
        async with self._opening:
            if self._parked is not None:
                raise self._parked
            if self._opened:
                return
            reached: Opened | Rejected = await self.persist(self.client.open)
            if isinstance(reached, Rejected):
                raise ParkedError(reached.words, reached.remedy)
            await self.knowledge.ask()
            await self._anchor()
            self._opened = True
        self._emit(store_reached(self.sink, reached, self.knowledge.facts))
        skew = self.client.skew
        if skew is not None and abs(skew) >= SKEW_SECONDS:
            self._emit(ClockSkewed(of=self.sink, seconds=skew))

    async def _anchor(self) -> None:
        """Sends the anchor where one is needed; what the store then takes is asked once more.

        A store that refuses it speaks for itself when it gets the data.
        """
        now = self._clock() - self.ahead

        async def attempt() -> Verdict:
            return await self.client.send([anchor.sample(now)])

        if anchor.is_needed(self.knowledge.facts, now // MILLISECOND):
            await self.persist(attempt)
            await self.knowledge.ask()

    async def series(self, identity: Labels, from_ms: int, to_ms: int) -> Held | None:
        """What the store holds of these series (milliseconds to values); None where it hides that."""
        return await self.ask(lambda: self.knowledge.series(identity, from_ms, to_ms))

    async def has_series(self, identity: Labels, from_ms: int, to_ms: int) -> bool:
        """Whether the store holds such a series, as far as it tells."""
        return await self.ask(lambda: self.knowledge.has_series(identity, from_ms, to_ms))

    async def suspect(self) -> None:
        """Raises ParkedError where the store refuses an empty request too: then no sample is to blame."""
        reached: Opened | Rejected = await self.persist(self.client.open)
        if isinstance(reached, Rejected):
            raise ParkedError(reached.words, reached.remedy)

    async def is_well(self) -> bool:
        """Whether the store takes an empty request: then it is our samples that it cannot bear."""
        return isinstance(await self.client.open(), Opened)

    async def ask(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Asks the store for its samples until it answers: what is guessed here is doubled there.

        Raises QueryError for a refusal that lasts.
        """

        async def attempt() -> _Answer | Retry:
            try:
                return await question()
            except QueryError as error:
                if not error.passing:
                    raise
                return Retry(error.message)

        return await self.persist(attempt)

    async def persist(self, attempt: Callable[[], Awaitable[_Answer | Retry]]) -> _Answer:
        """Repeats a request until its answer is not Retry."""
        try:
            return await self._persistence.repeat(attempt)
        except OutOfPatienceError as error:
            raise ParkedError(
                f"{error.reason} The store did not recover in {error.seconds:.0f} s.",
                "Nothing was lost: what is due is sent by the next pass that reaches it.",
            ) from None

    def _tell_retry(self, reason: str, attempt: int, delay: float) -> None:
        self._emit(RetryScheduled(sink=self.sink, reason=reason, attempt=attempt, delay=delay))


def store_reached(sink: str, opened: Opened, facts: StoreFacts) -> StoreReached:
    """What is said of a store that takes remote write."""
    floor = facts.accepts_from_ms
    return StoreReached(
        sink=sink,
        engine=facts.engine,
        version=facts.version or "",
        protocol=opened.protocol,
        accepts_from=None if floor is None else floor * MILLISECOND,
        relay=facts.relay or "",
        forgetful=facts.forgetful,
    )
