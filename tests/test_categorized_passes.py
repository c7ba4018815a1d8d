"""Passes over events that get a category: what they ask, and what they do where nobody tells those."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from awsync import expressions
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring
from awsync.events import SourceFailed
from awsync.settings import Category
from tests.passes import make_settings, run_pass, utc_now
from tests.test_source_reader import Passing

WINDOW, AFK = "aw-watcher-window_pc", "aw-watcher-afk_pc"


@pytest.fixture
def hours(aw: AwServer) -> AwServer:
    """Two hours at a computer."""
    begin = utc_now() - timedelta(hours=3)
    for bucket, client, kind in (
        (WINDOW, "aw-watcher-window", "currentwindow"),
        (AFK, "aw-watcher-afk", "afkstatus"),
    ):
        aw.create_bucket(bucket, client, kind, "pc")
    minutes = [
        {
            "timestamp": (begin + timedelta(minutes=i)).isoformat(),
            "duration": 60.0,
            "data": {"app": "code" if i % 3 else "vlc", "title": "vim" if i % 3 else "VLC"},
        }
        for i in range(120)
    ]
    aw.insert(WINDOW, minutes)
    half_hours = (begin + timedelta(minutes=30 * i) for i in range(5))
    aw.insert(
        AFK,
        [
            {"timestamp": at.isoformat(), "duration": 1800.0, "data": {"status": "not-afk"}}
            for at in half_hours
        ],
    )
    return aw


def by_category(store: Receiver) -> dict[str | None, float]:
    """Seconds by category."""
    sums: dict[str | None, float] = {}
    for labels, samples in store.samples().items():
        category = dict(labels).get("category")
        sums[category] = sums.get(category, 0.0) + sum(samples.values())
    return {category: round(seconds, 3) for category, seconds in sums.items()}


def test_an_idle_pass_asks_nothing_more(hours: AwServer, tmp_path: Path) -> None:
    """The categories are read where a bucket has something due, once for all; else nobody asks for them."""
    asked: list[str] = []

    def note(request: httpx.Request) -> None:
        asked.append(request.url.path.removeprefix("/api/0/"))

    with Receiver() as store:
        settings = make_settings(tmp_path, hours.url, store.url)
        now = utc_now()
        wiring = Wiring(clock=lambda: round(now.timestamp() * 1e6), aw_transport=Passing(note))
        finished, _ = run_pass(settings, wiring=wiring)
        assert finished.complete
        assert asked.count("settings") == 1
        assert by_category(store) == {"Work > Programming": 80 * 60, "Media > Video": 40 * 60, None: 9000}
        asked.clear()
        wiring = Wiring(clock=lambda: round(now.timestamp() * 1e6), aw_transport=Passing(note))
        finished, _ = run_pass(settings, wiring=wiring)
        assert finished.complete
        assert asked == ["info", "buckets/"]


def test_nothing_leaves_without_its_category(hours: AwServer, tmp_path: Path) -> None:
    """Where the settings of a server are not told, what is due waits: the source counts as one that failed.

    That is said once, and the next pass brings what waited.
    """

    def broken(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500, text="boom") if request.url.path.endswith("/settings") else None

    with Receiver() as store:
        settings = make_settings(tmp_path, hours.url, store.url)
        finished, said = run_pass(settings, wiring=Wiring(aw_transport=Passing(broken)))
        assert not finished.complete
        (failed,) = [event for event in said if isinstance(event, SourceFailed)]
        assert (failed.source, failed.bucket) == ("default", None)
        assert failed.reason.startswith("The categories cannot be read: ActivityWatch at ")
        assert by_category(store) == {}
        finished, _ = run_pass(settings)
        assert finished.complete
        assert by_category(store)["Work > Programming"] == 80 * 60


def test_a_category_that_takes_too_long_stops_its_bucket(
    hours: AwServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a bucket leaves under a category that could not be told; others go on."""
    monkeypatch.setattr(expressions, "LIMIT", 0.02)
    slow = "a" * 60 + "!"
    start = (utc_now() - timedelta(hours=3)).isoformat()
    hours.insert(WINDOW, [{"timestamp": start, "duration": 30.0, "data": {"app": "x", "title": slow}}])
    with Receiver() as store:
        categories = (Category(("Work", "Slow"), "(a|aa)+$"),)
        settings = make_settings(tmp_path, hours.url, store.url, categories=categories)
        finished, said = run_pass(settings)
        assert not finished.complete
        (failed,) = [event for event in said if isinstance(event, SourceFailed)]
        assert failed.bucket == WINDOW
        assert 'category "Work > Slow" takes too long' in failed.reason
        assert set(by_category(store)) == {None}
