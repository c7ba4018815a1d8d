"""The agent's own series on their way to the store, and what they must never do to the data."""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Fault, Receiver
from awsync.engine import Engine, Only, Wiring
from awsync.events import Event, OwnSeriesRefused, PassFinished, StoreParked
from awsync.identity import identity_of
from awsync.settings import Settings
from awsync.telemetry.own_series import begun
from tests.commands import awsync
from tests.conftest import StartStore
from tests.doctors import fill, write_config
from tests.passes import make_settings, open_state, utc_now
from tests.servers import Store

NOWHERE = "http://127.0.0.1:9"
ROOT = Path(__file__).resolve().parent.parent


def run_passes(
    settings: Settings, passes: int = 1, only: Only = None, clock: Callable[[], int] | None = None
) -> tuple[PassFinished, list[Event]]:
    """Passes of one process that sends its own series; returns the last one's end, and all that was said."""
    said: list[Event] = []
    clock = clock or Wiring().clock
    with open_state(settings) as state:
        own = begun(state, clock)

        def emit(event: Event) -> None:
            own.hear(event)
            said.append(event)

        engine = Engine(settings, state, patience=0.0, wiring=Wiring(clock=clock), own=own)

        async def work() -> PassFinished:
            for _ in range(passes - 1):
                await engine.one_pass(emit)
            return await engine.one_pass(emit, only=only)

        return asyncio.run(work()), said


def own_of(store: Receiver) -> dict[str, dict[int, float]]:
    """The agent's own samples by metric and the labels that are its alone."""
    found = {}
    for labels, points in store.samples().items():
        named = dict(labels)
        if named.get("job") == "awsync":
            more = {"__name__", "job", "user", "host", "instance", "version", "python"}
            found["/".join([named["__name__"], *(v for k, v in named.items() if k not in more)])] = points
    return found


def last(points: dict[int, float]) -> float:
    """The newest value."""
    return points[max(points)]


@pytest.mark.parametrize("protocol", ["1.0", "2.0"])
def test_they_go_with_each_pass(protocol: str, aw: AwServer, tmp_path: Path) -> None:
    """After a pass the store holds what it did, stamped with its moment; an idle pass brings news as well."""
    fill(aw)
    with Receiver(protocols=(protocol,)) as store:
        settings = make_settings(tmp_path, aw.url, store.url, user_id="anna", hosts={})
        finished, _ = run_passes(settings)
        own, before = own_of(store), sum(store.requests.values())
        assert last(own["awsync_samples_delivered_total"]) == finished.totals.samples > 0
        assert last(own["awsync_last_success_timestamp_seconds"]) == finished.at / 1e6
        assert last(own["awsync_source_up/default"]) == 1
        assert {name for name in own if "bucket_lag" in name} == {
            f"awsync_bucket_lag_seconds/{bucket}/default"
            for bucket in ("aw-watcher-window_pc", "aw-watcher-afk_pc")
        }
        assert all(0 <= time.time() * 1000 - stamp < 60_000 for points in own.values() for stamp in points)
        idle, _ = run_passes(settings)
        assert idle.totals.samples == idle.totals.requests == 0
        assert sum(store.requests.values()) - before == 2, "one asks what the store speaks, one brings them"
        again = own_of(store)
    assert again.keys() == own.keys()
    assert all(len(points) == 2 for points in again.values())
    assert last(again["awsync_samples_delivered_total"]) == finished.totals.samples, "it goes on, not anew"
    identities = {
        tuple(pair for pair in labels if pair[0] in ("user", "host", "job", "instance"))
        for labels in store.samples()
        if ("job", "awsync") in labels
    }
    (identity,) = identities
    assert dict(identity)["user"] == "anna"


def test_they_can_be_turned_off(aw: AwServer, tmp_path: Path) -> None:
    """With push-metrics = false an idle pass asks the store nothing, as without them."""
    fill(aw)
    with Receiver() as store:
        settings = make_settings(tmp_path, aw.url, store.url, push_metrics=False)
        run_passes(settings)
        before = sum(store.requests.values())
        run_passes(settings)
        assert sum(store.requests.values()) == before
        assert not own_of(store)


def test_a_refusal_is_said_once_and_concerns_no_pass(aw: AwServer, tmp_path: Path) -> None:
    """A store that refuses them is named once until it takes them; passes stay complete, nothing is kept."""
    with Receiver() as store:
        settings = make_settings(tmp_path, aw.url, store.url)
        store.fail(*[Fault(status) for status in (503, 400, 400, 401)])
        finished, said = run_passes(settings, 3)
        assert finished.complete
        (refused,) = [each for each in said if isinstance(each, OwnSeriesRefused)]
        assert "503" in refused.reason
        assert not own_of(store)
        store.fail(Fault(0), Fault(0), Fault(429))
        finished, said = run_passes(settings, 3)
        assert finished.complete
        assert [type(each) for each in said if isinstance(each, OwnSeriesRefused)] == [OwnSeriesRefused]
        with open_state(settings) as state:
            assert not state.set_aside()
            assert not state.quarantine()
            assert not state.checkpoints()
        assert {len(points) for points in own_of(store).values()} == {2}


def test_a_store_that_takes_no_data_gets_none_of_them(aw: AwServer, tmp_path: Path) -> None:
    """After a pass that could not deliver nothing follows: the store has said what it has to say."""
    fill(aw)
    with Receiver() as store:
        store.fail(Fault(401))
        finished, said = run_passes(make_settings(tmp_path, aw.url, store.url))
        asked = sum(store.requests.values())
    assert not finished.complete
    assert asked == 1
    assert [each for each in said if isinstance(each, StoreParked)]
    assert not [each for each in said if isinstance(each, OwnSeriesRefused)]


def test_never_twice_at_the_same_moment(aw: AwServer, tmp_path: Path) -> None:
    """A clock that stands still gives one sample a series, or the store would have to refuse the second."""
    moment = time.time_ns() // 1000
    with Receiver() as store:
        run_passes(make_settings(tmp_path, aw.url, store.url), 3, clock=lambda: moment)
        assert {tuple(points) for points in own_of(store).values()} == {(moment // 1000,)}


@pytest.mark.servers
def test_a_server_that_is_down_is_told_where_that_shuts_nothing_out(
    start_store: StartStore, tmp_path: Path
) -> None:
    """A store that takes late samples hears of a server that is down; one that does not is left as it was."""
    for window, told in (("30d", ["0"]), (None, [])):
        store = start_store("prometheus-3.5", out_of_order=window)
        settings = make_settings(tmp_path / str(window), NOWHERE, store.url)
        finished, said = run_passes(settings)
        assert not finished.complete
        assert not [each for each in said if isinstance(each, OwnSeriesRefused)]
        assert [each["value"][1] for each in store.query("awsync_source_up")] == told
        store.stop()


def test_two_agents_of_a_machine_are_two(tmp_path: Path) -> None:
    """The state folder tells two agents of one machine apart, and is not shown; a renamed host is."""
    one = make_settings(tmp_path / "one", NOWHERE, NOWHERE, hosts={"box": "laptop"})
    two = make_settings(tmp_path / "two", NOWHERE, NOWHERE)
    told = [dict(identity_of(settings, "box")) for settings in (one, one, two)]
    assert told[0] == told[1]
    assert told[0]["host"] == "laptop"
    assert told[2]["host"] == "box"
    assert len({each["instance"].partition(":")[2] for each in told}) == 2
    assert "one" not in str(told)
    assert "user" not in told[0], "a label is never empty"


@pytest.mark.servers
def test_every_store_takes_them(aw: AwServer, store: Store, tmp_path: Path) -> None:
    """After a pass with data and one without, each real store holds both values of each series."""
    fill(aw)
    settings = make_settings(tmp_path, aw.url, store.url)
    finished, said = run_passes(settings, 2)
    assert finished.complete
    assert not [each for each in said if isinstance(each, OwnSeriesRefused)]
    store.flush()
    held = store.query('{job="awsync"}[5m]', at=time.time() + 1)
    assert [len(each["values"]) for each in held] == [2] * 21


@pytest.mark.servers
def test_a_central_store_sees_the_device(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """After `sync --once` the store tells how long ago the last success was, and the data."""
    store = start_store("prometheus-3.5")
    aw.create_bucket("aw-watcher-canary_x", "aw-watcher-canary", "currentwindow", "x")
    fill(aw)
    moment = (utc_now() - timedelta(hours=1)).isoformat()
    aw.insert("aw-watcher-window_pc", [{"timestamp": moment, "duration": 1, "data": {"title": "canary"}}])
    write_config(tmp_path, aw.url, store.url, 'excluded-watchers = ["*canary*"]')
    done = awsync("sync", "--once", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (ago,) = store.query("time() - awsync_last_success_timestamp_seconds", at=time.time())
    assert ago["metric"]["job"] == "awsync"
    assert 0 <= float(ago["value"][1]) < 60
    assert "canary" not in str(store.query('{job="awsync"}', at=time.time()))
    (quiet,) = re.findall(r"`(time\(\) - .*)`", (ROOT / "docs" / "monitoring.md").read_text())
    assert store.query(quiet, at=time.time()) == []
    assert len(store.query(quiet, at=time.time() + 2 * 3600)) == 1
    verified = awsync("verify", "--since", "1d", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
