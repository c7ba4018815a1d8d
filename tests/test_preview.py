"""`awsync preview`: real events before and after, and which rule, category or level of privacy did what."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsync.config.tried import harmless, rule_of, written
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.errors import ConfigError
from awsync.rules.steps import composed, step_of
from awsync.rules.trace import traced
from awsync.settings import Rule
from tests.commands import awsync
from tests.passes import utc_now
from tests.test_verify_cli import write_config

WINDOW, TAB = "aw-watcher-window_pc", "aw-watcher-web-firefox_pc"
RULES = """
[[rule]]
name = "no bank"
match = { title = "(?i)bank" }
drop = true

[[rule]]
name = "short"
match = { app = "^code$" }
set = { title = "" }
category = "Work"
"""


@pytest.fixture
def folder(aw: AwServer, tmp_path: Path) -> Path:
    """Events of the last hours in two buckets, and rules."""
    begin = utc_now().replace(microsecond=0) - timedelta(hours=2)
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    aw.create_bucket(TAB, "aw-watcher-web", "web.tab.current", "pc")
    titles = ["My bank", "secret.py", "News \ud83d [b]x[/b] \x1b", "News \ud83d [b]x[/b] \x1b"]
    for n, (app, title) in enumerate(zip(("firefox", "code", "firefox", "firefox"), titles, strict=True)):
        put(aw, WINDOW, begin + timedelta(minutes=n), app=app, title=title)
    for n, (url, private) in enumerate((("https://a.b/c?d=e", False), ("https://x.y/", True))):
        put(aw, TAB, begin + timedelta(minutes=n), url=url, title="t", incognito=private)
    write_config(tmp_path, aw, "http://127.0.0.1:9", "min-data = 1", 'categories = "off"', RULES)
    return tmp_path


def put(aw: AwServer, bucket: str, at: datetime, **data: object) -> None:
    aw.insert(bucket, [{"timestamp": at.isoformat(), "duration": 30, "data": data}])


def shown(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = awsync("preview", "--json", *arguments, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_each_event_with_what_became_of_it(folder: Path) -> None:
    """Distinct events, newest first; dropped ones with the rule's name; a level of privacy is rules too."""
    tabs, windows = sorted(shown(folder), key=lambda each: str(each["bucket"]))
    assert [(each["data"]["title"][:4], each["events"]) for each in windows["events"]] == [
        ("News", 2), ("secr", 1), ("My b", 1),
    ]  # fmt: skip
    _, secret, bank = windows["events"]
    assert secret["labels"] == {"app": "code", "category": "Work"}
    assert [(each["name"], each["words"]) for each in secret["rules"]] == [
        ("short", "title gone, category set")
    ]
    assert (bank["labels"], [each["name"] for each in bank["rules"]]) == (None, ["no bank"])
    assert windows["samples"]
    private, plain = tabs["events"]
    assert private["labels"] is None
    assert "private" in private["rules"][-1]["name"]
    assert plain["labels"]["domain"] == "a.b"
    assert "url gone" in " ".join(each["words"] for each in plain["rules"])


def test_a_rule_is_tried_before_it_is_written(folder: Path) -> None:
    """It comes behind the others, and config.toml stays as it is; a wrong one is refused with the reason."""
    before = (folder / "config.toml").read_text()
    (found,) = shown(folder, WINDOW, "--rule", "match = { title = 'News' }, set = { title = 'x' }")
    assert found["events"][0]["labels"] == {"app": "firefox", "title": "x"}
    assert [each["name"] for each in found["events"][0]["rules"]] == ["tried"]
    for wrong in ("match = { title = '(' }, drop = true", "drop", "mach = 1, drop = true"):
        done = awsync("preview", WINDOW, "--rule", wrong, folder=folder)
        assert done.returncode == 2, wrong
        assert "rule" in done.stderr
    assert (folder / "config.toml").read_text() == before


def test_the_preview_as_a_person_reads_it(folder: Path) -> None:
    """What it has, what leaves, which rule did what; nothing a terminal would obey; --samples as sent."""
    done = awsync("preview", WINDOW, "--count", "2", folder=folder)
    assert (done.returncode, "\x1b" in done.stdout) == (0, False)
    assert f"{WINDOW}: 4 events" in done.stdout.splitlines()[0]
    assert "1 dropped" in done.stdout
    for words in ('has      app="code", title="secret.py"', 'leaves   app="code", category="Work"',
                  "rule     short: title gone, category set", "... and 1 more"):  # fmt: skip
        assert words in done.stdout
    done = awsync("preview", WINDOW, "--samples", folder=folder)
    assert done.stdout.startswith("aw_watcher_window_seconds{")
    assert "4 events" in done.stderr
    done = awsync("preview", WINDOW, "--excluded-watchers", WINDOW, folder=folder)
    assert "Nothing of it leaves" in done.stdout


words = st.sampled_from(["a", "b", "", "long text"])
data = st.dictionaries(st.sampled_from(["app", "title", "x"]), words | st.none() | st.integers(0, 3))
rules = st.lists(
    st.one_of(
        st.builds(lambda text: Rule(name="m", match={"app": text}, drop=True), words),
        st.builds(lambda key, text: Rule(name="s", set={key: text}), st.sampled_from(["title", "x"]), words),
        st.builds(lambda kept: Rule(name="k", keep=tuple(kept)), st.sets(st.sampled_from(["app", "x"]))),
        st.builds(lambda text: Rule(name="c", category=(text,)), words),
    ),
    max_size=4,
)  # fmt: skip


@given(data, rules)
def test_the_trace_ends_where_the_edit_ends(data: dict[str, object], rules: list[Rule]) -> None:
    """What is told is what is done: the same steps, the same result, and a drop is the last word."""
    steps = [step_of(rule, None) for rule in rules]
    edited, did = traced(steps, data)
    assert edited == composed(steps)(data)
    assert (edited is None) == any(each.dropped for each in did)
    assert all(each.words for each in did)


@pytest.mark.parametrize(
    "text",
    [
        "match = { title = 'x' }, drop = true",
        "{ match = { title = 'x' }, drop = true }",
        "match = { title = 'x' }\ndrop = true\n",
        "[[rule]]\nname = 'tried'\nmatch = { title = 'x' }\ndrop = true",
    ],
)
def test_a_rule_may_be_typed_in_any_shape(text: str) -> None:
    """A line, an inline table or a whole table mean the same, and are written alike."""
    assert rule_of(text, "tried") == Rule(name="tried", match={"title": "x"}, drop=True)
    assert rule_of(written(text, "tried"), "other") == rule_of(text, "tried")
    for wrong in ("[[rule]]\ndrop = true\n[[rule]]\ndrop = true", "rule = 3", ""):
        with pytest.raises(ConfigError):
            rule_of(wrong, "tried")


def test_half_a_command_is_not_run() -> None:
    """What is tried with every key that is typed must not start anything."""
    for text in ("command = ['rm']", "transform = 'x'"):
        with pytest.raises(ConfigError, match="runs code"):
            harmless(text, "tried")


@pytest.mark.parametrize("passes", [0, 1])
def test_what_is_beyond_the_budget_is_shown_as_it_leaves(aw: AwServer, tmp_path: Path, passes: int) -> None:
    """Before a first pass and after it the preview folds as a pass does, and names the budget for it."""
    day = utc_now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc", created=day)
    for n in range(60):
        put(aw, WINDOW, day + timedelta(minutes=n), app="code", title=f"title {n}")
    with Receiver() as store:
        write_config(tmp_path, aw, store.url, "series-budget = 40", "push-metrics = false")
        for _ in range(passes):
            assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        (found,) = shown(tmp_path, "--last", "2h")
        assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        sent = {
            (tuple(labels), value) for labels, values in store.samples().items() for value in values.values()
        }
    assert {(tuple(each["labels"].items()), each["seconds"]) for each in found["samples"]} == sent
    newest, oldest = found["events"][0], found["events"][-1]
    assert newest["labels"]["title"] == "(other)"
    assert (newest["rules"][-1]["name"], newest["rules"][-1]["words"]) == ("series-budget", "title changed")
    assert (oldest["labels"]["title"], oldest["rules"][-1]["name"]) == ("title 0", "category")
