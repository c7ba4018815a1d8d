"""Something was off for a week and comes back: everything ends in agreement without anyone's help."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.settings import Settings
from tests.conftest import EVERY_STORE, StartStore
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import StoreName
from tests.verifying import run_verify, told

WINDOW, AFK = "aw-watcher-window_desk", "aw-watcher-afk_desk"
DAY = timedelta(days=1)


def work(aw: AwServer, since: datetime, until: datetime) -> None:
    """Somebody works for twenty minutes of each hour, and is away for the rest of it."""
    window, afk = [], []
    hour = since
    while hour < until:
        for number in range(4):
            at = hour + timedelta(minutes=5 * number, milliseconds=number)
            data = {"app": f"app {number % 3}", "title": f"title {hour.hour % 5}"}
            window.append({"timestamp": at.isoformat(), "duration": 290.5, "data": data})
        for start, minutes, status in ((0, 20, "not-afk"), (20, 40, "afk")):
            at = hour + timedelta(minutes=start)
            afk.append({"timestamp": at.isoformat(), "duration": minutes * 60, "data": {"status": status}})
        hour += timedelta(hours=1)
    aw.insert(WINDOW, window)
    aw.insert(AFK, afk)


def assert_agreed(settings: Settings) -> None:
    """One pass brings what is due, a second one nothing; nothing is set aside, and the store agrees."""
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    assert finished.totals.samples > 800
    again, said = run_pass(settings)
    assert (again.complete, again.totals.samples) == (True, 0), sentences(said)
    with open_state(settings) as state:
        assert not state.set_aside()
        assert not state.quarantine()
    report = run_verify(settings)
    assert report.ok, told(report)
    assert not report.differences, told(report)
    assert len(report.compared) == 2


@pytest.mark.servers
@pytest.mark.parametrize("name", EVERY_STORE)
def test_a_week_off(aw: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName) -> None:
    """An awsync that slept for a week, and one whose store was down as long, both catch up by themselves."""
    store = start_store(name, out_of_order="30d", scrape=True)
    for bucket, kind in ((WINDOW, "currentwindow"), (AFK, "afkstatus")):
        aw.create_bucket(bucket, bucket.partition("_")[0], kind, "desk")
    asleep = make_settings(tmp_path / "asleep", aw.url, store.url, source={"user_id": "asleep"})
    awake = make_settings(tmp_path / "awake", aw.url, store.url, source={"user_id": "awake"})
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    left = now - 8 * DAY
    work(aw, left - DAY, left)
    for settings in (asleep, awake):
        assert run_pass(settings, now=left)[0].complete

    store.stop()
    day = left
    while day < now:
        work(aw, day, min(day + DAY, now))
        day += DAY
        finished, _ = run_pass(awake, now=min(day, now))
        assert not finished.complete
    store.start()

    assert_agreed(asleep)
    assert_agreed(awake)
