"""Every key of the console is one of the table of actions, and is found where a person looks for it."""

import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.widgets import Input

import awsync.tui
from awsync.tui import actions
from awsync.tui.app import Console
from awsync.tui.help import lines
from awsync.tui.page import Page
from tests.consoles import console, filled, screen, until
from tests.scripted import NOW, ScriptedAgent

PAGES = [
    (Path(__file__).parent.parent / page).read_text(encoding="utf-8")
    for page in ("README.md", "docs/console.md")
]


def classes() -> Iterator[type[DOMNode]]:
    """Every class of the console that can have keys."""
    for module in pkgutil.iter_modules(awsync.tui.__path__):
        for _, found in inspect.getmembers(import_module(f"awsync.tui.{module.name}"), inspect.isclass):
            if issubclass(found, DOMNode) and found.__module__.startswith("awsync.tui"):
                yield found


def bound(cls: type[DOMNode]) -> Iterator[Binding]:
    """The keys that a class answers to, those of its parents included, without a text field's own."""
    own = cls._merged_bindings
    assert own is not None
    field = Input._merged_bindings
    assert field is not None
    for key, bindings in own.key_to_bindings.items():
        for binding in bindings:
            if not (issubclass(cls, Input) and binding in field.key_to_bindings.get(key, [])):
                yield binding


def known() -> set[tuple[str, str]]:
    """The keys of the table, each with its action."""
    return {(key, action.name) for action in actions.ACTIONS for key in action.keys.split(",")}


def test_every_binding_comes_from_the_table() -> None:
    """No class has a key of its own or one inherited from the library that the table does not know."""
    found = {(b.key, b.action.removeprefix("app.")) for cls in set(classes()) for b in bound(cls)}
    assert found == known()


def test_every_action_is_answered() -> None:
    """No key of the table is dead: each action has its method in a class that has its keys."""
    answered = {
        name.removeprefix("action_")
        for cls in classes()
        for name, _ in inspect.getmembers(cls, inspect.isfunction)
        if name.startswith("action_")
    }
    assert {action.name.partition("(")[0] for action in actions.ACTIONS} <= answered


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.id)
def test_every_action_is_in_help_and_readme(action: actions.Action) -> None:
    """Help, README.md and docs/console.md show each key with its title."""
    text = "\n".join("".join(text for text, _ in line) for line in lines())
    assert action.shown_keys in text
    assert action.title in text
    assert all(f"{actions._code(action)} | {action.title} |" in page for page in PAGES)


async def test_every_action_is_in_the_palette() -> None:
    """The palette runs whatever a key does; over a question it does not open."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)):
        titles = {command.title for command in app.get_system_commands(app.screen)}
    for action in actions.ACTIONS:
        in_palette = f"{action.title} ({action.shown_keys})" in titles
        assert in_palette is not bool(actions.NO_COMMANDS.intersection(action.where)), action


@pytest.mark.parametrize(
    "keys", [(), ("l",), ("P",), ("d",), ("D",), ("Q",), ("V",), ("L",), ("question_mark",), ("enter",)]
)
async def test_the_footer_has_seven_keys_at_most(keys: tuple[str, ...]) -> None:
    """On every page the keys at the bottom are few, and none is cut off on a terminal of 80 columns."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, Page) and len(app.screen_stack) == 1 + len(keys))
        shown = [active.binding for active in app.screen.active_bindings.values() if active.binding.show]
        assert 4 <= len(shown) <= 7
        footer = screen(app).splitlines()[-1]
        for binding in shown:
            assert f"{binding.key_display} {binding.description}" in footer


async def test_help_begins_with_the_keys_of_the_page_below() -> None:
    """Help that is opened on the log tells the keys of the log first, and goes back to it."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("l", "question_mark")
        await until(pilot, lambda: "Everywhere" in screen(app))
        text = screen(app)
        assert text.index("Follow") < text.index("Everywhere")
        await pilot.press("escape")
        await until(pilot, lambda: app.page is not None and app.page.NAME == "log")


async def test_any_column_sorts_from_the_palette_and_is_named() -> None:
    """On a small terminal the table can be sorted by a column that is not in sight, and says so."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"sort by delivered")
        await until(pilot, lambda: "Sort by delivered" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: "by delivered ▲" in screen(app))
        await pilot.press("O")
        await until(pilot, lambda: "by delivered ▼" in screen(app))


async def test_ctrl_q_leaves_even_over_a_question() -> None:
    """Nobody is kept by a question: ctrl+q leaves wherever one is, and the engine is closed."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("c")
        await until(pilot, lambda: app.screen.is_modal)
        await pilot.press("ctrl+q")
    assert agent.closed
    assert app.return_value == 0


ONE_LINE = f"""
import asyncio, sys, types
from pathlib import Path

sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from awsync.tui import pages

pages.PAGES += (pages.Entry("extra", "x", "Extra things", "What is extra.", "extra:ExtraPage"),)

from awsync.tui.app import Console
from awsync.tui.cells import Tone
from awsync.tui.page import Page
from awsync.tui.paper import Book


class ExtraPage(Page):
    NAME = "extra"

    def body(self):
        yield Book([[("the extra page", Tone.PLAIN)]])


module = types.ModuleType("awsync.tui.extra")
module.ExtraPage = ExtraPage
sys.modules["awsync.tui.extra"] = module

from awsync.tui import actions
from awsync.tui.help import lines
from tests.scripted import ScriptedAgent


def shown(app):
    return "\\n".join(strip.text for strip in app.screen._compositor.render_strips(app.screen.size))


async def main():
    app = Console(ScriptedAgent, config_path=Path("config.toml"), clock=lambda: {NOW})
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("x")
        await pilot.pause()
        assert "the extra page" in shown(app), shown(app)
        assert "esc Back" in shown(app).splitlines()[-1]
        assert any(command.title == "Extra things (x)" for command in app.get_system_commands(app.screen))
        await pilot.press("escape")
        await pilot.pause()
        assert "the extra page" not in shown(app)
    assert "| Everywhere | `x` | Extra things | What is extra. |" in actions.table()
    assert any("Extra things" in text for line in lines() for text, _ in line)


asyncio.run(main())
print("all there")
"""


def test_a_page_is_one_line_of_the_registry() -> None:
    """One line in pages.PAGES gives a page its key, footer, palette entry, help line and row in the docs."""
    done = subprocess.run([sys.executable, "-c", ONE_LINE], capture_output=True, text=True, check=False)
    assert done.stdout == "all there\n", done.stderr


def test_the_library_has_no_key_of_its_own_left() -> None:
    """What the application class of the library binds is bound by the table, or not at all."""
    inherited = {binding.key for binding in App.BINDINGS if isinstance(binding, Binding)}
    ours = {binding.key for binding in bound(Console)}
    assert inherited <= ours
