"""The label `active` against a real aw-server: what is sent, when slots close, and what is mended later."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.active import BROWSERS, only
from awsync.admissions import Unwritten
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.detail import look
from awsync.engine import Engine, Wiring
from awsync.events import AwayUnknown, CorrectionSent
from awsync.preview import Preview, previews
from awsync.records import Checkpoint
from awsync.settings import Settings
from awsync.survey import survey
from awsync.timeline import Span
from tests.passes import make_settings, open_state, position_of, run_pass, utc_now
from tests.test_source_reader import Passing

WINDOW, AWAY, EDITOR = "aw-watcher-window_desk", "aw-watcher-afk_desk", "aw-watcher-vim_desk"
TABS = "aw-watcher-web-firefox_desk"
TYPES = {
    WINDOW: "currentwindow",
    AWAY: "afkstatus",
    EDITOR: "app.editor.activity",
    TABS: "web.tab.current",
}
MINUTE = timedelta(minutes=1)
THERE, GONE = {"status": "not-afk"}, {"status": "afk"}
FILM, WORK = {"app": "firefox"}, {"app": "code"}


@pytest.fixture
def noon() -> datetime:
    """A full hour of today or yesterday, some hours ago."""
    return utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """One aw-server for all."""
    with AwServer(tmp_path_factory.mktemp("aw")) as aw:
        yield aw


@pytest.fixture
def desk(server: AwServer) -> Iterator[AwServer]:
    """A host with four watchers that have seen nothing yet."""
    for bucket, type_ in TYPES.items():
        server.create_bucket(bucket, bucket.partition("_")[0], type_, "desk")
    yield server
    for bucket in httpx.get(f"{server.url}/api/0/buckets/", trust_env=False).json():
        server.delete_bucket(bucket)


@pytest.fixture
def afternoon(desk: AwServer, noon: datetime) -> AwServer:
    """Two hours: 30 minutes there, 10 away, 20 of a film that is heard, a call in between, 60 unwatched."""
    desk.insert(AWAY, [event(noon, 30, THERE), event(noon + 30 * MINUTE, 30, GONE)])
    desk.insert(
        WINDOW,
        [
            event(noon, 40, WORK),
            event(noon + 40 * MINUTE, 8, FILM),
            event(noon + 48 * MINUTE, 4, {"app": "call"}),
            event(noon + 52 * MINUTE, 68, FILM),
        ],
    )
    desk.insert(EDITOR, [event(noon + 20 * MINUTE, 20, {"language": "python"})])
    desk.insert(TABS, [event(noon + 40 * MINUTE, 20, {"audible": True, "title": "t"})])
    return desk


def event(start: datetime, minutes: float, data: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": start.isoformat(), "duration": 60 * minutes, "data": data}


def minutes_of(store: Receiver, bucket: str, *names: str) -> dict[tuple[str, ...], float]:
    """What the store holds of a bucket in minutes, by the values of some labels."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for labels, samples in store.samples().items():
        told = dict(labels)
        if told["bucket"] == bucket:
            found[tuple(told.get(name, "") for name in names)] += sum(samples.values())
    return {key: round(seconds / 60, 6) for key, seconds in found.items() if abs(seconds) > 1e-6}


def settings_of(folder: Path, aw: AwServer, store: Receiver, **changes: Any) -> Settings:  # noqa: ANN401
    return make_settings(folder, aw.url, store.url, min_data=1, **changes)


def test_time_is_split_by_whether_somebody_was_there(
    afternoon: AwServer, noon: datetime, tmp_path: Path
) -> None:
    """AFK watcher, audible film and what neither covers, in window, editor and browser buckets alike."""
    with Receiver() as store:
        settings = settings_of(tmp_path, afternoon, store)
        assert run_pass(settings, now=noon + timedelta(hours=3))[0].complete
        assert minutes_of(store, WINDOW, "app", "active") == {
            ("code", "true"): 30,
            ("code", "false"): 10,
            ("firefox", "true"): 16,
            ("call", "false"): 4,
            ("firefox", "unknown"): 60,
        }
        assert minutes_of(store, EDITOR, "active") == {("true",): 10, ("false",): 10}
        assert minutes_of(store, TABS, "active") == {("true",): 16, ("false",): 4}
        assert minutes_of(store, AWAY, "active", "status") == {("", "not-afk"): 30, ("", "afk"): 30}
        assert run_pass(settings, now=noon + timedelta(hours=3), look_back=True)[0].totals.samples == 0


async def previewed(settings: Settings, bucket: str) -> Preview:
    (shown,) = [each async for each in previews(settings, bucket, length=timedelta(hours=3))]
    return shown


def test_the_preview_is_what_leaves(afternoon: AwServer, noon: datetime, tmp_path: Path) -> None:
    """`awsync preview` and the console's look at a bucket split time as a pass does, sample by sample."""
    with Receiver() as store:
        settings = settings_of(tmp_path, afternoon, store)
        run_pass(settings, now=noon + timedelta(hours=3))
        for bucket in (WINDOW, AWAY):
            shown = asyncio.run(previewed(settings, bucket))
            sent = {
                (labels, stamp, value)
                for labels, samples in store.samples().items()
                if dict(labels)["bucket"] == bucket
                for stamp, value in samples.items()
            }
            assert {tuple(entry.sample) for entry in shown.entries} == sent
            (report,) = asyncio.run(survey(settings))
            (found,) = (each for each in report.buckets if each.bucket == bucket)
            held = Checkpoint("default", bucket)
            detail = asyncio.run(
                look(settings, settings.sources[0], found, checkpoint=held, book=Unwritten(), history=())
            )
            assert {tuple(entry.sample) for entry in detail.entries} == sent


def test_a_bucket_that_is_left_out_is_not_asked(afternoon: AwServer, noon: datetime, tmp_path: Path) -> None:
    """Who excludes the AFK watcher and the browser has nothing of them in any label: the time is unknown."""
    asked: list[str] = []

    def seen(request: httpx.Request) -> None:
        asked.append(request.url.path)

    with Receiver() as store:
        source = {"excluded_watchers": ("aw-watcher-afk", "aw-watcher-web*")}
        settings = settings_of(tmp_path, afternoon, store, source=source)
        moment = round((noon + timedelta(hours=3)).timestamp() * 1e6)
        run_pass(settings, wiring=Wiring(clock=lambda: moment, aw_transport=Passing(seen)))
        assert minutes_of(store, WINDOW, "active") == {("unknown",): 120}
        assert not [path for path in asked if AWAY in path or TABS in path]


def test_hosts_are_the_same_after_they_are_renamed(
    afternoon: AwServer, noon: datetime, tmp_path: Path
) -> None:
    """An AFK bucket counts for the buckets that have its host's name in the store, and for no others."""
    afternoon.create_bucket("aw-watcher-afk_old", "aw-watcher-afk", "afkstatus", "old")
    afternoon.create_bucket("aw-watcher-afk_other", "aw-watcher-afk", "afkstatus", "other")
    for bucket, minutes in (("aw-watcher-afk_old", 90), ("aw-watcher-afk_other", 120)):
        afternoon.insert(bucket, [event(noon, minutes, THERE)])
    with Receiver() as store:
        settings = settings_of(tmp_path, afternoon, store, hosts={"old": "desk"})
        assert run_pass(settings, now=noon + timedelta(hours=3))[0].complete
        assert minutes_of(store, WINDOW, "active") == {("true",): 90, ("unknown",): 30}


def test_late_news_of_the_afk_watcher_is_mended(desk: AwServer, noon: datetime, tmp_path: Path) -> None:
    """What was unknown, or thought active, becomes what it was by corrections, and no sum changes."""
    desk.insert(WINDOW, [event(noon, 60, WORK)])
    desk.insert(AWAY, [event(noon, 30, THERE)])
    with Receiver() as store:
        settings = settings_of(tmp_path, desk, store)
        later = noon + timedelta(hours=3)
        run_pass(settings, now=later)
        assert minutes_of(store, WINDOW, "active") == {("true",): 30, ("unknown",): 30}
        (there,) = desk.events(AWAY)
        desk.insert(AWAY, [there | {"duration": 600}, event(noon + 10 * MINUTE, 35.5, GONE)])
        finished, said = run_pass(settings, now=later, look_back=True)
        assert finished.complete
        assert {each.bucket for each in said if isinstance(each, CorrectionSent)} >= {WINDOW}
        assert minutes_of(store, WINDOW, "active") == {("true",): 10, ("false",): 35.5, ("unknown",): 14.5}
        assert run_pass(settings, now=later, look_back=True)[0].totals.samples == 0


def test_a_slot_waits_for_the_afk_watcher(desk: AwServer, noon: datetime, tmp_path: Path) -> None:
    """A window slot closes when both timelines are closed; it then has the value it keeps."""
    desk.insert(WINDOW, [event(noon, 60, WORK)])
    desk.insert(AWAY, [event(noon, 56, THERE)])
    with Receiver() as store:
        settings = settings_of(tmp_path, desk, store)
        run_pass(settings, now=noon + 60 * MINUTE)
        assert minutes_of(store, WINDOW, "active") == {("true",): 55}
        desk.insert(AWAY, [event(noon + 56 * MINUTE, 4, GONE)])
        run_pass(settings, now=noon + 60 * MINUTE)
        assert minutes_of(store, WINDOW, "active") == {("true",): 56, ("false",): 4}


def test_a_browser_in_use_is_waited_for_and_an_idle_one_is_not(
    desk: AwServer, noon: datetime, tmp_path: Path
) -> None:
    """What a tab that is heard decides may come a minute late; a browser of last week decides nothing."""
    desk.insert(WINDOW, [event(noon, 60, FILM)])
    desk.insert(AWAY, [event(noon, 60, GONE)])
    desk.insert(TABS, [event(noon, 54.5, {"audible": True})])
    with Receiver() as store:
        settings = settings_of(tmp_path, desk, store)
        run_pass(settings, now=noon + 60 * MINUTE)
        assert minutes_of(store, WINDOW, "active") == {("true",): 54.5, ("false",): 5.5}, "it is idle"
    with Receiver() as store:
        (tab,) = desk.events(TABS)
        desk.insert(TABS, [tab | {"duration": 60 * 58}])
        settings = settings_of(tmp_path / "other", desk, store)
        run_pass(settings, now=noon + 60 * MINUTE)
        assert minutes_of(store, WINDOW, "active") == {("true",): 55}, "it is in use"


def test_a_silent_afk_watcher_holds_nothing_up_and_is_named_once(
    desk: AwServer, noon: datetime, tmp_path: Path
) -> None:
    """Behind a dead AFK watcher slots close after `settle`, as unknown, and one sentence says why."""
    desk.insert(WINDOW, [event(noon, 120, WORK)])
    desk.insert(AWAY, [event(noon, 60, THERE)])
    said: list[Any] = []
    with Receiver() as store:
        settings = settings_of(tmp_path, desk, store)
        moment = round((noon + timedelta(hours=2)).timestamp() * 1e6)
        with open_state(settings) as state:
            engine = Engine(settings, state, wiring=Wiring(clock=lambda: moment))
            for _ in range(2):
                asyncio.run(engine.one_pass(said.append))
        assert minutes_of(store, WINDOW, "active") == {("true",): 60, ("unknown",): 55}
        since = round((noon + timedelta(hours=1)).timestamp() * 1e6)
        assert [each for each in said if isinstance(each, AwayUnknown)] == [
            AwayUnknown(source="default", host="desk", bucket=AWAY, since=since)
        ]


def test_a_pass_asks_little(desk: AwServer, noon: datetime, tmp_path: Path) -> None:
    """While the AFK watcher says that somebody is there, nothing is read twice for it."""
    for bucket, data in ((WINDOW, WORK), (AWAY, THERE), (EDITOR, {"language": "python"})):
        desk.insert(bucket, [event(noon, 60, data)])
    desk.insert(TABS, [event(noon, 60, {"audible": True})])
    asked: Counter[str] = Counter()

    def seen(request: httpx.Request) -> None:
        bucket, _, rest = request.url.path.partition("/buckets/")[2].partition("/")
        if rest == "events":
            asked[bucket] += 1

    with Receiver() as store:
        settings = settings_of(tmp_path, desk, store)
        run_pass(settings, now=noon + 30 * MINUTE)
        moment = round((noon + timedelta(hours=1)).timestamp() * 1e6)
        run_pass(settings, wiring=Wiring(clock=lambda: moment, aw_transport=Passing(seen)))
        assert minutes_of(store, WINDOW, "active") == {("true",): 60}
        assert asked == {WINDOW: 1, EDITOR: 1, TABS: 1, AWAY: 1}
        assert position_of(settings, TABS) == position_of(settings, AWAY)


def test_windows_that_differ_in_their_titles_are_kept_in_mind_as_one() -> None:
    """Years of titles do not fill the memory, and no other application's time is taken for a browser's."""
    firefox = [b'{"app":"firefox","title":"%d"}' % number for number in range(100)]
    spans = [Span(number, number + 1, data) for number, data in enumerate(firefox)]
    spans += [Span(100, 110, b'{"app":"code"}'), Span(110, 120, firefox[0]), Span(125, 130, firefox[1])]
    spans += [Span(130, 140, b'{"app":"Nightly"}'), Span(140, 150, b'{"title":"firefox"}')]
    assert only(spans, "app", BROWSERS["firefox"]) == [
        Span(0, 100, b'{"app":"firefox"}'),
        Span(110, 120, b'{"app":"firefox"}'),
        Span(125, 130, b'{"app":"firefox"}'),
        Span(130, 140, b'{"app":"Nightly"}'),
    ]
