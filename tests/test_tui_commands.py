"""What is asked of the engine from the console: in order, answered, and taken back also after a refusal."""

import asyncio

from textual.pilot import Pilot

from awsync.errors import SourceError, StateError
from awsync.tui.app import Console
from tests.consoles import console, filled, screen, until
from tests.scripted import ScriptedAgent, report

AFK = ("laptop", "aw-watcher-afk_pc")


async def settled(pilot: Pilot[int], app: Console, agent: ScriptedAgent, commands: int) -> None:
    """Waits until so many commands were asked and none is under way."""
    await until(pilot, lambda: len(agent.asked) == commands and not app.commands._turn.locked())


async def test_an_undo_that_was_refused_can_be_tried_again() -> None:
    """A change whose undo fails, for a moment or for long, is not lost: the next undo takes it back."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "○ off" in screen(app))
        agent.refusals.append(StateError("config.toml cannot be written."))
        await pilot.press("u")
        await until(pilot, lambda: "config.toml cannot be written." in screen(app))
        assert "○ off" in screen(app)
        await pilot.press("u")
        await until(pilot, lambda: "○ off" not in screen(app))
        assert [command[0] for command in agent.asked] == ["exclude", "include", "include"]


async def test_undo_waits_for_the_change_it_takes_back() -> None:
    """Undo pressed while the change is still under way takes back that one, not the one before."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "○ off" in screen(app))
        agent.held = asyncio.Event()
        await pilot.press("down", "space", "u")
        agent.held.set()
        await settled(pilot, app, agent, 3)
        assert [command[:2] for command in agent.asked] == [
            ("exclude", AFK),
            ("exclude", ("laptop", "aw-watcher-web-firefox_pc")),
            ("include", ("laptop", "aw-watcher-web-firefox_pc")),
        ]


async def test_a_change_that_was_refused_is_not_taken_back() -> None:
    """What was never done leaves nothing to undo, also where undo was pressed while it was under way."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        agent.held = asyncio.Event()
        agent.refusals.append(SourceError("laptop has no such bucket now."))
        await pilot.press("space", "u")
        agent.held.set()
        await until(pilot, lambda: "There was nothing to undo: it was not done." in screen(app))
        await pilot.press("u")
        await until(pilot, lambda: "There is nothing to undo." in screen(app))
        assert [command[0] for command in agent.asked] == ["exclude"]


async def test_a_cron_is_taken_back_on_any_page() -> None:
    """The schedule changed from the log is taken back there too."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("l", "c", *["backspace"] * 20, *"@hourly", "enter")
        await settled(pilot, app, agent, 1)
        await pilot.press("u")
        await settled(pilot, app, agent, 2)
        assert agent.asked == [("cron", "@hourly"), ("cron", "*/5 * * * *")]


async def test_marked_rows_are_acted_on_together() -> None:
    """One key leaves out, syncs, and takes back all that is marked; escape drops the marks."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("m", "m")
        await until(pilot, lambda: "2 marked" in screen(app))
        await pilot.press("space")
        await until(pilot, lambda: screen(app).count("○ off") == 2)
        await pilot.press("u")
        await until(pilot, lambda: "○ off" not in screen(app))
        await pilot.press("S")
        await settled(pilot, app, agent, 4)
        assert [command[0] for command in agent.asked] == ["exclude", "include", "sync now", "sync now"]
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in screen(app))


async def test_a_refusal_of_the_service_is_said_and_the_console_goes_on() -> None:
    """Each command that fails says its reason in words, and the next key works."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        for key in ("s", "p", "S", "space"):
            agent.refusals.append(StateError(f"No, said the file to {key}."))
            await pilot.press(key)
            await until(pilot, lambda key=key: f"No, said the file to {key}." in screen(app))  # type: ignore[misc]
        await pilot.press("l")
        await until(pilot, lambda: "No, said the file to space." in screen(app))


async def test_look_again_asks_at_once() -> None:
    """R shows a bucket that is new in ActivityWatch without waiting for the next look."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        agent.buckets = [*agent.buckets, report("aw-watcher-input_pc", "aw-watcher-input")]
        await pilot.press("R")
        await until(pilot, lambda: "aw-watcher-input" in screen(app))


async def test_what_is_copied_is_one_harmless_line() -> None:
    """A title with line breaks and escapes cannot run anything where it is pasted."""
    app = console(ScriptedAgent(buckets=[report("evil\nrm -rf ~\x1b[201~_pc", "x")]))
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard != "")
        assert app.clipboard.startswith("evil␊rm -rf ~␛[201~_pc\t")
        assert all(letter == "\t" or letter.isprintable() for letter in app.clipboard)
        await pilot.press("enter")
        await until(pilot, lambda: "␊rm -rf" in screen(app) and "[red]bold[/]" in screen(app))
        await pilot.press("y")
        await until(pilot, lambda: "[red]bold[/]" in app.clipboard)
        assert all(letter == "\t" or letter.isprintable() for letter in app.clipboard)
