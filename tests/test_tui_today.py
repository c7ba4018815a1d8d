"""The page of today: what the time was spent on, by whatever is asked, and what could not be read."""

import asyncio
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.errors import SourceError
from awsync.timeline import HOUR, MINUTE
from awsync.totals import By, Failure, Report, Share
from awsync.tui.app import Console
from awsync.tui.today import TodayPage
from tests.consoles import console, opened, said, screen, until
from tests.scripted import NOW, ScriptedAgent

DAY = Report(
    by=By.APP,
    since=NOW - 12 * HOUR,
    until=NOW,
    shares=(
        Share("code", 3 * HOUR, 2 * HOUR),
        Share("[b]fire[/b]fox \x1b[31m", HOUR, HOUR),
        Share("maps", 30 * MINUTE),
    ),
    first=NOW - 9 * HOUR,
    last=NOW - HOUR,
    present=4 * HOUR,
    away=2 * HOUR,
    hosts=("pc", "phone"),
)
PLAIN = replace(DAY, shares=(Share("code", HOUR),))
BROKEN = replace(
    PLAIN,
    notes=("No categories are saved.",),
    failures=(Failure("phone", "ActivityWatch at http://phone cannot be reached.", "Start it."),),
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_day_can_be_read_at_every_size(size: tuple[int, int]) -> None:
    """The sentence, each name with its active and whole time, and a bar; a stranger's words stay words."""
    app = console(ScriptedAgent(report=DAY))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "Today by app" in screen(app) and "code" in screen(app))
        for words in (
            "first activity",
            "3 h active",
            "2 h away (AFK)",
            "2 hosts",
            "all active 3:00:00, total 4:30:00",
        ):
            assert words in said(app)
        for words in ("█ active", "░ away", "· unknown (no AFK watcher)", "total: all of it", "%: of active"):
            assert words in said(app)
        found = re.search(r"2:00:00   3:00:00  67% (█+)(░+)", screen(app))
        assert found is not None
        assert 20 <= len(found[0]) - len("2:00:00   3:00:00  67% ") <= 60
        assert abs(len(found[1]) - 2 * len(found[2])) <= 2
        assert re.search(r"maps +-   0:30:00 +·+", screen(app))
        assert "[b]fire[/b]fox ␛[31m" in screen(app)
        assert "Counting" not in screen(app)


async def test_no_active_column_where_nobody_can_tell() -> None:
    """Without an AFK watcher there is one column of time, not an empty one beside it."""
    app = console(ScriptedAgent(report=PLAIN))
    async with app.run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "code" in screen(app))
        assert page.grid.shown_columns == ["name", "total", "percent", "bar"]


async def test_keys_tell_the_time_apart_otherwise() -> None:
    """`b` and `B` go through what the time is told apart by, `w` through periods, `r` counts again."""
    agent = ScriptedAgent(report=DAY)
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "d", TodayPage)
        wanted: list[tuple[object, ...]] = [("today", By.APP, None)]
        for key, by, since, title in (
            ("b", By.TITLE, None, "Today by title"),
            ("B", By.APP, None, "Today by app"),
            ("B", By.CATEGORY, None, "Today by category"),
            ("b", By.APP, None, "Today by app"),
            ("w", By.APP, "7d", "7 days by app"),
            ("w", By.APP, "30d", "30 days by app"),
            ("r", By.APP, "30d", "30 days by app"),
            ("w", By.APP, None, "Today by app"),
        ):
            await until(pilot, lambda: agent.asked == wanted)
            await pilot.press(key)
            wanted.append(("today", by, since))
            await until(pilot, lambda title=title: title in screen(app))  # type: ignore[misc]
        await until(pilot, lambda: agent.asked == wanted)


async def test_long_names_make_no_room_for_short_ones() -> None:
    """After titles the apps stand beside their bars again, and no bar is cut off while titles are long."""
    long = replace(DAY, by=By.TITLE, shares=(Share("a long title " * 20, 3 * HOUR, 2 * HOUR),))
    agent = ScriptedAgent(report=long)
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "a long title" in screen(app))
        assert "█" * 13 + "░" * 7 in screen(app)
        wide = page.grid.width_of("name")
        agent.report = DAY
        await pilot.press("b")
        await until(pilot, lambda: "code" in screen(app))
        assert page.grid.width_of("name") < wide


async def test_what_could_not_be_read_is_named() -> None:
    """A source that is down, and how it was counted, stand beside what was counted."""
    app = console(ScriptedAgent(report=BROKEN))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "✗ not all could be read" in screen(app))
        assert "✗ phone: ActivityWatch at http://phone cannot be reached. Start it." in said(app)
        assert "No categories are saved." in said(app)


async def test_a_count_that_is_not_wanted_any_more_is_left() -> None:
    """While it counts the page says so; the next key does not wait for it, and an error is a sentence."""
    agent = ScriptedAgent(report=DAY, held=asyncio.Event())
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "» counting" in screen(app))
        assert agent.held is not None
        agent.refusals.append(SourceError("The disk is full.", "Make room."))
        await pilot.press("b")
        await until(pilot, lambda: len(agent.asked) == 2)
        agent.held.set()
        await until(pilot, lambda: "The disk is full. Make room." in said(app))
        await pilot.press("r")
        await until(pilot, lambda: "code" in screen(app) and "» counting" not in screen(app))
        assert "Today by title" in screen(app)


async def test_copy_and_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`y` takes the line, `e` writes every name with its seconds, for this user alone."""
    copied: list[str] = []
    monkeypatch.setattr(Console, "copy_to_clipboard", lambda _, text: copied.append(text))
    monkeypatch.chdir(tmp_path)
    app = console(ScriptedAgent(report=DAY))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "d", TodayPage)
        await until(pilot, lambda: "code" in screen(app))
        await pilot.press("y", "e")
    assert copied[0].startswith("code\t2:00:00\t3:00:00\t67%")
    (written,) = tmp_path.iterdir()  # noqa: ASYNC240
    assert written.stat().st_mode & 0o777 == 0o600
    assert written.read_text(encoding="utf-8").splitlines()[:2] == [
        "app,active_seconds,total_seconds",
        "code,7200,10800",
    ]
