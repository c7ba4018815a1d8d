"""Categories that change: what was sent keeps its labels until somebody asks, and no sum ever doubles."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import Wiring
from awsync.errors import AwsyncError
from awsync.events import CategoriesLeftOut, CorrectionSent, Event, LabelsChanged, PassFinished, SourceFailed
from awsync.resync import check_resync
from awsync.rules.levels import LEVELS, Level, LevelRule
from awsync.settings import Settings
from tests.commands import awsync
from tests.conftest import StartStore
from tests.passes import make_settings, open_state, position_of, run_pass, sentences, utc_now
from tests.servers import Store, StoreName
from tests.test_source_reader import Passing
from tests.verifying import run_verify, told

WINDOW, AFK = "aw-watcher-window_pc", "aw-watcher-afk_pc"
HOUR = timedelta(hours=1)
BEFORE = {"Work": "code", "Media > Video": "vlc"}
AFTER = {"Work > Code": "code", "Media > Video": "vlc", "Work > Mail": "mail"}


class Kept:
    """The settings of an ActivityWatch that keeps none itself."""

    def __init__(self) -> None:
        self.classes: list[dict[str, object]] = []

    def save(self, categories: dict[str, str]) -> None:
        """Puts categories, with an expression each, in the place of those there were."""
        self.classes = [
            {"name": name.split(" > "), "rule": {"type": "regex", "regex": regex}}
            for name, regex in categories.items()
        ]

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        """What is answered to a question for the settings."""
        if not request.url.path.endswith("/settings"):
            return None
        return httpx.Response(200, json={"classes": self.classes})

    def wiring(self, now: datetime) -> Wiring:
        """A pass at this moment that reads these settings."""
        return Wiring(clock=lambda: round(now.timestamp() * 1e6), aw_transport=Passing(self.answer))


@pytest.fixture
def kept() -> Kept:
    """Settings with categories that are in force first."""
    made = Kept()
    made.save(BEFORE)
    return made


def work(aw: AwServer, since: datetime, hours: int) -> None:
    """Somebody works at a computer, ten minutes at a time."""
    apps = ("code", "vlc", "mail", "other")
    begins = [since + timedelta(minutes=10 * i) for i in range(6 * hours)]
    aw.insert(
        WINDOW,
        [
            {
                "timestamp": at.isoformat(),
                "duration": 590.0,
                "data": {"app": apps[i % 4], "title": f"{i % 7}"},
            }
            for i, at in enumerate(begins)
        ],
    )
    aw.insert(
        AFK,
        [
            {
                "timestamp": at.isoformat(),
                "duration": 600.0,
                "data": {"status": "afk" if i % 5 == 4 else "not-afk"},
            }
            for i, at in enumerate(begins)
        ],
    )


@pytest.fixture
def now() -> datetime:
    """A full hour, so that categories and hours are told apart exactly."""
    return utc_now().replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def days(aw: AwServer, now: datetime) -> AwServer:
    """Two days that end three hours ago."""
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    aw.create_bucket(AFK, "aw-watcher-afk", "afkstatus", "pc")
    work(aw, now - 51 * HOUR, 48)
    return aw


def one_pass(
    settings: Settings, kept: Kept, now: datetime, *, look_back: bool = False
) -> tuple[PassFinished, list[Event]]:
    return run_pass(settings, wiring=kept.wiring(now), look_back=look_back)


def sums(store: Store, now: datetime, hours: int, by: str = "category") -> dict[str, float]:
    """Seconds of the window watcher in so many hours before `now`, by a label."""
    store.flush()
    rows = store.query(f"sum by ({by}) (sum_over_time(aw_watcher_window_seconds[{hours}h]))", at=now)
    found = {row["metric"].get(by, ""): round(float(row["value"][1]), 3) for row in rows}
    return {name: seconds for name, seconds in found.items() if seconds}


def changed(said: list[Event]) -> list[tuple[str, ...]]:
    return [event.what for event in said if isinstance(event, LabelsChanged)]


@pytest.mark.servers
@pytest.mark.parametrize("name", ["prometheus-3.5", "victoria-metrics"])
def test_categories_change_between_two_passes(
    days: AwServer, kept: Kept, now: datetime, start_store: StartStore, tmp_path: Path, name: StoreName
) -> None:
    """What was sent keeps its labels; resync moves it to the new ones, and no sum over all of it changes."""
    store = start_store(name, out_of_order="30d")
    settings = make_settings(tmp_path, days.url, store.url)
    finished, said = one_pass(settings, kept, now - 3 * HOUR + timedelta(minutes=5))
    assert (finished.complete, changed(said)) == (True, []), sentences(said)
    quarter = 48 * 3600 * 590 / 600 / 4
    first = {"Work": quarter, "Media > Video": quarter, "Uncategorized": 2 * quarter}
    assert sums(store, now - 3 * HOUR, 48) == first

    kept.save(AFTER)
    finished, said = one_pass(settings, kept, now - 3 * HOUR + timedelta(minutes=6), look_back=True)
    assert finished.totals.samples == 0
    assert changed(said) == [("categories",)], "the look back is due, and is none any more"
    work(days, now - 3 * HOUR, 2)
    finished, said = one_pass(settings, kept, now, look_back=True)
    assert (finished.complete, changed(said)) == (True, []), sentences(said)
    assert not [event for event in said if isinstance(event, CorrectionSent)]
    later = 2 * 3600 * 590 / 600 / 4
    assert sums(store, now - 3 * HOUR, 48) == first
    assert sums(store, now, 3) == dict.fromkeys([*AFTER, "Uncategorized"], later)
    report = run_verify(settings, wiring=kept.wiring(now))
    assert report.ok, told(report)
    assert not report.differences, told(report)

    whole, active = sums(store, now, 60, "bucket"), sums(store, now, 60, "active")
    asked = awsync(
        "resync", "--since", "1d", "--yes", folder=tmp_path,
        PROMETHEUS_URL=store.url, AWSYNC_STATE_DIR=str(settings.state_dir),
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("2 checkpoints moved to ")
    finished, said = one_pass(settings, kept, now)
    assert finished.complete, sentences(said)
    assert finished.totals.samples > 0
    assert (sums(store, now, 60, "bucket"), sums(store, now, 60, "active")) == (whole, active)
    assert set(sums(store, now, 23)) == set(AFTER) | {"Uncategorized"}
    assert set(sums(store, now - 25 * HOUR, 24)) == set(first)
    report = run_verify(settings, wiring=kept.wiring(now))
    assert report.ok, told(report)
    again, said = one_pass(settings, kept, now, look_back=True)
    assert (again.complete, again.totals.samples) == (True, 0), sentences(said)

    with open_state(settings) as state:
        for bucket in (WINDOW, AFK):
            state.resync("default", bucket, 0, now=1)
    finished, said = one_pass(settings, kept, now)
    assert finished.complete, sentences(said)
    half = quarter + later
    assert sums(store, now, 60) == dict.fromkeys([*AFTER, "Uncategorized"], half)
    assert (sums(store, now, 60, "bucket"), sums(store, now, 60, "active")) == (whole, active)
    with open_state(settings) as state:
        assert [each.relabelled for each in state.checkpoints()] == [
            each.began for each in state.checkpoints()
        ]


def test_a_state_of_before_labels_were_noted(
    days: AwServer, kept: Kept, now: datetime, tmp_path: Path
) -> None:
    """After an update the labels count as changed where something was sent, and what was sent stays."""
    with Receiver() as store:
        settings = make_settings(tmp_path, days.url, store.url)
        one_pass(settings, kept, now - 2 * HOUR)
        sent = store.samples()
        with open_state(settings) as state, state.database.transaction() as connection:
            connection.execute("DELETE FROM labelling")
        kept.save(AFTER)
        work(days, now - 3 * HOUR, 1)
        finished, said = one_pass(settings, kept, now, look_back=True)
        assert finished.complete
        assert changed(said) == [("categories", "rules", "privacy", "pseudonyms")]
        assert {labels: slots for labels, slots in store.samples().items() if labels in sent}
        for labels, slots in sent.items():
            assert slots.items() <= store.samples()[labels].items()
        assert not [event for event in said if isinstance(event, CorrectionSent)]


def test_a_version_with_another_level_leaves_what_was_sent(
    days: AwServer, kept: Kept, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level with other rules is said, and the look back does not take it for a change of history."""
    standard = LEVELS["standard"]
    untitled = LevelRule("no titles", "", lambda data, _: {"app": data["app"]} if "app" in data else data)
    with Receiver() as store:
        settings = make_settings(tmp_path, days.url, store.url)
        with monkeypatch.context() as before:
            before.setitem(LEVELS, "standard", Level(standard.first, (*standard.last, untitled)))
            one_pass(settings, kept, now - 2 * HOUR)
        sent = store.samples()
        work(days, now - 3 * HOUR, 1)
        finished, said = one_pass(settings, kept, now, look_back=True)
        assert (finished.complete, changed(said)) == (True, [("privacy",)]), sentences(said)
        assert not [event for event in said if isinstance(event, CorrectionSent)]
        assert not [labels for labels in sent if "title" in dict(labels)]
        assert all(slots.items() <= store.samples()[labels].items() for labels, slots in sent.items())
        assert [labels for labels in store.samples() if "title" in dict(labels)]


def test_a_rule_that_cannot_be_read_is_named_once(
    days: AwServer, kept: Kept, now: datetime, tmp_path: Path
) -> None:
    """The pass that first meets it says so, and those after it do not say it again."""
    kept.save({"Work": "code", "Bad > Rule": "("})
    with Receiver() as store:
        settings = make_settings(tmp_path, days.url, store.url)
        _, said = one_pass(settings, kept, now - 2 * HOUR)
        assert [event.categories for event in said if isinstance(event, CategoriesLeftOut)] == [
            ("Bad > Rule",)
        ]
        work(days, now - 3 * HOUR, 1)
        finished, said = one_pass(settings, kept, now)
        assert finished.totals.samples > 0
        assert not [event for event in said if isinstance(event, CategoriesLeftOut | LabelsChanged)]


def test_what_the_store_hides_is_not_sent_again_with_other_labels(
    days: AwServer, kept: Kept, now: datetime, tmp_path: Path
) -> None:
    """Nobody could take back what it holds under the earlier ones: the pass says so, and sends nothing."""
    with Receiver() as store:
        settings = make_settings(tmp_path, days.url, store.url)
        one_pass(settings, kept, now - 2 * HOUR)
        kept.save(AFTER)
        work(days, now - 3 * HOUR, 1)
        one_pass(settings, kept, now)
        sent = store.total_seconds()
        position = position_of(settings, WINDOW)
        with open_state(settings) as state:
            state.rewind("default", WINDOW, position - round(10 * 3600e6), now=1)
        finished, said = one_pass(settings, kept, now)
        assert not finished.complete
        (failed,) = [event for event in said if isinstance(event, SourceFailed)]
        assert failed.bucket == WINDOW
        assert "it would count twice" in failed.reason
        assert store.total_seconds() == sent


def _store(**pages: object) -> Callable[[httpx.Request], httpx.Response]:
    """A Prometheus with these answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        page = request.url.path.rpartition("/")[2]
        if page == "healthy":
            return httpx.Response(200, text="Prometheus Server is Healthy.")
        if page == "query":
            return httpx.Response(int(str(pages.get("status", 200))), json={"data": {"result": []}})
        return httpx.Response(200, json={"status": "success", "data": pages.get(page, {})})

    return answer


def _yaml(window: str) -> dict[str, Any]:
    return {"yaml": f"storage:\n  tsdb:\n    out_of_order_time_window: {window}\n"}


@pytest.mark.parametrize(
    ("pages", "hours", "message"),
    [
        ({"config": _yaml("30d"), "status": 403}, 24, "cannot be found out, so it would count twice"),
        ({"config": _yaml("2d")}, 72, "takes nothing from before"),
        ({"config": {"yaml": "global: {}"}}, 0, "takes the samples of a series in their order only"),
        ({"config": _yaml("30d")}, 72, ""),
    ],
)
def test_a_store_that_cannot_be_corrected_is_refused(
    tmp_path: Path, pages: dict[str, object], hours: int, message: str
) -> None:
    """Before a checkpoint moves it is certain that the store tells what it holds and takes corrections."""
    now = round(utc_now().timestamp() * 1e6)
    flags = {"storage.tsdb.retention.time": "10y"}
    head = {"headStats": {"minTime": now // 1000 - 7_200_000, "maxTime": now // 1000}}
    transport = httpx.MockTransport(_store(flags=flags, tsdb=head, buildinfo={"version": "3.5.0"}, **pages))
    settings = make_settings(tmp_path, "http://aw", "http://store")
    assert settings.store is not None
    check = check_resync(settings.store, now - hours * 3_600_000_000, clock=lambda: now, transport=transport)
    if not message:
        asyncio.run(check)
        return
    with pytest.raises(AwsyncError, match=message) as told:
        asyncio.run(check)
    assert told.value.remedy


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    """2 for a length that is none, 1 where nothing was sent since then."""
    store = "http://127.0.0.1:9"
    refused = awsync("resync", "--since", "soon", folder=tmp_path, PROMETHEUS_URL=store)
    assert (refused.returncode, "--since: " in refused.stderr) == (2, True)
    refused = awsync("resync", "--since", "1d", folder=tmp_path, PROMETHEUS_URL=store)
    assert refused.returncode == 1
    assert "Nothing of any bucket was sent to http://127.0.0.1:9/api/v1/write since" in refused.stderr
