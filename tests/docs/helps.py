"""The help of every command as text: what `awsync COMMAND --help` says, at one width and without colours."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from awsync.cli.main import app

_WIDTH = 120
_SETTINGS = "Settings"


def reference() -> str:
    """Every command with its help, in the order of `awsync --help`."""
    return "\n".join(_blocks(get_command(app), None, "awsync"))


def _blocks(command: Any, parent: Any, name: str) -> Iterator[str]:  # noqa: ANN401 typer keeps its types to itself
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, terminal_width=_WIDTH)
    takes_settings = False
    for parameter in command.params:
        if getattr(parameter, "rich_help_panel", None) == _SETTINGS:
            # Told once, in docs/settings.md, and not for each command.
            parameter.hidden = takes_settings = True
    command.rich_markup_mode = None
    path = f"{context.command_path}"
    yield f"### `{path}`\n\n```text\n{_plain(command.get_help(context))}\n```\n"
    if takes_settings:
        yield "It takes the [flags of the settings](settings.md) too.\n"
    for each in getattr(command, "list_commands", lambda _: ())(context):
        yield from _blocks(command.get_command(context, each), context, each)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
