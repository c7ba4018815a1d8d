"""History that changes after it was sent, and sources that do not hold each other up."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awsync.demo.aw_server import AwServer, free_port
from awsync.events import CorrectionSent, SourceFailed
from awsync.settings import SourceSettings
from tests.conftest import StartAw, StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store

BUCKET = "aw-watcher-window_x"


def event(start: datetime, seconds: float, app: str) -> dict[str, Any]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": {"app": app}}


@pytest.fixture
def day(aw: AwServer) -> AwServer:
    """Twenty hours of events of four minutes, one every five minutes."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now().replace(microsecond=0) - timedelta(hours=20)
    aw.insert(BUCKET, [event(begin + timedelta(minutes=5 * i), 240.25, f"app {i % 3}") for i in range(230)])
    return aw


def assert_equal(aw: AwServer, store: Store, position: int) -> None:
    last = position - position % HOUR_US
    found = stored_hours(store, last - 30 * HOUR_US, last)[BUCKET]
    assert_equal_hours(closed_hours(aw, BUCKET, position), found, BUCKET)


@pytest.mark.servers
def test_changed_history_is_corrected_and_can_be_repeated(
    day: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Deleted, edited and late events are mended by differences; a reset sends what the store lacks."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, day.url, store.url)
    assert run_pass(settings)[0].complete
    position = position_of(settings, BUCKET)
    assert_equal(day, store, position)

    held = day.events(BUCKET)
    day.delete_event(BUCKET, held[40]["id"])
    day.insert(BUCKET, [held[80] | {"duration": 17.5}])
    day.insert(BUCKET, [held[90] | {"data": {"app": "another"}}])
    late = datetime.fromisoformat(held[120]["timestamp"]) + timedelta(seconds=245)
    day.insert(BUCKET, [event(late, 40.125, "late")])

    finished, said = run_pass(settings)
    assert finished.totals.samples == 0, "within the hour nothing looks back"
    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    assert [correction.samples for correction in said if isinstance(correction, CorrectionSent)]
    assert_equal(day, store, position)

    again, _ = run_pass(settings, look_back=True)
    assert (again.complete, again.totals.samples) == (True, 0)

    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, now=1)
    repeated, _ = run_pass(settings)
    assert repeated.totals.samples == 0, "the store holds it all"
    assert_equal(day, store, position)

    store.wipe()
    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, now=1)
    repeated, _ = run_pass(settings)
    assert repeated.totals.samples > 200
    assert_equal(day, store, position)


@pytest.mark.servers
def test_the_look_back_comes_by_itself_after_an_hour(
    day: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A pass an hour after the first notices a deleted event without being asked to."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, day.url, store.url)
    assert run_pass(settings)[0].complete
    day.delete_event(BUCKET, day.events(BUCKET)[60]["id"])
    finished, said = run_pass(settings, now=utc_now() + timedelta(minutes=61))
    assert finished.complete, sentences(said)
    assert finished.totals.corrections > 0
    position = position_of(settings, BUCKET)
    assert_equal(day, store, position)


@pytest.mark.servers
@pytest.mark.parametrize("minutes", [1, 30])
def test_a_changed_resolution_keeps_the_sums(
    minutes: int, day: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Slots of another length go on where the old ones ended, and a look back over both is exact."""
    store = start_store("prometheus-3.5")
    settings = make_settings(tmp_path, day.url, store.url)
    assert run_pass(settings, now=utc_now() - timedelta(hours=2, minutes=7))[0].complete
    settings = make_settings(tmp_path, day.url, store.url, resolution=timedelta(minutes=minutes))
    for look_back in (False, True):
        finished, said = run_pass(settings, look_back=look_back)
        assert finished.complete, sentences(said)
        position = position_of(settings, BUCKET)
        assert_equal(day, store, position)


@pytest.mark.servers
def test_a_dead_source_does_not_hold_up_the_other(
    start_aw: StartAw, start_store: StartStore, tmp_path: Path
) -> None:
    """With two sources the one that answers is delivered whole, and the dead one is named."""
    store = start_store("prometheus-3.5")
    alive = start_aw("alive")
    alive.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begin = utc_now() - timedelta(hours=3)
    alive.insert(BUCKET, [event(begin + timedelta(minutes=i), 59.5, "app") for i in range(150)])
    sources = (
        SourceSettings("dead", f"http://127.0.0.1:{free_port()}", "me"),
        SourceSettings("alive", alive.url, "me"),
    )
    settings = make_settings(tmp_path, alive.url, store.url, sources=sources)
    finished, said = run_pass(settings)
    assert not finished.complete
    assert [failed.source for failed in said if isinstance(failed, SourceFailed)] == ["dead"]
    position = position_of(settings, BUCKET, "alive")
    assert_equal(alive, store, position)
