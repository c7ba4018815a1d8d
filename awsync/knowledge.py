"""What is known about the store while a pass runs: what it is, how old a sample may be, what it holds.

A store tells some of it and hides some of it; the rest is learnt from what it refuses.

May import: the standard library, series, timeline, remote_write.
"""

from collections.abc import Callable, Iterable, Sequence

from awsync.remote_write.client import Client
from awsync.remote_write.queries import Held, QueryError, flush, has_series, held
from awsync.remote_write.store import IMPORT_REMEDY, StoreFacts, asked_of, discover, remedy_for
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from awsync.timeline import MICROSECONDS, MILLISECOND

_FED_MS = 5 * 60_000
"""A store whose newest sample is not older than that is fed by others as well."""


class Knowledge:
    """One store in one pass; `clock` gives microseconds since the epoch.

    What asks the store for its samples raises QueryError where it may answer in a moment.
    """

    def __init__(self, client: Client, store: StoreSettings, clock: Callable[[], int]) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._learnt_floor: int | None = None
        self.facts = StoreFacts()

    @property
    def _asked(self) -> StoreSettings:
        return asked_of(self._store, self.facts)

    @property
    def floor(self) -> int | None:
        """Milliseconds before which the store takes nothing, as far as it told or was found out."""
        floors = (self.facts.accepts_from_ms, self._learnt_floor)
        return max((floor for floor in floors if floor is not None), default=None)

    @property
    def fingerprint(self) -> str:
        """Text that changes when the store may take what it refused; empty where it hides what it is."""
        facts = self.facts
        if facts.engine == "unknown":
            return ""
        return f"{facts.engine} {facts.version} {facts.out_of_order_window} {facts.retention}"

    @property
    def takes_late(self) -> bool:
        """Whether a sample of now would shut out none that comes later and is older.

        In a Prometheus without an out-of-order window it would, unless something else feeds it all the time.
        """
        facts = self.facts
        if facts.engine == "VictoriaMetrics" or facts.out_of_order_window:
            return True
        now_ms = self._clock() // MILLISECOND
        return facts.head_max_ms is not None and facts.head_max_ms >= now_ms - _FED_MS

    def learn_floor(self, floor: int) -> None:
        """Notes that the store took nothing from before `floor` (milliseconds)."""
        self._learnt_floor = max(self._learnt_floor or 0, floor)

    def remedy(self, oldest: int) -> str:
        """What to do so that the store gets samples from `oldest` (milliseconds) on."""
        change = remedy_for(self.facts, oldest, self._clock() // MILLISECOND)
        return f"{change}\n{IMPORT_REMEDY}" if change and self.facts.engine != "VictoriaMetrics" else change

    async def ask(self) -> None:
        """Asks the store what it is now."""
        now_ms = self._clock() // MILLISECOND
        self.facts = await discover(self._client.http, self._store, now_ms=now_ms)

    async def samples(self, identity: Iterable[tuple[str, str]], from_ms: int, to_ms: int) -> Held:
        """What the store holds of the series with these labels; raises QueryError where it does not say."""
        return await held(self._client.http, self._asked, identity, from_ms, to_ms)

    async def flush(self) -> None:
        """Lets the store show what it took a moment ago."""
        if self.facts.engine == "VictoriaMetrics":
            await flush(self._client.http, self._asked)

    async def series(self, identity: Iterable[tuple[str, str]], from_ms: int, to_ms: int) -> Held | None:
        """Values by series and millisecond, of the series with these labels; None where it hides them."""
        try:
            return await self.samples(identity, from_ms, to_ms)
        except QueryError as error:
            if error.passing:
                raise
            return None

    async def has_series(self, identity: Iterable[tuple[str, str]], from_ms: int, to_ms: int) -> bool:
        """Whether the store holds a series with these labels; False where it hides that."""
        try:
            return await has_series(self._client.http, self._asked, identity, from_ms, to_ms)
        except QueryError as error:
            if error.passing:
                raise
            return False

    async def stored(self, samples: Sequence[Sample]) -> dict[Sample, float]:
        """Those of the samples at whose place the store holds a value, with it; none where it hides that."""
        groups: dict[Labels, list[Sample]] = {}
        for sample in samples:
            identity = tuple(pair for pair in sample.labels if pair[0] in {"__name__", "bucket"})
            groups.setdefault(identity, []).append(sample)
        found: dict[Sample, float] = {}
        for identity, members in groups.items():
            times = [sample.timestamp_ms for sample in members]
            series = await self.series(identity, min(times), max(times))
            if series is None:
                return {}
            for sample in members:
                values = series.get(sample.labels, {}).get(sample.timestamp_ms, ())
                if values:
                    # Kept several times it is there nonetheless.
                    found[sample] = next((each for each in values if same(each, sample.value)), values[-1])
        return found

    async def unsent(
        self, samples: Sequence[Sample], *, flushed: bool
    ) -> tuple[list[Sample], dict[Sample, float]]:
        """The samples that may go to a store which refuses no repeat, and those it holds with another value.

        Only VictoriaMetrics has to be asked: it stores whatever comes, and a sample that comes twice counts
        twice (FACTS B3). What it took a moment ago shows only after it was `flushed`.
        """
        if self.facts.engine != "VictoriaMetrics" or not samples:
            return list(samples), {}
        if flushed:
            await self.flush()
        found = await self.stored(samples)
        conflicts = {sample: value for sample, value in found.items() if not same(value, sample.value)}
        return [sample for sample in samples if sample not in found], conflicts


def same(one: float, other: float) -> bool:
    """Whether two values are the same number of microseconds."""
    return round(one * MICROSECONDS) == round(other * MICROSECONDS)
