"""The command palette: every action of the table by its name, from wherever it is called.

May import: textual, and of awsync events, tui actions, app (its type), columns, pages, watchers.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from awsync.events import Level
from awsync.tui import actions, pages
from awsync.tui.actions import Action
from awsync.tui.columns import SORTABLE
from awsync.tui.watchers import WatchersPage

if TYPE_CHECKING:
    from awsync.tui.app import Console


def commands(console: "Console") -> Iterator[SystemCommand]:
    """An entry for each action; what moves in lists, and what has no place now, is only found by its name."""
    for action in actions.ACTIONS:
        if actions.NO_COMMANDS.intersection(action.where):
            continue
        hidden = actions.LISTS in action.where or console.forbidden(action.name) is not None
        title = f"{action.title} ({action.shown_keys})"
        yield SystemCommand(title, action.help, partial(_perform, console, action), discover=not hidden)
    for field in SORTABLE:
        sort = partial(_sort_by, console, field.column.key)
        yield SystemCommand(f"Sort by {field.column.title}", "Sorts the watchers.", sort, discover=False)
    yield SystemCommand("Themes", "All themes of the library.", console.search_themes)


async def _perform(console: "Console", action: Action) -> None:
    if (reason := console.why_not(action.name)) is not None:
        console.say(reason, Level.WARNING, log=False)
        return
    if actions.EVERYWHERE in action.where:
        await console.run_action(action.name, console)
        return
    if actions.LISTS in action.where:
        if console.screen.focused is not None:
            await console.run_action(action.name, console.screen.focused)
        return
    if console.page is not None and console.page.NAME not in action.where:
        _go_to(console, action.where[0])
    await console.run_action(action.name, console.screen)


def _go_to(console: "Console", name: str) -> None:
    if name == pages.WATCHERS:
        console.go_back_to(name)
    else:
        console.action_open(name)


def _sort_by(console: "Console", key: str) -> None:
    if (reason := console.forbidden("sort_next")) is not None:
        console.say(reason, Level.WARNING, log=False)
        return
    console.go_back_to(pages.WATCHERS)
    if isinstance(console.page, WatchersPage):
        console.page.sort_by(key)
