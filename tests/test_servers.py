"""The real servers that other tests rely on do what those tests believe of them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from awsync.demo import aw_server
from awsync.demo.aw_server import AwServer
from awsync.errors import AwsyncError
from awsync.remote_write.wire import encode_v1
from awsync.series import Sample
from tests import servers
from tests.conftest import StartAw, StartStore
from tests.servers import Store, find_binary, require_binary, wait_until
from tests.tmux import require_tmux

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
EVENT = {"timestamp": "2026-11-20T10:00:00.123+00:00", "duration": 1.5, "data": {"app": "x"}}
DAY = timedelta(days=1).total_seconds()


def _write(store: Store, name: str, age: float, value: float) -> tuple[int, str, float]:
    """Write one sample that is `age` seconds old; returns the status, the words and the time in seconds."""
    at_ms = int((time.time() - age) * 1000)
    body = encode_v1([Sample((("__name__", name),), at_ms, value)])
    answer = httpx.post(store.write_url, content=body, headers=HEADERS, trust_env=False)
    return answer.status_code, answer.text, at_ms / 1000


def _value(store: Store, name: str, at: float) -> float | None:
    store.flush()
    result = store.query(name, at=at)
    return float(result[0]["value"][1]) if result else None


# The ActivityWatch server


def test_aw_server_keeps_its_data_over_a_restart(aw: AwServer) -> None:
    """A restart in a test means the same address and the same data."""
    aw.create_bucket("b", "aw-watcher-window", "currentwindow", "h")
    assert aw.insert("b", [EVENT]) == 1
    url = aw.url
    aw.restart()
    assert aw.url == url
    assert [event["data"] for event in aw.events("b")] == [{"app": "x"}]


def test_aw_server_takes_buckets_events_and_heartbeats(aw: AwServer) -> None:
    """Every helper that fills a server says the same as the server does."""
    aw.create_bucket("odd id ü", "aw-watcher-window", "currentwindow", "h")
    aw.create_bucket("odd id ü", "aw-watcher-window", "currentwindow", "h")
    aw.insert("odd id ü", (EVENT for _ in range(1)))
    aw.heartbeat(
        "odd id ü", {**EVENT, "timestamp": "2026-11-20T10:00:03.123+00:00", "duration": 0}, pulsetime=5
    )
    exported = aw.export("odd id ü")
    assert (exported["client"], exported["hostname"]) == ("aw-watcher-window", "h")
    assert [event["duration"] for event in exported["events"]] == [3.0]
    (event,) = aw.events("odd id ü")
    aw.delete_event("odd id ü", event["id"])
    assert aw.events("odd id ü") == []
    aw.delete_bucket("odd id ü")
    with pytest.raises(AwsyncError, match="404"):
        aw.events("odd id ü")


def test_aw_server_inserts_in_chunks(aw: AwServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of events does not go into one request, and none is lost between two."""
    monkeypatch.setattr(aw_server, "CHUNK", 3)
    aw.create_bucket("b", "c", "t", "h")
    assert aw.insert("b", [{**EVENT, "data": {"n": number}} for number in range(8)]) == 8
    assert sorted(event["data"]["n"] for event in aw.events("b")) == list(range(8))


def test_two_aw_servers_do_not_share_anything(start_aw: StartAw) -> None:
    """Several devices of a test are several servers."""
    first, second = start_aw("first"), start_aw("second")
    first.create_bucket("b", "c", "t", "h")
    with pytest.raises(AwsyncError, match="404"):
        second.events("b")


def test_aw_server_leaves_the_home_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own ActivityWatch, its data and settings, is never touched."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name))
    monkeypatch.setenv("AW_PROFILE", "testing")
    with AwServer(tmp_path / "aw") as aw:
        aw.create_bucket("b", "c", "t", "h")
        aw.insert("b", [EVENT])
    assert list(home.iterdir()) == []


def test_aw_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A demo that was killed leaves no server behind."""
    code = (
        "import os, sys; from pathlib import Path; from awsync.demo.aw_server import AwServer\n"
        "server = AwServer(Path(sys.argv[1])); server.start(); print(server.url, flush=True); os._exit(1)"
    )
    started = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "aw")], capture_output=True, text=True, check=False
    )
    port = int(started.stdout.rsplit(":", 1)[1])
    wait_until(lambda: not _listens(port), "the orphaned aw-server has ended")


def test_aw_server_gives_way_when_its_port_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes may have been given the same free port: the slower one takes another."""
    with AwServer(tmp_path / "first") as first:
        ports = iter([first.port, aw_server.free_port()])
        monkeypatch.setattr(aw_server, "free_port", lambda: next(ports))
        with AwServer(tmp_path / "second") as second:
            assert second.port != first.port


def test_aw_server_says_why_it_does_not_start(tmp_path: Path) -> None:
    """With a port that must be this one, there is an error with the server's own words, and no hanging."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = AwServer(tmp_path / "aw", port=taken.getsockname()[1])
        with pytest.raises(AwsyncError, match=r"(?s)did not start.*(?i:in use).*aw-server\.log"):
            server.start()
    assert server.pid is None


def test_aw_server_without_the_extra_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has no demo extra is told how to get it."""
    monkeypatch.setattr(aw_server, "find_spec", lambda _: None)
    with pytest.raises(AwsyncError, match=r"pip install 'awsync\[demo\]'"):
        AwServer(tmp_path).start()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# The stores


def test_a_store_gives_back_what_was_written(store: Store) -> None:
    """Whatever a test writes can be read at once, a year back too."""
    for age in (5, 20 * DAY, 365 * DAY):
        name = f"written_{int(age)}"
        status, words, at = _write(store, name, age, 42.5)
        assert status == 204, words
        assert _value(store, name, at) == 42.5


def test_a_store_keeps_data_and_address_over_a_restart_and_a_crash(store: Store) -> None:
    """Tests of stops and crashes rely on both."""
    url = store.url
    _, _, at = _write(store, "kept", 60, 7)
    assert _value(store, "kept", at) == 7
    store.stop()
    assert not store.running
    with pytest.raises(httpx.ConnectError):
        store.query("kept")
    store.start()
    assert store.url == url
    assert _value(store, "kept", at) == 7
    store.kill()
    store.start()
    assert _value(store, "kept", at) == 7


def test_the_shared_store_is_each_store_in_turn(shared_store: Store, request: pytest.FixtureRequest) -> None:
    """A test for all stores runs against all three."""
    assert shared_store.name in request.node.name
    assert httpx.get(f"{shared_store.url}/-/ready", trust_env=False).is_success


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.53", "prometheus-2.42"])
def test_prometheus_widens_its_out_of_order_window_while_it_runs(
    start_store: StartStore, name: servers.StoreName
) -> None:
    """What doctor tells the user to do, edit and reload, is what the tests do."""
    store = start_store(name, out_of_order=None, scrape=True)
    assert _write(store, "old", 2 * DAY, 1)[0] == 400
    store.reload(out_of_order="30d")
    status, words, at = _write(store, "old", 2 * DAY, 1)
    assert (status, words) == (204, "")
    assert _value(store, "old", at) == 1


@pytest.mark.servers
def test_prometheus_without_the_receiver_says_so(start_store: StartStore) -> None:
    """The most common mistake of a newcomer can be staged."""
    status, words, _ = _write(start_store("prometheus-3.5", receiver=False), "x", 1, 1)
    assert status == 404
    assert "--web.enable-remote-write-receiver" in words


@pytest.mark.servers
def test_victoria_metrics_collapses_repeats_only_when_asked(start_store: StartStore) -> None:
    """With and without deduplication are two stores to the tests."""
    store = start_store("victoria-metrics")
    counts = []
    for dedup in (None, "1ms"):
        store.restart(dedup=dedup)
        at_ms = int(time.time() * 1000) - 60_000
        body = encode_v1([Sample((("__name__", "twice"), ("dedup", str(dedup))), at_ms, 1.0)])
        for _ in range(2):
            httpx.post(store.write_url, content=body, headers=HEADERS, trust_env=False).raise_for_status()
        store.flush()
        (series,) = store.query(f'count_over_time(twice{{dedup="{dedup}"}}[2m])')
        counts.append(float(series["value"][1]))
    assert counts == [2, 1]


# Where binaries come from


@pytest.fixture
def no_binaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for build in servers.STORES.values():
        monkeypatch.delenv(build.variable, raising=False)
    monkeypatch.delenv("AWSYNC_TEST_REQUIRE_SERVERS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    find_binary.cache_clear()
    yield
    find_binary.cache_clear()


@pytest.mark.usefixtures("no_binaries")
def test_a_missing_binary_skips_with_what_to_do() -> None:
    """Who runs the tests without stores learns how to get them."""
    with pytest.raises(pytest.skip.Exception, match=r"AWSYNC_TEST_PROMETHEUS_242.*\.ci/stores"):
        require_binary("prometheus-2.42")


@pytest.mark.usefixtures("no_binaries")
def test_a_missing_binary_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI cannot be green without having run the stores."""
    monkeypatch.setenv("AWSYNC_TEST_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="not on this machine: victoria-metrics"):
        require_binary("victoria-metrics")


@pytest.mark.usefixtures("no_binaries")
def test_a_missing_tmux_is_as_a_missing_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs the tests without tmux learns how to get it, and CI cannot be green without it."""
    with pytest.raises(pytest.skip.Exception, match="not on this machine: tmux: apt-get install tmux"):
        require_tmux()
    monkeypatch.setenv("AWSYNC_TEST_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="not on this machine: tmux"):
        require_tmux()


@pytest.mark.usefixtures("no_binaries")
def test_a_prometheus_on_the_path_counts_for_its_version(tmp_path: Path) -> None:
    """A Prometheus of the distribution runs the tests of its own version and no other."""
    program = tmp_path / "prometheus"
    program.write_text("#!/bin/sh\necho 'prometheus, version 2.53.3 (branch: x)'\n")
    program.chmod(0o755)
    assert os.access(program, os.X_OK)
    assert find_binary("prometheus-2.53") == program
    assert find_binary("prometheus-2.42") is None
    assert find_binary("prometheus-3.5") is None
