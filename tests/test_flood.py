"""A watcher that says something new all the time costs a store no more than the budget of a day.

Real servers, and awsync as a process that is killed in the middle.
"""

import shutil
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.admissions import day_of
from awsync.demo.aw_server import AwServer
from awsync.events import SeriesFolded
from awsync.settings import Settings
from tests.commands import awsync, start_awsync
from tests.conftest import StartStore
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import Store, StoreName, wait_until
from tests.test_backfill import run_as_told
from tests.verifying import run_verify, told

BUCKET = "aw-watcher-window_laptop"
TITLES = 100_000
LENGTH_US = 864_000
BUDGET = 1_000
APPS = ("browser", "editor", "mail", "shell", "chat", "player")


def midnight() -> datetime:
    """When the last whole day began (UTC)."""
    return utc_now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def event(start: datetime, number: int) -> dict[str, Any]:
    """One of the titles; those of an app are not of the same length as those of another."""
    app = APPS[number * number % 11 % len(APPS)]
    at = start + timedelta(microseconds=LENGTH_US * number)
    return {
        "timestamp": at.isoformat(),
        "duration": LENGTH_US / 1e6,
        "data": {"app": app, "title": f"build {number}"},
    }


def stored(store: Store, query: str, at: datetime) -> dict[str, float]:
    """Values of an instant query by app."""
    store.flush()
    answer = httpx.get(
        f"{store.url}/api/v1/query",
        params={"query": query, "time": str(at.timestamp()), "nocache": "1"},
        trust_env=False,
    )
    assert answer.is_success, answer.text
    return {row["metric"].get("app", ""): float(row["value"][1]) for row in answer.json()["data"]["result"]}


def series(store: Store, day: datetime) -> list[dict[str, str]]:
    """The label sets that a store holds of the bucket."""
    store.flush()
    answer = httpx.get(
        f"{store.url}/api/v1/series",
        params={
            "match[]": f'{{__name__=~"aw_.+", bucket="{BUCKET}"}}',
            "start": str(day.timestamp() - 1),
            "end": str(time.time() + 1),
        },
        trust_env=False,
    )
    assert answer.is_success, answer.text
    found: list[dict[str, str]] = answer.json()["data"]
    return found


def position(path: Path) -> int:
    """How far the bucket has come; 0 before its first page is settled."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute("SELECT position FROM checkpoint").fetchall()
        except sqlite3.OperationalError:
            return 0
    return int(rows[0][0] or 0) if rows else 0


@pytest.mark.servers
def test_a_day_of_a_hundred_thousand_titles(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """The store holds no more series than the budget, its sums are exact, and a kill changes nothing."""
    store = start_store("prometheus-3.5")
    day = midnight()
    events = [event(day, number) for number in range(TITLES)]
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "laptop")
    aw.insert(BUCKET, events)
    arguments = (
        "sync", "--once", "--aw-url", aw.url, "--prometheus-url", store.url,
        "--state-dir", str(tmp_path / "state"), "--user-id", "me",
    )  # fmt: skip

    process = start_awsync(*arguments, folder=tmp_path)
    path = tmp_path / "state" / "state.db"
    wait_until(lambda: position(path) > 0 or process.poll() is not None, "a part of the day is settled", 60)
    process.kill()
    process.communicate()
    end = round((day + timedelta(days=1)).timestamp() * 1e6)
    assert end - 86_400_000_000 < position(path) < end, "it was killed in the middle"

    done = awsync(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "label sets of " in done.stderr
    assert f'went into "(other)", for a day may begin {BUDGET:,} series' in done.stderr

    counts = Counter(each["data"]["app"] for each in events)
    wanted = {app: count * LENGTH_US / 1e6 for app, count in counts.items()}
    query = f'sum by (app) (sum_over_time({{bucket="{BUCKET}"}}[1d]))'
    found = stored(store, query, day + timedelta(days=1))
    assert {app: round(value, 3) for app, value in found.items()} == {
        app: round(value, 3) for app, value in wanted.items()
    }
    held = series(store, day)
    assert len(held) <= BUDGET
    kept = sorted(events, key=lambda each: _slot_and_labels(day, each))[: BUDGET * 3 // 4]
    assert {each["title"] for each in held} == {"(other)", *(each["data"]["title"] for each in kept)}
    assert len(held) == BUDGET * 3 // 4 + len(counts)


def _slot_and_labels(day: datetime, each: dict[str, Any]) -> tuple[int, str, str]:
    """The order in which label sets come: by slot, then by labels."""
    start = datetime.fromisoformat(each["timestamp"])
    return (start - day) // timedelta(minutes=5), each["data"]["app"], each["data"]["title"]


FEW, SMALL = 2_000, 100


@pytest.fixture
def flooded(aw: AwServer) -> AwServer:
    """A day of a few titles less, each of them 40 s long."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "laptop")
    day = midnight()
    aw.insert(BUCKET, [long_event(day + timedelta(seconds=40 * number), number) for number in range(FEW)])
    return aw


def long_event(at: datetime, number: int) -> dict[str, Any]:
    return {
        "timestamp": at.isoformat(),
        "duration": 40.0,
        "data": {"app": APPS[number % 3], "title": f"build {number}"},
    }


def titles_of(found: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(each["app"], each["title"]) for each in found}


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "victoria-metrics"])
def test_looked_at_again_a_folded_day_is_as_it_was(
    flooded: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName
) -> None:
    """Verify agrees; look back, rewind, a lost state and a late event begin no series that was folded."""
    store = start_store(name)
    settings = make_settings(tmp_path, flooded.url, store.url, series_budget=SMALL)
    day = midnight()
    finished, said = run_pass(settings)
    assert finished.complete, sentences(said)
    (beyond,) = [each for each in said if isinstance(each, SeriesFolded)]
    assert (beyond.sets, beyond.budget) == (FEW - SMALL * 3 // 4, SMALL)
    assert finished.totals.folded == beyond.sets
    before = titles_of(series(store, day))
    assert len(before) == SMALL * 3 // 4 + 3
    assert_verified(settings)

    finished, said = run_pass(settings, look_back=True)
    assert (finished.totals.samples, finished.totals.folded) == (0, 0)
    assert not [each for each in said if isinstance(each, SeriesFolded)]

    with open_state(settings) as state:
        state.rewind("default", BUCKET, None, 0)
    assert run_pass(settings)[0].complete
    assert titles_of(series(store, day)) == before
    assert_verified(settings)

    shutil.rmtree(settings.state_dir)
    finished, said = run_pass(settings)
    assert (finished.complete, finished.totals.samples) == (True, 0), sentences(said)
    assert titles_of(series(store, day)) == before

    late = long_event(day + timedelta(hours=23), 9) | {"duration": 100.0}
    flooded.insert(BUCKET, [late | {"data": {"app": APPS[0], "title": "new, and late"}}])
    finished, _ = run_pass(settings, look_back=True)
    assert finished.complete
    assert titles_of(series(store, day)) == before
    assert_verified(settings)


@pytest.mark.servers
def test_what_is_backfilled_is_within_the_budget(
    flooded: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Files fold as a pass does; once they are imported, the state knows what they began."""
    store = start_store("victoria-metrics")
    settings = make_settings(tmp_path, flooded.url, store.url, series_budget=SMALL)
    arguments = (
        "--aw-url", flooded.url, "--prometheus-url", store.url, "--state-dir", str(settings.state_dir),
        "--user-id", "me", "--series-budget", str(SMALL),
    )  # fmt: skip
    written = awsync("backfill", str(tmp_path / "files"), "--files", *arguments, folder=tmp_path)
    assert written.returncode == 0, written.stderr
    done = awsync(*run_as_told(written.stdout), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(series(store, midnight())) == SMALL * 3 // 4 + 3
    with open_state(settings) as state:
        (day,) = state.admissions("default", BUCKET).days([day_of(midnight_us() + 1)])
    assert day.admitted == SMALL * 3 // 4 + 3
    finished, said = run_pass(settings)
    assert (finished.complete, finished.totals.samples) == (True, 0), sentences(said)
    assert_verified(settings)


def midnight_us() -> int:
    return round(midnight().timestamp() * 1e6)


def assert_verified(settings: Settings) -> None:
    report = run_verify(settings)
    assert report.ok, told(report)
