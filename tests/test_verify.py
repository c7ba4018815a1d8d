"""`awsync verify` against real servers: green after a pass; every way of being untrue is found and mended."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.demo.aw_server import AwServer
from awsync.engine import Wiring
from awsync.errors import LockHeldError
from awsync.ledger import Mark
from awsync.schedule import Schedule
from awsync.series import Labels
from awsync.settings import Settings
from awsync.verify import By, Why
from tests.conftest import StartStore
from tests.passes import late, make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import Store
from tests.verifying import put, run_verify, told

BUCKET = "aw-watcher-window_x"
SLOT_MS = 300_000


def event(start: datetime, seconds: float, app: str) -> dict[str, Any]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": {"app": app}}


@pytest.fixture
def days(aw: AwServer) -> AwServer:
    """Forty hours of events of four minutes, one every five minutes: three apps, at last only one."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now().replace(microsecond=0) - timedelta(hours=40)
    aw.insert(
        BUCKET,
        [
            event(begin + timedelta(minutes=5 * i), 240.25, f"app {i % 3 if i < 400 else 0}")
            for i in range(470)
        ],
    )
    return aw


def series(settings: Settings, app: str) -> Labels:
    pairs = {"__name__": "aw_watcher_window_seconds", "bucket": BUCKET, "host": "x", "user": "me", "app": app}
    return tuple(sorted({**pairs, "active": "unknown", "category": "Uncategorized"}.items()))


def held(store: Store, app: str) -> list[tuple[int, float]]:
    """The samples of an app, by millisecond."""
    store.flush()
    (found,) = store.query(f'aw_watcher_window_seconds{{app="{app}"}}[60h]')
    return [(round(float(at) * 1000), float(value)) for at, value in found["values"]]


class Forgetful(httpx.AsyncBaseTransport):
    """Leaves the first samples out of the first answer to a query that has any."""

    def __init__(self) -> None:
        self.forgot = 0
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes the request on."""
        answer = await self._inner.handle_async_request(request)
        if self.forgot or not request.url.path.endswith("/api/v1/query"):
            return answer
        document = json.loads(await answer.aread())
        await answer.aclose()
        for series in document["data"]["result"][:1]:
            series["values"] = series["values"][5:]
            self.forgot += 1
        return httpx.Response(200, json=document)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._inner.aclose()


def whys(report_differences: Sequence[Any]) -> set[Why]:
    return {each.why for each in report_differences}


def assert_green(settings: Settings, *, by: By = By.HOUR) -> None:
    report = run_verify(settings, by=by)
    assert report.ok, told(report)
    assert report.compared
    assert not report.differences, told(report)


def assert_repaired(settings: Settings, *wanted: Why) -> None:
    """Not green for the reasons that are wanted, and green after a repair, which a pass leaves alone."""
    before = run_verify(settings)
    assert not before.ok
    assert whys(before.differences) == set(wanted), told(before)
    repaired = run_verify(settings, repair=True)
    assert sum(each.samples for each in repaired.mended) > 0
    again = run_verify(settings, repair=True)
    assert again.ok, told(again)
    assert not again.mended
    finished, said = run_pass(settings, look_back=True)
    assert (finished.complete, finished.totals.samples) == (True, 0), sentences(said)
    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, now=1)
    finished, said = run_pass(settings)
    assert (finished.complete, finished.totals.samples) == (True, 0), sentences(said)
    assert_green(settings)


@pytest.mark.servers
def test_green_after_a_pass_and_mended_where_samples_were_added(
    days: AwServer, store: Store, tmp_path: Path
) -> None:
    """What a pass delivered agrees to the millisecond; what somebody adds is found, named and taken back."""
    settings = make_settings(tmp_path, days.url, store.url)
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    assert_green(settings)
    assert_green(settings, by=By.DAY)

    newest = held(store, "app 0")[-1][0]
    put(
        store,
        {
            (series(settings, "app 0"), newest - 20 * SLOT_MS - 7): 12.501,
            (series(settings, "foreign"), newest - 100 * SLOT_MS): 40.0,
            (series(settings, "app 1"), newest - 300 * SLOT_MS - 7): 1.237,
        },
    )
    report = run_verify(settings)
    found = {(dict(each.labels)["app"], each.difference, each.why) for each in report.differences}
    assert found == {
        ("app 0", 12_501_000, Why.TOO_MUCH),
        ("foreign", 40_000_000, Why.UNKNOWN),
        ("app 1", 1_237_000, Why.TOO_MUCH),
    }
    assert_repaired(settings, Why.TOO_MUCH, Why.UNKNOWN)


@pytest.mark.servers
def test_what_waits_for_its_second_is_not_pending(days: AwServer, store: Store, tmp_path: Path) -> None:
    """Between a run of the cron and the planned pass of a device with a splay, nothing is missing yet."""
    hourly = make_settings(tmp_path, days.url, store.url, cron="@hourly")
    settings = late(hourly, timedelta(hours=1), timedelta(minutes=20))
    planned = Schedule.of(settings).last_until(utc_now() - timedelta(hours=2))
    assert run_pass(settings, now=planned)[0].complete
    for way, why in ((timedelta(minutes=50), set()), (timedelta(minutes=62), {Why.PENDING})):
        clock = partial(round, (planned + way).timestamp() * 1_000_000)
        report = run_verify(settings, wiring=Wiring(clock=clock))
        assert report.compared
        assert whys(report.differences) == why, told(report)


@pytest.mark.servers
def test_deleted_series_come_back(days: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """A series that somebody deleted is missing, and is there again after a repair.

    In VictoriaMetrics, for a Prometheus deletes nothing of what is out of order before it is in a block.
    """
    store = start_store("victoria-metrics")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    store.flush()
    httpx.post(
        f"{store.url}/api/v1/admin/tsdb/delete_series",
        params={"match[]": '{app=~"app [12]"}'},
        trust_env=False,
    ).raise_for_status()
    assert_repaired(settings, Why.LOST, Why.LACKING)


@pytest.mark.servers
def test_doubled_samples_are_taken_back(days: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """VictoriaMetrics counts a sample as often as it came: a correction takes the copies back."""
    store = start_store("victoria-metrics")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    samples = held(store, "app 1")
    put(store, {(series(settings, "app 1"), at): value for at, value in samples[:60] + samples[-5:]})
    assert_repaired(settings, Why.DOUBLED)


@pytest.mark.servers
def test_what_a_pass_does_by_itself_is_named_and_left_to_it(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Pending, set aside, given up, left out: each with its reason; a repair sends nothing of it."""
    store = start_store("prometheus-3.5", out_of_order=None)
    put(store, {((("__name__", "head_seconds"),), round(utc_now().timestamp() * 1000)): 1.0})
    days.create_bucket("aw-watcher-secret_x", "aw-watcher-secret", "currentwindow", "x")
    days.insert("aw-watcher-secret_x", [event(utc_now() - timedelta(hours=2), 60, "private")] * 9)
    days.create_bucket("few_x", "aw-few", "currentwindow", "x")
    days.insert("few_x", [event(utc_now() - timedelta(hours=2), 60, "few")])
    settings = make_settings(
        tmp_path, days.url, store.url, source={"excluded_watchers": ("aw-watcher-secret",)}
    )

    never = run_verify(settings)
    assert whys(never.differences) == {Why.PENDING}, told(never)
    assert [(each.bucket, each.why) for each in never.skipped] == [
        ("aw-watcher-secret_x", 'excluded by "aw-watcher-secret"'),
        ("few_x", "1 events are fewer than min-data 5"),
    ]
    assert not run_verify(settings, repair=True).mended

    run_pass(settings, now=utc_now() - timedelta(hours=2))
    report = run_verify(settings)
    assert whys(report.differences) == {Why.PENDING, Why.SET_ASIDE}, told(report)
    assert not run_verify(settings, repair=True).mended
    run_pass(settings)
    with open_state(settings) as state:
        assert state.mark_aside([f"r{held.id}" for _, _, held in state.set_aside()], Mark.DROPPED) == 1
        # Beside a process that holds the state verify reads; only a repair wants to write.
        report = run_verify(settings)
        with pytest.raises(LockHeldError):
            run_verify(settings, repair=True)
    assert report.ok, told(report)
    assert whys(report.differences) == {Why.GIVEN_UP}


@pytest.mark.servers
def test_time_that_was_skipped_on_purpose_is_not_compared(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Before initial-history, and while a bucket was excluded, nothing was to be sent."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, days.url, store.url, initial_history=timedelta(hours=10))
    assert run_pass(settings)[0].complete
    assert_green(settings)
    slot = SLOT_MS * 1000
    with open_state(settings) as state:
        state.skip_to("default", BUCKET, (round(utc_now().timestamp() * 1e6) // slot + 1) * slot, now=1)
    report = run_verify(settings)
    assert [each.why for each in report.skipped] == ["nothing of this time was to be sent"]


@pytest.mark.servers
def test_a_sample_that_is_left_out_once_is_no_difference(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A Prometheus that compacts may leave out samples for a moment: nothing is said or sent for that."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    transport = Forgetful()
    report = run_verify(settings, repair=True, wiring=Wiring(store_transport=transport))
    assert transport.forgot == 1
    assert report.ok, told(report)
    assert not report.mended
