"""A picture of what is in a dashboard: its panels where they stand, drawn from the answers to their queries.

It is no screenshot: no Grafana is asked, and every picture says so.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import httpx

from tests.dashboards.grafana import Json, Series, View, answer, local, panels, span
from tests.dashboards.sheet import EDGE, FAINT, INK, PALETTE, PANEL, Area, Sheet, cut, shade, written
from tests.dashboards.tables import Tables

COLUMN, ROW, GAP, HEAD = 56.0, 32.0, 6.0, 44.0
WIDTH = 24 * COLUMN
NOTE = "Drawn from the answers to the dashboard's queries; not a screenshot of Grafana."


class Scale(NamedTuple):
    """From moments and values to places."""

    area: Area
    start: float
    end: float
    top: float

    def x(self, at: float) -> float:
        """Where a moment is."""
        return self.area.x + (at - self.start) / (self.end - self.start) * self.area.width

    def y(self, value: float) -> float:
        """Where a value is."""
        return self.area.y + self.area.height * (1 - value / self.top)


class Picture:
    """Draws a dashboard as somebody sees it who looks at a store."""

    def __init__(self, store: httpx.Client, dashboard: Json, view: View) -> None:
        self._store = store
        self._dashboard = dashboard
        self._view = view
        self._now = local(dashboard, view)
        boxes = [panel["gridPos"] for panel in dashboard["panels"]]
        self._sheet = Sheet(WIDTH, HEAD + max(box["y"] + box["h"] for box in boxes) * ROW + GAP)

    def svg(self) -> str:
        """The whole picture."""
        self._sheet.text(GAP, 28, self._dashboard["title"], INK, 20)
        self._sheet.text(WIDTH - GAP, 28, NOTE, FAINT, 12, "end")
        for panel in self._dashboard["panels"]:
            if panel["type"] == "row":
                self._sheet.text(GAP, HEAD + panel["gridPos"]["y"] * ROW + 22, panel["title"], INK, 15)
        for panel in panels(self._dashboard):
            self._panel(panel)
        return self._sheet.svg()

    def _panel(self, panel: Json) -> None:
        box = panel["gridPos"]
        x, y = box["x"] * COLUMN + GAP / 2, HEAD + box["y"] * ROW + GAP / 2
        width, height = box["w"] * COLUMN - GAP, box["h"] * ROW - GAP
        self._sheet.box(x, y, width, height, PANEL, EDGE)
        own = f" · {panel['timeFrom']}" if "timeFrom" in panel else ""
        self._sheet.text(x + 10, y + 20, cut(panel["title"] + own, width - 20, 13), INK, 13)
        inside = Area(x + 10, y + 30, width - 20, height - 38)
        answers = {
            target["refId"]: answer(self._store, self._dashboard, panel, target, self._view)
            for target in panel["targets"]
        }
        tables = Tables(self._sheet, self._write)
        draw = {
            "stat": self._stat,
            "table": tables.table,
            "timeseries": self._diagram,
            "state-timeline": self._states,
            "status-history": self._shades,
            "barchart": tables.bars,
        }
        draw[panel["type"]](panel, answers, inside)

    def _write(self, value: float, unit: str) -> str:
        return written(value, unit, self._now)

    def _stat(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        alarm = [each["value"] for each in defaults["thresholds"]["steps"] if each["value"] is not None]
        several = len(panel["targets"]) > 1
        room = area.height / (len(panel["targets"]) if area.height > area.width else 1)
        part = area.width if area.height > area.width else area.width / len(panel["targets"])
        for number, target in enumerate(panel["targets"]):
            found = answers[target["refId"]]
            text = self._write(found[0].value, defaults["unit"]) if found else "-"
            bad = bool(found and alarm and found[0].value >= alarm[0])
            down, right = (number * room, 0.0) if area.height > area.width else (0.0, number * part)
            x, y = area.x + right + part / 2, area.y + down + room / 2 + 8
            size = min(28.0, part / (len(text) + 1) / 0.6)
            self._sheet.text(x, y, text, "red" if bad else INK, round(size, 1), "middle")
            if several or panel["options"]["textMode"] == "value_and_name":
                name = _name(target["legendFormat"], found[0]) if found else ""
                self._sheet.text(x, y + 20, name, FAINT, 12, "middle")

    def _diagram(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        drawn = [
            (_name(target["legendFormat"], series), series)
            for target in panel["targets"]
            for series in sorted(answers[target["refId"]], key=lambda each: sorted(each.labels.items()))
        ]
        look = defaults.get("custom", {})
        kind = look.get("drawStyle", "line")
        stacked = look.get("stacking", {}).get("mode") == "normal"
        below: dict[float, float] = defaultdict(float)
        for _, series in drawn:
            for at, value in series.points.items():
                below[at] = below[at] + value if stacked else max(below[at], value)
        top = defaults.get("max") or max(below.values(), default=1) or 1
        scale = self._axes(panel, Area(area.x + 66, area.y + 4, area.width - 70, area.height - 44), top)
        step = min((b - a for a, b in _pairs(below)), default=3600)
        side = 1 if stacked or kind != "bars" else len(drawn)
        width = (scale.x(scale.start + step) - scale.x(scale.start)) / side
        base: dict[float, float] = defaultdict(float)
        for number, (_, series) in enumerate(drawn):
            colour = PALETTE[number % len(PALETTE)]
            places = [(scale.x(at), scale.y(value)) for at, value in sorted(series.points.items())]
            if kind == "line":
                self._sheet.line(places, colour, 2)
            for (x, y), at in zip(places, sorted(series.points), strict=True):
                if kind == "bars":
                    low = scale.y(base[at])
                    left = x + (0 if stacked else number * width)
                    self._sheet.box(left, low - (scale.y(0) - y), max(width - 1, 1), scale.y(0) - y, colour)
                    base[at] += series.points[at] if stacked else 0
                else:
                    self._sheet.dot(x, y, colour)
        self._sheet.legend([name for name, _ in drawn], area)

    def _axes(self, panel: Json, area: Area, top: float) -> Scale:
        start, end = (each / 1000 for each in span(self._dashboard, panel, self._view))
        days = panel["targets"][0].get("interval") == "1d"
        if days:
            start, end = self._midnight(start), self._midnight(end) + 86_400
        scale = Scale(area, start, end, top)
        if panel["type"] == "timeseries":
            for part in (0, 0.5, 1):
                y = scale.y(top * part)
                self._sheet.line([(area.x, y), (area.x + area.width, y)], EDGE)
                text = self._write(top * part, panel["fieldConfig"]["defaults"]["unit"])
                self._sheet.text(area.x - 6, y + 4, text, FAINT, 11, "end")
        for at, text in self._ticks(start, end):
            self._sheet.text(scale.x(at), area.y + area.height + 16, text, FAINT, 11)
        return scale

    def _midnight(self, at: float) -> float:
        moment = datetime.fromtimestamp(at, self._now.tzinfo)
        return moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def _ticks(self, start: float, end: float) -> Iterable[tuple[float, str]]:
        if end - start > 60 * 86_400:
            yield from self._months(start, end)
            return
        step = next(each for each in (1 / 6, 3, 6, 24, 48) if (end - start) / each / 3600 <= 8.5)
        form = "%H:%M" if step < 24 else "%a %d"
        moment = datetime.fromtimestamp(self._midnight(start), self._now.tzinfo)
        while moment.timestamp() < end - step * 900:
            if moment.timestamp() >= start:
                yield moment.timestamp(), f"{moment:{form}}"
            moment += timedelta(hours=step)

    def _months(self, start: float, end: float) -> Iterable[tuple[float, str]]:
        first, last = (datetime.fromtimestamp(at, self._now.tzinfo) for at in (start, end))
        for month in range(first.year * 12 + first.month, last.year * 12 + last.month):
            moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=self._now.tzinfo)
            yield moment.timestamp(), f"{moment:%b %y}"

    def _rows(
        self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area
    ) -> Iterable[tuple[float, float, float, float, float]]:
        """Each point of each series as a box, with its value; the names of the series stand before them."""
        target = panel["targets"][0]
        found = sorted(answers["A"], key=lambda each: sorted(each.labels.items()))
        scale = self._axes(panel, Area(area.x + 130, area.y, area.width - 134, area.height - 20), 1)
        step = min((b - a for each in found for a, b in _pairs(each.points)), default=300)
        height = scale.area.height / max(len(found), 1)
        for number, series in enumerate(found):
            y = area.y + number * height
            self._sheet.text(area.x, y + height / 2 + 4, cut(_name(target["legendFormat"], series), 126))
            for at, value in sorted(series.points.items()):
                left = max(scale.x(at), scale.area.x)
                right = min(scale.x(at + step), scale.area.x + scale.area.width)
                yield left, y + 3, right - left + 0.4, height - 6, value

    def _states(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        told = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
        x = area.x + area.width
        for state in reversed(told.values()):
            if state["color"] != "transparent":
                x -= len(state["text"]) * 7.2 + 34
                self._sheet.box(x, area.y - 18, 12, 10, state["color"])
                self._sheet.text(x + 17, area.y - 9, state["text"], FAINT)
        for left, y, width, height, value in self._rows(panel, answers, area):
            if (colour := told[f"{value:g}"]["color"]) != "transparent":
                self._sheet.box(left, y, width, height, colour)

    def _shades(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        for left, y, width, height, value in self._rows(panel, answers, area):
            self._sheet.box(left, y, width, height, shade(value))


def _name(legend: str, series: Series) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series.labels.get(found[1], ""), legend)


def _pairs(points: Mapping[float, float]) -> Iterable[tuple[float, float]]:
    stamps = sorted(points)
    return pairwise(stamps)
