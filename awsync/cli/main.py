"""The typer application, and how an error becomes a sentence and an exit code.

A command's module is loaded when the command is asked for: `awsync tui` pays for nothing of `awsync sync`.

May import: typer, errors and cli.
"""

import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from awsync import __version__
from awsync.cli.output import complain, flush
from awsync.errors import AwsyncError

INTERRUPTED = 130

_PLACES = {
    "sync": "sync:sync",
    "tui": "tui:tui",
    "buckets": "listing:buckets",
    "today": "today:today",
    "plan": "plan:plan",
    "preview": "preview:preview",
    "sent": "sent:sent",
    "status": "listing:status",
    "quarantine": "quarantine:app",
    "backfill": "backfill:backfill",
    "doctor": "doctor:doctor",
    "service": "service:app",
    "verify": "verify:verify",
    "resync": "resync:resync",
    "checkpoint": "checkpoint:app",
    "config": "config:app",
    "center": "center:center",
    "demo": "demo:demo",
}


class Commands(TyperGroup):
    """The commands, in the order of the help; each is made when it is first wanted."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 typer keeps the type to itself
        """Their names."""
        return list(_PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 as above
        """The command of a name; None where there is none."""
        if cmd_name in _PLACES and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 as above
        """What to run; a name that is none is answered with the nearest of all names."""
        if args and args[0] not in _PLACES:
            for name in _PLACES:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


def _load(name: str) -> Any:  # noqa: ANN401 as above
    module, _, attribute = _PLACES[name].partition(":")
    found = getattr(import_module(f"awsync.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command = get_command(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    return command


app = typer.Typer(
    name="awsync",
    cls=Commands,
    help="Delivers your ActivityWatch history to Prometheus, exactly once and to the second.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 incomplete, 2 usage or settings, 3 another awsync works, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"awsync {__version__}")  # noqa: T201 data on stdout
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Delivers your ActivityWatch history to Prometheus, exactly once and to the second."""


def main() -> None:
    """The entry point: runs a command and exits with its code."""
    _prepare_streams()
    try:
        try:
            app()
        finally:
            flush()
    except AwsyncError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output left, as `head` does.
        sys.exit(1)


def _prepare_streams() -> None:
    """What is printed shall stop no command: not where a stream is closed, nor where it lacks a sign."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 until the end
        elif isinstance(stream, io.TextIOWrapper):
            # A code page of Windows lacks the signs of tables, and half an emoji is in no encoding at all.
            stream.reconfigure(errors="replace")
