"""Panels and where they stand: the SDK's builders in the few shapes that awsync needs."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import (
    barchart,
    prometheus,
    stat,
    statetimeline,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.common import TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
    VariableModel,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

AnyPanel = Builder[Panel]
AnyVariable = Builder[VariableModel]
STORE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TIME = "dthms"
"""Grafana's unit of a length of time in seconds, shown as 7:05:09."""
CLOCK = "time:ddd HH:mm"
"""A moment in milliseconds since the epoch, in the browser's zone."""
MINUTES = "5m"
"""No step of a diagram is shorter than the usual slot."""
SLOT = "${slot}s"
COLUMNS = 24
_NOTHING = "-"
GREEN, GREY, BLUE, AMBER, RED, CLEAR = "green", "#8e8e8e", "blue", "orange", "red", "transparent"


class Query(prometheus.Dataquery):
    """One query of a panel; `name` is a legend with labels in double braces."""

    def __init__(self, ref: str, expr: str, name: str = "") -> None:
        super().__init__()
        self.ref_id(ref).expr(expr).datasource(STORE).legend_format(name or "__auto")


def over_time(ref: str, expr: str, name: str = "", step: str = SLOT) -> Query:
    """A query with a point for each step of the range; `step` is the shortest."""
    query = Query(ref, expr, name)
    query.range().interval(step).format(PromQueryFormat.TIME_SERIES)
    return query


def at_end(ref: str, expr: str, name: str = "") -> Query:
    """A query that is asked once, for the end of the range."""
    query = Query(ref, expr, name)
    query.instant().format(PromQueryFormat.TIME_SERIES)
    return query


def rows(ref: str, expr: str) -> Query:
    """The same with a row for each series."""
    query = Query(ref, expr)
    query.instant().format(PromQueryFormat.TABLE)
    return query


def numbers(
    title: str, about: str, queries: Sequence[Query], *, unit: str = TIME, bad_from: float | None = None
) -> stat.Panel:
    """One number or a few; from `bad_from` on they are red."""
    steps = [Threshold(None, GREEN), *([Threshold(bad_from, RED)] if bad_from is not None else [])]
    panel = stat.Panel().title(title).description(about).datasource(STORE).unit(unit).no_value(_NOTHING)
    panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(
        common.BigValueColorMode.NONE if bad_from is None else common.BigValueColorMode.VALUE
    )
    panel.text_mode(
        common.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else common.BigValueTextMode.AUTO
    )
    panel.thresholds(builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel.targets(list(queries))


def listing(
    title: str, about: str, columns: Mapping[str, tuple[str, str]], *, labels: Sequence[str], unit: str = TIME
) -> table.Panel:
    """A table: a row for each combination of the labels, a column for each query.

    `columns` gives each column's name its query and its unit (empty: that of the table); the first one has a
    bar and decides the order.
    """
    refs = [chr(ord("A") + number) for number in range(len(columns))]
    panel = table.Panel().title(title).description(about).datasource(STORE).unit(unit).no_value(_NOTHING)
    panel.targets([rows(ref, query) for ref, (query, _) in zip(refs, columns.values(), strict=True)])
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    values = [f"Value #{ref}" for ref in refs] if len(refs) > 1 else ["Value"]
    order = {name: place for place, name in enumerate(["Time", *labels, *values])}
    panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": order,
                "renameByName": dict(zip(values, columns, strict=True)),
            },
        )
    )
    for name, (_, special) in columns.items():
        if special:
            panel.override_by_name(name, [DynamicConfigValue("unit", special)])
    foremost = next(iter(columns))
    panel.sort_by([common_builders.TableSortByFieldState().display_name(foremost).desc(desc=True)])
    return panel.footer(common_builders.TableFooterOptions().enable_pagination(enable_pagination=True))


def shares(title: str, about: str, label: str, columns: Mapping[str, tuple[str, str]]) -> table.Panel:
    """A table by one label with a bar in its first column."""
    panel = listing(title, about, columns, labels=[label])
    bar = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    look = [DynamicConfigValue("custom.cellOptions", bar), DynamicConfigValue("min", 0)]
    look.append(DynamicConfigValue("color", {"mode": "fixed", "fixedColor": BLUE}))
    return panel.override_by_name(next(iter(columns)), look)


def bars(
    title: str, about: str, queries: Sequence[Query], *, unit: str = TIME, stacked: bool = False
) -> timeseries.Panel:
    """Bars along the time."""
    panel = lines(title, about, queries, unit=unit)
    panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(70).min(0)
    mode = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    return panel.stacking(common_builders.StackingConfig().mode(mode).group("A"))


def lines(title: str, about: str, queries: Sequence[Query], *, unit: str = TIME) -> timeseries.Panel:
    """Lines along the time, their legend with the newest value."""
    panel = timeseries.Panel().title(title).description(about).datasource(STORE).unit(unit)
    legend = common_builders.VizLegendOptions().show_legend(show_legend=True)
    panel.legend(legend.display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM))
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    return panel.targets(list(queries))


def points(title: str, about: str, queries: Sequence[Query], *, unit: str = TIME) -> timeseries.Panel:
    """Points along the time."""
    panel = lines(title, about, queries, unit=unit)
    panel.draw_style(common.GraphDrawStyle.POINTS).point_size(8)
    return panel.show_points(common.VisibilityMode.ALWAYS)


def states(title: str, about: str, query: Query, told: Mapping[str, tuple[str, str]]) -> statetimeline.Panel:
    """A row for each series, coloured by its state; `told` gives each value its word and colour."""
    panel = statetimeline.Panel().title(title).description(about).datasource(STORE)
    panel.mappings([mapping(told)]).show_value(common.VisibilityMode.NEVER).merge_values(merge_values=True)
    panel.color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS)).fill_opacity(80).line_width(0)
    return panel.with_target(query)


def shades(title: str, about: str, query: Query, unit: str) -> statushistory.Panel:
    """A row for each series, the darker the more."""
    panel = statushistory.Panel().title(title).description(about).datasource(STORE).unit(unit).min(0).max(1)
    panel.color_scheme(builders.FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES))
    return panel.fill_opacity(90).line_width(0).with_target(query)


def crossed(
    title: str, about: str, query: str, rows_by: str, columns_by: str, *, in_order: bool = False
) -> barchart.Panel:
    """Bars by one label, stacked by another; `in_order` of the first one's names, else of the answer."""
    panel = barchart.Panel().title(title).description(about).datasource(STORE).unit(TIME).min(0)
    panel.with_target(rows("A", query)).stacking(common.StackingMode.NORMAL).fill_opacity(70)
    panel.orientation(common.VizOrientation.HORIZONTAL)
    if in_order:
        panel.with_transformation(_sorted_by(rows_by))
    return panel.with_transformation(_matrix(rows_by, columns_by))


def calendar(
    title: str, about: str, query: str, rows_by: str, columns_by: str, names: Sequence[str]
) -> table.Panel:
    """A row for each value of one label, a small field for each of another, the darker the more.

    `names` are the values of the second label in the order of the columns.
    """
    panel = table.Panel().title(title).description(about).datasource(STORE).unit("none").decimals(1)
    panel.with_target(rows("A", query)).no_value("").min(0).min_width(30)
    panel.color_scheme(builders.FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES))
    panel.with_transformation(_sorted_by(rows_by)).with_transformation(
        _matrix(rows_by, columns_by, emptyValue="null")
    )
    first = f"{rows_by}\\{columns_by}"
    order = {name: place for place, name in enumerate([first, *names])}
    named = {"excludeByName": {}, "indexByName": order, "renameByName": {first: rows_by}}
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=named))
    look = DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"})
    return panel.override_by_regexp(f"/^({'|'.join(names)})$/", [look])


def _sorted_by(label: str) -> DataTransformerConfig:
    options = {"fields": {}, "sort": [{"field": label, "desc": False}]}
    return DataTransformerConfig(id_val="sortBy", options=options)


def _matrix(rows_by: str, columns_by: str, **more: str) -> DataTransformerConfig:
    options = {"columnField": columns_by, "rowField": rows_by, "valueField": "Value", **more}
    return DataTransformerConfig(id_val="groupingToMatrix", options=options)


def mapping(told: Mapping[str, tuple[str, str]]) -> ValueMapping:
    """Words and colours for values."""
    results = {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(told.items())
    }
    return ValueMap(options=results)


def told(panel: table.Panel, column: str, words: Mapping[str, tuple[str, str]]) -> None:
    """Shows the values of a column in words and colours."""
    look = {"mappings": [mapping(words)], "custom.cellOptions": {"type": "color-text"}}
    panel.override_by_name(column, [DynamicConfigValue(name, value) for name, value in look.items()])


class Page:
    """A dashboard that fills up from the left, row by row; `zone` is whose days and hours it shows."""

    def __init__(
        self,
        uid: str,
        title: str,
        about: str,
        variables: Sequence[AnyVariable],
        *,
        since: str,
        refresh: str,
        zone: str = TimeZoneBrowser,
    ) -> None:
        self._panels = 0
        self._x = self._y = self._height = 0
        page = builders.Dashboard(title).uid(uid).description(about).tags(["awsync"])
        page.timezone(zone).time(since, "now").refresh(refresh).variables(list(variables))
        page.tooltip(DashboardCursorSync.CROSSHAIR).editable()
        links = builders.DashboardLink("awsync").type(DashboardLinkType.DASHBOARDS).tags(["awsync"])
        page.link(
            links.as_dropdown(as_dropdown=True).include_vars(include_vars=True).keep_time(keep_time=True)
        )
        self._page = page

    def heading(self, title: str) -> None:
        """Begins a part with a title."""
        self._new_line()
        self._page.with_row(builders.Row(title).id(self._next()).grid_pos(GridPos(h=1, w=24, x=0, y=self._y)))
        self._y += 1

    def add(self, panel: "AnyPanel", width: int, height: int) -> None:
        """Puts a panel right of the last one, or below where it does not fit."""
        if self._x + width > COLUMNS:
            self._new_line()
        built = panel.build()
        built.id_val = self._next()
        built.grid_pos = GridPos(h=height, w=width, x=self._x, y=self._y)
        self._page.with_panel(panel)
        self._x += width
        self._height = max(self._height, height)

    def build(self) -> Dashboard:
        """The whole."""
        return self._page.build()

    def _next(self) -> int:
        self._panels += 1
        return self._panels

    def _new_line(self) -> None:
        self._x, self._y, self._height = 0, self._y + self._height, 0
