"""The doctor at the store, in every way in which a store can be the wrong one."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Fault, Receiver
from awsync.doctor import Finding, State, Wiring
from awsync.settings import Secret
from tests.conftest import StartStore
from tests.doctors import examined, fill
from tests.gateway import Gateway
from tests.passes import make_settings, run_pass
from tests.servers import Store, StoreName

NOWHERE = "http://127.0.0.1:9"


async def test_the_store_is_down(tmp_path: Path) -> None:
    """A store that is not there is said once, and all that hangs on it is skipped with that reason."""
    found = await examined(make_settings(tmp_path, NOWHERE, NOWHERE), probe=True)
    reachable = found.of("reachable", "Store")
    assert reachable.state is State.FAILED
    assert reachable.what == f"Cannot connect to {NOWHERE}/api/v1/write: Connection refused."
    skipped = [each for each in found.findings if each.area == "Store" and each.state is State.SKIPPED]
    assert {each.what for each in skipped} == {"The store is not reachable."}
    assert {"engine", "clock", "authentication", "protocol", "age", "probe"} <= {
        each.step for each in skipped
    }


@pytest.fixture
def web_server() -> Iterator[str]:
    """A web server that knows nothing but GET, as Python's own, and answers that with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_another_web_server(web_server: str, aw: AwServer, tmp_path: Path) -> None:
    """A server that is no store at all: correct the address."""
    for url in (web_server, aw.url):
        found = await examined(make_settings(tmp_path, aw.url, url))
        receiver = found.of("receiver")
        assert receiver.state is State.FAILED
        assert "prometheus-url" in receiver.remedy
        assert found.of("age").state is State.SKIPPED


async def failed_with(tmp_path: Path, step: str, fault: Fault, **store: object) -> Finding:
    """The finding about a store that answers the doctor so."""
    with Receiver() as receiver:
        receiver.fail(*[fault] * 9)
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url, store=store))
    failed = [each.step for each in found.findings if each.area == "Store" and each.state is State.FAILED]
    assert failed == [step]
    return found.of(step, "Store")


async def test_a_tenant_is_wanted(tmp_path: Path) -> None:
    """Mimir's and Loki's "no org id" is a matter of a header, and the line for it is printed."""
    finding = await failed_with(tmp_path, "tenant", Fault(status=401, body="no org id"))
    assert '  headers = { X-Scope-OrgID = "..." }' in finding.remedy.splitlines()
    finding = await failed_with(tmp_path, "tenant", Fault(status=400, body="no org id"))
    assert "no org id" in finding.what


async def test_a_tenant_that_is_taken(tmp_path: Path) -> None:
    """A tenant that is given, and with which the store takes remote write, is said."""
    with Receiver() as receiver:
        store = {"headers": {"X-Scope-OrgID": Secret("anna")}}
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url, store=store))
    assert found.of("tenant").state is State.OK


async def test_a_tenant_that_may_not_write(tmp_path: Path) -> None:
    """403 is a right that is missing, with the store's own words."""
    fault = Fault(status=403, body="tenant anna may not write")
    finding = await failed_with(tmp_path, "authentication", fault)
    assert "tenant anna may not write" in finding.what
    assert "the right to write" in finding.remedy


async def test_a_store_that_fails_or_is_busy(tmp_path: Path) -> None:
    """5xx and 429 are the store's own trouble, and are told apart from a wrong address."""
    finding = await failed_with(tmp_path, "receiver", Fault(status=503, body="starting"))
    assert "answered 503: starting" in finding.what
    assert "Its own log says why" in finding.remedy
    finding = await failed_with(tmp_path, "receiver", Fault(status=429, body="slow down"))
    assert "fewer requests" in finding.remedy


async def test_2_0_is_forced_on_a_store_of_1_0(tmp_path: Path) -> None:
    """A protocol that the store does not speak fails; the printed setting makes it work."""
    with Receiver(protocols=("1.0",)) as receiver:
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url, store={"protocol": "2.0"}))
        assert found.of("reachable", "Store").state is State.OK
        assert found.of("protocol").state is State.FAILED
        assert 'protocol = "auto"' in found.of("protocol").remedy
        mended = await examined(make_settings(tmp_path, NOWHERE, receiver.url))
    assert mended.of("protocol").what == "It speaks remote write 1.0."


@pytest.mark.servers
async def test_2_0_is_forced_on_a_real_store_of_1_0(shared_store: Store, tmp_path: Path) -> None:
    """Real stores answer 204 to a protocol that they do not know; the doctor is not taken in."""
    settings = make_settings(tmp_path, NOWHERE, shared_store.url, store={"protocol": "2.0"})
    speaks = shared_store.name == "prometheus-3.5"
    assert (await examined(settings)).of("protocol").state is (State.OK if speaks else State.FAILED)


@pytest.mark.servers
async def test_victoria_metrics_keeps_too_little(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Green, with warnings, where a VictoriaMetrics forgets after a month and counts repeats twice."""
    fill(aw, days=50)
    store = start_store("victoria-metrics", retention="1")
    settings = make_settings(tmp_path, aw.url, store.url)
    found = await examined(settings)
    assert found.of("age").state is State.OK
    assert found.of("retention").state is State.WARNING
    assert "It keeps 31 d, and the history is 47 d long" in found.of("retention").what.replace("48", "47")
    assert "-retentionPeriod=4" in found.of("retention").remedy
    assert found.of("duplicates").state is State.WARNING
    store.restart(retention="10y", dedup="1ms")
    mended = await examined(settings)
    assert mended.of("retention").state is State.OK
    assert mended.of("duplicates").state is State.OK


@pytest.mark.servers
def test_prometheus_keeps_too_little(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """What was delivered, and what will soon be deleted there, is a warning with the flag that keeps it."""
    fill(aw, days=20)
    store = start_store("prometheus-3.5", retention="30d", out_of_order="30d")
    settings = make_settings(tmp_path, aw.url, store.url)
    assert run_pass(settings)[0].complete
    assert asyncio.run(examined(settings)).of("retention").state is State.OK, "first_moment lies a month back"
    store.restart(retention="15d")
    finding = asyncio.run(examined(settings)).of("retention")
    assert finding.state is State.WARNING
    assert "--storage.tsdb.retention.time=3" in finding.remedy
    assert "out_of_order" not in finding.remedy


@pytest.mark.servers
async def test_a_window_that_is_good_for_today_only(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Nothing waits too long, but corrections could not be made: a warning with the lines, and no failure."""
    fill(aw, days=0.02)
    store = start_store("prometheus-3.5", out_of_order=None, scrape=True)
    found = await examined(make_settings(tmp_path, aw.url, store.url))
    assert found.of("age").state is State.WARNING
    assert "    out_of_order_time_window: 30d" in found.of("age").remedy


@pytest.mark.servers
async def test_history_that_is_not_wanted_does_not_count(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """What initial-history leaves out waits for nothing; a bucket with too few events neither."""
    fill(aw, days=9)
    store = start_store("prometheus-3.5", out_of_order="2d", scrape=True)
    all_of_it = make_settings(tmp_path, aw.url, store.url)
    assert (await examined(all_of_it)).of("age").state is State.FAILED
    lately = make_settings(tmp_path, aw.url, store.url, initial_history=timedelta(days=1))
    assert (await examined(lately)).of("age").state is State.OK
    few = make_settings(tmp_path, aw.url, store.url, min_data=50)
    assert (await examined(few)).of("age").state is State.OK


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-2.42", "prometheus-3.5"])
async def test_a_prometheus_that_scrapes_nothing(
    name: StoreName, start_store: StartStore, tmp_path: Path
) -> None:
    """It may lose what it acknowledged: a warning with the lines to add, until awsync can prevent that."""
    store = start_store(name, out_of_order=None)
    settings = make_settings(tmp_path, NOWHERE, store.url)
    bare = (await examined(settings)).of("head")
    assert bare.state is State.WARNING
    assert "      out_of_order_time_window: 30d" in bare.remedy.splitlines()
    store.reload(out_of_order="30d")
    anchored = (await examined(settings)).of("head")
    assert anchored.state is State.OK
    assert "awsync_anchor" in anchored.what
    store.restart(scrape=True)
    alive = (await examined(settings)).of("head")
    assert alive.state is State.OK
    assert "awsync_anchor" not in alive.what


async def test_a_store_that_hides_itself(aw: AwServer, tmp_path: Path) -> None:
    """Where nothing is told, nothing is guessed."""
    fill(aw, days=9)
    with Receiver(out_of_order_window=timedelta(0)) as receiver:
        settings = make_settings(tmp_path, aw.url, receiver.url)
        before = await examined(settings)
        assert before.of("age").state is State.SKIPPED


def test_a_hidden_store_that_refused(aw: AwServer, tmp_path: Path) -> None:
    """A refusal for age by a store that tells nothing is a failure, with what a Prometheus would need."""
    fill(aw, days=9)
    with Receiver(out_of_order_window=timedelta(0)) as receiver:
        settings = make_settings(tmp_path, aw.url, receiver.url)
        assert not run_pass(settings)[0].complete
        after = asyncio.run(examined(settings))
    assert after.of("age").state is State.FAILED
    assert "out_of_order_time_window: 10d" in after.of("age").remedy
    assert after.of("set aside").state is State.WARNING


def test_samples_in_quarantine(aw: AwServer, tmp_path: Path) -> None:
    """What the store refused for another reason than age is counted, and where to look at it."""
    fill(aw, days=0.02, afk=False)
    with Receiver() as receiver:
        settings = make_settings(tmp_path, aw.url, receiver.url)
        refusal = Fault(status=400, body="label app is not allowed")
        # The first request is repeated in 1.0, and then the store is asked whether it is well.
        receiver.fail(Fault(status=0), refusal, refusal, Fault(status=0), *[refusal] * 200)
        assert not run_pass(settings)[0].complete
        found = asyncio.run(examined(settings))
    assert found.of("set aside").state is State.WARNING
    assert "refused for another reason" in found.of("set aside").what
    assert "  awsync quarantine list" in found.of("set aside").remedy.splitlines()


@pytest.mark.servers
async def test_this_machine_is_the_wrong_one(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """Where ActivityWatch and the store agree with each other, this machine's clock is the wrong one."""
    fill(aw)
    store = start_store("prometheus-3.5")
    with Gateway(aw.url) as source, Gateway(store.url) as sink:
        source.ahead = sink.ahead = 400.0
        found = await examined(make_settings(tmp_path, source.url, sink.url))
    clock = found.of("clock", "Store")
    assert "this machine's clock is the one that is wrong" in clock.what
    assert "Set the clock of this machine" in clock.remedy


async def test_the_probe_is_refused(tmp_path: Path) -> None:
    """A sample that the store does not take is said in the store's words."""
    with Receiver(protocols=("1.0",)) as receiver:
        receiver.fail(Fault(status=0), Fault(status=400, body="label host is not allowed"))
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url), probe=True)
    assert found.of("probe").state is State.FAILED
    assert "label host is not allowed" in found.of("probe").what


async def test_the_probe_cannot_be_queried(tmp_path: Path) -> None:
    """A store that takes samples and answers no queries is told apart from one that drops them."""
    with Receiver() as receiver:
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url), probe=True)
        assert found.of("probe").state is State.FAILED
        assert "The probe sample was taken; then: " in found.of("probe").what
        pushed = {"base_url": None}
        found = await examined(make_settings(tmp_path, NOWHERE, receiver.url, store=pushed), probe=True)
        assert found.of("probe").state is State.WARNING
        assert {dict(labels)["__name__"] for labels in receiver.samples()} == {"awsync_probe"}


@pytest.mark.servers
async def test_a_probe_against_a_clock_that_is_ahead(start_store: StartStore, tmp_path: Path) -> None:
    """The probe never sends what lies in the store's future: an older Prometheus would be poisoned by it."""
    store = start_store("prometheus-3.5")
    wiring = Wiring()
    with Gateway(store.url) as gateway:
        gateway.ahead = -1800.0
        settings = make_settings(tmp_path, NOWHERE, gateway.url)
        found = await examined(settings, probe=True, wiring=wiring)
    assert found.of("probe").state is State.OK
    (series,) = store.query('{__name__="awsync_probe"}[2h]')
    ((moment, _),) = series["values"]
    assert 1700 < wiring.clock() / 1e6 - float(moment) < 1900
