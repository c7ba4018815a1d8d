"""What stands in the way is said in one sentence, with exit code 1 and no checkpoint moved."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer, free_port
from awsync.demo.receiver import Receiver
from awsync.events import SamplesSetAside
from tests.commands import awsync
from tests.conftest import StartStore
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import Store, StoreName

BUCKET = "aw-watcher-window_x"


def fill(aw: AwServer, *, days: int) -> None:
    """One event of 50 minutes an hour, in one bucket."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    now = utc_now()
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (now - timedelta(hours=hour)).isoformat(),
                "duration": 3000.5,
                "data": {"app": f"app {hour % 3}"},
            }
            for hour in range(1, 24 * days)
        ],
    )


def sync_once(folder: Path, aw_url: str, store_url: str, *more: str) -> subprocess.CompletedProcess[str]:
    return awsync(
        "sync", "--once", "--aw-url", aw_url, "--prometheus-url", store_url,
        "--state-dir", str(folder / "state"), *more, folder=folder,
    )  # fmt: skip


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    complaints = [line for line in done.stderr.splitlines() if " ERROR " in line]
    assert len(complaints) == 1, done.stderr
    assert done.returncode == 1
    for part in parts:
        assert part in complaints[0]
    assert "Traceback" not in done.stderr


def assert_no_checkpoint(folder: Path, aw_url: str, store_url: str) -> None:
    with open_state(make_settings(folder, aw_url, store_url)) as state:
        assert [checkpoint for checkpoint in state.checkpoints() if checkpoint.position is not None] == []


@pytest.mark.servers
def test_a_receiver_that_is_off_is_named_with_its_flag(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A Prometheus without its receiver gives the flag that mends it."""
    fill(aw, days=1)
    store = start_store("prometheus-3.5", receiver=False)
    done = sync_once(tmp_path, aw.url, store.url)
    assert_one_sentence(done, "--web.enable-remote-write-receiver")
    assert_no_checkpoint(tmp_path, aw.url, store.url)


@pytest.mark.servers
def test_a_wrong_path_is_named(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """A write URL that the store does not know is shown, with the key to correct."""
    fill(aw, days=1)
    store = start_store("prometheus-3.5")
    done = sync_once(tmp_path, aw.url, f"{store.url}/nothing/here/write")
    assert_one_sentence(done, f"{store.url}/nothing/here/write", "prometheus-url")
    assert_no_checkpoint(tmp_path, aw.url, store.url)


def test_a_refused_token_is_named_and_never_shown(aw: AwServer, tmp_path: Path) -> None:
    """A store that refuses the token says which setting to check, and the token is in no output."""
    fill(aw, days=1)
    with Receiver(token="right") as store:
        done = awsync(
            "sync", "--once", "--aw-url", aw.url, "--prometheus-url", store.url,
            "--state-dir", str(tmp_path / "state"),
            folder=tmp_path, AWSYNC_BEARER_TOKEN="s3cr3t-but-wrong",
        )  # fmt: skip
        assert_one_sentence(done, "bearer-token")
        assert "s3cr3t" not in done.stderr + done.stdout
        assert_no_checkpoint(tmp_path, aw.url, store.url)


def test_a_store_that_is_down_is_named(aw: AwServer, tmp_path: Path) -> None:
    """A store that nobody answers for is tried for a while, then named; nothing is advanced."""
    fill(aw, days=1)
    store_url = f"http://127.0.0.1:{free_port()}"
    done = sync_once(tmp_path, aw.url, store_url)
    assert_one_sentence(done, store_url, "Nothing was lost")
    assert_no_checkpoint(tmp_path, aw.url, store_url)


def test_an_activitywatch_that_is_down_is_named(tmp_path: Path) -> None:
    """A source that nobody answers for is named with its address and what to do."""
    with Receiver() as store:
        aw_url = f"http://127.0.0.1:{free_port()}"
        done = sync_once(tmp_path, aw_url, store.url)
        assert_one_sentence(done, aw_url, "aw-url")
        assert_no_checkpoint(tmp_path, aw_url, store.url)


def everything_equal(aw: AwServer, store: Store, position: int) -> Callable[[], None]:
    last = position - position % HOUR_US
    found = stored_hours(store, last - 9 * 24 * HOUR_US, last).get(BUCKET, {})
    return lambda: assert_equal_hours(closed_hours(aw, BUCKET, position), found, BUCKET)


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "prometheus-2.42"])
def test_history_too_old_is_set_aside_and_comes_later(
    name: StoreName, aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Without an out-of-order window the old part waits, named with the lines to add, and then arrives."""
    fill(aw, days=5)
    store = start_store(name, out_of_order=None, scrape=True)
    settings = make_settings(tmp_path, aw.url, store.url)

    first, said = run_pass(settings)
    assert not first.complete
    aside = [event for event in said if isinstance(event, SamplesSetAside)]
    assert len(aside) == 1
    assert aside[0].bucket == BUCKET
    assert "out_of_order_time_window" in aside[0].remedy
    assert first.totals.samples > 0, "what the store takes must have arrived"
    assert first.totals.set_aside > 900
    with open_state(settings) as state:
        held = [(kept.start, kept.end) for _, _, kept in state.set_aside()]
        assert held == [(aside[0].start, aside[0].end)]
        position = state.checkpoint("default", BUCKET).position
    assert position is not None
    with pytest.raises(AssertionError, match=r"AW [0-9.]+, store 0\.0"):
        everything_equal(aw, store, position)()

    again, said = run_pass(settings)
    assert (again.complete, again.totals.samples) == (True, 0), "what waits does not fail later passes"
    back, said = run_pass(settings, look_back=True)
    assert back.complete, "a look back over what waits says nothing new: " + sentences(said)
    with open_state(settings) as state:
        still = [(kept.start, kept.end) for _, _, kept in state.set_aside()]
    assert still == [(aside[0].start, aside[0].end)]

    store.reload(out_of_order="30d")
    mended, said = run_pass(settings)
    assert mended.complete, sentences(said)
    with open_state(settings) as state:
        assert state.set_aside() == []
        position = state.checkpoint("default", BUCKET).position
    assert position is not None
    everything_equal(aw, store, position)()
