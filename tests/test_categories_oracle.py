"""Categories equal those of aw-core's own classifier, on generated events and rule trees."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aw_core import Event
from aw_transform import Rule, categorize
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from awsync.categories import rules_of

TREES, EVENTS = 1_000, 10
"""Trees, and events for each: 10,000 events in all."""
WORDS = ("", "a", "b", "A", "ab", "Code", "code - main.py", "GitHub", "é", "a\nb", "straße", "STRASSE")
EXPRESSIONS = (
    *("a", "b|code", "^a$", "A", "", "^$", "git.ub", "(?i)github", r"\bmain\b", "é", "ß", "[A-Z]", "b$", "."),
    *(r"\w+ - \w+", "(a)(b)?", "a.b", r"a\sb"),
)
KEYS = ("app", "title", "url", "$category", "data")
moment = datetime(2026, 11, 20, 12, tzinfo=UTC)

texts = st.sampled_from(WORDS) | st.text("abAB é-", max_size=6)
values = texts | st.integers() | st.booleans() | st.none() | st.lists(texts, max_size=2)
data = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
names = st.lists(st.sampled_from(["Work", "Media", "Deep", "é > x"]), max_size=4)
expressions = st.sampled_from(EXPRESSIONS) | st.text("ab.|^$", max_size=4).filter(
    lambda text: text[:1] != "*"
)


@st.composite
def classes(draw: st.DrawFn) -> dict[str, Any]:
    """A class as ActivityWatch's web page saves it."""
    rule: dict[str, object] = {"type": "none"}
    if draw(st.integers(0, 9)):
        rule = {"type": "regex", "regex": draw(expressions)}
    for key, kind in (
        ("ignore_case", st.booleans()),
        ("select_keys", st.lists(st.sampled_from(KEYS), max_size=2) | st.none()),
        ("priority", st.integers(-5, 45)),
        ("weight", st.integers(-5, 45)),
    ):
        if not draw(st.integers(0, 3)):
            rule[key] = draw(kind)
    return {"id": 0, "name": draw(names), "rule": rule, "data": {"score": 1}}


def theirs(saved: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, object]]) -> list[str]:
    rules = [(each["name"], Rule(each["rule"])) for each in saved]
    made = [Event(timestamp=moment, data=dict(each)) for each in events]
    return [" > ".join(event.data["$category"]) for event in categorize(made, rules)]


@settings(
    max_examples=TREES, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
@given(st.lists(classes(), max_size=8), st.lists(data, min_size=EVENTS, max_size=EVENTS))
def test_categories_equal_those_of_aw_core(
    saved: list[dict[str, Any]], events: list[dict[str, object]]
) -> None:
    """Ties, depth, priorities, cases, keys, empty expressions: the category is aw-core's, event by event."""
    ours = rules_of({"classes": saved})
    assert not ours.broken
    assert [ours.category(each) for each in events] == theirs(saved, events)


@settings(max_examples=200, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(classes(), max_size=4), st.integers(0, 4), st.lists(data, min_size=1, max_size=3))
def test_a_broken_expression_takes_nothing_else_with_it(
    saved: list[dict[str, Any]], place: int, events: list[dict[str, object]]
) -> None:
    """aw-core refuses the whole tree; here the rest decides as it would without the broken rule."""
    broken = {"name": ["Broken"], "rule": {"type": "regex", "regex": "(a"}}
    ours = rules_of({"classes": [*saved[:place], broken, *saved[place:]]})
    assert ours.broken == ["Broken"]
    assert [ours.category(each) for each in events] == theirs(saved, events)
