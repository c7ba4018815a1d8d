"""A relay between awsync and the store: it says 2xx before the store has seen anything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.doctor import State
from awsync.settings import Settings
from tests.commands import awsync
from tests.conftest import StartStore
from tests.doctors import add_bucket, examined, fill, write_config
from tests.history import HOUR_US, assert_equal_hours, closed_hours, fill_days, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store, StoreName, wait_until

pytestmark = pytest.mark.servers

StartRelay = Callable[[Store], Store]


@pytest.fixture
def start_relay(start_store: StartStore) -> StartRelay:
    """Starts a vmagent that hands on to a store."""
    return lambda store: start_store("vmagent", flags=[f"-remoteWrite.url={store.write_url}"])


def through(relay: Store, folder: Path, aw: AwServer, store: Store | None) -> Settings:
    """Settings that write to the relay; `store` is where they ask, if anywhere."""
    return make_settings(folder, aw.url, relay.url, store={"query_url": store and store.url})


def verified(folder: Path, *arguments: str) -> tuple[int, dict[str, float]]:
    """The exit code of `awsync verify`, and the seconds that differ by their reason."""
    done = awsync("verify", "--json", "--since", "90d", *arguments, folder=folder)
    assert done.returncode in (0, 1), done.stderr
    apart: dict[str, float] = {}
    for each in json.loads(done.stdout)["differences"]:
        apart[each["why"]] = apart.get(each["why"], 0.0) + abs(each["difference_seconds"])
    return done.returncode, apart


@pytest.mark.parametrize("name", ["prometheus-3.5", "victoria-metrics"])
def test_what_goes_through_vmagent_arrives_exactly(
    name: StoreName, aw: AwServer, start_store: StartStore, start_relay: StartRelay, tmp_path: Path
) -> None:
    """Days of a person, and what is older than vmagent's own looks would allow: each hour is in the store."""
    store = start_store(name)
    relay = start_relay(store)
    now = utc_now()
    fill_days(aw, now, 2)
    add_bucket(aw, "aw-watcher-old_pc", "aw-watcher-old", "currentwindow", "pc", until=60)
    settings = through(relay, tmp_path, aw, store)
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    with open_state(settings) as state:
        assert not state.set_aside()
    samples = finished.totals.samples
    whole = 'sum(count_over_time({__name__=~"aw_.+_seconds"}[90d]))'

    def arrived() -> bool:
        store.flush()
        return [float(row["value"][1]) for row in store.query(whole)] == [samples]

    wait_until(arrived, f"the store has {samples} samples")
    for bucket in ("aw-watcher-window_laptop", "aw-watcher-web-firefox_laptop", "aw-watcher-old_pc"):
        end = position_of(settings, bucket) // HOUR_US * HOUR_US
        have = stored_hours(store, end - 70 * 24 * HOUR_US, end)[bucket]
        assert_equal_hours(closed_hours(aw, bucket, end), have, bucket)
    write_config(tmp_path, aw.url, relay.url, f'query-url = "{store.url}"')
    assert verified(tmp_path) == (0, {})


async def test_the_doctor_names_a_relay_and_what_cannot_be_known_through_it(
    aw: AwServer, start_store: StartStore, start_relay: StartRelay, tmp_path: Path
) -> None:
    """Without query-url it asks for that; with it everything of the store itself is examined."""
    store = start_store("prometheus-3.5")
    relay = start_relay(store)
    fill(aw)
    blind = await examined(through(relay, tmp_path, aw, None), probe=True)
    assert blind.of("relay").state is State.WARNING
    assert "query-url" in blind.of("relay").remedy
    assert blind.of("engine").state is State.SKIPPED
    assert blind.of("probe").state is State.WARNING
    seeing = await examined(through(relay, tmp_path, aw, store), probe=True)
    assert seeing.of("relay").state is State.OK
    assert "Prometheus 3" in seeing.of("engine").what
    assert "out-of-order window" in seeing.of("age").what
    assert seeing.of("probe").state is State.OK


def test_what_the_store_would_refuse_is_never_given_to_the_relay(
    aw: AwServer, start_store: StartStore, start_relay: StartRelay, tmp_path: Path
) -> None:
    """A vmagent throws away whole requests that the store refuses: with query-url none gets so far."""
    store = start_store("prometheus-3.5", out_of_order="30d", scrape=True)
    fill(aw)
    add_bucket(aw, "aw-watcher-old_pc", "aw-watcher-old", "currentwindow", "pc", until=60)
    settings = through(start_relay(store), tmp_path, aw, store)
    finished, said = run_pass(settings)
    assert finished.totals.samples, sentences(said)
    with open_state(settings) as state:
        ((_, bucket, _),) = state.set_aside()
    assert bucket == "aw-watcher-old_pc"
    assert store.metric("prometheus_tsdb_too_old_samples_total") == 0


def test_what_was_refused_behind_a_relay_is_found_and_sent_again(
    aw: AwServer, start_store: StartStore, start_relay: StartRelay, tmp_path: Path
) -> None:
    """Without query-url the answer of the relay is all there is; verify tells the truth, and repairs it."""
    store = start_store("prometheus-3.5", out_of_order="30d", scrape=True)
    relay = start_relay(store)
    fill(aw)
    add_bucket(aw, "aw-watcher-old_pc", "aw-watcher-old", "currentwindow", "pc", until=60)
    finished, said = run_pass(through(relay, tmp_path, aw, None))
    assert finished.complete, sentences(said)
    dropped = "vmagent_remotewrite_packets_dropped_total"
    wait_until(lambda: relay.metric(dropped), "vmagent has thrown a request away")

    write_config(tmp_path, aw.url, relay.url, f'query-url = "{store.url}"')
    store.reload(out_of_order="90d")
    done = awsync("verify", "--repair", "--json", "--since", "70d", folder=tmp_path)
    found = json.loads(done.stdout)
    assert {each["why"] for each in found["found_before"]} <= {"lost", "never sent"}
    assert sum(each["difference_seconds"] for each in found["found_before"]) < 0

    whole = 'sum(sum_over_time({__name__=~"aw_.+_seconds"}[90d]))'
    seconds = round(sum(each["activitywatch_seconds"] for each in found["buckets"]), 3)

    def arrived() -> bool:
        return [round(float(row["value"][1]), 3) for row in store.query(whole)] == [seconds]

    wait_until(arrived, "what was sent again is there")


def test_verify_asks_for_the_store_behind_a_relay(
    aw: AwServer, start_store: StartStore, start_relay: StartRelay, tmp_path: Path
) -> None:
    """A relay answers no query: what to write is said, and nothing is compared with nothing."""
    relay = start_relay(start_store("prometheus-3.5"))
    fill(aw)
    run_pass(through(relay, tmp_path, aw, None))
    write_config(tmp_path, aw.url, relay.url)
    done = awsync("verify", folder=tmp_path)
    assert done.returncode == 1
    assert "Write the address where the store answers queries in query-url." in done.stderr
