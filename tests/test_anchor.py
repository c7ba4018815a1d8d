"""The sample of now that a Prometheus gets before its first history, so that this moves no head on."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from awsync import anchor
from awsync.demo.aw_server import AwServer
from awsync.remote_write.store import Engine, StoreFacts
from tests.conftest import StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, fill_evenly, stored_hours
from tests.passes import make_settings, position_of, run_pass
from tests.servers import Store, StoreName

BUCKET = "aw-watcher-window_x"
DAYS = 9
NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000


@pytest.fixture
def days(aw: AwServer) -> AwServer:
    """Nine days of one bucket, in more series than one page of ActivityWatch brings at once."""
    fill_evenly(aw, BUCKET, days=DAYS, minutes=5, seconds=271.25, apps=50)
    return aw


def anchors(store: Store) -> list[float]:
    """When the anchors stand that the store holds, in seconds since the epoch."""
    return [
        moment
        for row in store.query(f"{anchor.METRIC}[1d]", time.time() + 1)
        for moment, value in row["values"]
        if value == "1"
    ]


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.53", "prometheus-2.42"])
def test_history_moves_no_head_on(
    name: StoreName, days: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """An empty Prometheus is not cut while history arrives: all of it is there, also when it is killed."""
    store = start_store(name)
    settings = make_settings(tmp_path, days.url, store.url, resolution=timedelta(minutes=1))
    before = time.time()
    assert run_pass(settings)[0].complete
    (stamp,) = anchors(store)
    assert before - 0.001 <= stamp <= time.time()
    assert "write block" not in store.log_file.read_text()

    store.kill()
    store.start()
    position = position_of(settings, BUCKET)
    last = position // HOUR_US * HOUR_US
    wanted = closed_hours(days, BUCKET, position)
    assert sum(wanted.values()) > 3600
    assert_equal_hours(wanted, stored_hours(store, last - (DAYS + 1) * 24 * HOUR_US, last)[BUCKET], BUCKET)

    assert run_pass(settings, look_back=True)[0].complete
    assert anchors(store) == [stamp], "a head of the present time needs no other"


@pytest.mark.parametrize(
    ("engine", "series", "window", "age", "needed"),
    [
        ("Prometheus", 0, timedelta(days=30), None, True),
        ("Prometheus", 7, timedelta(days=30), 61, True),
        ("Prometheus", 7, timedelta(days=30), 59, False),
        ("Prometheus", 0, timedelta(0), None, False),
        ("Prometheus", 0, None, None, False),
        ("Prometheus", None, timedelta(days=30), None, False),
        ("VictoriaMetrics", 0, timedelta(days=30), None, False),
        ("unknown", 0, timedelta(days=30), None, False),
    ],
)
def test_where_it_is_needed(
    engine: Engine, series: int | None, window: timedelta | None, age: int | None, needed: bool
) -> None:
    """Only where a Prometheus says that it takes history, and that nothing feeds it (for `age` minutes)."""
    newest = None if age is None else NOW_MS - age * MINUTE_MS
    facts = StoreFacts(engine=engine, series=series, out_of_order_window=window, head_max_ms=newest)
    assert anchor.is_needed(facts, NOW_MS) is needed
