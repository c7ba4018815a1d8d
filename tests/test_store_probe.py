"""What awsync reads out of a store's own pages, from pages as they were measured and from real stores."""

import asyncio
import time
from contextlib import aclosing
from datetime import timedelta
from itertools import count

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from awsync.demo.receiver import Receiver
from awsync.remote_write.client import Client, Delivered
from awsync.remote_write.connection import open_http
from awsync.remote_write.queries import QueryError, flush, held
from awsync.remote_write.store import Relay, StoreFacts, asked_of, discover, parse_duration, remedy_for
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from tests.conftest import StartStore
from tests.servers import DEFAULTS, Store, StoreName, wait_until

STORE = StoreSettings("http://store.test/api/v1/write", "http://store.test/", timeout=timedelta(seconds=5))
NOW_MS = 1_790_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
EMPTY_HEAD = {"numSeries": 0, "minTime": 2**63 - 1, "maxTime": -(2**63)}


def pages_of(pages: dict[str, object]) -> httpx.AsyncClient:
    """Connections to a store that has these pages: a text, the data of an answer, or a status."""

    def respond(request: httpx.Request) -> httpx.Response:
        page = pages.get(request.url.path, 404)
        if isinstance(page, int):
            return httpx.Response(page, text="no")
        if isinstance(page, str):
            return httpx.Response(200, text=page)
        return httpx.Response(200, content=msgspec.json.encode({"status": "success", "data": page}))

    return open_http(STORE, httpx.MockTransport(respond))


def prometheus(
    *, window: str | None = None, retention: str = "15d", size: str = "0B", head: dict[str, int] | None = None
) -> dict[str, object]:
    yaml = "global:\n  scrape_interval: 15s\n"
    if window is not None:
        yaml += f"storage:\n  tsdb:\n    outofordertimewindow: 1\n    out_of_order_time_window: {window}\n"
    return {
        "/-/healthy": "Prometheus Server is Healthy.\n",
        "/api/v1/status/buildinfo": {"version": "3.5.3+ds1"},
        "/api/v1/status/flags": {
            "storage.tsdb.retention.time": retention,
            "storage.tsdb.retention.size": size,
            "web.enable-remote-write-receiver": "true",
        },
        "/api/v1/status/config": {"yaml": yaml},
        "/api/v1/status/tsdb": {
            "headStats": head or {"numSeries": 7, "minTime": 1, "maxTime": NOW_MS - 5000}
        },
    }


@pytest.mark.parametrize(
    ("pages", "accepts_from", "retention"),
    [
        pytest.param(prometheus(), NOW_MS - 5000 - HOUR, timedelta(days=15), id="no window"),
        pytest.param(
            prometheus(window="30m"), NOW_MS - 5000 - HOUR, timedelta(days=15), id="window below 1 h"
        ),
        pytest.param(prometheus(window="7d"), NOW_MS - 5000 - 7 * DAY, timedelta(days=15), id="window"),
        pytest.param(
            prometheus(window="30d"), NOW_MS - 15 * DAY, timedelta(days=15), id="retention is the limit"
        ),
        pytest.param(
            prometheus(window="30d", retention="0s"), NOW_MS - 15 * DAY, timedelta(days=15), id="2.x"
        ),
        pytest.param(
            prometheus(window="30d", retention="0s", size="5GB"),
            NOW_MS - 5000 - 30 * DAY,
            None,
            id="size alone",
        ),
        pytest.param(prometheus(head=EMPTY_HEAD), NOW_MS - 15 * DAY, timedelta(days=15), id="empty head"),
        pytest.param(
            prometheus() | {"/api/v1/status/config": 403}, None, timedelta(days=15), id="config hidden"
        ),
        pytest.param(prometheus() | {"/api/v1/status/tsdb": 403}, None, timedelta(days=15), id="head hidden"),
        pytest.param(
            prometheus(window="7d") | {"/api/v1/status/flags": 403}, NOW_MS - 5000 - 7 * DAY, None, id="flags"
        ),
    ],
)
async def test_prometheus_tells_how_old_a_sample_may_be(
    pages: dict[str, object], accepts_from: int | None, retention: timedelta | None
) -> None:
    """The later border of head and retention counts; where the store hides half of it, it is unknown."""
    async with pages_of(pages) as http:
        facts = await discover(http, STORE, now_ms=NOW_MS)
    assert (facts.engine, facts.version) == ("Prometheus", "3.5.3+ds1")
    assert (facts.accepts_from_ms, facts.retention) == (accepts_from, retention)


VMAGENT = {
    "/-/healthy": "VictoriaMetrics is Healthy.",
    "/flags": '-httpListenAddr=":1"\n-remoteWrite.url="secret"\n',
}
VMAUTH = {"/-/healthy": "VictoriaMetrics is Healthy.", "/flags": '-auth.config="auth.yml"\n'}
AGENT = {
    "/-/healthy": "Prometheus Agent is Healthy.",
    "/api/v1/status/flags": {"storage.tsdb.retention.time": "15d"},
}


@pytest.mark.parametrize(("pages", "relay"), [(VMAGENT, "vmagent"), (AGENT, "Prometheus Agent")])
async def test_a_relay_is_not_taken_for_the_store_behind_it(pages: dict[str, object], relay: Relay) -> None:
    """It has no limits of its own: a retention that is not there would set months of history aside."""
    async with pages_of(pages) as http:
        facts = await discover(http, STORE, now_ms=NOW_MS)
        assert facts == StoreFacts(relay=relay)
        assert facts.forgetful == (relay == "Prometheus Agent")
        with pytest.raises(QueryError, match="does not tell where to query"):
            await held(http, asked_of(STORE, facts), [("bucket", "b")], 0, 1)


async def test_behind_a_relay_the_store_itself_is_asked() -> None:
    """query-url leads to what takes and keeps the samples: its limits are those that count."""
    behind = {f"/behind{path}": page for path, page in prometheus(window="7d").items()}
    store = replace(STORE, query_url="http://store.test/behind")
    async with pages_of({**VMAGENT, **behind}) as http:
        facts = await discover(http, store, now_ms=NOW_MS)
    assert (facts.relay, facts.engine, facts.version) == ("vmagent", "Prometheus", "3.5.3+ds1")
    assert facts.accepts_from_ms == NOW_MS - 5000 - 7 * DAY
    assert asked_of(store, facts).asked_url == store.query_url


@pytest.mark.parametrize(
    ("pages", "wanted"),
    [
        ({**prometheus(window="7d"), **VMAUTH}, ("Prometheus", timedelta(days=7), timedelta(days=15))),
        (VMAUTH, ("VictoriaMetrics", None, None)),
    ],
)
async def test_a_vmauth_does_not_speak_for_what_it_stands_before(
    pages: dict[str, object], wanted: tuple[str, timedelta | None, timedelta | None]
) -> None:
    """It says that it is VictoriaMetrics, and shows its own flags: those of no store."""
    async with pages_of(pages) as http:
        facts = await discover(http, STORE, now_ms=NOW_MS)
    assert (facts.engine, facts.out_of_order_window, facts.retention) == wanted


@pytest.mark.parametrize(
    ("flags", "retention", "keeps"),
    [
        ("", None, None),
        ('-httpListenAddr=":1"\n', timedelta(days=31), True),
        ('-retentionPeriod="10y"\n-dedup.minScrapeInterval="1ms"\n', timedelta(days=3650), False),
        ('-retentionPeriod="2"\n', timedelta(days=62), True),
        ("-retentionPeriod=30d\n", timedelta(days=30), True),
    ],
)
async def test_victoria_metrics_tells_its_retention(
    flags: str, retention: timedelta | None, keeps: bool | None
) -> None:
    """VictoriaMetrics drops with 204 what its retention excludes: the flag is all there is to go by."""
    pages: dict[str, object] = {"/-/healthy": "VictoriaMetrics is Healthy.", "/flags": flags}
    pages["/api/v1/status/buildinfo"] = {"version": "2.24.0"}
    async with pages_of(pages) as http:
        facts = await discover(http, STORE, now_ms=NOW_MS)
    assert (facts.engine, facts.version, facts.retention) == ("VictoriaMetrics", None, retention)
    assert facts.keeps_duplicates is keeps
    expected = None if retention is None else NOW_MS - retention // timedelta(milliseconds=1)
    assert facts.accepts_from_ms == expected


@pytest.mark.parametrize(
    "pages",
    [
        {},
        {"/-/healthy": 401},
        {"/-/healthy": "OK"},
        {"/-/healthy": "Prometheus", "/api/v1/status/buildinfo": "<html>", "/api/v1/status/flags": "[]"},
        {
            "/-/healthy": "Prometheus",
            "/api/v1/status/tsdb": {"headStats": [1]},
            "/api/v1/status/config": {"yaml": 1},
        },
        {"/-/healthy": "Prometheus" + "x" * 9_000_000},
    ],
    ids=["nothing", "refused", "another", "no JSON", "other shapes", "endless"],
)
async def test_a_store_that_hides_itself_is_no_error(pages: dict[str, object]) -> None:
    """A proxy, a login page or another product gives facts that say nothing, never an exception."""
    async with pages_of(pages) as http:
        facts = await discover(http, STORE)
    assert (facts.accepts_from_ms, facts.version, facts.series) == (None, None, None)


async def test_a_store_that_is_away_is_no_error() -> None:
    """Nothing listens, or no base URL is known: the facts are empty."""
    async with open_http(STORE) as http:
        assert await discover(http, replace(STORE, base_url="http://127.0.0.1:1")) == StoreFacts()
        assert await discover(http, replace(STORE, base_url=None)) == StoreFacts()


async def test_our_own_receiver_is_unknown() -> None:
    """The embedded receiver passes for no Prometheus."""
    with Receiver() as receiver:
        settings = StoreSettings(receiver.write_url, receiver.url)
        async with open_http(settings) as http:
            assert await discover(http, settings) == StoreFacts()


PROMETHEUS = StoreFacts(
    engine="Prometheus",
    accepts_from_ms=NOW_MS - HOUR,
    head_max_ms=NOW_MS,
    out_of_order_window=timedelta(0),
    retention=timedelta(days=400),
)


@pytest.mark.parametrize(
    ("facts", "age", "words"),
    [
        pytest.param(PROMETHEUS, HOUR, "", id="taken already"),
        pytest.param(
            PROMETHEUS,
            29 * DAY + 1,
            "To take samples that old, write in prometheus.yml:\nstorage:\n  tsdb:\n"
            "    out_of_order_time_window: 31d\nThen reload Prometheus (SIGHUP).",
            id="window",
        ),
        pytest.param(
            PROMETHEUS,
            500 * DAY,
            "To take samples that old, write in prometheus.yml:\nstorage:\n  tsdb:\n"
            "    out_of_order_time_window: 501d\n"
            "Then start Prometheus with --storage.tsdb.retention.time=501d.",
            id="window and retention",
        ),
        pytest.param(
            replace(PROMETHEUS, out_of_order_window=timedelta(days=900), accepts_from_ms=NOW_MS - 400 * DAY),
            500 * DAY,
            "To take samples that old, start Prometheus with --storage.tsdb.retention.time=501d.",
            id="retention",
        ),
        pytest.param(
            StoreFacts(
                engine="VictoriaMetrics", retention=timedelta(days=31), accepts_from_ms=NOW_MS - 31 * DAY
            ),
            40 * DAY,
            "To take samples that old, start VictoriaMetrics with -retentionPeriod=41d.",
            id="VictoriaMetrics",
        ),
        pytest.param(
            StoreFacts(),
            DAY,
            "To take samples that old, the store needs what in Prometheus is this:\nstorage:\n  tsdb:\n"
            "    out_of_order_time_window: 2d",
            id="unknown",
        ),
    ],
)
def test_the_remedy_is_ready_to_paste(facts: StoreFacts, age: int, words: str) -> None:
    """The lines fit the store and its limit, in whole days with one to spare."""
    assert remedy_for(facts, NOW_MS - age, NOW_MS) == words


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("15d", timedelta(days=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2y", timedelta(days=730)),
        ("1w", timedelta(days=7)),
        ("500ms", timedelta(milliseconds=500)),
        ("1", timedelta(days=31)),
        ("1.5", timedelta(days=46, hours=12)),
        ("999999999999y", timedelta.max),
        ("0s", timedelta(0)),
        ("", None),
        ("d", None),
        ("5 d", None),
        ("5dd", None),
        ("-5d", None),
    ],
)
def test_durations_as_stores_write_them(text: str, duration: timedelta | None) -> None:
    """Both ways of writing a duration are read, and nonsense is not guessed at."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "did not answer as Prometheus does"),
        (200, b"{}", "did not answer as Prometheus does"),
        (401, b"Unauthorized \x1b[31m", "answered 401 to a query: Unauthorized  [31m"),
        (422, b"too many samples", "too many samples"),
    ],
)
async def test_a_query_that_fails_says_why(status: int, body: bytes, words: str) -> None:
    """Whoever asks what a store holds learns that it was not told, instead of that nothing is held."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    async with open_http(STORE, transport) as http:
        with pytest.raises(QueryError) as caught:
            await held(http, STORE, [("__name__", "m")], 0, 1)
    assert words in str(caught.value)
    assert "http://store.test/api/v1/query" in str(caught.value)


async def test_a_query_without_a_store() -> None:
    """No base URL, or nothing that listens: said with what to do."""
    async with open_http(STORE) as http:
        with pytest.raises(QueryError, match="does not tell where to query"):
            await held(http, replace(STORE, base_url=None), [("__name__", "m")], 0, 1)
        with pytest.raises(QueryError, match="Connection refused"):
            await held(http, replace(STORE, base_url="http://127.0.0.1:1"), [("__name__", "m")], 0, 1)


async def test_real_facts(shared_store: Store) -> None:
    """Each real store tells its name, its window and its retention in pages that we can read."""
    settings = StoreSettings(shared_store.write_url, shared_store.url)
    async with open_http(settings) as http:
        facts = await discover(http, settings)
    assert facts.retention == parse_duration(DEFAULTS["retention"])
    if shared_store.kind == "prometheus":
        assert facts.engine == "Prometheus"
        assert (facts.version or "").startswith(shared_store.name.removeprefix("prometheus-"))
        assert facts.out_of_order_window == timedelta(days=730)
        assert facts.receiver is True
    else:
        assert facts.engine == "VictoriaMetrics"
        assert facts.keeps_duplicates is True


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.42"])
async def test_real_border(start_store: StartStore, name: StoreName) -> None:
    """A Prometheus takes what lies behind the border that we worked out, and refuses what lies before it."""
    store = start_store(name, out_of_order="2d", scrape=True)
    settings = StoreSettings(store.write_url, store.url)
    client = Client(settings)
    for window in ("2d", None):
        store.reload(out_of_order=window)
        facts = await discover(client.http, settings)
        border = facts.accepts_from_ms
        assert border is not None
        # The head goes on while we send: a minute to either side is what a scrape every second cannot reach.
        inside = Sample((("__name__", "border_seconds"), ("side", f"in {window}")), border + 60_000, 1.0)
        outside = Sample((("__name__", "border_seconds"), ("side", f"out {window}")), border - 60_000, 1.0)
        assert isinstance(await client.send([inside]), Delivered)
        assert not isinstance(await client.send([outside]), Delivered)
    await client.aclose()


async def test_real_query_back(shared_store: Store) -> None:
    """Samples on both borders of a span are found, those a millisecond beyond are not, on every store."""
    labels: Labels = (("__name__", "held_seconds"), ("bucket", 'a "b"\\\n日本'))
    other: Labels = (("__name__", "held_seconds"), ("bucket", "other"))
    last = int(time.time() * 1000) // 300_000 * 300_000 - 1
    first = last - 600_000
    stamps = [first - 1, first, last - 300_000, last, last + 1]
    settings = StoreSettings(shared_store.write_url, shared_store.url)
    client = Client(settings)
    samples = [Sample(series, stamp, stamp / 1000) for series in (labels, other) for stamp in stamps]
    assert isinstance(await client.send(samples), Delivered)
    expected = {labels: {stamp: (stamp / 1000,) for stamp in stamps[1:4]}}

    found: dict[Labels, dict[int, tuple[float, ...]]] = {}
    for _ in range(200):
        shared_store.flush()
        found = await held(client.http, settings, labels, first, last)
        if found:
            break
    assert found == expected
    await client.aclose()


@pytest.mark.servers
async def test_what_was_missing_once_is_found_when_it_is_there(start_store: StartStore) -> None:
    """VictoriaMetrics remembers that a selector found nothing; what it took since is found all the same."""
    store = start_store("victoria-metrics")
    settings = StoreSettings(store.write_url, store.url)
    labels: Labels = (("__name__", "late_seconds"), ("bucket", "b"))
    stamp = int(time.time() * 1000) - 600_000
    async with aclosing(Client(settings)) as client:
        assert await held(client.http, settings, labels, stamp, stamp) == {}
        assert isinstance(await client.send([Sample(labels, stamp, 1.5)]), Delivered)
        asked = count()
        await asyncio.to_thread(
            wait_until,
            lambda: store.query(f'late_seconds{{asked!="{next(asked)}"}}[1h]'),
            "the sample shows by itself",
        )
        await flush(client.http, settings)
        assert await held(client.http, settings, labels, stamp, stamp) == {labels: {stamp: (1.5,)}}
