"""What was sent before and is not remembered: the store is asked, and only what it lacks goes out."""

import shutil
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from awsync.demo.aw_server import AwServer
from awsync.engine import Wiring
from awsync.events import ClockSkewed, CorrectionSent, FutureLeft, HistoryWentBack
from awsync.settings import Settings
from tests.conftest import StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store, StoreName

BUCKET = "aw-watcher-window_x"
DAYS = 2


def event(start: datetime, seconds: float, app: str) -> dict[str, object]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": {"app": app}}


@pytest.fixture
def days(aw: AwServer) -> AwServer:
    """Two days of one bucket, with pauses."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now() - timedelta(days=DAYS)
    count = DAYS * 24 * 4 - 2
    aw.insert(
        BUCKET, [event(begin + timedelta(minutes=15 * i), 731.25, f"app {i % 5}") for i in range(count)]
    )
    return aw


def assert_equal(aw: AwServer, store: Store, settings: Settings) -> None:
    store.flush()
    position = position_of(settings, BUCKET)
    wanted = closed_hours(aw, BUCKET, position)
    last = position // HOUR_US * HOUR_US
    found = stored_hours(store, last - (DAYS + 1) * 24 * HOUR_US, last)
    assert sum(wanted.values()) > 3600
    assert_equal_hours(wanted, found[BUCKET], BUCKET)


def change_history(aw: AwServer) -> None:
    """Within the last day one event is deleted, one is shorter, and one comes late."""
    held = aw.events(BUCKET)
    aw.delete_event(BUCKET, held[10]["id"])
    aw.insert(BUCKET, [held[20] | {"duration": 17.5}])
    start = datetime.fromisoformat(held[30]["timestamp"]) + timedelta(seconds=745)
    aw.insert(BUCKET, [event(start, 40.125, "late")])


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.42", "victoria-metrics"])
def test_a_lost_state_is_made_anew_from_the_store(
    name: StoreName, days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Without its database awsync sends nothing twice, and goes on correcting what it had sent before."""
    store = start_store(name)
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    change_history(days)
    finished, _ = run_pass(settings, look_back=True)
    assert finished.totals.corrections > 0
    store.flush()

    shutil.rmtree(settings.state_dir)
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    assert finished.totals.samples < 10, "only what was closed since"
    assert_equal(days, store, settings)

    change_history(days)
    finished, said = run_pass(settings, look_back=True)
    assert [each.samples for each in said if isinstance(each, CorrectionSent)]
    assert_equal(days, store, settings)


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "victoria-metrics"])
def test_a_checkpoint_moved_back_doubles_nothing(
    name: StoreName, days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Also in a store that keeps repeats, and with slots of another length than those it holds."""
    store = start_store(name)
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    for resolution in (timedelta(minutes=5), timedelta(minutes=30), timedelta(minutes=1)):
        store.flush()
        with open_state(settings) as state:
            state.rewind("default", BUCKET, None, now=1)
        settings = make_settings(tmp_path, days.url, store.url, resolution=resolution)
        finished, said = run_pass(settings)
        assert finished.complete, sentences(said)
        assert_equal(days, store, settings)


class Deaf(httpx.AsyncHTTPTransport):
    """Delivers writes, and loses the answers of the first few."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        answer = await super().handle_async_request(request)
        if self.left and request.url.path.endswith("/write") and len(request.content) > 100:
            self.left -= 1
            await answer.aclose()
            raise httpx.ReadError("gone", request=request)
        return answer


@pytest.mark.servers
def test_a_store_that_keeps_repeats_gets_none_after_a_lost_answer(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """VictoriaMetrics without -dedup.minScrapeInterval holds each sample once, whatever answers got lost."""
    store = start_store("victoria-metrics")
    settings = make_settings(tmp_path, days.url, store.url)
    wiring = Wiring(store_transport=Deaf(2), first_delay=0.01)
    finished, said = run_pass(settings, patience=None, wiring=wiring)
    assert finished.complete, sentences(said)
    assert "broke" in sentences(said)
    assert_equal(days, store, settings)

    # The process died before it could write down what the store had confirmed.
    with open_state(settings) as state, state.database.transaction() as connection:
        connection.execute("DELETE FROM ledger")
        connection.execute("DELETE FROM checkpoint")
    assert run_pass(settings)[0].complete
    assert_equal(days, store, settings)


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.42", "victoria-metrics"])
def test_history_that_changes_while_nobody_knows_what_arrived(
    name: StoreName, days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A pass dies with its samples stored, then their events change: the next pass mends what it left.

    So it is with new slots, and with corrections, which may not be sent with two values at one place.
    """
    store = start_store(name)
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings, now=utc_now() - timedelta(hours=6))[0].complete
    assert not run_pass(settings, wiring=Wiring(store_transport=Deaf(99)))[0].complete
    store.flush()
    change_history(days)
    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    assert_equal(days, store, settings)

    corrected = days.events(BUCKET)[25]
    for seconds, answers in ((333.5, 99), (444.75, 0)):
        days.insert(BUCKET, [corrected | {"duration": seconds}])
        wiring = Wiring(store_transport=Deaf(answers))
        finished, said = run_pass(settings, look_back=True, wiring=wiring)
        assert finished.complete == (not answers), sentences(said)
        store.flush()
    assert_equal(days, store, settings)
    with open_state(settings) as state:
        assert not state.quarantine()
        assert not state.checkpoint("default", BUCKET).is_unconfirmed(0, 1 << 60)


class Mute(httpx.AsyncHTTPTransport):
    """Does not answer the first few questions about what the store holds."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.left = questions

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        if self.left and request.url.path in {"/api/v1/query", "/api/v1/series"}:
            self.left -= 1
            return httpx.Response(503, text="too many queries")
        return await super().handle_async_request(request)


@pytest.mark.servers
def test_a_store_that_cannot_be_asked_for_a_moment_is_asked_again(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """What nobody remembers is not sent on a guess while the store refuses to tell what it holds."""
    store = start_store("victoria-metrics")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    store.flush()
    shutil.rmtree(settings.state_dir)
    finished, said = run_pass(settings, wiring=Wiring(store_transport=Mute(99), first_delay=0.01))
    assert not finished.complete
    assert finished.totals.samples == 0
    assert "too many queries" in sentences(said)
    wiring = Wiring(store_transport=Mute(3), first_delay=0.01)
    finished, said = run_pass(settings, patience=None, wiring=wiring)
    assert finished.complete, sentences(said)
    assert_equal(days, store, settings)


class Behind(httpx.AsyncHTTPTransport):
    """Answers with a clock that is late."""

    def __init__(self, late: timedelta) -> None:
        super().__init__()
        self.late = late

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one request."""
        answer = await super().handle_async_request(request)
        answer.headers["Date"] = format_datetime(utc_now() - self.late, usegmt=True)
        return answer


@pytest.mark.servers
def test_nothing_is_sent_that_is_in_the_future_of_the_store(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """By a store's clock that is an hour behind, the last hour has not happened yet; it is sent later."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, days.url, store.url)
    wiring = Wiring(store_transport=Behind(timedelta(hours=1)))
    finished, said = run_pass(settings, wiring=wiring)
    assert finished.complete, sentences(said)
    (skew,) = [each for each in said if isinstance(each, ClockSkewed)]
    assert -3602 < skew.seconds < -3598
    late = utc_now().timestamp() * 1e6 - position_of(settings, BUCKET)
    assert 3600 <= late / 1e6 < 3600 + 300 + 60
    finished, said = run_pass(settings)
    assert not [each for each in said if isinstance(each, ClockSkewed)]
    assert finished.totals.samples > 0
    assert_equal(days, store, settings)


@pytest.mark.servers
def test_a_clock_that_was_a_year_ahead_leaves_nothing_behind(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A pass under a wrong clock moves its checkpoint too far; the next one goes back, and loses nothing."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings, now=utc_now() - timedelta(hours=5))[0].complete
    assert run_pass(settings, now=utc_now() + timedelta(days=365))[0].complete
    assert position_of(settings, BUCKET) > utc_now().timestamp() * 1e6

    begin = utc_now() - timedelta(minutes=12)
    days.insert(BUCKET, [event(begin, 640.0, "after")])
    finished, said = run_pass(settings, now=utc_now() + timedelta(minutes=65))
    assert finished.complete, sentences(said)
    assert [each.bucket for each in said if isinstance(each, FutureLeft)] == [BUCKET]
    assert_equal(days, store, settings)

    days.insert(BUCKET, [days.events(BUCKET)[0] | {"duration": 17.5}])
    _, said = run_pass(settings, now=utc_now() + timedelta(minutes=130))
    assert [each for each in said if isinstance(each, CorrectionSent)], "it still looks back every hour"
    assert not [each for each in said if isinstance(each, FutureLeft)]


@pytest.mark.servers
def test_a_newest_event_that_is_gone_is_noticed_once(
    days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """As after a restored database: said once, and the last day is compared at once."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, days.url, store.url)
    assert run_pass(settings)[0].complete
    for held in days.events(BUCKET)[:6]:
        days.delete_event(BUCKET, held["id"])
    finished, said = run_pass(settings)
    assert [each.bucket for each in said if isinstance(each, HistoryWentBack)] == [BUCKET]
    assert finished.totals.corrections > 0
    assert_equal(days, store, settings)
    _, said = run_pass(settings)
    assert not [each for each in said if isinstance(each, HistoryWentBack | CorrectionSent)]
