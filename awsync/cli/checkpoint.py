"""`awsync checkpoint rewind|reset`: sends a part of the history again, after a question.

May import: typer, cli, errors; at call time config, state.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import narrate, say
from awsync.cli.settings import load_with_store
from awsync.cli.typed import hour_of
from awsync.errors import AwsyncError
from awsync.words import amount, clock

if TYPE_CHECKING:
    from awsync.records import Checkpoint
    from awsync.state import State

app = typer.Typer(
    help="Move checkpoints back; of what is then computed again only what the store lacks is sent.",
    no_args_is_help=True,
    add_completion=False,
)

Bucket = Annotated[
    str, typer.Argument(metavar="BUCKET", help="A bucket id; leave it out with --all.", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="Every bucket of every source.")]
Source = Annotated[str, typer.Option(metavar="NAME", help="Only this source.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
@settings_flags
def rewind(
    flags: dict[str, object],
    to: Annotated[
        str,
        typer.Option(metavar="MOMENT", help="A date or moment (2026-11-20, 2026-11-20T10:00), local time."),
    ],
    bucket: Bucket = "",
    everything: All = False,
    source: Source = "",
    yes: Yes = False,
) -> None:
    """Move a checkpoint back to the hour that holds a moment: the next pass goes over it from there."""
    _move(flags, bucket, source, hour_of(to, "--to"), everything=everything, yes=yes)


@app.command()
@settings_flags
def reset(
    flags: dict[str, object],
    bucket: Bucket = "",
    everything: All = False,
    source: Source = "",
    yes: Yes = False,
) -> None:
    """Forget a checkpoint: the next pass goes over the bucket's whole history again."""
    _move(flags, bucket, source, None, everything=everything, yes=yes)


def _move(
    flags: dict[str, object], bucket: str, source: str, position: int | None, *, everything: bool, yes: bool
) -> None:
    from awsync.engine import system_clock
    from awsync.state import State

    if bool(bucket) == everything:
        raise typer.BadParameter("Name one bucket, or give --all.")
    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=True) as state:
        chosen = _chosen(state, bucket, source, position)
        where = "the beginning" if position is None else f"{clock(position)} UTC"
        names = ", ".join(f"{found.source}/{found.bucket}" for found in chosen)
        if not yes:
            narrate(
                "What the store lacks is sent; one that cannot be queried gets all of it again "
                "(VictoriaMetrics without dedup then counts it twice)."
            )
            typer.confirm(f"Go over {names} again from {where}?", abort=True, err=True)
        for found in chosen:
            state.rewind(found.source, found.bucket, position, system_clock())
        say(f"{amount(len(chosen), 'checkpoint')} moved to {where}; the next pass goes on from there.")


def _chosen(state: "State", bucket: str, source: str, position: int | None) -> "list[Checkpoint]":
    chosen = [
        found
        for found in state.checkpoints()
        if found.position is not None
        and bucket in ("", found.bucket)
        and source in ("", found.source)
        and (position is None or position < found.position)
    ]
    if not chosen:
        what = f'bucket "{bucket}"' if bucket else "any bucket"
        raise AwsyncError(
            f"No checkpoint of {what} for {state.sink} lies after that moment.", "awsync status lists them."
        )
    return chosen
