"""ActivityWatch's categories: which rule an event falls under, as ActivityWatch's own servers decide it."""

import re

import pytest

from awsync.categories import DEFAULT, UNCATEGORIZED, Rules, rules_of
from awsync.series import Labels


def labels(**values: str) -> Labels:
    fixed = {"__name__": "m", "bucket": "vim", "host": "vim", "user": "vim", "active": "true"}
    return tuple(sorted({**fixed, **values}.items()))


def saved(*classes: object) -> Rules:
    return rules_of({"classes": list(classes), "startOfDay": "04:00"})


def regex(*name: str, **rule: object) -> dict[str, object]:
    return {"id": 1, "name": list(name), "rule": {"type": "regex", **rule}, "data": {"color": "#0F0"}}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"app": "libreoffice"}, ("Work",)),
        ({"app": "code", "title": "vim.md"}, ("Work", "Programming")),
        ({"app": "Firefox", "title": "GitHub - aw-server"}, ("Work", "Programming", "ActivityWatch")),
        ({"app": "Firefox", "title": "Reddit"}, ("Media", "Social Media")),
        ({"app": "spotify"}, ("Media", "Music")),
        ({"app": "gmail"}, UNCATEGORIZED),
        ({}, UNCATEGORIZED),
    ],
)
def test_the_web_pages_own_categories(values: dict[str, str], name: tuple[str, ...]) -> None:
    """Until somebody saves categories those of the web page are in force, cases and all."""
    for settings in ({}, {"classes": None}, {"classes": "nonsense"}):
        rules = rules_of(settings)
        assert rules is DEFAULT
        assert not rules.saved
        assert rules.category(labels(**values)) == name


def test_the_deepest_category_counts_and_of_equals_the_last() -> None:
    """A rule further down the tree wins; between two of one depth the later one, as aw-core decides."""
    rules = saved(
        regex("A", "B", regex="x"), regex("A", regex="x"), regex("C", "D", regex="x"), regex("E", regex="x")
    )
    assert rules.category(labels(app="x")) == ("C", "D")


def test_a_rule_looks_where_it_is_told() -> None:
    """Without keys it reads all that the watcher recorded, and none of the labels that awsync adds."""
    assert saved(regex("A", regex="vim")).category(labels(app="code")) == UNCATEGORIZED
    assert saved(regex("A", regex="^vim$")).category(labels(app="code", title="vim")) == ("A",)
    titled = saved(regex("A", regex="vim", select_keys=["title", "$path"]))
    assert titled.category(labels(app="vim", title="x")) == UNCATEGORIZED
    assert titled.category(labels(_path="vim")) == ("A",)
    folded = saved(regex("A", regex="VIM", ignore_case=True), regex("B", "C", regex="VIM"))
    assert folded.category(labels(app="vim")) == ("A",)


def test_what_is_no_rule_spoils_no_other() -> None:
    """Groups without a rule, empty and broken expressions match nothing; a broken one is named."""
    rules = saved(
        {"name": ["Group"], "rule": {"type": "none"}},
        {"name": ["Null"], "rule": {"type": None}},
        {"name": ["Lacking"]},
        {"name": "text", "rule": {"type": "regex", "regex": "x"}},
        "nonsense",
        regex("Empty", regex=""),
        regex("Deep", "Broken", regex="("),
        regex("Good", regex="x"),
    )
    assert rules.saved
    assert rules.broken == ["Deep > Broken"]
    assert rules.category(labels(app="x")) == ("Good",)


def test_every_default_rule_can_match() -> None:
    """Each expression of the web page's list finds its own first word."""
    for rule in DEFAULT.rules:
        word = re.split(r"[|]", rule.pattern.pattern)[0]
        assert rule.matches({"title": f"see {word} now"})
