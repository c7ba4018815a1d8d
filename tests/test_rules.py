"""What rules do to an event's data, and that none lets data through when it fails."""

import json
import time
import warnings
from collections.abc import Mapping

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsync.errors import RuleError
from awsync.rules.edits import RuleBook
from awsync.rules.patterns import Pattern, needed
from awsync.rules.pseudonyms import pseudonym
from awsync.rules.steps import composed
from awsync.series import Edited, Labeller
from awsync.settings import Privacy, Replacement, Rule, Secret

FULL = Privacy("full")
KEY = Secret("a key of more than sixteen characters")


def edited(
    *rules: Rule, data: Mapping[str, object], privacy: Privacy = FULL, client: str = "aw-watcher-window"
) -> Edited | None:
    """What rules leave of an event of the host `laptop`."""
    return composed(RuleBook(rules, KEY).steps(privacy, client, f"{client}_laptop", "laptop"))(data)


def left(*rules: Rule, data: Mapping[str, object]) -> Mapping[str, object] | None:
    """The data that rules leave."""
    found = edited(*rules, data=data)
    return None if found is None else found.data


def test_everything_that_is_named_has_to_be_found() -> None:
    """A rule is about an event only if each expression is found in the key that it names."""
    rule = Rule(name="r", match={"app": "^vim$", "title": "diary"}, drop=True)
    assert left(rule, data={"app": "vim", "title": "my diary"}) is None
    for other in ({"app": "gvim", "title": "diary"}, {"app": "vim"}, {"title": "diary"}, {"app": None}):
        assert left(rule, data=other) == other


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        (Rule(name="r", watchers=("aw-watcher-win*",), drop=True), True),
        (Rule(name="r", watchers=("no", "*_laptop"), drop=True), True),
        (Rule(name="r", watchers=("aw-watcher-web*",), drop=True), False),
        (Rule(name="r", hosts=("lap*",), drop=True), True),
        (Rule(name="r", hosts=("pc",), drop=True), False),
    ],
)
def test_rules_are_about_buckets(rule: Rule, hit: bool) -> None:
    """Watchers are named by client or bucket, hosts as the store knows them."""
    assert (left(rule, data={"app": "vim"}) is None) is hit


def test_nested_values_are_searched_as_json() -> None:
    """What a watcher nests can be matched too."""
    rule = Rule(name="r", match={"tab": '"private":true'}, drop=True)
    assert left(rule, data={"tab": {"private": True, "a": [1]}}) is None
    assert left(Rule(name="r", match={"n": "^12$"}, drop=True), data={"n": 12}) is None


def test_groups_are_counted_through() -> None:
    """A text may name groups of each expression; one that took no part is empty."""
    rule = Rule(
        name="r",
        match={"app": "^(v)(x)?", "title": r"(?P<ticket>[A-Z]+-\d+)"},
        set={"a": r"\1\2|\3|\g<ticket>|\\1", "app": "new"},
    )
    data = {"app": "vim", "title": "see ABC-12 now"}
    assert left(rule, data=data) == {**data, "a": r"v|ABC-12|ABC-12|\1", "app": "new"}


def test_replacing() -> None:
    """Each place where an expression is found is replaced, one after the other; without one, the whole is."""
    plain = Rule(name="r", replace={"title": (Replacement("hidden"),), "url": (Replacement("x"),)})
    assert left(plain, data={"title": "my diary", "app": "vim"}) == {"title": "hidden", "app": "vim"}
    digits, firefox = Replacement(r"\1#", r"(\d)\d+"), Replacement("", " - Firefox$")
    several = Rule(name="r", replace={"title": (digits, firefox)})
    assert left(several, data={"title": "no 123 and 45 - Firefox"}) == {"title": "no 1# and 4#"}
    assert left(several, data={"title": 7}) == {"title": 7}


def test_actions_have_an_order() -> None:
    """Within a rule a key is set, then replaced, made a pseudonym, and what is not kept goes last."""
    rule = Rule(
        name="r",
        keep=("app", "who"),
        pseudonymise=("who",),
        set={"who": "anna"},
        category=("Work", "Mail"),
    )
    found = edited(rule, data={"app": "mutt", "title": "secret"})
    assert found == Edited({"app": "mutt", "who": pseudonym(KEY.value, "anna")}, "Work > Mail")


def test_rules_apply_in_their_order() -> None:
    """A rule sees what the rules before it left."""
    first = Rule(name="1", match={"app": "vim"}, set={"app": "editor"})
    second = Rule(name="2", match={"app": "vim"}, drop=True)
    assert left(first, second, data={"app": "vim"}) == {"app": "editor"}
    assert left(second, first, data={"app": "vim"}) is None


def test_pseudonyms() -> None:
    """The same text has the same pseudonym under one key, whatever the event; it is short."""
    rule = Rule(name="r", pseudonymise=("title", "none", "tab"))
    found = left(rule, data={"title": "secret", "app": "vim", "none": None, "tab": {"a": "secret"}})
    assert found is not None
    assert (
        found["title"] == pseudonym(KEY.value, "secret") != pseudonym("another key of some length", "secret")
    )
    assert len(str(found["title"])) == 16
    assert "secret" not in json.dumps(dict(found))
    assert left(rule, rule, data={"title": "secret"}) == {"title": found["title"]}


def test_a_slow_expression_lets_nothing_through() -> None:
    """An expression that would take for ever ends with an error that names the rule, and no label is made."""
    rule = Rule(name="too clever", match={"title": r"^(a|aa)+$"}, drop=True)
    edit = composed(RuleBook([rule]).steps(FULL, "c", "b", "h"))
    labeller = Labeller(user="u", host="h", bucket="b", client="c", edit=edit)
    begin = time.perf_counter()
    for _ in range(2):
        with pytest.raises(RuleError, match="too clever"):
            labeller.labels(json.dumps({"title": "a" * 200 + "!"}).encode())
    assert time.perf_counter() - begin < 5
    slow = Rule(name="slow too", replace={"title": (Replacement("", r"(a|aa)+$"),)})
    with pytest.raises(RuleError, match="slow too"):
        left(slow, data={"title": "a" * 200 + "!"})


def test_code_that_cannot_be_run_lets_nothing_through() -> None:
    """A rule that hands data to code does not count as done where nothing runs it."""
    with pytest.raises(RuleError, match="mine"):
        left(Rule(name="mine", transform="x"), data={"title": "secret"})


def test_no_key_lets_nothing_through() -> None:
    """Without a key there is no pseudonym, and no text either."""
    with pytest.raises(RuleError, match="p"):
        RuleBook([Rule(name="p", pseudonymise=("title",))]).steps(FULL, "c", "b", "h")


PATTERNS = (
    r"abc (?i)abc|xyz a|b ab+c ab*c ab?c a{0,2}bc (abc)?x [abc]x \bab\b a\.b ^ab$ (?s)a.b (?i)[a]bc a| (a)\1 "
    r"(?:ab|c)d (?i)é (?i)s (?i)k x\|ab []a]bc (?x)a.b (?im)^ab ((a)b a(?#x)b ab{2}c a+?bc \101b (?i:ab)c "
    r"[|]ab a\|b|c (?<=a)bc a{,2}bc"
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.one_of(st.sampled_from(PATTERNS.split()), st.text("ab(|)[]?*+.\\^${},1i:", max_size=12)),
    st.text("abcxABC\u017f\u212aks.|é\n", max_size=12),
)
@example("(?i)s", "\u017f")
@example("(?i)k", "\u212a")
def test_the_shortcut_changes_nothing(pattern: str, text: str) -> None:
    """Looking for the letters that an expression needs never misses what the expression finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = regex.compile(pattern, regex.VERSION0).search(text)
        except (regex.error, IndexError, RecursionError):
            return
        found = Pattern(pattern, "r").search(text)
    assert (found and found.span()) == (expected and expected.span()), needed(pattern)


def test_rules_cost_little() -> None:
    """Fifty rules over five thousand kinds of events take a fraction of a second."""
    rules = [Rule(name=f"r{i}", match={"title": f"(?i)secret{i}|hidden {i}"}, drop=True) for i in range(20)]
    rules += [
        Rule(name=f"s{i}", match={"title": rf"^(\w+) proj-{i}\d+x"}, set={"p": r"\1"}) for i in range(20)
    ]
    rules += [Rule(name=f"t{i}", match={"app": f"^app{i}$"}, category=("Work", str(i))) for i in range(10)]
    edit = composed(RuleBook(rules).steps(Privacy(), "aw-watcher-window", "b", "h"))
    labeller = Labeller(user="u", host="h", bucket="b", client="c", edit=edit)
    datas = [
        json.dumps({"app": f"app{i % 40}", "title": f"Issue {i} of a project - Mozilla Firefox"}).encode()
        for i in range(5_000)
    ]
    begin = time.process_time()
    for data in datas:
        labeller.labels(data)
    assert time.process_time() - begin < 1.5
