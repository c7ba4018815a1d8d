"""History that is edited in every way while passes run: afterwards the store says what ActivityWatch says."""

import random
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.demo.aw_server import AwServer
from awsync.series import Labels
from awsync.timeline import HOUR
from tests.conftest import StartStore
from tests.passes import make_settings, position_of, run_pass, sentences, utc_now
from tests.verifying import put, run_verify, told

WINDOW, AFK = "aw-watcher-window_x", "aw-watcher-afk_x"
PASSES = 12
EDITS = 6


class Editor:
    """Somebody who cannot leave his history alone."""

    def __init__(self, aw: AwServer, dice: random.Random) -> None:
        self._aw = aw
        self._dice = dice
        self._now = utc_now().replace(microsecond=0)

    def fill(self) -> None:
        """Three days of two buckets, with gaps."""
        for bucket, client, kind in (
            (WINDOW, "aw-watcher-window", "currentwindow"),
            (AFK, "aw-watcher-afk", "afkstatus"),
        ):
            self._aw.create_bucket(bucket, client, kind, "x")
            at, end = self._now - timedelta(days=3), self._now - timedelta(minutes=30)
            events = []
            while at < end:
                length = self._dice.choice([3, 47.123, 240.5, 611.25, 1800, 4000])
                events.append(self._event(at, length, bucket))
                at += timedelta(seconds=length + self._dice.choice([0, 0, 0, 30, 900]))
            self._aw.insert(bucket, events)

    def edit(self) -> None:
        """Some edits, each of another kind."""
        for _ in range(EDITS):
            bucket = self._dice.choice([WINDOW, AFK])
            held = self._aw.events(bucket)
            chosen = self._dice.choice(held[1:])
            self._dice.choice([self._change, self._delete, self._split, self._insert, self._import_again])(
                bucket, chosen
            )

    def _change(self, bucket: str, chosen: dict[str, Any]) -> None:
        change = self._dice.choice([{"duration": chosen["duration"] / 2}, {"data": self._data(bucket)}])
        self._aw.insert(bucket, [chosen | change])

    def _delete(self, bucket: str, chosen: dict[str, Any]) -> None:
        self._aw.delete_event(bucket, chosen["id"])

    def _split(self, bucket: str, chosen: dict[str, Any]) -> None:
        half = chosen["duration"] / 2
        start = datetime.fromisoformat(chosen["timestamp"]) + timedelta(seconds=half)
        self._aw.insert(bucket, [chosen | {"duration": half}])
        self._aw.insert(bucket, [self._event(start, half, bucket)])

    def _insert(self, bucket: str, chosen: dict[str, Any]) -> None:
        start = datetime.fromisoformat(chosen["timestamp"]) + timedelta(seconds=self._dice.uniform(-90, 90))
        self._aw.insert(bucket, [self._event(start, self._dice.choice([20, 400.125]), bucket)])

    def _import_again(self, bucket: str, chosen: dict[str, Any]) -> None:
        again = {key: value for key, value in chosen.items() if key != "id"}
        self._aw.insert(bucket, [again])
        if self._dice.random() < 0.5:
            self._aw.delete_event(bucket, chosen["id"])

    def _event(self, start: datetime, seconds: float, bucket: str) -> dict[str, Any]:
        return {"timestamp": start.isoformat(), "duration": seconds, "data": self._data(bucket)}

    def _data(self, bucket: str) -> dict[str, str]:
        if bucket == AFK:
            return {"status": self._dice.choice(["afk", "not-afk"])}
        return {"app": f"app {self._dice.randrange(6)}"}


@pytest.mark.servers
def test_random_edits_while_passes_run(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """Edited, deleted, split, late and imported events are all mended by the look backs, and tampering by
    verify --repair."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    editor = Editor(aw, random.Random(seed))
    editor.fill()
    store = start_store("prometheus-3.5", flags=["--web.enable-admin-api"])
    settings = make_settings(tmp_path, aw.url, store.url, lookback=timedelta(days=4))
    assert run_pass(settings)[0].complete
    for _ in range(PASSES):
        editing = threading.Thread(target=editor.edit)
        editing.start()
        finished, said = run_pass(settings, look_back=True)
        editing.join()
        assert finished.complete, sentences(said)
    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    report = run_verify(settings)
    assert report.ok, told(report)
    assert sum(each.periods for each in report.compared) > 100

    position = position_of(settings, WINDOW)
    answer = httpx.post(
        f"{store.url}/api/v1/admin/tsdb/delete_series",
        params={
            "match[]": ['{app="app 1"}', '{status="afk"}'],
            "end": str((position - 8 * HOUR) // 1_000_000),
        },
        trust_env=False,
    )
    answer.raise_for_status()
    pairs = {"__name__": "aw_watcher_window_seconds", "app": "app 2", "bucket": WINDOW}
    labels: Labels = tuple(sorted({**pairs, "active": "true", "host": "x", "user": "me"}.items()))
    (found,) = store.query('aw_watcher_window_seconds{app="app 2",active="true"}[3d]')
    put(store, {(labels, round(float(at) * 1000) - 500): float(value) for at, value in found["values"][:40]})
    assert not run_verify(settings).ok
    repaired = run_verify(settings, repair=True)
    assert repaired.mended
    report = run_verify(settings)
    assert report.ok, told(report)
    finished, said = run_pass(settings, look_back=True)
    assert (finished.complete, finished.totals.samples) == (True, 0), sentences(said)
