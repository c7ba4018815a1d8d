"""The loop between the engine and the store: it acts on verdicts, and knows nothing of HTTP.

A request has one of three verdicts. Delivered: done. Retry: wait and send the same again. Rejected: find
out which samples the store does not take, deliver the others, and give those back with the store's words.

May import: the standard library, msgspec, events, knowledge, link, series, remote_write.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from awsync.events import BatchDelivered, Event
from awsync.knowledge import same
from awsync.link import Link, ParkedError
from awsync.remote_write.client import Cause, Delivered, Rejected, Retry
from awsync.remote_write.queries import QueryError
from awsync.remote_write.verdicts import INVALID_REMEDY
from awsync.series import Sample

REQUEST_SAMPLES = 10_000
SAME_ANSWERS = 5
"""So many times one after the other the same 500: then the request itself may be what the store dies of."""
_FLOOR_WORDS = "it is older than the store says it takes"


class Refusal(Struct, frozen=True):
    """A sample that the store does not take, and what it said of it."""

    sample: Sample
    too_old: bool
    words: str


class Delivery:
    """Brings samples to the store, and finds out which of them it does not take."""

    def __init__(self, link: Link, emit: Callable[[Event], None]) -> None:
        self._link = link
        self._emit = emit
        self._request_samples = REQUEST_SAMPLES
        self._begun: set[str] = set()

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
                    await self._link.suspect()
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
                rest, conflicts = await self._link.knowledge.unsent(rest, flushed=repeated)
            except QueryError as error:
                return Retry(error.message)
            refusals.extend(_conflict(sample, value) for sample, value in conflicts.items())
            repeated = True
            verdict = await self._link.client.send(rest)
            if isinstance(verdict, Retry) and suspicion.grows(verdict) and await self._link.is_well():
                return Rejected(Cause.INVALID, verdict.reason, INVALID_REMEDY, verdict.status)
            return verdict

        verdict: Delivered | Rejected = await self._link.persist(attempt)
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
                    protocol=self._link.client.protocol or "",
                )
            )
        return verdict, rest

    async def _without_old(self, ordered: list[Sample], words: str) -> tuple[list[Sample], list[Refusal]]:
        """The samples that are not too old as is known, and those that are, and that the store lacks."""
        floor = self._link.knowledge.floor
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
        await self._link.knowledge.ask()
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
            self._link.knowledge.learn_floor(times[low] + 1)
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
        found = await self._link.ask(lambda: self._link.knowledge.stored(chunk))
        return {sample for sample, value in found.items() if same(sample.value, value)}


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


def _conflict(sample: Sample, held: float) -> Refusal:
    words = f"duplicate: the store holds {held:g} s at {sample.timestamp_ms} ms, not {sample.value:g} s"
    return Refusal(sample, too_old=False, words=words)


def _time(sample: Sample) -> int:
    return sample.timestamp_ms


def _cut(chunk: list[Sample], size: int) -> list[list[Sample]]:
    return [chunk[i : i + size] for i in range(0, len(chunk), size)]
