"""The dashboards over real stores: every panel answers, and says what `awsync today` says."""

import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from awsync.timeline import MICROSECONDS
from awsync.totals import By
from tests.dashboards.filled import BETWEEN, LAST_PASS, NOW, ZONE, World
from tests.dashboards.grafana import View, ask, values
from tests.dashboards.looking import (
    CLOSE,
    DASHBOARDS,
    LATELY,
    Filled,
    Looking,
    about,
    added,
    by,
    days_of_slots,
    expected,
    of_range,
)
from tests.dashboards.recording import record_days
from tests.servers import Store, StoreName, find_binary, require_binary

STORES: tuple[StoreName, ...] = ("prometheus-3.5", "prometheus-2.42", "victoria-metrics")
COOKBOOK = Path(__file__).parent.parent / "docs" / "queries.md"
MY_TIME, MY_YEAR, DEVICES, FLEET = "my-time", "my-year", "devices", "fleet"
DAY, WEEK, SLOT = timedelta(days=1), timedelta(weeks=1), 300
MONDAY, THURSDAY = (datetime(2026, 11, day, tzinfo=ZONE) for day in (16, 19))
WHOLE_DAY = View(NOW, THURSDAY, THURSDAY + DAY - timedelta(milliseconds=1))
"""A day as Grafana has it: its last millisecond is the one at which the last slot stands."""
RECORDED = (
    (datetime(2025, 11, 20, 0, 17, 3, tzinfo=UTC), datetime(2025, 11, 22, tzinfo=UTC)),
    (datetime(2026, 11, 18, 0, 17, 3, tzinfo=UTC), NOW),
)
"""When the rules of days were evaluated, every twelve hours: of this year the 10th to 12th are recorded."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """One world, synced into every store that is here; a part of it is corrected afterwards."""
    folder = tmp_path_factory.mktemp("dashboards")
    patch = pytest.MonkeyPatch()
    patch.setenv("TZ", str(ZONE))
    time.tzset()
    stores = {
        name: Store(name, binary, folder / name, out_of_order="10y")
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
                for since, until in RECORDED:
                    assert record_days(store.url, since, until, DAY / 2)
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
    held = 'sum(count_over_time({__name__=~"aw_.+_seconds"}[2y]))'
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


def utc(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


WINDOWS = 'aw_watcher_window_seconds{active=~"true|unknown"}'
JUST_BEFORE = timedelta(milliseconds=1)
YEARS = {
    "365 days": (utc(11, 21, year=2025), NOW),
    "the calendar year, which is not over": (utc(1, 1), utc(12, 31) + DAY - JUST_BEFORE),
    "from the last recorded day": (utc(11, 12), NOW),
    "from the first day behind it": (utc(11, 13), NOW),
    "the last recorded day alone": (utc(11, 12), utc(11, 13) - JUST_BEFORE),
    "up to the last recorded day": (utc(11, 1), utc(11, 12)),
    "from noon to noon": (utc(11, 11, 12), utc(11, 18, 12)),
    "nothing recorded": (utc(2, 1), utc(4, 1)),
}


@pytest.mark.parametrize(("since", "until"), YEARS.values(), ids=YEARS)
def test_a_year_is_what_the_slots_say(looking: Looking, since: datetime, until: datetime) -> None:
    """Recorded days and slots are joined without a gap and count nothing twice, whatever range is chosen."""
    view = View(NOW, since, until)
    by_app = of_range(days_of_slots(looking, "app", WINDOWS), since, until)
    days = {day: sum(counted.values()) for day, counted in by_app.items()}
    assert days
    shown = {
        (each.labels["month"] + each.labels["number"]).replace("-", ""): each.value * 3600
        for each in looking.see(MY_YEAR, "Calendar", view=view)
    }
    assert shown == about(days)
    assert by("app", looking.see(MY_YEAR, "Apps", view=view)) == about(added(by_app))
    drawn: dict[str, float] = defaultdict(float)
    for each in looking.see(MY_YEAR, "Days by category", view=view):
        for at, seconds in each.points.items():
            drawn[f"{datetime.fromtimestamp(at, UTC):%Y%m%d}"] += seconds
    in_sight = {day: drawn[day] for day in days}
    assert in_sight == about(days)
    assert drawn.keys() - days.keys() <= {f"{day:%Y%m%d}" for day in (since, until)}, "only beyond the edges"
    recorded, slots = (looking.number(MY_YEAR, "Days it is drawn from", ref, view) for ref in "AB")
    assert recorded == len(days.keys() & {"20261111", "20261112"})
    assert recorded + slots == len(days)
    assert looking.number(MY_YEAR, "Active days", view=view) == len(days)
    (longest,) = looking.see(MY_YEAR, "The longest day", view=view)
    assert longest.value == pytest.approx(max(days.values()), abs=CLOSE)
    assert days[longest.labels["day"]] == pytest.approx(longest.value, abs=CLOSE)
    average = sum(days.values()) / len(days)
    assert looking.number(MY_YEAR, "An active day", view=view) == pytest.approx(average, abs=CLOSE)


@pytest.mark.parametrize("active", ["true", ".*"])
def test_a_year_is_that_of_awsync_today(
    looking: Looking, active: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a recorded day to this moment it has the seconds of `awsync today` for somebody in UTC."""
    since, chosen = utc(11, 12), {"active": [active]}
    view = View(NOW, since, NOW)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        for title, kind, label in (
            ("Apps", By.APP, "app"),
            ("Categories", By.CATEGORY, "category"),
            ("Domains", By.DOMAIN, "domain"),
            ("Devices", By.HOST, "host"),
        ):
            wanted = expected(looking.filled.today(kind, since, NOW), active)
            assert len(wanted) > 1
            assert by(label, looking.see(MY_YEAR, title, view=view, chosen=chosen)) == about(wanted)
    finally:
        monkeypatch.undo()
        time.tzset()
    whole = looking.number(MY_YEAR, "Active", view=view, chosen=chosen)
    assert whole == pytest.approx(sum(wanted.values()), abs=CLOSE)


def test_a_year_beside_the_year_before(looking: Looking) -> None:
    """Months, projects and the year before are what the slots say, and differences are those."""
    since, until = YEARS["365 days"]
    year = timedelta(days=365)
    editors = '{__name__=~"aw_.+_seconds", project!="", active=~"true|unknown"}'
    for title, label, selected in (("Categories", "category", WINDOWS), ("Projects", "project", editors)):
        days = days_of_slots(looking, label, selected)
        now, then = added(of_range(days, since, until)), added(of_range(days, since - year, until - year))
        assert now and then  # noqa: PT018
        assert by(label, looking.see(MY_YEAR, title, "A")) == about(now)
        assert by(label, looking.see(MY_YEAR, title, "B")) == about(then)
        names = now.keys() | then.keys()
        change = {name: now.get(name, 0) - then.get(name, 0) for name in names}
        assert by(label, looking.see(MY_YEAR, title, "C")) == about(change)
    months: dict[str, float] = defaultdict(float)
    for day, counted in of_range(days_of_slots(looking, "category", WINDOWS), since, until).items():
        for category, seconds in counted.items():
            months[f"{day[:4]}-{day[4:6]} {category}"] += seconds
    shown = looking.see(MY_YEAR, "Months by category")
    told = {f"{each.labels['month']} {each.labels['category']}": each.value for each in shown}
    assert told == about(months)
    on_each = {each.labels["host"]: each.value for each in looking.see(MY_YEAR, "Devices", "D")}
    by_host = of_range(days_of_slots(looking, "host", WINDOWS), since, until)
    assert on_each == {
        host: sum(host in counted for counted in by_host.values()) for host in ("laptop", "desktop", "tablet")
    }
    assert values(looking.store, DASHBOARDS[MY_YEAR], "user", LATELY) == ["kim", "sam"]


def test_a_day_that_the_rules_missed_is_not_made_up(looking: Looking) -> None:
    """Between recorded days the slots are not read again: what is missing is in no sum."""
    since = utc(11, 1, year=2025)
    days = of_range(days_of_slots(looking, "app", WINDOWS), since, NOW)
    missed = {day for day in days if day.startswith("202603")}
    rest = {day: counted for day, counted in days.items() if day not in missed}
    assert missed
    view = View(NOW, since, NOW)
    assert by("app", looking.see(MY_YEAR, "Apps", view=view)) == about(added(rest))
    parts = [looking.number(MY_YEAR, "Days it is drawn from", ref, view) for ref in "AB"]
    assert sum(parts) == len(rest)
