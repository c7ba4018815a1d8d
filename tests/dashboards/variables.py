"""The variables above the dashboards."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from tests.dashboards.building import STORE, AnyVariable
from tests.dashboards.promql import RANGE, WATCHERS


def asked(
    name: str,
    words: str,
    label: str,
    selected: str,
    about: str,
    *,
    over: str = RANGE,
    everything: str = ".*",
    beside: str = "",
) -> AnyVariable:
    """A variable with the values of a label in the chosen time; `everything` is what All means.

    `beside` are more samples to look at: a selector with its range.

    `label_values` would not do: Prometheus has none to tell of a time whose samples all came out of
    order, until it has compacted them.
    """
    found = " or ".join(
        f"group by ({label}) (last_over_time({each}))" for each in (f"{selected}{over}", beside) if each
    )
    variable = _query(
        builders.QueryVariable(name), found, "/^([^{]+)/" if label == "__name__" else f'/{label}="([^"]*)"/'
    )
    variable.label(words).description(about).sort(VariableSort.ALPHABETICAL_ASC)
    variable.multi(multi=True).include_all(include_all=True).all_value(everything)
    return variable.current(VariableOption(text=["All"], value=["$__all"], selected=True))


def worked_out(name: str, about: str, query: str) -> AnyVariable:
    """A number that queries need and nobody sees: what a query of one value answers.

    It is no part of an address: one that was kept for a day would bring the number of that day with it.
    """
    variable = _query(_Unaddressed(name), query, r"/ (\d+) /").description(about)
    variable.multi(multi=False).include_all(include_all=False).allow_custom_value(allow_custom_value=False)
    return variable.hide(VariableHide.HIDE_VARIABLE)


class _Unaddressed(builders.QueryVariable):
    """The SDK's builder has no word for it."""

    def build(self) -> VariableModel:
        built = super().build()
        built.skip_url_sync = True
        return built


def _query(variable: builders.QueryVariable, query: str, regex: str) -> builders.QueryVariable:
    variable.datasource(STORE).regex(regex)
    asking = f"query_result({query})"
    variable.query({"qryType": 3, "query": asking, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def chosen(name: str, label: str, about: str, options: Mapping[str, str]) -> AnyVariable:
    """A variable with fixed values, by the words for them; the first is taken at the beginning."""
    variable = builders.CustomVariable(name).label(label).description(about)
    variable.values(", ".join(f"{text} : {value}" for text, value in options.items()))
    listed = [
        VariableOption(text=text, value=value, selected=not index)
        for index, (text, value) in enumerate(options.items())
    ]
    return variable.options(listed).current(listed[0]).multi(multi=False).include_all(include_all=False)


def store() -> AnyVariable:
    """Where the data are."""
    variable = builders.DatasourceVariable("datasource").label("Store").type("prometheus")
    return variable.description("Prometheus, or whatever answers its queries.")


def counts() -> AnyVariable:
    """Which time counts."""
    return chosen(
        "active",
        "Counts",
        "Which time counts: by what the AFK watcher of the host says.",
        {"active, or nobody can tell": "true|unknown", "active only": "true", "everything": ".*"},
    )


def people(matching: str, watcher: AnyVariable, over: str = RANGE) -> list[AnyVariable]:
    """Where the data are, whose, and from which device and watcher; `matching` tells where to look."""
    of_user = f'{matching}, user=~"$user"'
    return [
        store(),
        asked("user", "User", "user", f"{{{matching}}}", "Whose activity.", over=over),
        asked("host", "Host", "host", f"{{{of_user}}}", "On which device.", over=over),
        watcher,
    ]


def activity() -> list[AnyVariable]:
    """The variables of what watchers record."""
    matching = f'__name__=~"{WATCHERS}"'
    watcher = asked(
        "watcher",
        "Watcher",
        "__name__",
        f"{{{matching}}}",
        "Where two watchers record the same time (two for windows, say), leave one out.",
        everything=WATCHERS,
    )
    lengths = {"5 min": "300", "10 min": "600", "15 min": "900", "30 min": "1800", "1 h": "3600"}
    slot = chosen("slot", "Slot", "The longest `resolution` of your agents; longer is faster.", lengths)
    return [*people(matching, watcher), counts(), slot]
