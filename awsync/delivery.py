"""The loop between the engine and the store: it acts on verdicts, and knows nothing of HTTP.

A request has one of three verdicts. Delivered: done. Retry: wait and send the same again. Rejected: find
out which samples the store does not take, deliver the others, and give those back with the store's words.

May import: the standard library, msgspec, events, series, settings, remote_write.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count

from msgspec import Struct

from awsync.events import BatchDelivered, Event, RetryScheduled, StoreParked, StoreReached
from awsync.remote_write.client import Cause, Client, Delivered, Rejected, Retry
from awsync.remote_write.client import StoreReached as Opened
from awsync.remote_write.store import QueryError, StoreFacts, discover, held, remedy_for
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from awsync.timeline import MILLISECOND

REQUEST_SAMPLES = 10_000
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0


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
        self._store = store
        self._emit = emit
        self._sink = sink
        self._clock = clock
        self._patience = patience
        self._first_delay = first_delay
        self._request_samples = REQUEST_SAMPLES
        self._learnt_floor: int | None = None
        self._facts = StoreFacts()
        self._opening = asyncio.Lock()
        self._opened = False
        self._parked: ParkedError | None = None
        self.floor_words = "it is older than the store says it takes"

    @property
    def floor(self) -> int | None:
        """Milliseconds before which the store takes nothing, as far as it told or was found out."""
        floors = (self._facts.accepts_from_ms, self._learnt_floor)
        return max((floor for floor in floors if floor is not None), default=None)

    def remedy(self, oldest: int) -> str:
        """What to change at the store so that it takes samples from `oldest` (milliseconds) on."""
        return remedy_for(self._facts, oldest, self._clock() // MILLISECOND)

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
            reached = await self._persist(self._client.open)
            if isinstance(reached, Rejected):
                raise ParkedError(reached.words, reached.remedy)
            assert isinstance(reached, Opened)
            await self._ask()
            self._opened = True
        self._emit(store_reached(self._sink, reached, self._facts))

    async def deliver(self, samples: Iterable[Sample], *, source: str) -> list[Refusal]:
        """Sends everything; returns what the store does not take. Raises ParkedError.

        Samples go out in the order of time, so that a store without an out-of-order window takes the most.
        """
        ordered = sorted(samples, key=_time)
        queue = deque([ordered]) if ordered else deque[list[Sample]]()
        refusals: list[Refusal] = []
        while queue:
            chunk = queue.popleft()
            if len(chunk) > self._request_samples:
                parts = -(-len(chunk) // self._request_samples)
                queue.extendleft(reversed(_cut(chunk, -(-len(chunk) // parts))))
                continue
            verdict = await self._send(chunk, source)
            if isinstance(verdict, Delivered):
                continue
            if verdict.cause is Cause.TOO_LARGE and len(chunk) > 1:
                self._request_samples = len(chunk) // 2
                queue.appendleft(chunk)
            elif verdict.cause is Cause.TOO_OLD:
                rest, refused = await self._sift(chunk, verdict.words, source)
                refusals += refused
                if rest:
                    queue.appendleft(rest)
            elif len(chunk) > 1:
                queue.extendleft(reversed(_cut(chunk, -(-len(chunk) // 2))))
            elif not await self._stored(chunk):
                refusals.append(Refusal(chunk[0], too_old=False, words=verdict.words))
        return refusals

    async def _send(self, chunk: Sequence[Sample], source: str) -> Delivered | Rejected:
        verdict = await self._persist(lambda: self._client.send(chunk))
        if isinstance(verdict, Rejected) and verdict.cause is Cause.PARKED:
            raise ParkedError(verdict.words, verdict.remedy)
        assert not isinstance(verdict, Opened)
        if isinstance(verdict, Delivered):
            self._emit(
                BatchDelivered(
                    source=source,
                    samples=verdict.samples,
                    series=len({id(sample.labels) for sample in chunk}),
                    bytes=verdict.bytes,
                    elapsed=verdict.elapsed,
                    protocol=self._client.protocol or "",
                )
            )
        return verdict

    async def _sift(self, chunk: list[Sample], words: str, source: str) -> tuple[list[Sample], list[Refusal]]:
        """What of a chunk that was refused for its age is worth sending again, and what is not.

        First the store is asked for its limit, then for what it holds already (a repeat after a lost answer
        is refused as out of order, and yet delivered); only a store that hides both is searched.
        """
        await self._ask()
        floor = self.floor
        if floor is not None and chunk[0].timestamp_ms < floor:
            old = [sample for sample in chunk if sample.timestamp_ms < floor]
            return chunk[len(old) :], [Refusal(sample, too_old=True, words=words) for sample in old]
        present = set(await self._stored(chunk))
        if present:
            return [sample for sample in chunk if sample not in present], []
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
            return await self._one_by_one(chunk, source)
        low, high = -1, len(times)
        while high - low > 1:
            middle = (low + high) // 2
            verdict = await self._send(moments[times[middle]], source)
            if isinstance(verdict, Delivered):
                high = middle
                del moments[times[middle]]
            else:
                low = middle
        if low >= 0 and "out of order" not in words:
            self._learnt_floor = max(self._learnt_floor or 0, times[low] + 1)
        refused = [sample for time in times[: low + 1] for sample in moments.get(time, [])]
        rest = [sample for time in times[low + 1 :] for sample in moments.get(time, [])]
        return rest, [Refusal(sample, too_old=True, words=words) for sample in refused]

    async def _one_by_one(self, chunk: list[Sample], source: str) -> tuple[list[Sample], list[Refusal]]:
        refused: list[Refusal] = []
        for sample in chunk:
            verdict = await self._send([sample], source)
            if isinstance(verdict, Rejected):
                refused.append(Refusal(sample, verdict.cause is Cause.TOO_OLD, verdict.words))
        return [], refused

    async def _ask(self) -> None:
        now_ms = self._clock() // MILLISECOND
        self._facts = await discover(self._client.http, self._store, now_ms=now_ms)

    async def _stored(self, chunk: Sequence[Sample]) -> list[Sample]:
        """Those of the samples that the store holds with the same value; none where it cannot be asked."""
        groups: dict[Labels, list[Sample]] = {}
        for sample in chunk:
            identity = tuple(pair for pair in sample.labels if pair[0] in {"__name__", "bucket"})
            groups.setdefault(identity, []).append(sample)
        present: list[Sample] = []
        for identity, samples in groups.items():
            times = [sample.timestamp_ms for sample in samples]
            try:
                found = await held(self._client.http, self._store, identity, min(times), max(times))
            except QueryError:
                return []
            present += [s for s in samples if found.get(s.labels, {}).get(s.timestamp_ms) == s.value]
        return present

    async def _persist(
        self, attempt: Callable[[], Awaitable[Opened | Delivered | Rejected | Retry]]
    ) -> Opened | Delivered | Rejected:
        """Repeats a request until it has an answer that is not Retry, or patience ends (ParkedError)."""
        failing_since: float | None = None
        for number in count(1):
            answer = await attempt()
            if not isinstance(answer, Retry):
                return answer
            now = time.monotonic()
            failing_since = failing_since or now
            delay = answer.after
            if delay is None:
                longest = min(self._first_delay * 2 ** min(number - 1, 10), LONGEST_DELAY)
                delay = longest * random.uniform(0.5, 1.0)  # noqa: S311 jitter
            if self._patience is not None and now + delay - failing_since > self._patience:
                raise ParkedError(
                    f"{answer.reason} The store did not recover in {now - failing_since:.0f} s.",
                    "Nothing was lost: what is due is sent by the next pass that reaches it.",
                )
            self._emit(RetryScheduled(sink=self._sink, reason=answer.reason, attempt=number, delay=delay))
            await asyncio.sleep(delay)
        raise AssertionError("count never ends")


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


def _time(sample: Sample) -> int:
    return sample.timestamp_ms


def _cut(chunk: list[Sample], size: int) -> list[list[Sample]]:
    return [chunk[i : i + size] for i in range(0, len(chunk), size)]
