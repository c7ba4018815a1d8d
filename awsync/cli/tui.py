"""`awsync tui`: the operator console, over an engine in this process or a service beside it.

May import: typer, cli; at call time everything.
"""

import gc
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import has_terminal, narrate
from awsync.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from awsync.config import Watched
    from awsync.control import Agent


@settings_flags
def tui(
    flags: dict[str, object],
    demo: Annotated[
        bool, typer.Option("--demo", help="Over a made-up person's ActivityWatch and a store of its own.")
    ] = False,
) -> None:
    """Open the console: watchers, exclusions, schedule, passes and log, live.

    Beside a running service it observes and steers that one; without a store it first asks for one.
    """
    if not has_terminal():
        raise UsageError("awsync tui needs a terminal.", "awsync sync and awsync status work without one.")
    if demo:
        from awsync.cli.demo import run_console

        raise typer.Exit(run_console())
    raise typer.Exit(show(flags, os.environ))


def show(
    flags: dict[str, object], environ: Mapping[str, str], *, tidy: Callable[[], object] = lambda: None
) -> int:
    """The console until it is left; returns the exit code. Raises ConfigError.

    Where the terminal goes away this does not return; `tidy` is called then.
    """
    # Nothing that is loaded for the first picture is garbage; behind it the console looks for some again.
    gc.disable()
    # Textual reads it when it is imported; with its own colours NO_COLOR leaves red text nearly invisible.
    if os.environ.get("NO_COLOR"):
        os.environ.setdefault("TEXTUAL_THEME", "ansi-dark")
    from awsync.config import Watched

    # Faults of the settings are said before the screen changes; that there is no store yet is none.
    try:
        watched = Watched(flags, environ)
    except ConfigError as error:
        return _first_run(flags, environ, error)
    from awsync.tui.app import run

    return run(lambda: _connect(watched), config_path=watched.path, prepare=_load_engine, tidy=tidy)


def _first_run(flags: dict[str, object], environ: Mapping[str, str], error: ConfigError) -> int:
    from awsync.config import Watched
    from awsync.firstrun import FirstRun

    setup = FirstRun(flags, environ)
    if not setup.needed:
        raise error
    from awsync.tui.app import run
    from awsync.tui.firstrun import FirstRunPage

    code = run(
        lambda: _connect(Watched(flags, environ)),
        config_path=setup.path,
        first=lambda: FirstRunPage(setup),
        prepare=_load_engine,
    )
    if not setup.written:
        narrate("Nothing was written. awsync tui asks again; awsync config init writes a file to edit.")
    return code


def _load_engine() -> None:
    import_module("awsync.agent")


def _connect(watched: "Watched") -> "Agent":
    from awsync.agent import ConsoleAgent

    return ConsoleAgent(watched)
