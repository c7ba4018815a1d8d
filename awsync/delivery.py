"""The loop between the engine and the store: it acts on verdicts, and knows nothing of HTTP.

A request has one of three verdicts. Delivered: done. Retry: wait and send the same again. Rejected: find
out which samples the store does not take, deliver the others, and give those back with the store's words.

May import: the standard library, msgspec, events, knowledge, persistence, series, settings, remote_write.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from awsync.events import BatchDelivered, ClockSkewed, Event, RetryScheduled, StoreParked, StoreReached
from awsync.knowledge import Knowledge, same
from awsync.persistence import FIRST_DELAY, OutOfPatienceError, Persistence
from awsync.remote_write.client import Cause, Client, Delivered, Rejected, Retry
from awsync.remote_write.client import StoreReached as Opened
from awsync.remote_write.store import QueryError, StoreFacts
from awsync.remote_write.verdicts import INVALID_REMEDY
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from awsync.timeline import MICROSECONDS, MILLISECOND

REQUEST_SAMPLES = 10_000
SAME_ANSWERS = 5
"""So many times one after the other the same 500: then the request itself may be what the store dies of."""
SKEW_SECONDS = 5.0
"""A clock that is so far off is worth a sentence; two seconds are what the Date header cannot tell."""
_UNSURE_SECONDS = 2.0
_FLOOR_WORDS = "it is older than the store says it takes"

_Answer = TypeVar("_Answer")


class Refusal(Struct, frozen=True):
    """A sample that the store does not take, and what it said of it."""

    sample: Sample
    too_old: bool
    words: str


class ParkedError(Exception):
    """The store refuses everything until somebody changes something."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Delivery:
    """Brings samples to one store through any weather, for all sources of a pass.

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
        self._client = client
        self._emit = emit
        self._sink = sink
        self._persistence = Persistence(self._tell_retry, patience, first_delay)
        self._request_samples = REQUEST_SAMPLES
        self._opening = asyncio.Lock()
        self._opened = False
        self._parked: ParkedError | None = None
        self._begun: set[str] = set()
        self.knowledge = Knowledge(client, store, clock)

    @property
    def ahead(self) -> int:
        """Microseconds that this machine's clock is ahead of the store's; 0 where that is not sure."""
        skew = self._client.skew
        return round(-skew * MICROSECONDS) if skew is not None and skew < -_UNSURE_SECONDS else 0

    def park(self, error: ParkedError) -> None:
        """Says once that the store takes nothing; every source of the pass runs into it."""
        if self._parked is None:
            self._parked = error
            self._emit(StoreParked(sink=self._sink, reason=error.reason, remedy=error.remedy))

    async def open(self) -> None:
        """Reaches the store and learns what it is, once; raises ParkedError."""
        async with self._opening:
            if self._parked is not None:
                raise self._parked
            if self._opened:
                return
            reached: Opened | Rejected = await self._persist(self._client.open)
            if isinstance(reached, Rejected):
                raise ParkedError(reached.words, reached.remedy)
            await self.knowledge.ask()
            self._opened = True
        self._emit(store_reached(self._sink, reached, self.knowledge.facts))
        skew = self._client.skew
        if skew is not None and abs(skew) >= SKEW_SECONDS:
            self._emit(ClockSkewed(of=self._sink, seconds=skew))

    async def series(
        self, identity: Labels, from_ms: int, to_ms: int
    ) -> Mapping[Labels, Mapping[int, float]] | None:
        """What the store holds of these series (milliseconds to values); None where it hides that."""
        return await self._ask(lambda: self.knowledge.series(identity, from_ms, to_ms))

    async def has_series(self, identity: Labels, from_ms: int, to_ms: int) -> bool:
        """Whether the store holds such a series, as far as it tells."""
        return await self._ask(lambda: self.knowledge.has_series(identity, from_ms, to_ms))

    async def deliver(self, samples: Iterable[Sample], *, source: str) -> list[Refusal]:
        """Sends everything; returns what the store does not take. Raises ParkedError.

        Samples go out in the order of time, so that a store without an out-of-order window takes the most.
        """
        ordered, refusals = await self._without_old(sorted(samples, key=_time), _FLOOR_WORDS)
        queue = deque([ordered])
        suspected = False
        while queue:
            chunk = queue.popleft()
            if len(chunk) > self._request_samples:
                parts = -(-len(chunk) // self._request_samples)
                queue.extendleft(reversed(_cut(chunk, -(-len(chunk) // parts))))
                continue
            verdict, chunk = await self._send(chunk, source, refusals)
            if isinstance(verdict, Delivered):
                continue
            if verdict.cause is Cause.TOO_LARGE and len(chunk) > 1:
                self._request_samples = len(chunk) // 2
                queue.appendleft(chunk)
            elif verdict.cause is Cause.TOO_OLD:
                rest, refused = await self._sift(chunk, verdict.words, source)
                refusals += refused
                queue.appendleft(rest)
            elif verdict.written and (stored := await self._confirmed(chunk)):
                # Remote write 2.0 keeps the good samples of a request that it refuses.
                queue.appendleft([sample for sample in chunk if sample not in stored])
            elif len(chunk) > 1:
                if not suspected:
                    await self._suspect_store()
                suspected = True
                queue.extendleft(reversed(_cut(chunk, -(-len(chunk) // 2))))
            elif not await self._confirmed(chunk):
                refusals.append(Refusal(chunk[0], too_old=False, words=verdict.words))
        return refusals

    async def _send(
        self, chunk: list[Sample], source: str, refusals: list[Refusal]
    ) -> tuple[Delivered | Rejected, list[Sample]]:
        """Sends a chunk until there is an answer; returns it with the samples that it is about.

        What the store holds already is not sent, and with another value it is a refusal.
        """
        rest, repeated = chunk, source not in self._begun
        suspicion = _Suspicion()
        self._begun.add(source)

        async def attempt() -> Delivered | Rejected | Retry:
            nonlocal rest, repeated
            try:
                rest, conflicts = await self.knowledge.unsent(rest, flushed=repeated)
            except QueryError as error:
                return Retry(error.message)
            refusals.extend(_conflict(sample, value) for sample, value in conflicts.items())
            repeated = True
            verdict = await self._client.send(rest)
            if isinstance(verdict, Retry) and suspicion.grows(verdict) and await self._is_well():
                return Rejected(Cause.INVALID, verdict.reason, INVALID_REMEDY, verdict.status)
            return verdict

        verdict: Delivered | Rejected = await self._persist(attempt)
        if isinstance(verdict, Rejected) and verdict.cause is Cause.PARKED:
            raise ParkedError(verdict.words, verdict.remedy)
        if isinstance(verdict, Delivered) and verdict.samples:
            self._emit(
                BatchDelivered(
                    source=source,
                    samples=verdict.samples,
                    series=len({id(sample.labels) for sample in rest}),
                    bytes=verdict.bytes,
                    elapsed=verdict.elapsed,
                    protocol=self._client.protocol or "",
                )
            )
        return verdict, rest

    async def _suspect_store(self) -> None:
        """Raises ParkedError where the store refuses an empty request too: then no sample is to blame."""
        reached: Opened | Rejected = await self._persist(self._client.open)
        if isinstance(reached, Rejected):
            raise ParkedError(reached.words, reached.remedy)

    async def _is_well(self) -> bool:
        """Whether the store takes an empty request: then it is our samples that it cannot bear."""
        return isinstance(await self._client.open(), Opened)

    async def _without_old(self, ordered: list[Sample], words: str) -> tuple[list[Sample], list[Refusal]]:
        """The samples that are not too old as is known, and those that are, and that the store lacks."""
        floor = self.knowledge.floor
        if floor is None or not ordered or ordered[0].timestamp_ms >= floor:
            return ordered, []
        old = [sample for sample in ordered if sample.timestamp_ms < floor]
        stored = await self._confirmed(old)
        refused = [Refusal(sample, too_old=True, words=words) for sample in old if sample not in stored]
        return ordered[len(old) :], refused

    async def _sift(self, chunk: list[Sample], words: str, source: str) -> tuple[list[Sample], list[Refusal]]:
        """What of a chunk that was refused for its age is worth sending again, and what is not.

        First the store is asked for its limit, then for what it holds already (a repeat after a lost answer
        is refused as out of order, and yet delivered); only a store that hides both is searched.
        """
        await self.knowledge.ask()
        rest, refused = await self._without_old(chunk, words)
        if len(rest) < len(chunk):
            return rest, refused
        stored = await self._confirmed(chunk)
        if stored:
            return [sample for sample in chunk if sample not in stored], []
        return await self._search(chunk, words, source)

    async def _search(
        self, chunk: list[Sample], words: str, source: str
    ) -> tuple[list[Sample], list[Refusal]]:
        """Finds by halves the newest moment that the store finds too old, with one small request a step."""
        moments: dict[int, list[Sample]] = {}
        for sample in chunk:
            moments.setdefault(sample.timestamp_ms, []).append(sample)
        times = list(moments)
        if len(times) == 1:
            return [], await self._one_by_one(chunk, source)
        refusals: list[Refusal] = []
        low, high = -1, len(times)
        while high - low > 1:
            middle = (low + high) // 2
            verdict, tried = await self._send(moments[times[middle]], source, refusals)
            if isinstance(verdict, Rejected) and verdict.cause is Cause.TOO_OLD:
                low = middle
                continue
            high = middle
            del moments[times[middle]]
            if isinstance(verdict, Rejected):
                refusals += await self._one_by_one(tried, source)
        if low >= 0 and "out of order" not in words:
            self.knowledge.learn_floor(times[low] + 1)
        old = [sample for time in times[: low + 1] for sample in moments.get(time, [])]
        rest = [sample for time in times[low + 1 :] for sample in moments.get(time, [])]
        return rest, [*refusals, *(Refusal(sample, too_old=True, words=words) for sample in old)]

    async def _one_by_one(self, samples: Iterable[Sample], source: str) -> list[Refusal]:
        """Sends each sample alone; returns those that are refused."""
        refusals: list[Refusal] = []
        for sample in samples:
            verdict, rest = await self._send([sample], source, refusals)
            if isinstance(verdict, Rejected) and rest:
                refusals.append(Refusal(sample, verdict.cause is Cause.TOO_OLD, verdict.words))
        return refusals

    async def _confirmed(self, chunk: Sequence[Sample]) -> set[Sample]:
        """Those of the samples that the store holds with the same value; none where it hides that."""
        found = await self._ask(lambda: self.knowledge.stored(chunk))
        return {sample for sample, value in found.items() if same(sample.value, value)}

    async def _ask(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Asks the store for its samples until it answers: what is guessed here is doubled there."""

        async def attempt() -> _Answer | Retry:
            try:
                return await question()
            except QueryError as error:
                return Retry(error.message)

        return await self._persist(attempt)

    async def _persist(self, attempt: Callable[[], Awaitable[_Answer | Retry]]) -> _Answer:
        try:
            return await self._persistence.repeat(attempt)
        except OutOfPatienceError as error:
            raise ParkedError(
                f"{error.reason} The store did not recover in {error.seconds:.0f} s.",
                "Nothing was lost: what is due is sent by the next pass that reaches it.",
            ) from None

    def _tell_retry(self, reason: str, attempt: int, delay: float) -> None:
        self._emit(RetryScheduled(sink=self._sink, reason=reason, attempt=attempt, delay=delay))


class _Suspicion:
    """Counts how often a store gave the same 500 to one request."""

    def __init__(self) -> None:
        self._reason = ""
        self._times = 0

    def grows(self, answer: Retry) -> bool:
        """Whether one more answer makes the request itself suspicious."""
        again = answer.status == 500 and answer.reason == self._reason
        self._reason, self._times = answer.reason, self._times + 1 if again else 1
        return answer.status == 500 and self._times >= SAME_ANSWERS


def store_reached(sink: str, opened: Opened, facts: StoreFacts) -> StoreReached:
    """What is said of a store that takes remote write."""
    floor = facts.accepts_from_ms
    return StoreReached(
        sink=sink,
        engine=facts.engine,
        version=facts.version or "",
        protocol=opened.protocol,
        accepts_from=None if floor is None else floor * MILLISECOND,
    )


def _conflict(sample: Sample, held: float) -> Refusal:
    words = f"duplicate: the store holds {held:g} s at {sample.timestamp_ms} ms, not {sample.value:g} s"
    return Refusal(sample, too_old=False, words=words)


def _time(sample: Sample) -> int:
    return sample.timestamp_ms


def _cut(chunk: list[Sample], size: int) -> list[list[Sample]]:
    return [chunk[i : i + size] for i in range(0, len(chunk), size)]
