"""Somebody looks at the dashboards of a store, and what there should be to see."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from awsync.timeline import MICROSECONDS
from awsync.today import today
from awsync.totals import By, Report
from tests.dashboards.filled import NOW, World
from tests.dashboards.grafana import Json, Series, View, answer, ask, opened, panels, variables
from tests.dashboards.written import FOLDER
from tests.passes import make_settings
from tests.servers import Store, StoreName

DASHBOARDS: dict[str, Json] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
LATELY = View(NOW)
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
            chosen = variables(self.store, page, view)
            for panel in panels(page):
                for target in panel["targets"]:
                    where = f"{name}, {panel['title']}, {target['refId']}"
                    yield where, answer(self.store, page, panel, target, view, chosen)


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


def days_of_slots(store: Looking, label: str, selected: str) -> dict[str, Counted]:
    """The seconds of each UTC day (20261120) by a label, worked out from the raw samples."""
    counted: dict[str, Counted] = defaultdict(lambda: defaultdict(float))
    for each in ask(store.store, f"{selected}[2y]", NOW.timestamp()):
        for at, seconds in each.points.items():
            counted[f"{datetime.fromtimestamp(at, UTC):%Y%m%d}"][each.labels[label]] += seconds
    return counted


def of_range(days: Mapping[str, Counted], since: datetime, until: datetime) -> dict[str, Counted]:
    """The days that begin in a range."""
    begins = {day: datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in days}
    return {day: days[day] for day in sorted(days) if since <= begins[day] < until}


def added(days: Mapping[str, Counted]) -> Counted:
    """All days together."""
    whole: Counted = defaultdict(float)
    for counted in days.values():
        for name, seconds in counted.items():
            whole[name] += seconds
    return {name: seconds for name, seconds in whole.items() if seconds > CLOSE}
