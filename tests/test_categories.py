"""ActivityWatch's categories: which rule an event falls under, as ActivityWatch's own servers decide it."""

import json
import re

import pytest

from awsync import expressions
from awsync.categories import DEFAULT, Rules, rules_from, rules_of
from awsync.errors import CategoryError
from awsync.settings import Category


def saved(*classes: object) -> Rules:
    return rules_of({"classes": list(classes), "startOfDay": "04:00"})


def regex(*name: str, **rule: object) -> dict[str, object]:
    return {"id": 1, "name": list(name), "rule": {"type": "regex", **rule}, "data": {"color": "#0F0"}}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"app": "libreoffice"}, "Work"),
        ({"app": "code", "title": "vim.md"}, "Work > Programming"),
        ({"app": "Firefox", "title": "GitHub - aw-server"}, "Work > Programming > ActivityWatch"),
        ({"app": "Firefox", "title": "Reddit"}, "Media > Social Media"),
        ({"app": "spotify"}, "Media > Music"),
        ({"app": "gmail"}, "Uncategorized"),
        ({}, "Uncategorized"),
    ],
)
def test_the_web_pages_own_categories(data: dict[str, str], name: str) -> None:
    """Until somebody saves categories those of the web page are in force, cases and all."""
    for settings in ({}, {"classes": None}, {"classes": "nonsense"}):
        rules = rules_of(settings)
        assert rules is DEFAULT
        assert not rules.saved
        assert rules.category(data) == name


def test_the_deepest_category_counts_and_of_equals_the_last() -> None:
    """A rule further down the tree wins; between two of one depth the later one, as aw-core decides."""
    rules = saved(
        regex("A", "B", regex="x"), regex("A", regex="x"), regex("C", "D", regex="x"), regex("E", regex="x")
    )
    assert rules.category({"app": "x"}) == "C > D"


def test_a_rule_looks_where_it_is_told() -> None:
    """Without keys it reads every text that the watcher recorded, each as a whole; nothing inside others."""
    assert saved(regex("A", regex="vim")).category({"app": "code"}) == "Uncategorized"
    assert saved(regex("A", regex="^vim$")).category({"app": "code", "title": "vim"}) == "A"
    assert (
        saved(regex("A", regex="vim")).category({"deep": {"app": "vim"}, "list": ["vim"]}) == "Uncategorized"
    )
    titled = saved(regex("A", regex="vim", select_keys=["title", "$path"]))
    assert titled.category({"app": "vim", "title": "x"}) == "Uncategorized"
    assert titled.category({"$path": "vim"}) == "A"
    folded = saved(regex("A", regex="VIM", ignore_case=True), regex("B", "C", regex="VIM"))
    assert folded.category({"app": "vim"}) == "A"


def test_a_rule_reads_the_whole_of_a_text() -> None:
    """What the labels cut off, or leave out, still decides: a long title, a path of a URL."""
    rules = saved(regex("Tail", regex="end$"), regex("Page", "Deep", regex="/pull/"))
    assert rules.category({"title": "x" * 5_000 + " end"}) == "Tail"
    assert rules.category({"url": "https://example.org/pull/7"}) == "Page > Deep"


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
        regex("Number", regex=7),
        regex("Priority", regex="x", priority="high"),
        regex("Keys", regex="x", select_keys="app"),
        regex("Good", regex="x"),
    )
    assert rules.saved
    assert rules.broken == ["Deep > Broken", "Number", "Priority", "Keys"]
    assert rules.category({"app": "x"}) == "Good"


def test_a_category_that_takes_too_long_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expression that does not come to an end is an error with the name of its category."""
    monkeypatch.setattr(expressions, "LIMIT", 0.02)
    rules = saved(regex("Work", "Slow", regex="(a|aa)+$"))
    with pytest.raises(CategoryError, match='category "Work > Slow" takes too long'):
        rules.category({"title": "a" * 60 + "!"})
    assert rules.category({"title": "aaa"}) == "Work > Slow"
    assert rules.category({"number": 7}) == "Uncategorized"


def test_an_expression_that_cannot_be_stopped_is_none() -> None:
    """What the stoppable search would read otherwise than Python is refused, not guessed."""
    rules = saved(
        regex("Fuzzy", regex="a{e}"), regex("Named", regex="([[:alpha:]])"), regex("A", regex=r"a\{e}")
    )
    assert rules.broken == ["Fuzzy", "Named"]
    assert rules.category({"title": "a{e}"}) == "A"


def test_categories_of_the_settings() -> None:
    """A tree in config.toml follows the same rules."""
    rules = rules_from(
        [
            Category(("Work",), "code|vim"),
            Category(("Work", "Mail"), "MAIL", ignore_case=True, keys=("app",)),
        ]
    )
    assert rules.saved
    assert rules.category({"app": "code"}) == "Work"
    assert rules.category({"app": "gmail", "title": "vim"}) == "Work > Mail"
    assert rules.category({"title": "mail"}) == "Uncategorized"


def test_every_default_rule_can_match() -> None:
    """Each expression of the web page's list finds its own first word."""
    for rule in DEFAULT.rules:
        word = re.split(r"[|]", rule.pattern.pattern)[0]
        assert rule.matches({"title": f"see {word} now"})


def test_rules_are_told_apart_by_what_they_do() -> None:
    """Two sets of rules that decide the same have one description, others have others."""
    one = saved(regex("A", regex="x"), regex("B", regex="y", ignore_case=True))
    assert (
        one.description
        == saved(
            {"name": ["A"], "rule": {"type": "regex", "regex": "x"}, "data": {"color": "#F00"}},
            {"name": ["Group"], "rule": {"type": "none"}},
            regex("B", regex="y", ignore_case=True),
        ).description
    )
    for other in (
        saved(regex("A", regex="x")),
        saved(regex("B", regex="y", ignore_case=True), regex("A", regex="x")),
        saved(regex("A", regex="x"), regex("B", regex="y")),
        saved(regex("A", regex="x", select_keys=["app"]), regex("B", regex="y", ignore_case=True)),
        DEFAULT,
    ):
        assert one.description != other.description
    json.loads(one.description)
