"""`awsync tui`: the operator console, over an engine in this process or a service beside it.

May import: typer, cli; at call time everything.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import narrate, on_terminal
from awsync.errors import AwsyncError

if TYPE_CHECKING:
    from awsync.control import Agent
    from awsync.demo.world import World


@settings_flags
def tui(
    flags: dict[str, object],
    demo: Annotated[
        bool, typer.Option("--demo", help="Over a made-up person's ActivityWatch and a store of its own.")
    ] = False,
) -> None:
    """Open the console: watchers, exclusions, schedule, passes and log, live."""
    if not (sys.stdin.isatty() and on_terminal()):
        raise AwsyncError("awsync tui needs a terminal.", "awsync sync and awsync status work without one.")
    with ExitStack() as stack:
        if demo:
            from awsync.demo.world import DAYS, World

            narrate(
                f"Starting an ActivityWatch server and filling it with {DAYS} days of a made-up person ..."
            )
            flags = {"config": str(write_config(stack.enter_context(World())))}
        raise typer.Exit(show(flags, {} if demo else os.environ))


def show(flags: dict[str, object], environ: Mapping[str, str]) -> int:
    """The console until it is left; returns the exit code. Raises ConfigError."""
    from awsync.config import Watched

    # Textual reads it when it is imported; with its own colours NO_COLOR leaves red text nearly invisible.
    if os.environ.get("NO_COLOR"):
        os.environ.setdefault("TEXTUAL_THEME", "ansi-dark")
    from awsync.agent import ConsoleAgent
    from awsync.tui.app import run

    # Faults of the settings are said before the screen changes.
    watched = Watched(flags, environ)

    def connect() -> "Agent":
        return ConsoleAgent(watched)

    return run(connect, config_path=watched.path)


def write_config(world: "World") -> Path:
    """A config.toml for a demo's world, so that the console can edit it."""
    from awsync.config import write_text

    path = world.folder / "config.toml"
    source = world.settings.sources[0]
    lines = [
        "# The settings of this demo; they go with it.",
        f'prometheus-url = "{world.store.url}"',
        f'aw-url = "{source.aw_url}"',
        f'user-id = "{source.user_id}"',
        f'cron = "{world.settings.cron}"',
        'resolution = "1m"',
        f"state-dir = '{world.settings.state_dir}'",
    ]
    write_text(path, "\n".join(lines) + "\n")
    return path
