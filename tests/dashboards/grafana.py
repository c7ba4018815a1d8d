"""What Grafana makes of a panel before the store sees it, as far as these dashboards use it.

Variables are put in as its Prometheus data source does (several values as a regular expression, escaped; All
as the variable's own; hidden ones are asked for), a panel's time and the built-in variables worked out, the
step rounded and the points put on the midnights of the browser, or of UTC where the dashboard is of UTC. What
Grafana would not understand either is an error here.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

Json = dict[str, Any]
DAY_MS = 86_400_000
POINTS = 1_000
"""About as many pixels as a panel is wide."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([a-zA-Z_]\w*))")
"""`$1`, as `label_replace` has it, is none."""
_SHIFT = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
_ROUNDED = (
    (450_000, "5m"),
    (750_000, "10m"),
    (1_050_000, "15m"),
    (1_500_000, "20m"),
    (2_700_000, "30m"),
    (5_400_000, "1h"),
    (9_000_000, "2h"),
    (16_200_000, "3h"),
    (32_400_000, "6h"),
    (86_400_000, "12h"),
    (604_800_000, "1d"),
)
"""Grafana rounds a step: below so many milliseconds to this."""


class View(NamedTuple):
    """Somebody looks at a dashboard: when, at which time, with which choices.

    `now` is of the browser's zone; `since` and `until` are None for the dashboard's own time; `chosen` gives
    the values of variables.
    """

    now: datetime
    since: datetime | None = None
    until: datetime | None = None
    chosen: Mapping[str, Sequence[str]] = {}


class Series(NamedTuple):
    """One series of an answer: its labels, and its values by second since the epoch."""

    labels: Mapping[str, str]
    points: Mapping[float, float]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[max(self.points)]


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels but the headings."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def answer(
    store: httpx.Client,
    dashboard: Json,
    panel: Json,
    target: Json,
    view: View,
    chosen: Mapping[str, str] | None = None,
) -> list[Series]:
    """What a store says to one query of a panel; `chosen` are the variables where they are known already."""
    start, end = span(dashboard, panel, view)
    chosen = variables(store, dashboard, view) if chosen is None else chosen
    known = {**chosen, **_range_variables(start, end)}
    if target.get("instant"):
        query = interpolate(target["expr"], known)
        return ask(store, query, end / 1000)
    least = interpolate(target["interval"], known)
    step = max(_rounded((end - start) / POINTS), _milliseconds(least))
    rate = max(step + _milliseconds(least), 4 * _milliseconds(least))
    known |= {
        "__interval": _named(step),
        "__interval_ms": str(step),
        "__rate_interval": f"{rate // 1000}s",
    }
    offset = local(dashboard, view).utcoffset()
    assert offset is not None
    shift = offset // timedelta(milliseconds=1)
    first, last = ((moment + shift) // step * step - shift for moment in (start, end))
    query = interpolate(target["expr"], known)
    asked = {"query": query, "start": repr(first / 1000), "end": repr(last / 1000), "step": str(step // 1000)}
    return _series(store, "query_range", asked)


def variables(store: httpx.Client, dashboard: Json, view: View) -> dict[str, str]:
    """What stands for each variable in a query."""
    listed = dashboard["templating"]["list"]
    known = {each["name"]: _value(each, view) for each in listed if not _is_hidden(each)}
    for each in filter(_is_hidden, listed):
        (known[each["name"]],) = _found(store, dashboard, each, view, known)
    return known


def values(store: httpx.Client, dashboard: Json, name: str, view: View) -> list[str]:
    """What can be chosen for a variable."""
    variable = next(each for each in dashboard["templating"]["list"] if each["name"] == name)
    return sorted(_found(store, dashboard, variable, view, variables(store, dashboard, view)))


def _is_hidden(variable: Json) -> bool:
    return bool(variable.get("hide"))


def _found(
    store: httpx.Client, dashboard: Json, variable: Json, view: View, known: Mapping[str, str]
) -> list[str]:
    """What the query of a variable finds; Grafana asks it at the next full second."""
    start, end = span(dashboard, {}, view)
    query = interpolate(variable["query"]["query"], {**known, **_range_variables(start, end)})
    asked = re.fullmatch(r"query_result\((.+)\)", query)
    assert asked is not None
    at = str(math.ceil(end / 1000))
    told = (_as_text(each) for each in _result(store, "query", {"query": asked[1], "time": at}))
    found = (re.search(variable["regex"].strip("/"), text) for text in told)
    return [each[1] for each in found if each is not None]


def _as_text(answered: Json) -> str:
    """A series as a regular expression of a variable meets it."""
    labels = dict(answered["metric"])
    name = labels.pop("__name__", "")
    listed = ",".join(f'{label}="{value}"' for label, value in labels.items())
    at, value = answered["value"]
    return f"{name}{{{listed}}} {value} {at * 1000:.0f}"


def interpolate(text: str, known: Mapping[str, str]) -> str:
    """The text with its variables replaced; one that is not known is an error."""
    return _VARIABLE.sub(lambda found: known[found[1] or found[2]], text)


def opened(url: str) -> httpx.Client:
    """A client of a store's query API; it keeps no connection."""
    alone = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, timeout=60, trust_env=False, limits=alone)


def ask(store: httpx.Client, query: str, at: float) -> list[Series]:
    """What a store says to a query at a moment, in seconds since the epoch."""
    return _series(store, "query", {"query": query, "time": repr(at)})


def _series(store: httpx.Client, kind: str, parameters: Mapping[str, str]) -> list[Series]:
    return [
        Series(each["metric"], {at: float(value) for at, value in each.get("values") or [each["value"]]})
        for each in _result(store, kind, parameters)
    ]


def _result(store: httpx.Client, kind: str, parameters: Mapping[str, str]) -> list[Json]:
    answered = store.post(f"/api/v1/{kind}", data=parameters)
    assert answered.is_success, f"{parameters}: {answered.text}"
    result: list[Json] = answered.json()["data"]["result"]
    return result


def _value(variable: Json, view: View) -> str:
    if variable["type"] == "datasource":
        return "store"
    if variable["type"] == "custom":
        offered = {option["value"] for option in variable["options"]}
        value: str
        (value,) = view.chosen.get(variable["name"], [variable["current"]["value"]])
        assert value in offered, f"{value} is not among {offered}"
        return value
    chosen = view.chosen.get(variable["name"], variable["current"]["value"])
    if list(chosen) == ["$__all"]:
        everything: str = variable["allValue"]
        return everything
    escaped = [re.sub(r"([\\^$*+?.()|\[\]{}/])", r"\\\\\1", value) for value in chosen]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def span(dashboard: Json, panel: Json, view: View) -> tuple[int, int]:
    """From when to when, in milliseconds since the epoch; a panel's own time ends now."""
    now = local(dashboard, view)
    own = panel.get("timeFrom")
    if own is not None:
        return _moment(own if own.startswith("now/") else f"now-{own}", now), _ms(now)
    if view.since is not None and view.until is not None:
        return _ms(view.since), _ms(view.until)
    return _moment(dashboard["time"]["from"], now), _moment(dashboard["time"]["to"], now)


def local(dashboard: Json, view: View) -> datetime:
    """Now, in the zone whose days the dashboard shows."""
    return view.now.astimezone(UTC) if dashboard["timezone"] == "utc" else view.now


def _moment(text: str, now: datetime) -> int:
    text, _, rounded = text.partition("/")
    moment = now - timedelta(milliseconds=_milliseconds(text.removeprefix("now-"))) if text != "now" else now
    if rounded:
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return _ms(moment - timedelta(days=moment.weekday() if rounded == "w" else 0))


def _range_variables(start: int, end: int) -> dict[str, str]:
    seconds = round((end - start) / 1000)
    return {"__range_ms": str(end - start), "__range_s": str(seconds), "__range": f"{seconds}s"}


def _rounded(milliseconds: float) -> int:
    return _milliseconds(next(name for limit, name in _ROUNDED if milliseconds < limit))


def _milliseconds(length: str) -> int:
    found = _SHIFT.fullmatch(length)
    assert found is not None, f"Grafana would not understand {length!r}"
    return int(found[1]) * _UNITS[found[2]]


def _named(milliseconds: int) -> str:
    """A length as Grafana writes it: in the largest unit that it is a multiple of."""
    unit = next(unit for unit in "wdhms" if unit != "w" and milliseconds % _UNITS[unit] == 0)
    return f"{milliseconds // _UNITS[unit]}{unit}"


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
