"""The typer application, and how an error becomes a sentence and an exit code.

May import: typer, errors and cli.
"""

import sys
from typing import Annotated

import typer

from awsync import __version__
from awsync.cli import checkpoint, config, demo, listing, sync, tui
from awsync.cli.output import complain
from awsync.errors import AwsyncError

INTERRUPTED = 130

app = typer.Typer(
    name="awsync",
    help="Delivers your ActivityWatch history to Prometheus, exactly once and to the second.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 incomplete, 2 usage or settings, 3 another awsync works, 130 interrupted.",
)
app.command()(sync.sync)
app.command()(tui.tui)
app.command()(listing.buckets)
app.command()(listing.preview)
app.command()(listing.status)
app.add_typer(checkpoint.app, name="checkpoint")
app.add_typer(config.app, name="config")
app.command()(demo.demo)


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
    try:
        app()
    except AwsyncError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output left, as `head` does; Python would complain again at exit.
        sys.stderr.close()
        sys.exit(1)
