"""The dashboards as files: they are what the code builds, Grafana can read them, and they name nobody."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards.building import COLUMNS
from tests.dashboards.days import APPS, DOMAINS, PROJECTS, Kind
from tests.dashboards.grafana import Json, panels
from tests.dashboards.recording import RULES
from tests.dashboards.written import FOLDER, documents

SHIPPED = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.iterdir())}
BUILT_IN = {"__range_ms", "__interval", "__interval_ms", "__rate_interval"}
VARIABLE = r"\$(?:\{(\w+)\}|([a-zA-Z_]\w*))"
"""`$1` is none: it is what `label_replace` found."""
PANEL_TIME = r"now/[dwMy]|\d+[smhdwMy]"
"""What Grafana understands as a panel's own time; anything else it leaves out."""
STORE = {"type": "prometheus", "uid": "${datasource}"}
EACH = pytest.mark.parametrize("page", [json.loads(text) for text in SHIPPED.values()], ids=list(SHIPPED))


def parts(value: object, at: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a document, with the last key on the way to it."""
    yield at, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from parts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each, at)


def test_building_them_again_changes_no_byte() -> None:
    """What is shipped is what the code says."""
    assert documents() == SHIPPED


def test_each_has_an_identity_of_its_own() -> None:
    """Grafana replaces a dashboard by one with the same uid."""
    pages = [json.loads(text) for text in SHIPPED.values()]
    assert len({page["uid"] for page in pages}) == len({page["title"] for page in pages}) == len(pages) == 4
    assert all(8 <= len(page["uid"]) <= 40 for page in pages)


def lost(value: object, again: object, at: str = "") -> Iterator[str]:
    """Where something of a document is missing or other in another one, which may have more fields."""
    if isinstance(value, dict) and isinstance(again, dict):
        for key, each in value.items():
            yield from lost(each, again.get(key), f"{at}/{key}")
    elif isinstance(value, list) and isinstance(again, list) and len(value) == len(again):
        for number, (one, other) in enumerate(zip(value, again, strict=True)):
            yield from lost(one, other, f"{at}/{number}")
    elif value != again:
        yield at


@EACH
def test_the_types_of_grafana_read_and_write_them_unchanged(page: Json) -> None:
    """No field is lost on the way through the SDK's classes, so there is none that Grafana does not have."""
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(page), cls=JSONEncoder))
    assert not list(lost(page, again))


@EACH
def test_panels_stand_beside_each_other(page: Json) -> None:
    """Each panel has a number of its own and room of its own."""
    identities = [panel["id"] for panel in page["panels"]]
    assert len(set(identities)) == len(identities)
    boxes = [panel["gridPos"] for panel in page["panels"]]
    assert all(box["x"] >= 0 and box["x"] + box["w"] <= COLUMNS for box in boxes)
    for one, other in combinations(boxes, 2):
        apart = any(
            a[where] + a[size] <= b[where]
            for a, b in ((one, other), (other, one))
            for where, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (one, other)


@EACH
def test_every_query_is_whole(page: Json) -> None:
    """Each has a letter of its own, an expression, and the store that is chosen above."""
    names = {variable["name"] for variable in page["templating"]["list"]}
    assert {"datasource", "user", "host"} <= names
    assert "watcher" in names or page["title"] == "My year", "a recorded day knows no watcher"
    for panel in panels(page):
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == STORE
        assert re.fullmatch(PANEL_TIME, panel.get("timeFrom", "1d"))
        for target in panel["targets"]:
            assert target["datasource"] == STORE
            used = {a or b for a, b in re.findall(VARIABLE, target["expr"])}
            assert used <= names | BUILT_IN, panel["title"]
            assert bool(target.get("instant")) != bool(target.get("range"))
            if target.get("instant"):
                assert not used & {"__interval", "__interval_ms", "__rate_interval"}
            else:
                assert target["interval"] in {"1d", "5m", "${slot}s"}, "no step is shorter than a slot"


@EACH
def test_they_are_anybodys(page: Json) -> None:
    """No dashboard is tied to a data source, a person, a host or an address; All is chosen at first."""
    for at, value in parts(page):
        if at == "uid" and isinstance(value, str):
            assert value in {page["uid"], STORE["uid"]}
    text = json.dumps(page)
    for name in ("sam", "kim", "laptop", "desktop", "tablet", "demo", "localhost", "http"):
        assert not re.search(rf"\b{name}\b", text), name
    for variable in page["templating"]["list"]:
        if variable["type"] == "query" and not variable.get("hide"):
            assert variable["current"] == {"text": ["All"], "value": ["$__all"], "selected": True}
        if variable.get("hide"):
            assert variable["skipUrlSync"]
            assert not variable["allowCustomValue"]
        if variable["type"] == "query":
            assert variable["datasource"] == STORE
    for panel in panels(page):
        for target in panel["targets"]:
            chosen = re.findall(r'(?:user|host)=~?"([^"]*)"', target["expr"])
            assert set(chosen) <= {"$user", "$host"}
            assert target["expr"].count("user=~") >= target["expr"].count("{") - target["expr"].count("${")


@EACH
def test_they_are_pleasant_to_live_with(page: Json) -> None:
    """The browser's zone (UTC where days of UTC are recorded), a light refresh, a way to the others."""
    assert page["timezone"] == ("utc" if page["title"] == "My year" else "browser")
    assert page["refresh"] in {"1m", "5m"}
    assert page["tags"] == ["awsync"]
    (link,) = page["links"]
    assert (link["type"], link["tags"], link["keepTime"]) == ("dashboards", ["awsync"], True)
    assert "id" not in page


@pytest.mark.parametrize("kind", [APPS, DOMAINS, PROJECTS])
def test_a_day_from_the_slots_is_what_its_rule_would_record(kind: Kind) -> None:
    """My year reads the same samples as the rule of the record, and no label that the record has not."""
    (group,) = (each for each in yaml.safe_load(RULES.read_text())["groups"] if each["name"] == "awsync-days")
    name = kind.record.partition("{")[0]
    (expr,) = (rule["expr"] for rule in group["rules"] if rule["record"] == name)
    read = re.search(r"sum_over_time\((\S*?)(?:\{(.*)\})?\[1d\]\)", expr)
    kept = re.search(r"sum by \((.*?)\)", expr)
    assert read
    assert kept
    metric, _, matching = kind.slots.rstrip("}").partition("{")
    matchers = matching.split(", ")
    assert metric == read[1]
    assert set(filter(None, (read[2] or "").split(", "))) <= set(matchers)
    extra = {re.split("[=!~]", each)[0] for each in matchers if each not in (read[2] or "").split(", ")}
    assert extra <= set(kept[1].split(", "))
