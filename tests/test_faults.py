"""Whatever goes wrong between the engine and its two servers: once it ends the store equals ActivityWatch.

Every fault is done by a proxy between the engine and real servers. The pass that meets it must say the truth
about it, claim nothing that the store did not confirm, and leave the next pass able to bring the rest.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.engine import Wiring
from awsync.events import Event, PassFinished, RetryScheduled, SourceFailed, StoreParked
from awsync.settings import Secret, Settings
from tests.conftest import StartStore
from tests.fault_proxy import Act, FaultProxy
from tests.faults import TO_ACTIVITYWATCH, TO_THE_STORE, Case
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import Options, Store, StoreName, require_binary

pytestmark = pytest.mark.servers

WRITE = "^POST .*/api/v1/write"
BUCKETS = ("aw-watcher-afk_pc", "aw-watcher-web_pc", "aw-watcher-window_pc", "stopwatch_pc")
UNANSWERED = ("stored, then reset", "stored, then held", "stored, then 500", "stored, then a web page")
OTHER_STORES: Mapping[str, tuple[StoreName, Options]] = {
    "prometheus 2.42": ("prometheus-2.42", {}),
    "prometheus 3.5 in order": ("prometheus-3.5", {"out_of_order": None}),
    "prometheus 2.42 in order": ("prometheus-2.42", {"out_of_order": None}),
    "victoria-metrics": ("victoria-metrics", {}),
}
SECRET = "s3cr3t-0f-anna"
SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=30)


def _fill(aw: AwServer) -> None:
    """Most of a day in four buckets, some of it overlapping, none of it on the borders of slots."""
    begin = utc_now().replace(microsecond=0) - timedelta(hours=22, minutes=7)
    kinds = ("afkstatus", "web.tab.current", "currentwindow", "general.stopwatch")
    for bucket, kind in zip(BUCKETS, kinds, strict=True):
        aw.create_bucket(bucket, bucket.removesuffix("_pc"), kind, "pc", created=begin)
        aw.insert(
            bucket,
            [
                {
                    "timestamp": (begin + timedelta(minutes=11 * i, milliseconds=7 * i)).isoformat(),
                    "duration": (400 + 37 * (i % 17)) + i / 1000 + 0.000321,
                    "data": {"app": f"app {i % 7}", "title": f"title {i % 3}"},
                }
                for i in range(110)
            ],
        )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """An ActivityWatch that all tests here read."""
    with AwServer(tmp_path_factory.mktemp("faults") / "aw") as server:
        _fill(server)
        yield server


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that all tests here share, each under a user of its own."""
    name: StoreName = "prometheus-3.5"
    with Store(name, require_binary(name), tmp_path_factory.mktemp(name)) as store:
        yield store


def _settings(folder: Path, aw_url: str, store_url: str, user: str, timeout: timedelta) -> Settings:
    token = Secret(SECRET)
    return make_settings(
        folder,
        aw_url,
        store_url,
        source={"user_id": user, "token": token},
        store={"bearer_token": token, "timeout": timeout},
    )


def _pass(
    settings: Settings, case: Case | None = None, *, patience: float = 0.0
) -> tuple[PassFinished, list[Event]]:
    """One pass, which waits for ActivityWatch as briefly as the case allows; it tells no secret."""
    wiring = Wiring(first_delay=0.02)
    if case is not None and case.silent:
        wiring = replace(wiring, aw_timeout=SHORT, aw_deadline=SHORT * 2)
    finished, said = run_pass(settings, wiring=wiring, patience=patience)
    assert SECRET not in repr(said)
    assert SECRET not in sentences(said)
    return finished, said


def _assert_equal(aw: AwServer, store: Store, settings: Settings, buckets: tuple[str, ...] = BUCKETS) -> None:
    """The store holds what ActivityWatch says, hour by hour, and nothing is set aside."""
    with open_state(settings) as state:
        assert state.set_aside() == []
        positions = {each.bucket: each.position for each in state.checkpoints()}
    last = utc_now().timestamp() * 1_000_000 // HOUR_US * HOUR_US
    found = stored_hours(store, int(last) - 48 * HOUR_US, int(last), user=settings.sources[0].user_id)
    for bucket in buckets:
        position = positions[bucket]
        assert position is not None
        wanted = closed_hours(aw, bucket, position - position % HOUR_US)
        assert sum(wanted.values()) > 40_000, "there must be something to compare"
        assert_equal_hours(wanted, found.get(bucket, {}), bucket)


def _assert_told(case: Case, finished: PassFinished, proxy: FaultProxy) -> None:
    """The summary of a pass that failed names the fault and the address, once."""
    assert not finished.complete
    (told,) = finished.totals.faults
    assert case.says in told
    assert proxy.url.removeprefix("http://") in told


def _assert_nothing_moved(settings: Settings, *buckets: str) -> None:
    with open_state(settings) as state:
        moved = [each.bucket for each in state.checkpoints() if each.position is not None]
    assert set(moved).isdisjoint(buckets)


@pytest.mark.parametrize("name", TO_THE_STORE)
def test_faults_on_the_way_to_the_store(
    name: str, filled: AwServer, prometheus: Store, tmp_path: Path
) -> None:
    """A pass whose writes fail claims nothing; one whose store comes back in time repeats, and all is equal.

    First the fault strikes every write and outlasts the pass, then the next pass's first requests.
    """
    _endure(name, filled, prometheus, tmp_path)


@pytest.mark.parametrize("name", UNANSWERED)
@pytest.mark.parametrize("setup", OTHER_STORES)
def test_what_was_stored_and_not_confirmed_is_not_doubled(
    name: str, setup: str, filled: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Older stores, those that take samples in order only, those that keep whatever comes: all are equal."""
    store_name, options = OTHER_STORES[setup]
    _endure(name, filled, start_store(store_name, **options), tmp_path)


def _endure(name: str, filled: AwServer, prometheus: Store, tmp_path: Path) -> None:
    case = TO_THE_STORE[name]
    fault = replace(case.fault, only=WRITE)
    later = 0 if fault.act is Act.REFUSE or fault.larger_than > 0 else 1
    with FaultProxy(prometheus.url) as proxy:
        settings = _settings(tmp_path, filled.url, proxy.url, name, SHORT if case.silent else LONG)
        proxy.strike(replace(fault, skip=later))
        first, said = _pass(settings)
        assert proxy.struck or fault.act is Act.REFUSE
        if not case.says:
            assert (first.complete, first.totals.faults) == (True, ()), sentences(said)
            _assert_equal(filled, prometheus, settings)
            return
        _assert_told(case, first, proxy)
        assert len([event for event in said if isinstance(event, StoreParked)]) == 1
        _assert_nothing_moved(settings, *BUCKETS)
        proxy.mend()
        again = 0 if case.parks or fault.act is Act.REFUSE else 2
        if again:
            proxy.strike(replace(fault, times=again))
        second, said = _pass(settings, patience=30.0)
        assert (second.complete, second.totals.faults) == (True, ()), sentences(said)
        waits = [event for event in said if isinstance(event, RetryScheduled)]
        assert len(waits) >= again, sentences(said)
        assert all(case.says in wait.reason for wait in waits)
        _assert_equal(filled, prometheus, settings)


BROKEN = "aw-watcher-web_pc"
HEALTHY = tuple(bucket for bucket in BUCKETS if bucket != BROKEN)


@pytest.mark.parametrize("name", TO_ACTIVITYWATCH)
def test_faults_on_the_way_to_activitywatch(
    name: str, filled: AwServer, prometheus: Store, tmp_path: Path
) -> None:
    """A bucket that cannot be read hinders no other and is not claimed; nor is a server that fails whole.

    First the fault strikes the reads of one bucket, then everything the next pass asks, then it has ended.
    """
    case = TO_ACTIVITYWATCH[name]
    with FaultProxy(filled.url) as proxy:
        settings = _settings(tmp_path, proxy.url, prometheus.url, f"aw: {name}", LONG)
        if case.fault.act is not Act.REFUSE:
            proxy.strike(replace(case.fault, only=rf"/{BROKEN}/events\?"))
            first, said = _pass(settings, case)
            assert proxy.struck
            _assert_equal(filled, prometheus, settings, HEALTHY if case.says else BUCKETS)
            if not case.says:
                assert (first.complete, first.totals.faults) == (True, ()), sentences(said)
                return
            _assert_told(case, first, proxy)
            assert [each.bucket for each in said if isinstance(each, SourceFailed)] == [BROKEN]
            _assert_nothing_moved(settings, BROKEN)
        proxy.strike(case.fault)
        second, said = _pass(settings, case)
        _assert_told(case, second, proxy)
        assert [each.bucket for each in said if isinstance(each, SourceFailed)] == [None]
        _assert_nothing_moved(settings, BROKEN)
        proxy.mend()
        third, said = _pass(settings)
        assert (third.complete, third.totals.faults) == (True, ()), sentences(said)
        _assert_equal(filled, prometheus, settings)
