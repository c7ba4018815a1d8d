"""Tables, calendars and bars of a picture: what stands in rows and columns."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from tests.dashboards.grafana import Json, Series
from tests.dashboards.sheet import FAINT, INK, PALETTE, Area, Sheet, cut, shade

LINE = 20.0
Row = dict[str, str | float]


class Tables:
    """Draws them on a sheet; `write` gives a number of a unit as text."""

    def __init__(self, sheet: Sheet, write: Callable[[float, str], str]) -> None:
        self._sheet = sheet
        self._write = write

    def table(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        """Rows and columns, or a field for each day."""
        if any(each["id"] == "groupingToMatrix" for each in panel["transformations"]):
            self._calendar(panel, answers["A"], area)
            return
        names = next(each for each in panel["transformations"] if each["id"] == "organize")["options"]
        values = names["renameByName"]
        order = sorted(names["indexByName"], key=lambda name: int(names["indexByName"][name]))
        labels = [name for name in order if name not in {"Time", *values}]
        looks: dict[str, Json] = defaultdict(dict)
        for each in panel["fieldConfig"]["overrides"]:
            looks[each["matcher"]["options"]] |= {part["id"]: part["value"] for part in each["properties"]}
        columns = list(values.values())
        kept = _merged(answers, columns)
        kept.sort(key=lambda row: (-float(row.get(columns[0], 0)), str(sorted(row.items()))))
        widths = [1.6] * len(labels) + [1.0] * len(columns)
        part = area.width / sum(widths)
        edges = [area.x + part * sum(widths[:number]) for number in range(len(widths))]
        for x, width, name in zip(edges, widths, [*labels, *columns], strict=True):
            self._sheet.text(x, area.y + 14, cut(name, width * part - 8), FAINT)
        most = max((float(row.get(columns[0], 0)) for row in kept), default=0)
        fitting = int(area.height / LINE) - 1
        for number, row in enumerate(kept[:fitting], start=1):
            y = area.y + number * LINE + 14
            for x, width, name in zip(edges, widths, [*labels, *columns], strict=True):
                value = row.get(name, "-")
                look = looks.get(name, {})
                if isinstance(value, float) and look.get("custom.cellOptions", {}).get("type") == "gauge":
                    self._sheet.box(x, y - 13, (width * part - 8) * value / most, 17, "#1f4e8c")
                self._cell(x, y, width * part - 8, value, look, panel)

    def _cell(self, x: float, y: float, width: float, value: str | float, look: Json, panel: Json) -> None:
        colour, text = INK, str(value)
        if isinstance(value, float):
            told = [each["options"].get(f"{value:g}") for each in look.get("mappings", [])]
            text = self._write(value, look.get("unit", panel["fieldConfig"]["defaults"]["unit"]))
            if told and told[0]:
                text, colour = told[0]["text"], told[0]["color"]
        self._sheet.text(x, y, cut(text, width), colour)

    def _calendar(self, panel: Json, answered: Sequence[Series], area: Area) -> None:
        transformations = {each["id"]: each["options"] for each in panel["transformations"]}
        matrix, names = transformations["groupingToMatrix"], transformations["organize"]["indexByName"]
        columns = [name for name in names if name != f"{matrix['rowField']}\\{matrix['columnField']}"]
        columns.sort()
        rows: dict[str, dict[str, float]] = defaultdict(dict)
        for series in answered:
            rows[series.labels[matrix["rowField"]]][series.labels[matrix["columnField"]]] = series.value
        most = max((value for row in rows.values() for value in row.values()), default=1)
        width = (area.width - 80) / len(columns)
        height = min(area.height / (len(rows) + 1), 26.0)
        for place, column in enumerate(columns):
            self._sheet.text(
                area.x + 80 + place * width + width / 2, area.y + 14, column, FAINT, 11, "middle"
            )
        for number, (name, row) in enumerate(sorted(rows.items()), start=1):
            y = area.y + number * height
            self._sheet.text(area.x, y + height / 2 + 4, name)
            for place, column in enumerate(columns):
                x = area.x + 80 + place * width
                if column in row:
                    self._sheet.box(x, y, width - 2, height - 2, shade(row[column] / most))
                    text = self._write(row[column], panel["fieldConfig"]["defaults"]["unit"])
                    self._sheet.text(x + width / 2 - 1, y + height / 2 + 3, text, INK, 10, "middle")

    def bars(self, panel: Json, answers: Mapping[str, Sequence[Series]], area: Area) -> None:
        """Bars by one label, stacked by another."""
        *before, matrix = panel["transformations"]
        options = matrix["options"]
        rows: dict[str, dict[str, float]] = defaultdict(dict)
        for series in answers["A"]:
            rows[series.labels[options["rowField"]]][series.labels[options["columnField"]]] = series.value
        names = sorted({name for row in rows.values() for name in row})
        most = max(sum(row.values()) for row in rows.values())
        fitting = int((area.height - LINE) / LINE)
        ordered = sorted(rows.items(), key=lambda each: each[0] if before else -sum(each[1].values()))
        for number, (name, row) in enumerate(ordered):
            if number == fitting:
                break
            y, x = area.y + number * LINE, area.x + 170
            self._sheet.text(area.x, y + 14, cut(name, 164))
            for index, each in enumerate(names):
                width = row.get(each, 0) / most * (area.width - 250)
                self._sheet.box(x, y + 2, width, LINE - 5, PALETTE[index % len(PALETTE)])
                x += width
            self._sheet.text(x + 6, y + 14, self._write(sum(row.values()), "dthms"), FAINT)
        self._sheet.legend(names, area)


def _merged(answers: Mapping[str, Sequence[Series]], columns: Sequence[str]) -> list[Row]:
    """The rows of a table: series that agree in the labels that both have are one."""
    named = ({name for each in found for name in each.labels} for found in answers.values())
    shared = set.intersection(*named)
    rows: dict[tuple[str, ...], Row] = defaultdict(dict)
    for column, found in zip(columns, answers.values(), strict=True):
        for series in found:
            row = rows[tuple(series.labels.get(name, "") for name in sorted(shared))]
            row |= series.labels
            row[column] = series.value
    return list(rows.values())
