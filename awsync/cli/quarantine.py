"""`awsync quarantine list|show|retry|drop`: what the store did not take, and what is to become of it.

May import: typer, cli, errors; at call time state, journal, engine.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import document, narrate, say, table
from awsync.cli.settings import load_with_store
from awsync.errors import AwsyncError, LockHeldError
from awsync.words import amount, clock, iso

if TYPE_CHECKING:
    from awsync.control import Command
    from awsync.ledger import Mark, Quarantined, Range
    from awsync.settings import Settings
    from awsync.state import State

TAKEN_SECONDS = 2.0
_POLL_SECONDS = 0.1
_SEE_LIST = "awsync quarantine list shows what there is."

app = typer.Typer(
    help="What the store did not take: ranges for their age, samples for any other reason.",
    no_args_is_help=True,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Dropped = Annotated[bool, typer.Option("--dropped", help="Also what was given up.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="Ids as the list shows them.", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="Everything that is set aside.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
@settings_flags
def list_(flags: dict[str, object], json: Json = False, dropped: Dropped = False) -> None:
    """List what is set aside, with the store's own words."""
    from awsync.state import State

    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=False) as state:
        ranges, samples = state.set_aside(dropped=dropped), state.quarantine(dropped=dropped)
    if json:
        document([*(range_document(*each) for each in ranges), *map(sample_document, samples)])
        return
    if not ranges and not samples:
        narrate(f"Nothing is set aside for {sink}.")
        return
    rows = [*(_range_row(*each) for each in ranges), *map(_sample_row, samples)]
    table(("id", "source", "bucket", "what", "since (UTC)", "why"), rows)


@app.command()
@settings_flags
def show(
    flags: dict[str, object],
    id_: Annotated[str, typer.Argument(metavar="ID", help="An id as the list shows it.")],
    json: Json = False,
) -> None:
    """Show one thing that is set aside, whole."""
    from awsync.state import State

    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=False) as state:
        found = _find(state, id_)
    if json:
        document(found)
        return
    for name, value in found.items():
        if isinstance(value, dict):
            for label, text in value.items():
                say(f"  {label} = {text!r}")
        else:
            say(f"{name}: {value}")


@app.command()
@settings_flags
def retry(flags: dict[str, object], ids: Ids = None, everything: All = False) -> None:
    """Let the next pass try it again; a running service does so at once."""
    from awsync.ledger import Mark

    _decide(flags, ids or [], Mark.RETRY, everything=everything, yes=True)


@app.command()
@settings_flags
def drop(flags: dict[str, object], ids: Ids = None, everything: All = False, yes: Yes = False) -> None:
    """Give it up, after a question: it is never sent, unless its checkpoint is moved back."""
    from awsync.ledger import Mark

    _decide(flags, ids or [], Mark.DROPPED, everything=everything, yes=yes)


def _decide(
    flags: dict[str, object], ids: Sequence[str], mark: "Mark", *, everything: bool, yes: bool
) -> None:
    from awsync.ledger import Mark
    from awsync.state import State

    if bool(ids) == everything:
        raise typer.BadParameter("Name ids as `awsync quarantine list` shows them, or give --all.")
    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=False) as state:
        known = _ids(state)
    unknown = [each for each in ids if each not in known]
    if unknown:
        raise AwsyncError(f"Nothing set aside has the id {', '.join(unknown)}.", _SEE_LIST)
    chosen = tuple(ids) or tuple(known)
    if not yes and chosen:
        typer.confirm(f"Give up {', '.join(chosen)}? It will not be sent.", abort=True, err=True)
    told = _carry_out(settings, sink, chosen, mark)
    what = amount(len(chosen), "set-aside item")
    say(f"{what} given up." if mark is Mark.DROPPED else f"{what} to be tried again{told}.")


def _carry_out(settings: "Settings", sink: str, ids: tuple[str, ...], mark: "Mark") -> str:
    """Writes it down, or has the process do so that holds the state; returns who tries it, in words."""
    from awsync.control import Command, Request
    from awsync.ledger import Mark
    from awsync.state import State

    try:
        with State(settings.state_dir, sink, write=True) as state:
            state.mark_aside(ids, mark)
    except LockHeldError:
        request = Request.DROP_ASIDE if mark is Mark.DROPPED else Request.RETRY_ASIDE
        if not _is_taken(settings, Command(request=request, ids=ids)):
            raise
        return " by the running awsync"
    return " by the next pass"


def _is_taken(settings: "Settings", command: "Command") -> bool:
    """Whether the process that holds the state heard a request within two seconds."""
    from awsync.journal import Journal

    with Journal(settings.state_dir) as journal:
        number = journal.ask(command)
        end = time.monotonic() + TAKEN_SECONDS
        while time.monotonic() < end:
            if journal.is_taken(number):
                return True
            time.sleep(_POLL_SECONDS)
    return False


def _ids(state: "State") -> list[str]:
    ranges = [f"r{held.id}" for _, _, held in state.set_aside()]
    return [*ranges, *(f"s{held.id}" for held in state.quarantine())]


def _find(state: "State", id_: str) -> dict[str, object]:
    documents = [
        *(range_document(*each) for each in state.set_aside(dropped=True)),
        *map(sample_document, state.quarantine(dropped=True)),
    ]
    for found in documents:
        if found["id"] == id_:
            return found
    raise AwsyncError(f"Nothing set aside has the id {id_}.", _SEE_LIST)


def _range_row(source: str, bucket: str, held: "Range") -> tuple[str, ...]:
    what = f"{clock(held.start)} to {clock(held.end)}{_marked(held.mark)}"
    return f"r{held.id}", source, bucket, what, clock(held.since), held.words


def _sample_row(held: "Quarantined") -> tuple[str, ...]:
    labels = dict(held.entry.labels)
    told = labels.get("app") or labels.get("status") or labels.get("domain") or labels["__name__"]
    what = f"{clock(held.entry.slot_end)} {held.entry.sample.value:g} s {told}{_marked(held.mark)}"
    return f"s{held.id}", held.source, held.bucket, what, clock(held.since), held.words.partition("\n")[0]


def _marked(mark: "Mark") -> str:
    return f" ({mark.value})" if mark else ""


def range_document(source: str, bucket: str, held: "Range") -> dict[str, object]:
    """A range for machines."""
    return {
        "id": f"r{held.id}",
        "kind": "range",
        "source": source,
        "bucket": bucket,
        "from": iso(held.start),
        "to": iso(held.end),
        "words": held.words,
        "since": iso(held.since),
        "mark": held.mark.value,
    }


def sample_document(held: "Quarantined") -> dict[str, object]:
    """A sample for machines."""
    sample = held.entry.sample
    return {
        "id": f"s{held.id}",
        "kind": "sample",
        "source": held.source,
        "bucket": held.bucket,
        "labels": dict(sample.labels),
        "timestamp_ms": sample.timestamp_ms,
        "seconds": sample.value,
        "words": held.words,
        "since": iso(held.since),
        "tried": iso(held.tried),
        "store": held.facts,
        "mark": held.mark.value,
    }
