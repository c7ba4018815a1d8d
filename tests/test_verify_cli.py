"""`awsync verify` and `awsync sync --recheck` as a user types them: output, JSON, exit codes."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awsync.demo.aw_server import AwServer
from awsync.remote_write.connection import shown_url
from awsync.series import Labels
from awsync.state import State
from tests.commands import awsync
from tests.conftest import StartStore
from tests.passes import utc_now
from tests.servers import Store
from tests.verifying import put

BUCKET = "aw-watcher-window_x"


def write_config(folder: Path, aw: AwServer, write_url: str, *more: str) -> None:
    lines = [
        f'prometheus-url = "{write_url}"',
        f'aw-url = "{aw.url}"',
        f'state-dir = "{folder / "state"}"',
        'user-id = "me"',
        *more,
    ]
    (folder / "config.toml").write_text("\n".join(lines) + "\n")


def fill(aw: AwServer) -> None:
    begin = utc_now().replace(microsecond=0) - timedelta(hours=3)
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begin + timedelta(minutes=5 * i)).isoformat(),
                "duration": 200,
                "data": {"app": f"[b]app {i % 2}"},
            }
            for i in range(30)
        ],
    )


def verified(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = awsync("verify", "--json", *arguments, folder=folder)
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def tamper(store: Store) -> None:
    """One more sample beside one that awsync sent."""
    found = store.query(f'{{bucket="{BUCKET}",app="[b]app 0"}}[5h]')[0]
    labels: Labels = tuple(sorted(found["metric"].items()))
    put(store, {(labels, round(float(found["values"][3][0]) * 1000) - 9): 17.25})


@pytest.mark.servers
def test_verify_and_repair(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """0 and a sentence where all agrees, 1 and the difference where not, 0 again after --repair."""
    store = start_store("prometheus-3.5")
    fill(aw)
    write_config(tmp_path, aw, store.url)
    assert awsync("sync", "--once", folder=tmp_path).returncode == 0
    done = awsync("verify", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "The store says what ActivityWatch says" in done.stdout
    hour = utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    typed = hour.astimezone().strftime("%Y-%m-%d %H:30")
    _, later = verified(tmp_path, "--by", "hour", "--since", typed)
    assert datetime.fromisoformat(later["buckets"][0]["from"]) == hour

    tamper(store)
    done = awsync("verify", "--by", "hour", "--since", "1d", folder=tmp_path)
    assert done.returncode == 1
    assert "app=[b]app 0" in done.stdout
    assert "1 of 1 bucket differs, 17.250 s too many." in done.stdout

    with State(tmp_path / "state", shown_url(store.write_url), write=True):
        assert awsync("verify", "--repair", folder=tmp_path).returncode == 3
    code, found = verified(tmp_path, "--repair")
    assert (code, found["ok"], found["differences"]) == (0, True, [])
    assert [(each["samples"], each["seconds"]) for each in found["repaired"]] == [(1, -17.25)]
    (before,) = found["found_before"]
    assert (before["difference_seconds"], before["why"]) == (17.25, "too much")
    assert before["labels"]["app"] == "[b]app 0"


def test_where_to_ask_must_be_known(aw: AwServer, tmp_path: Path) -> None:
    """A write address alone is no way to ask: exit code 2, and the key that is missing; so are mistakes."""
    write_config(tmp_path, aw, "http://127.0.0.1:1/api/v1/push")
    done = awsync("verify", folder=tmp_path)
    assert done.returncode == 2
    assert "query-url" in done.stderr
    for wrong in (["--since", "ever"], ["--source", "nobody"]):
        done = awsync("verify", *wrong, "--query-url", "http://127.0.0.1:1", folder=tmp_path)
        assert done.returncode == 2, wrong
        assert wrong[1] in done.stderr


@pytest.mark.servers
def test_queries_go_to_query_url(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """Where the write address does not tell, query-url does; a bucket that nobody has is said."""
    store = start_store("victoria-metrics")
    fill(aw)
    # VictoriaMetrics takes remote write at this path too, and it tells no base.
    write_config(tmp_path, aw, f"{store.url}/api/v1/push", f'query-url = "{store.url}/api/v1/query"')
    assert awsync("sync", "--once", folder=tmp_path).returncode == 0
    code, found = verified(tmp_path)
    assert (code, found["ok"], len(found["buckets"])) == (0, True, 1)
    done = awsync("verify", "--bucket", "nothing", folder=tmp_path)
    assert done.returncode == 1
    assert 'No source has a bucket "nothing"' in done.stderr


@pytest.mark.servers
def test_recheck_looks_back_at_once(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """A deleted event is noticed by `sync --recheck` without waiting for the hour."""
    store = start_store("prometheus-3.5")
    fill(aw)
    write_config(tmp_path, aw, store.url)
    assert awsync("sync", "--once", folder=tmp_path).returncode == 0
    chosen = aw.events(BUCKET)[12]
    assert datetime.fromisoformat(chosen["timestamp"]) < utc_now() - timedelta(minutes=30)
    aw.delete_event(BUCKET, chosen["id"])
    code, found = verified(tmp_path)
    assert (code, {each["why"] for each in found["differences"]}) == (1, {"changed"})
    done = awsync("sync", "--recheck", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["totals"]["corrections"] > 0
