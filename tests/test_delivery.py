"""The loop that acts on verdicts: nothing good is lost to its neighbours, nothing hopeless goes on."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import pytest

from awsync.delivery import Delivery, Refusal
from awsync.demo.checks import read_v1
from awsync.demo.receiver import Fault, Receiver
from awsync.events import Event, RetryScheduled
from awsync.link import Link, ParkedError
from awsync.remote_write.client import Client
from awsync.series import Sample
from awsync.settings import StoreSettings
from tests.conftest import StartStore
from tests.servers import StoreName

MINUTE = 60_000


def samples(count: int, *, series: int = 4, end_ms: int | None = None) -> list[Sample]:
    """`count` samples a minute apart, the last a minute before `end_ms`, over several series."""
    end = end_ms or time.time_ns() // 1_000_000
    return [
        Sample(
            (("__name__", "aw_x_seconds"), ("app", str(i % series)), ("bucket", "b")),
            end - (count - i) * MINUTE - 1,
            float(i),
        )
        for i in range(count)
    ]


@dataclass
class PickyStore:
    """A store that speaks 1.0, all or nothing, and refuses what `judge` gives a status and words for."""

    judge: Callable[[Sequence[Sample]], tuple[int, str] | None]
    stored: Counter[Sample] = field(default_factory=Counter)
    requests: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Judges one request, and stores it unless it is refused."""
        if "proto=io.prometheus.write.v2" in request.headers["content-type"]:
            return httpx.Response(415)
        received, _ = read_v1(request.content)
        self.requests += 1
        refusal = self.judge(received)
        if refusal is not None:
            return httpx.Response(refusal[0], text=refusal[1])
        self.stored.update(received)
        return httpx.Response(204)


async def deliver(
    url: str,
    sent: Sequence[Sample],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    base_url: str | None = None,
    patience: float | None = 0.0,
    first_delay: float = 1.0,
    said: list[Event] | None = None,
) -> list[Refusal]:
    store = StoreSettings(write_url=f"{url}/api/v1/write", base_url=base_url)
    client = Client(store, transport=transport)
    told = [] if said is None else said
    try:
        link = Link(
            client,
            store,
            told.append,
            sink=url,
            clock=lambda: time.time_ns() // 1000,
            patience=patience,
            first_delay=first_delay,
        )
        await link.open()
        return await Delivery(link, told.append).deliver(sent, source="default")
    finally:
        await client.aclose()


def deliver_to(store: PickyStore, sent: Sequence[Sample], *, patience: float | None = 0.0) -> list[Refusal]:
    transport = httpx.MockTransport(store.answer)
    return asyncio.run(deliver("http://store", sent, transport=transport, patience=patience, first_delay=0.0))


def test_a_store_that_takes_small_requests_gets_small_requests() -> None:
    """413 halves the request until it fits, and the size that fits is remembered."""
    store = PickyStore(lambda received: (413, "too large") if len(received) > 700 else None)
    sent = samples(9_000)
    assert deliver_to(store, sent) == []
    assert store.stored == Counter(sent)
    assert store.requests < 25


def test_one_bad_sample_does_not_take_its_neighbours_along() -> None:
    """A request refused as a whole is halved until the bad samples stand alone, with the store's words."""
    sent = samples(2_000)
    bad = {sent[3], sent[1_000], sent[1_999]}

    def judge(received: Sequence[Sample]) -> tuple[int, str] | None:
        return (400, "duplicate sample for timestamp") if bad & set(received) else None

    store = PickyStore(judge)
    refused = deliver_to(store, sent)
    assert {refusal.sample for refusal in refused} == bad
    assert {refusal.words for refusal in refused} == {"duplicate sample for timestamp"}
    assert not any(refusal.too_old for refusal in refused)
    assert store.stored == Counter(set(sent) - bad)
    assert store.requests < 80


@pytest.mark.parametrize("border", [0, 1, 777, 1_999, 2_000])
def test_the_age_limit_of_a_store_that_hides_it_is_found(border: int) -> None:
    """A store that tells nothing is searched: what is too old is refused, in a handful of requests."""
    sent = samples(2_000)
    floor = sent[border].timestamp_ms if border < len(sent) else sent[-1].timestamp_ms + 1

    def judge(received: Sequence[Sample]) -> tuple[int, str] | None:
        return (400, "out of bounds") if any(s.timestamp_ms < floor for s in received) else None

    store = PickyStore(judge)
    refused = deliver_to(store, sent)
    assert {refusal.sample for refusal in refused} == set(sent[:border])
    assert all(refusal.too_old for refusal in refused)
    assert store.stored == Counter(sent[border:])
    assert store.requests < 20


def test_a_failing_store_is_asked_again() -> None:
    """A store that fails a few times gets the same samples again, once each, and each wait is told."""
    sent, said = samples(50), list[Event]()
    with Receiver() as store:
        store.fail(*[Fault(status=503, headers={"Retry-After": "0"})] * 3)
        refused = asyncio.run(deliver(store.url, sent, patience=None, said=said))
        held = store.samples()
    assert refused == []
    assert sum(len(values) for values in held.values()) == 50
    waits = [event for event in said if isinstance(event, RetryScheduled)]
    assert [(wait.attempt, wait.delay) for wait in waits] == [(1, 0.0), (2, 0.0), (3, 0.0)]


def test_a_sample_that_the_store_dies_of_is_found() -> None:
    """A request that gets the same 500 again and again, from a store that is well, is taken apart."""
    sent = samples(500)
    bad = sent[321]

    def judge(received: Sequence[Sample]) -> tuple[int, str] | None:
        return (500, "runtime error: index out of range") if bad in received else None

    store = PickyStore(judge)
    refused = asyncio.run(
        deliver(
            "http://store", sent, transport=httpx.MockTransport(store.answer), patience=None, first_delay=0
        )
    )
    assert [(refusal.sample, refusal.too_old) for refusal in refused] == [(bad, False)]
    assert "index out of range" in refused[0].words
    assert store.stored == Counter(set(sent) - {bad})


def test_a_store_that_is_down_is_not_suspected() -> None:
    """The same 500 for every request, an empty one too, means wait: no sample is blamed for it."""
    sent, left = samples(50), [30]

    def judge(_: Sequence[Sample]) -> tuple[int, str] | None:
        left[0] -= 1
        return (500, "no space left on device") if left[0] > 0 else None

    store = PickyStore(judge)
    refused = asyncio.run(
        deliver(
            "http://store", sent, transport=httpx.MockTransport(store.answer), patience=None, first_delay=0
        )
    )
    assert refused == []
    assert store.stored == Counter(sent)


def test_patience_ends() -> None:
    """A store that goes on failing ends a run that may not wait, and says that nothing is lost."""
    with Receiver() as store:
        store.fail(*[Fault(status=500)] * 3)
        with pytest.raises(ParkedError, match="did not recover") as caught:
            asyncio.run(deliver(store.url, samples(5), patience=0.0))
    assert "Nothing was lost" in caught.value.remedy


def test_a_refused_token_parks_the_store() -> None:
    """401 is not retried, however patient the run: one sentence that names the setting."""
    said: list[Event] = []
    with Receiver(token="right") as store, pytest.raises(ParkedError) as caught:
        asyncio.run(deliver(store.url, samples(500), patience=None, said=said))
    assert "bearer-token" in caught.value.remedy
    assert said == []


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.42"])
def test_a_repeat_without_an_out_of_order_window_is_delivered(
    name: StoreName, start_store: StartStore
) -> None:
    """What a store holds already is not called refused, be it out of order for it or too old."""
    store = start_store(name, out_of_order=None)
    sent = samples(240)
    for _ in range(2):
        assert asyncio.run(deliver(store.url, sent, base_url=store.url)) == []
    held = store.query('{bucket="b"}[5h]')
    assert sum(len(series["values"]) for series in held) == 240


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.53", "prometheus-2.42"])
def test_the_limit_that_a_prometheus_tells_is_kept(name: StoreName, start_store: StartStore) -> None:
    """Samples around a window of two hours: the newer half arrives whole, the older half is named."""
    store = start_store(name, out_of_order="2h", scrape=True)
    sent = samples(240)
    refused = asyncio.run(deliver(store.url, sent, base_url=store.url))
    assert 115 <= len(refused) <= 125
    assert {refusal.sample for refusal in refused} == set(sent[: len(refused)])
    assert all(refusal.too_old for refusal in refused)
    held = store.query('{bucket="b"}[5h]')
    assert sum(len(series["values"]) for series in held) == 240 - len(refused)


def test_samples_leave_in_the_order_of_time() -> None:
    """Whatever order they come in, a store without an out-of-order window gets them oldest first."""
    seen: list[int] = []

    def judge(received: Sequence[Sample]) -> None:
        seen.extend(sorted(sample.timestamp_ms for sample in received))

    store = PickyStore(judge)
    assert deliver_to(store, samples(25_000)[::-1]) == []
    assert seen == sorted(seen)
    assert len(seen) == 25_000
