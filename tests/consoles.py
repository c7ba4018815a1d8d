"""A console for tests of its screens: its clock stands still, and a test waits for what is to be seen."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from textual.pilot import Pilot

from awsync.tui.app import Console
from awsync.tui.page import Page
from awsync.tui.text import plain
from awsync.tui.watchers import WatchersPage
from tests.scripted import NOW, ScriptedAgent

_Page = TypeVar("_Page", bound=Page)


def console(agent: ScriptedAgent) -> Console:
    """A console whose clock and cursor stand still."""
    return Console(lambda: agent, config_path=Path("config.toml"), clock=lambda: NOW, cursor_blinks=False)


def screen(app: Console) -> str:
    """What a person sees."""
    strips = app.screen._compositor.render_strips(app.screen.size)
    return "\n".join(strip.text.rstrip() for strip in strips)


async def until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    """Waits for a condition of the console."""
    for _ in range(100):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError(screen(pilot.app))  # type: ignore[arg-type]


async def opened(pilot: Pilot[int], key: str, page: type[_Page]) -> _Page:
    """A page of a console that is connected."""
    await filled(pilot)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, page))
    found = pilot.app.screen
    assert isinstance(found, page)
    return found


async def filled(pilot: Pilot[int]) -> None:
    """Waits for the table, and until its first row is drawn."""
    app = pilot.app
    page = app.screen_stack[0]
    assert isinstance(app, Console)
    assert isinstance(page, WatchersPage)

    def drawn() -> bool:
        name = plain(page.grid.records[0].cells[2].text) if page.grid.records else ""
        return bool(name) and name[:10] in screen(app)

    await until(pilot, drawn)


def said(app: Console) -> str:
    """What a person reads, wherever a line breaks."""
    return " ".join(screen(app).split())
