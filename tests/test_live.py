"""Passes over a bucket that grows while it is read."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from awsync.demo.aw_server import AwServer
from tests.conftest import StartStore
from tests.passes import make_settings, run_pass, sentences, utc_now
from tests.servers import Store

WINDOW = "aw-watcher-window_live"
AFK = "aw-watcher-afk_live"
LIVE_SECONDS = 35.0
PASS_SECONDS = 0.7
"""From the end of a pass to the next one, as a cron would have it."""


@contextmanager
def watchers(aw: AwServer) -> Iterator[threading.Event]:
    """Heartbeats as watchers send them, several a second; AFK in arrears, from the last input on."""
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "live")
    aw.create_bucket(AFK, "aw-watcher-afk", "afkstatus", "live")
    stop, many = threading.Event(), threading.Event()
    chance = random.Random(3)

    def beat() -> None:
        app, beats, last_input = "editor", 0, utc_now()
        while not stop.wait(0.2):
            now = utc_now()
            if chance.random() < 0.08:
                app = chance.choice(["editor", "mail", "browser"])
            if chance.random() > 0.15:
                aw.heartbeat(WINDOW, _event(now, {"app": app, "title": f"{app} of a title"}), pulsetime=1.2)
            if beats % 60 < 56:
                last_input = now
                aw.heartbeat(AFK, _event(now, {"status": "not-afk"}), pulsetime=1.2)
            elif beats % 60 == 59:
                idle = (now - last_input).total_seconds()
                away = _event(last_input + timedelta(milliseconds=1), {"status": "afk"}, idle)
                aw.heartbeat(AFK, away, pulsetime=1.2)
            beats += 1
            if beats > 20:
                many.set()

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        assert many.wait(30), "the watchers did not get going"
        yield stop
    finally:
        stop.set()
        thread.join()


def _event(at: Any, data: dict[str, str], duration: float = 0.0) -> dict[str, Any]:  # noqa: ANN401
    return {"timestamp": at.isoformat(), "duration": duration, "data": data}


def per_slot(store: Store, user: str) -> dict[tuple[str, str, str], float]:
    """Seconds by bucket, app or status, and second of the slot's end."""
    found: dict[tuple[str, str, str], float] = {}
    selector = f'{{user="{user}",__name__=~"aw_.+"}}[10m]'
    for row in store.query(selector):
        metric = row["metric"]
        key = metric.get("app", metric.get("status", ""))
        for at, value in row["values"]:
            slot = (metric["bucket"], key, f"{-(-at // 2) * 2:.0f}")
            found[slot] = found.get(slot, 0.0) + float(value)
    return {slot: round(seconds, 6) for slot, seconds in found.items() if round(seconds, 6)}


@pytest.mark.servers
def test_many_passes_over_a_growing_bucket_equal_one_at_the_end(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Half a minute of heartbeats read by pass after pass gives, slot by slot, what one late pass gives."""
    store = start_store("prometheus-3.5")
    short: dict[str, Any] = {"resolution": timedelta(seconds=2), "settle": timedelta(seconds=4)}
    often = make_settings(tmp_path / "often", aw.url, store.url, source={"user_id": "often"}, **short)
    once = make_settings(tmp_path / "once", aw.url, store.url, source={"user_id": "once"}, **short)

    pause = threading.Event()
    passes = 0
    with watchers(aw):
        deadline = utc_now() + timedelta(seconds=LIVE_SECONDS)
        while utc_now() < deadline:
            finished, said = run_pass(often)
            assert finished.complete, sentences(said)
            passes += 1
            pause.wait(PASS_SECONDS)
    later = utc_now() + timedelta(seconds=20)
    for settings in (often, once):
        finished, said = run_pass(settings, now=later)
        assert finished.complete, sentences(said)

    assert passes > 20
    many, one = per_slot(store, "often"), per_slot(store, "once")
    assert len(one) > 40
    assert many == one
