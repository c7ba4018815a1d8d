"""The page of the preview: events before and after, and a rule that is tried, kept, dropped and written."""

import tomllib

import pytest
from textual.widgets import Input

from awsync.preview import Example, Preview
from awsync.rules.trace import Did
from awsync.timeline import HOUR, MINUTE
from awsync.tui.preview import PreviewPage
from tests.consoles import console, opened, said, screen, until
from tests.scripted import NOW, ScriptedAgent

EXAMPLES = (
    Example({"app": "code", "title": "[b]x[/b] \x1b"}, 3, MINUTE, NOW - MINUTE, (("app", "code"),),
            [Did("short", gone=("title",))]),
    Example({"url": "https://a.b/c", "n": {"x": 1}}, 1, MINUTE, NOW - 2 * MINUTE, (("domain", "a.b"),), []),
    Example({"title": "My bank"}, 2, MINUTE, NOW - 3 * MINUTE, None, [Did("no bank", dropped=True)]),
)  # fmt: skip
PREVIEWED = Preview("laptop", "", "aw-watcher-window", NOW - HOUR, NOW, EXAMPLES, ())
FIRST = ("laptop", "aw-watcher-window_pc")
RULE = "match = { title = 'bank' }, drop = true"


def agent_of() -> ScriptedAgent:
    return ScriptedAgent(previewed=PREVIEWED)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_events_are_seen_before_and_after(size: tuple[int, int]) -> None:
    """What ActivityWatch has, what leaves, which rule did it; a stranger's words stay words."""
    app = console(agent_of())
    async with app.run_test(size=size) as pilot:
        page = await opened(pilot, "W", PreviewPage)
        await until(pilot, lambda: "leaves" in screen(app) and "app=code" in screen(app))
        assert "6 events -> 0 samples of 0 series, 2 dropped" in said(app)
        assert "[b]x[/b] ␛" in screen(app)
        assert "short: title gone" in " ".join(page.book.text.split())
        await pilot.press("down", "down")
        await until(pilot, lambda: "nothing: its time is not sent" in page.book.text)
        assert "no bank: dropped it" in page.book.text
        assert "has: title=My bank\nleaves: nothing\nrule: no bank: dropped it" in page.exported()[1]
        assert "title=My bank" in page.copied()


async def test_other_watchers_and_other_hours() -> None:
    """The one under the cursor of the table first; `b` and `B` go on and back, `w` further, `r` again."""
    agent = agent_of()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "W", PreviewPage)
        buckets = [each.bucket for each in agent.buckets]
        await until(pilot, lambda: bool(looks(agent)))
        first = looks(agent)[-1][2]
        assert first in buckets
        for key, hours in (("b", 1), ("B", 1), ("w", 6), ("w", 24), ("r", 24)):
            count = len(looks(agent))
            await pilot.press(key)
            await until(pilot, lambda count=count: len(looks(agent)) > count)  # type: ignore[misc]
            assert looks(agent)[-1][3] == hours
            assert (looks(agent)[-1][2] == first) == (key != "b")


def looks(agent: ScriptedAgent) -> list[tuple[object, ...]]:
    return [each for each in agent.asked if each[0] == "preview"]


async def test_a_rule_is_tried_while_it_is_typed_and_then_written() -> None:
    """`a` begins it, what is wrong is said, enter keeps it, `S` writes it, `u` takes it back, esc drops."""
    agent = agent_of()
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        page = await opened(pilot, "W", PreviewPage)
        await until(pilot, lambda: bool(looks(agent)))
        await pilot.press("S")
        await until(pilot, lambda: "No rule is being tried" in said(app))
        await pilot.press("a")
        await until(pilot, lambda: bool(page.query(Input)))
        page.query_one(Input).value = "match = {"
        await until(pilot, lambda: "✗" in screen(app))
        assert "app=code" in screen(app)
        page.query_one(Input).value = RULE
        await until(pilot, lambda: looks(agent)[-1][4] == RULE)
        await pilot.press("enter")
        await until(pilot, lambda: not page.query(Input) and "trying match" in screen(app))
        await pilot.press("S")
        await until(pilot, lambda: looks(agent)[-1][4] == "")
        (command,) = (each for each in agent.asked if each[0] == "add_rule")
        (rule,) = tomllib.loads(str(command[1]))["rule"]
        assert {key: rule[key] for key in ("match", "drop")} == {"match": {"title": "bank"}, "drop": True}
        await pilot.press("u")
        await until(pilot, lambda: agent.asked.count(("remove_rule", command[1])) == 1)
        page.set_pattern(RULE)
        await until(pilot, lambda: looks(agent)[-1][4] == RULE)
        await pilot.press("escape")
        await until(pilot, lambda: looks(agent)[-1][4] == "" and app.screen is page)
