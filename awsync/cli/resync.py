"""`awsync resync`: sends a part of the history again on purpose, with the labels of now, after a question.

May import: typer, cli, errors, since, timeline, words; at call time engine, resync, state.
"""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import narrate, say
from awsync.cli.settings import load_with_store
from awsync.errors import AwsyncError
from awsync.since import beginning
from awsync.timeline import HOUR, floor_to
from awsync.words import amount, clock

if TYPE_CHECKING:
    from awsync.records import Checkpoint
    from awsync.state import State


@settings_flags
def resync(
    flags: dict[str, object],
    since: Annotated[str, typer.Option(metavar="30d|DATE", help="From when on.", show_default=False)],
    bucket: Annotated[str, typer.Option(metavar="ID", help="Only this bucket.", show_default=False)] = "",
    source: Annotated[str, typer.Option(metavar="NAME", help="Only this source.", show_default=False)] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Send history again with the labels of now, as after a change of categories; no sum doubles.

    After a question; what the store holds under earlier labels is taken back by corrections of the same time.
    """
    from awsync.engine import system_clock
    from awsync.resync import check_resync
    from awsync.state import State

    settings, sink = load_with_store(flags)
    assert settings.store is not None, "load_with_store demands it"
    moment = floor_to(beginning(since, system_clock()), HOUR)
    with State(settings.state_dir, sink, write=True) as state:
        chosen = _chosen(state, bucket, source, moment)
        asyncio.run(check_resync(settings.store, moment, clock=system_clock))
        names = ", ".join(f"{found.source}/{found.bucket}" for found in chosen)
        if not yes:
            narrate("What ActivityWatch does not have any more of that time leaves the sums of the store.")
            typer.confirm(f"Send {names} again from {clock(moment)} UTC?", abort=True, err=True)
        for found in chosen:
            state.resync(found.source, found.bucket, moment, system_clock())
    say(
        f"{amount(len(chosen), 'checkpoint')} moved to {clock(moment)} UTC or its beginning; the next pass "
        "sends what differs from there on, as corrections."
    )


def _chosen(state: "State", bucket: str, source: str, moment: int) -> "list[Checkpoint]":
    chosen = [
        found
        for found in state.checkpoints()
        if found.position is not None
        and bucket in ("", found.bucket)
        and source in ("", found.source)
        and max(moment, found.began or 0) < found.position
    ]
    if not chosen:
        what = f'bucket "{bucket}"' if bucket else "any bucket"
        raise AwsyncError(
            f"Nothing of {what} was sent to {state.sink} since {clock(moment)} UTC.",
            "awsync status lists them.",
        )
    return chosen
