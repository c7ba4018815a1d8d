"""The page of the plan: what each label costs, and a key that takes one away and brings it back."""

import pytest

from awsync.costs.said import Reading, Skipped, Unread
from awsync.tui.plan import PlanPage
from tests.consoles import console, opened, said, screen, until
from tests.scripted import ScriptedAgent
from tests.test_costs import titles, weighed

PLANNED = (
    Reading("s", "aw-watcher-web-firefox_pc", 0.5),
    weighed("aw-watcher-window_pc", *titles(9, 3), days=9, watcher="[b]odd\x1b", keys={"title", "app"}),
    weighed("aw-watcher-web-firefox_pc", *titles(9, 20), days=9, watcher="aw-watcher-web", keys={"title"}),
    Skipped("s", "aw-watcher-x_pc", "it is empty"),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_costliest_label_is_at_the_top_with_its_rule(size: tuple[int, int]) -> None:
    """What would remain without it, the lines for config.toml, and what its buckets cost, at every size."""
    app = console(ScriptedAgent(planned=PLANNED))
    async with app.run_test(size=size) as pilot:
        page = await opened(pilot, "C", PlanPage)
        await until(pilot, lambda: "title of aw-watcher-web" in said(app))
        assert page.grid.cursor_key == ("aw-watcher-web", "title")
        assert "without it 180 -> 3 series, 180 -> 180 samples" in said(app)
        for words in ("Plan 30 days", "[[rule]]", 'set = { title = "" }', "[b]odd␛"):
            assert words in screen(app)
        assert "180 series and 180 samples in 9 days" in " ".join(page.book.text.split())
        assert "a year: 8,395 series" in said(app) or size[0] == 80


async def test_a_label_goes_with_one_key_and_comes_back_with_another() -> None:
    """`space` writes the rule and reads again, `u` takes just that rule away; `active` has no rule."""
    agent = ScriptedAgent(planned=PLANNED)
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "C", PlanPage)
        await until(pilot, lambda: page.chosen is not None and not page.checking)
        assert page.chosen is not None
        lines = page.chosen.lines
        await pilot.press("space")
        await until(pilot, lambda: agent.asked.count(("plan", 30)) == 2)
        await pilot.press("u")
        await until(pilot, lambda: agent.asked.count(("plan", 30)) == 3)
        commands = [each for each in agent.asked if each[0] in ("add_rule", "remove_rule")]
        assert commands == [("add_rule", lines), ("remove_rule", lines)]
        await until(pilot, lambda: not page.checking)
        page.grid.go_to(("aw-watcher-web", "active"))
        await pilot.press("space")
        await until(pilot, lambda: "no rule takes it away" in said(app))
        assert len(agent.asked) == len([each for each in agent.asked if each[0] != "add_rule"]) + 1


async def test_another_time_is_read_and_what_failed_is_said() -> None:
    """`w` reads other lengths of time, `r` the same again; a source that is down is named."""
    agent = ScriptedAgent(planned=(*PLANNED, Unread("phone", "http://phone cannot be reached.", "Start it.")))
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "C", PlanPage)
        for key, days in (("w", 90), ("r", 90), ("w", 365), ("w", 7)):
            await until(pilot, lambda: not page.checking and bool(page.found))
            await pilot.press(key)
            await until(pilot, lambda days=days: agent.asked[-1] == ("plan", days))  # type: ignore[misc]
        await until(pilot, lambda: "phone: http://phone cannot be reached. Start it." in said(app))
        assert "not all could be read" in screen(app)
        assert page.copied().startswith("[[rule]]")
        assert "aw-watcher-web title: 180 values" in page.exported()[1]
