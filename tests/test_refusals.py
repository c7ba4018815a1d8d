"""One request with bad samples in it: the good ones arrive, each bad one comes back with the reason.

Against real stores, and against a receiver that answers as Mimir and Thanos do: both keep the good samples of
a request that they refuse, speak 1.0, and hide what they hold.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

import httpx
import pytest

from awsync.delivery import Delivery, Refusal
from awsync.demo.checks import read_v1
from awsync.link import Link
from awsync.remote_write.client import Client
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from tests.conftest import StartStore
from tests.servers import Store, StoreName, wait_until

COUNT = 2_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
DUPLICATE: Labels = (("__name__", "aw_x_seconds"), ("app", "twice"), ("bucket", "b"))
INVALID: Labels = (("__name__", "aw_x_seconds"), ("app", "bad"), ("bucket", "b"), ("not-a-name", "x"))
OLD: Labels = (("__name__", "aw_x_seconds"), ("app", "old"), ("bucket", "b"))


def good_labels(number: int) -> Labels:
    return (("__name__", "aw_x_seconds"), ("app", str(number % 9)), ("bucket", "b"))


def a_request(now_ms: int) -> tuple[list[Sample], Sample, dict[str, Sample]]:
    """2,000 samples of the last eight hours, three of them bad; and what makes the duplicate one."""
    good = [
        Sample(good_labels(i), now_ms - (COUNT - i) * 14_000, round(1.0 + i / 1000, 3))
        for i in range(COUNT - 3)
    ]
    first = Sample(DUPLICATE, now_ms - MINUTE, 2.0)
    bad = {
        "old": Sample(OLD, now_ms - 40 * DAY, 3.0),
        "twice": first._replace(value=99.0),
        "invalid": Sample(INVALID, now_ms - 2 * MINUTE, 4.0),
    }
    return [*good, *bad.values()], first, bad


async def send(
    store: StoreSettings, samples: Sequence[Sample], *, transport: httpx.AsyncBaseTransport | None = None
) -> list[Refusal]:
    """Delivers the samples as a pass of its own; returns what was refused."""
    client = Client(store, transport=transport)
    try:
        link = Link(client, store, lambda _: None, sink="s", clock=lambda: time.time_ns() // 1000)
        await link.open()
        return await Delivery(link, lambda _: None).deliver(samples, source="default")
    finally:
        await client.aclose()


def assert_sorted_out(refusals: Sequence[Refusal], bad: dict[str, Sample]) -> None:
    """The three bad ones came back, the old one for its age, each with a reason."""
    assert {refusal.sample for refusal in refusals} == set(bad.values())
    assert len(refusals) == 3
    reasons = {refusal.sample: refusal for refusal in refusals}
    assert [reasons[bad[name]].too_old for name in ("old", "twice", "invalid")] == [True, False, False]
    assert "duplicate" in reasons[bad["twice"]].words
    assert "not-a-name" in reasons[bad["invalid"]].words


def held(store: Store, now_ms: int) -> list[tuple[str, float]]:
    """App and value of everything that a store holds, by value."""
    store.flush()
    found = store.query('{bucket="b"}[60d]', now_ms / 1000 + 1)
    values = [
        (series["metric"]["app"], round(float(value), 6)) for series in found for _, value in series["values"]
    ]
    return sorted(values, key=lambda pair: (pair[1], pair[0]))


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("prometheus-3.5", True),
        ("prometheus-3.5", False),
        ("prometheus-2.42", True),
        ("prometheus-2.42", False),
        ("victoria-metrics", True),
    ],
)
def test_three_bad_samples_of_two_thousand(name: StoreName, asked: bool, start_store: StartStore) -> None:
    """1,997 samples arrive and three come back with the reason; a Prometheus need not even be asked.

    A VictoriaMetrics that cannot be asked says 204 to all of it: it drops the old one and keeps both twins.
    """
    store = start_store(name, out_of_order="30d", scrape=True, retention="31d")
    now_ms = time.time_ns() // 1_000_000
    request, first, bad = a_request(now_ms)
    settings = StoreSettings(write_url=store.write_url, base_url=store.url if asked else None)
    assert asyncio.run(send(settings, [first])) == []
    refusals = asyncio.run(send(settings, request))
    assert_sorted_out(refusals, bad)
    wanted = [(dict(sample.labels)["app"], sample.value) for sample in request if sample not in bad.values()]
    wanted.append(("twice", 2.0))
    wait_until(lambda: len(held(store, now_ms)) == len(wanted), "all is there")
    assert held(store, now_ms) == sorted(wanted, key=lambda pair: (pair[1], pair[0]))


class Partly:
    """A receiver that keeps the good samples of a request and refuses it in the words of Mimir or Thanos."""

    def __init__(self, manner: Literal["mimir", "thanos"], floor: int) -> None:
        self.manner = manner
        self.floor = floor
        self.stored: dict[tuple[Labels, int], float] = {}
        self.requests = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Keeps what is good, and answers for the rest."""
        if "v2" in request.headers["content-type"]:
            return httpx.Response(415 if self.manner == "mimir" else 204)
        self.requests += 1
        old = twice = 0
        for sample in read_v1(request.content)[0]:
            place = (sample.labels, sample.timestamp_ms)
            if sample.timestamp_ms < self.floor:
                old += 1
            elif self.stored.setdefault(place, sample.value) != sample.value:
                twice += 1
        if not old and not twice:
            return httpx.Response(200)
        return self._mimir(old) if self.manner == "mimir" else self._thanos(old, twice)

    def _mimir(self, old: int) -> httpx.Response:
        """400 with the first of its errors."""
        rejected = "failed pushing to ingester: user=me: the sample has been rejected because "
        if old:
            words = "its timestamp is too old (err-mimir-sample-timestamp-too-old)."
        else:
            words = (
                "another sample with the same timestamp, but a different value, has already been ingested "
                "(err-mimir-sample-duplicate-timestamp)."
            )
        return httpx.Response(400, text=rejected + words)

    def _thanos(self, old: int, twice: int) -> httpx.Response:
        """409 with a count of each."""
        errors = [f"add {old} samples: out of bounds"] * bool(old)
        errors += [f"add {twice} samples: duplicate sample for timestamp"] * bool(twice)
        return httpx.Response(409, text=f"store locally for endpoint 10.0.0.1:10901: {'; '.join(errors)}")


@pytest.mark.parametrize("manner", ["mimir", "thanos"])
def test_a_store_that_keeps_the_good_ones(manner: Literal["mimir", "thanos"]) -> None:
    """Mimir and Thanos refuse a request for some of its samples: the three are found all the same."""
    now_ms = time.time_ns() // 1_000_000
    request, first, bad = a_request(now_ms)
    store = Partly(manner, now_ms - DAY)
    settings = StoreSettings(write_url="http://store/api/v1/push", base_url=None)
    transport = httpx.MockTransport(store.answer)
    assert asyncio.run(send(settings, [first], transport=transport)) == []
    refusals = asyncio.run(send(settings, request, transport=transport))
    assert_sorted_out(refusals, bad)
    assert len(store.stored) == 1_998
    assert store.stored[DUPLICATE, now_ms - MINUTE] == 2.0
    assert store.requests < 90
