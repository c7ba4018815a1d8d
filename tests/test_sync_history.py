"""A month of hard history from a real ActivityWatch into real stores, equal to the millisecond."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.settings import Settings
from tests.conftest import EVERY_STORE, StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, fill_month, stored_hours
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import Store


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """One aw-server with the month in it, for reading only."""
    with AwServer(tmp_path_factory.mktemp("month")) as aw:
        fill_month(aw, utc_now() - timedelta(minutes=20))
        yield aw


@pytest.fixture(params=EVERY_STORE)
def store(request: pytest.FixtureRequest, start_store: StartStore) -> Store:
    """Each store, as it starts: empty, and nothing else feeds it."""
    return start_store(request.param)


def assert_store_equals_aw(settings: Settings, aw: AwServer, store: Store) -> None:
    with open_state(settings) as state:
        checkpoints = {
            checkpoint.bucket: checkpoint.position
            for checkpoint in state.checkpoints()
            if checkpoint.position is not None
        }
    assert len(checkpoints) == 7
    last = max(position - position % HOUR_US for position in checkpoints.values())
    stored = stored_hours(store, last - 32 * 24 * HOUR_US, last)
    assert stored.keys() == checkpoints.keys()
    for bucket, position in checkpoints.items():
        wanted = closed_hours(aw, bucket, position)
        assert sum(wanted.values()) > 3600, "the history must hold something to compare"
        found = {hour: seconds for hour, seconds in stored[bucket].items() if hour <= position}
        assert_equal_hours(wanted, found, bucket)


def test_every_closed_hour_of_every_bucket_is_exact(month: AwServer, store: Store, tmp_path: Path) -> None:
    """A first pass brings each hour to the millisecond; a second and a repeat send nothing."""
    excluded = {"excluded_watchers": ("aw-watcher-secret",)}
    settings = make_settings(tmp_path, month.url, store.url, source=excluded)

    first, said = run_pass(settings)
    assert first.complete, sentences(said)
    assert first.totals.samples > 50_000
    assert_store_equals_aw(settings, month, store)

    second, _ = run_pass(settings)
    assert (second.complete, second.totals.samples, second.totals.requests) == (True, 0, 0)

    store.flush()
    with open_state(settings) as state:
        for number, checkpoint in enumerate(state.checkpoints()):
            position = checkpoint.position
            if position is not None:
                back = None if number % 2 else position - 6 * 24 * HOUR_US - 1_234_567
                state.rewind(checkpoint.source, checkpoint.bucket, back, now=1)
    third, said = run_pass(settings)
    assert third.complete, sentences(said)
    assert third.totals.events > 10_000
    assert third.totals.samples == 0, "the store holds it all"
    assert_store_equals_aw(settings, month, store)
