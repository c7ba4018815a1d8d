"""The dashboards over real stores: every panel answers, and says what `awsync today` says."""

import asyncio
import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.timeline import MICROSECONDS
from awsync.today import today
from awsync.totals import By, Report
from tests.dashboards.filled import BETWEEN, LAST_PASS, NOW, ZONE, World
from tests.dashboards.grafana import Json, Series, View, answer, ask, opened, panels, values
from tests.dashboards.written import FOLDER
from tests.passes import make_settings
from tests.servers import Store, StoreName, find_binary, require_binary

STORES: tuple[StoreName, ...] = ("prometheus-3.5", "prometheus-2.42", "victoria-metrics")
DASHBOARDS: dict[str, Json] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
COOKBOOK = Path(__file__).parent.parent / "docs" / "queries.md"
MY_TIME, DEVICES, FLEET = "my-time", "devices", "fleet"
DAY, WEEK, SLOT = timedelta(days=1), timedelta(weeks=1), 300
MONDAY, THURSDAY = (datetime(2026, 11, day, tzinfo=ZONE) for day in (16, 19))
LATELY = View(NOW)
WHOLE_DAY = View(NOW, THURSDAY, THURSDAY + DAY - timedelta(milliseconds=1))
"""A day as Grafana has it: its last millisecond is the one at which the last slot stands."""
CLOSE = 1e-3
Chosen = Mapping[str, Sequence[str]]
Counted = dict[str, float]


class Filled:
    """The devices, and the stores that are here."""

    def __init__(self, world: World, stores: Mapping[StoreName, Store], folder: Path) -> None:
        self.world = world
        self.stores = stores
        self._folder = folder
        self._reports: dict[tuple[By, datetime, datetime, str], Report] = {}

    def today(self, by: By, since: datetime, until: datetime, user: str = "") -> Report:
        """What `awsync today` would have said at `until`."""
        key = (by, since, until, user)
        if key not in self._reports:
            sources = tuple(self.world.sources(user))
            settings = make_settings(self._folder, "", "http://store", sources=sources)
            now = round(until.timestamp() * MICROSECONDS)
            report = asyncio.run(today(settings, by, since.date().isoformat(), now=now))
            assert report.since == round(since.timestamp() * MICROSECONDS)
            assert not report.failures
            self._reports[key] = report
        return self._reports[key]


class Looking:
    """Somebody looks at the dashboards of a store."""

    def __init__(self, store: Store, filled: Filled) -> None:
        self.store = opened(store.url)
        self.filled = filled

    def see(
        self, dashboard: str, title: str, ref: str = "A", view: View = LATELY, chosen: Chosen | None = None
    ) -> list[Series]:
        """What one query of a panel answers."""
        page = DASHBOARDS[dashboard]
        panel = next(each for each in panels(page) if each["title"] == title)
        target = next(each for each in panel["targets"] if each["refId"] == ref)
        return answer(self.store, page, panel, target, view._replace(chosen=chosen or view.chosen))

    def number(
        self, dashboard: str, title: str, ref: str = "A", view: View = LATELY, chosen: Chosen | None = None
    ) -> float:
        """The one number of a query."""
        (series,) = self.see(dashboard, title, ref, view, chosen)
        return series.value

    def everything(self, view: View) -> Iterator[tuple[str, list[Series]]]:
        """Every query of every panel, and its answer."""
        for name, page in DASHBOARDS.items():
            for panel in panels(page):
                for target in panel["targets"]:
                    where = f"{name}, {panel['title']}, {target['refId']}"
                    yield where, answer(self.store, page, panel, target, view)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """One world, synced into every store that is here; a part of it is corrected afterwards."""
    folder = tmp_path_factory.mktemp("dashboards")
    patch = pytest.MonkeyPatch()
    patch.setenv("TZ", str(ZONE))
    time.tzset()
    # A Prometheus that scrapes nothing now and then loses samples of an old history.
    stores = {
        name: Store(name, binary, folder / name, scrape=True, out_of_order="10y")
        for name in STORES
        if (binary := find_binary(name)) is not None
    }
    with ThreadPoolExecutor() as others, World(folder) as world:
        started = {name: others.submit(store.start) for name, store in stores.items()}
        world.fill()
        try:
            for name, store in stores.items():
                started[name].result()
                world.deliver(name, store.url)
            world.change_history()
            for name, store in stores.items():
                world.deliver_more(name, store.url)
                store.flush()
            yield Filled(world, stores, folder)
        finally:
            for store in stores.values():
                store.stop()
            patch.undo()
            time.tzset()


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.servers) for name in STORES])
def looking(request: pytest.FixtureRequest, filled: Filled) -> Looking:
    """Somebody before each store in turn."""
    require_binary(request.param)
    return Looking(filled.stores[request.param], filled)


def by(label: str, answered: Iterable[Series]) -> Counted:
    """The values by a label, without those that are nothing."""
    return {each.labels[label]: each.value for each in answered if abs(each.value) > CLOSE}


def expected(report: Report, active: str) -> Counted:
    """What `awsync today` says, of the active time or of all of it."""
    named = [share for share in report.shares if share.name != "(none)"]
    counted = {s.name: (s.active or 0) if active == "true" else s.total for s in named}
    return {name: microseconds / MICROSECONDS for name, microseconds in counted.items() if microseconds}


def about(counted: Counted) -> Counted:
    """The same to the millisecond: a sum of floats depends on its order."""
    return pytest.approx(counted, abs=CLOSE)  # type: ignore[return-value]


def test_no_panel_is_empty(looking: Looking) -> None:
    """With nothing chosen, every query of every panel has an answer of sound numbers."""
    empty = []
    for where, answered in looking.everything(LATELY):
        points = [value for each in answered for value in each.points.values()]
        if not points or not all(map(math.isfinite, points)):
            empty.append(where)
    assert not empty


@pytest.mark.parametrize("active", ["true", ".*"])
def test_a_day_is_that_of_awsync_today(looking: Looking, active: str) -> None:
    """A whole day by app, category, domain and host has the seconds of `awsync today`, whatever counts."""
    end, chosen = THURSDAY + DAY, {"active": [active]}
    for title, kind, label in (
        ("Apps", By.APP, "app"),
        ("Categories", By.CATEGORY, "category"),
        ("Domains", By.DOMAIN, "domain"),
    ):
        report = looking.filled.today(kind, THURSDAY, end)
        shown = by(label, looking.see(MY_TIME, title, view=WHOLE_DAY, chosen=chosen))
        assert len(shown) > 2
        assert shown == about(expected(report, active))
    hosts = looking.filled.today(By.HOST, THURSDAY, end)
    whole = sum(expected(hosts, active).values())
    assert looking.number(MY_TIME, "Active", view=WHOLE_DAY, chosen=chosen) == pytest.approx(whole, abs=CLOSE)
    told: dict[str, float] = defaultdict(float)
    for ref in "A" if active == "true" else "ABC":
        for host, seconds in by("host", looking.see(DEVICES, "Devices", ref, WHOLE_DAY)).items():
            told[host] += seconds
    assert told == about(expected(hosts, active))


def test_the_editor_has_its_projects(looking: Looking) -> None:
    """By project no time is lost: it is all that the editors recorded while somebody was there."""
    projects = by("project", looking.see(MY_TIME, "Projects", view=WHOLE_DAY, chosen={"active": ["true"]}))
    assert len(projects) > 1
    query = 'sum(sum_over_time(aw_watcher_vscode_seconds{active="true"}[1d]))'
    (whole,) = ask(looking.store, query, (THURSDAY + DAY).timestamp())
    assert sum(projects.values()) == pytest.approx(whole.value, abs=CLOSE)


def test_begin_end_and_presence_are_those_of_awsync_today(looking: Looking) -> None:
    """The edges of a day to the slot, and what the AFK watchers say of it to the second."""
    report = looking.filled.today(By.APP, THURSDAY, THURSDAY + DAY)
    first, last, there, away = report.first, report.last, report.present, report.away
    assert first is not None and last is not None and there is not None and away is not None  # noqa: PT018
    begin = first // MICROSECONDS // SLOT * SLOT
    end = -(-last // MICROSECONDS // SLOT) * SLOT
    assert looking.number(MY_TIME, "Begin and end", "A", WHOLE_DAY) == begin * 1000
    assert looking.number(MY_TIME, "Begin and end", "B", WHOLE_DAY) == end * 1000
    for ref, microseconds in (("A", there), ("B", away)):
        shown = looking.number(MY_TIME, "At the machine", ref, WHOLE_DAY)
        assert shown == pytest.approx(microseconds / MICROSECONDS, abs=CLOSE)
    midnight = THURSDAY.timestamp()
    by_day = looking.see(MY_TIME, "Begin and end of the day", "A")
    assert min(each.points[midnight] for each in by_day) == begin - midnight
    by_day = looking.see(MY_TIME, "Begin and end of the day", "B")
    assert max(each.points[midnight] for each in by_day) == end - midnight


@pytest.mark.parametrize("active", ["true", ".*"])
def test_the_week_and_the_week_before(looking: Looking, active: str) -> None:
    """This week so far, the same time of the week before, and the days, are those of `awsync today`."""
    chosen = {"active": [active]}
    week = looking.filled.today(By.CATEGORY, MONDAY, NOW)
    earlier = looking.filled.today(By.CATEGORY, MONDAY - WEEK, NOW - WEEK)
    now, then = expected(week, active), expected(earlier, active)
    for ref, counted in (("A", now), ("B", then)):
        shown = by("category", looking.see(MY_TIME, "Categories of the week", ref, chosen=chosen))
        assert shown == about(counted)
        whole = looking.number(MY_TIME, "This week", ref, chosen=chosen)
        assert whole == pytest.approx(sum(counted.values()), abs=CLOSE)
    change = by("category", looking.see(MY_TIME, "Categories of the week", "C", chosen=chosen))
    names = now.keys() | then.keys()
    assert change == about({name: now.get(name, 0) - then.get(name, 0) for name in names})
    for ref, counted in (("A", now), ("B", then)):
        (days,) = looking.see(MY_TIME, "Day by day", ref, chosen=chosen)
        assert sum(days.points.values()) == pytest.approx(sum(counted.values()), abs=CLOSE)
        assert all(datetime.fromtimestamp(at, ZONE).hour == 0 for at in days.points), "the browser's days"


def test_bars_leave_nothing_out_and_count_nothing_twice(looking: Looking) -> None:
    """Whatever step Grafana takes for a week, the bars are together what the table says."""
    week = View(NOW, MONDAY, NOW)
    for title, label in (("By app", "app"), ("By category", "category")):
        table = by(label, looking.see(MY_TIME, "Apps" if label == "app" else "Categories", view=week))
        drawn = {
            each.labels[label]: sum(each.points.values()) for each in looking.see(MY_TIME, title, view=week)
        }
        assert drawn == about(table)


def test_devices_are_merged_without_counting_time_twice(looking: Looking) -> None:
    """What is said of a person's time on all devices is worked out anew here, from the raw samples."""
    chosen = 'aw_watcher_window_seconds{active=~"true|unknown"}[1d]'
    slots: dict[tuple[str, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in ask(looking.store, chosen, (THURSDAY + DAY).timestamp()):
        for at, seconds in each.points.items():
            slots[each.labels["user"], math.ceil(at / SLOT)][each.labels["host"]] += seconds
    at_most, at_least = defaultdict[str, float](float), defaultdict[str, float](float)
    for (user, _), devices in slots.items():
        at_most[user] += min(sum(devices.values()), SLOT)
        at_least[user] += max(devices.values())
    most, least, added = (by("user", looking.see(DEVICES, "People", ref, WHOLE_DAY)) for ref in "ABC")
    assert most == about(at_most)
    assert least == about(at_least)
    assert least["sam"] < most["sam"] < added["sam"], "two devices were in use at once"
    assert most["kim"] == pytest.approx(added["kim"])
    together = looking.number(MY_TIME, "Active", "C", WHOLE_DAY)
    assert together == pytest.approx(sum(most.values()), abs=CLOSE)
    days = {each.labels["user"]: each for each in looking.see(DEVICES, "Day by day", "A")}
    assert {user: each.points[THURSDAY.timestamp()] for user, each in days.items()} == about(most)
    bars = looking.see(DEVICES, "As it went", view=WHOLE_DAY)
    assert {each.labels["user"]: sum(each.points.values()) for each in bars} == about(most)


def test_there_and_away(looking: Looking) -> None:
    """The timeline knows there, away and nothing recorded, and of the tablet only that it was used."""
    shown = {each.labels["host"]: each.points for each in looking.see(MY_TIME, "There and away")}
    assert set(shown["laptop"].values()) == {1, 0, -1}
    assert set(shown["tablet"].values()) == {2, -1}
    report = looking.filled.today(By.APP, NOW.replace(hour=0, minute=0, second=0), NOW)
    assert report.first is not None
    seen = [at for host in ("laptop", "desktop") for at, state in shown[host].items() if state == 1]
    assert abs(min(seen) - report.first / MICROSECONDS) < SLOT


def test_who_chooses_a_person_sees_nobody_else(looking: Looking) -> None:
    """The variables offer what there is, and each of them holds in every panel."""
    page = DASHBOARDS[MY_TIME]
    assert values(looking.store, page, "user", LATELY) == ["kim", "sam"]
    assert values(looking.store, page, "host", LATELY._replace(chosen={"user": ["sam"]})) == [
        "desktop",
        "laptop",
    ]
    watchers = values(looking.store, page, "watcher", LATELY)
    assert {"aw_watcher_window_seconds", "aw_watcher_afk_seconds"} <= set(watchers)
    assert "aw-watcher-window_tablet" in values(looking.store, DASHBOARDS[FLEET], "watcher", LATELY)
    for chosen, allowed in (
        ({"user": ["kim"]}, {"user": {"kim"}, "host": {"tablet"}}),
        ({"host": ["laptop", "desktop"]}, {"user": {"sam"}, "host": {"laptop", "desktop"}}),
        ({"user": ["s.m"]}, {"user": set(), "host": set()}),
    ):
        for where, answered in looking.everything(LATELY._replace(chosen=chosen)):
            for each in answered:
                for label, told in allowed.items():
                    assert each.labels.get(label) in {None, *told}, where
    kim = looking.filled.today(By.APP, THURSDAY, THURSDAY + DAY, "kim")
    chosen = {"user": ["kim"], "active": [".*"]}
    assert by("app", looking.see(MY_TIME, "Apps", view=WHOLE_DAY, chosen=chosen)) == about(
        expected(kim, ".*")
    )
    tabs = {"watcher": ["aw_watcher_web_firefox_seconds", "aw_watcher_web_seconds"]}
    assert not looking.see(MY_TIME, "Apps", view=WHOLE_DAY, chosen=tabs)
    assert looking.see(MY_TIME, "Domains", view=WHOLE_DAY, chosen=tabs)


def test_the_fleet(looking: Looking) -> None:
    """Who delivers, who is quiet and what is wrong, as the agents left it."""
    for title, number in (
        ("Agents", 3),
        ("Quiet", 0),
        ("Stores that refuse", 0),
        ("ActivityWatch down", 1),
        ("Passes with faults", 1),
    ):
        assert looking.number(FLEET, title) == number, title
    later = View(NOW + timedelta(hours=3))
    assert looking.number(FLEET, "Quiet", view=later) == 3
    assert looking.number(FLEET, "Quiet", view=later, chosen={"quiet": ["14400"]}) == 0
    ended = {
        each.labels["host"]: each.value / 1000 for each in looking.see(FLEET, "The agents", "C", view=later)
    }
    last, before = LAST_PASS.timestamp(), (LAST_PASS - BETWEEN).timestamp()
    assert ended == {"laptop": last, "desktop": last, "tablet": before}
    heard = {
        each.labels["host"]: each.value / 1000 for each in looking.see(FLEET, "The agents", "D", view=later)
    }
    assert set(heard.values()) == {last}
    delivered = sum(each.value for each in looking.see(FLEET, "The agents", "I"))
    held = 'sum(count_over_time({__name__=~"aw_.+_seconds"}[30d]))'
    (count,) = ask(looking.store, held, NOW.timestamp())
    assert delivered == count.value
    passes = {each.labels["result"]: each.points for each in looking.see(FLEET, "Passes")}
    assert {result: sum(points.values()) for result, points in passes.items()} == {
        "complete": 5,
        "incomplete": 1,
        "stopped": 0,
        "failed": 0,
    }, "behind the first of each agent"
    (corrections,) = looking.see(FLEET, "Beside the usual", "A")
    more = {each.labels["host"]: each.points for each in looking.see(FLEET, "Samples delivered")}
    assert sum(corrections.points.values()) == sum(more["laptop"].values()) > 0
    assert {each.labels["user"] for each in looking.see(FLEET, "The agents")} == {"sam", "kim"}


def test_the_cookbook_runs(looking: Looking) -> None:
    """Every query of docs/queries.md answers."""
    queries = re.findall(r"```promql\n(.*?)```", COOKBOOK.read_text("utf-8"), re.S)
    assert len(queries) > 25
    empty = [query for query in queries if not ask(looking.store, query, NOW.timestamp())]
    assert not empty
