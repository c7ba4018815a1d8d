"""`awsync buckets` and `awsync status`: looking without touching.

May import: typer, cli, errors; at call time config, survey, state.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from awsync.cli.flags import settings_flags
from awsync.cli.output import NO_BUCKET, complain, document, narrate, one_source, say, table
from awsync.cli.quarantine import range_document, sample_document
from awsync.cli.settings import load_settings, load_with_store, remembered_neighbours
from awsync.words import amount, clock, iso, span

if TYPE_CHECKING:
    from awsync.records import Checkpoint
    from awsync.state import State
    from awsync.survey import SourceReport

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@settings_flags
def buckets(flags: dict[str, object], json: Json = False) -> None:
    """List what there is in ActivityWatch, what is synced, and why the rest is not."""
    from awsync.survey import survey

    settings = load_settings(flags, needs_store=False)
    reports = asyncio.run(survey(settings, remembered_neighbours(settings)))
    if json:
        document([_source_document(report) for report in reports])
    else:
        columns = ("source", "bucket", "watcher", "host", "events", "newest (UTC)", "synced")
        rows = [
            (
                found.source,
                found.bucket,
                found.watcher,
                found.host,
                f"{found.events:,}",
                "" if found.newest is None else clock(found.newest),
                "yes" if found.why_not is None else f"no: {found.why_not}",
            )
            for report in reports
            for found in report.buckets
        ]
        if rows:
            # An id that begins with its watcher says both.
            named = all(row[1].startswith(row[2]) for row in rows)
            idle = [*one_source(rows), *(("watcher",) if named else ())]
            table(columns, rows, numbers=("events",), idle=idle)
        elif not any(report.error for report in reports):
            narrate(NO_BUCKET)
    failures = [report.error for report in reports if report.error is not None]
    for error in failures:
        complain(error)
    raise typer.Exit(1 if failures else 0)


def _source_document(report: "SourceReport") -> dict[str, object]:
    return {
        "source": report.source,
        "url": report.url,
        "version": report.version,
        "error": None if report.error is None else str(report.error),
        "buckets": [asdict(found) | {"newest": iso(found.newest)} for found in report.buckets],
    }


@settings_flags
def status(
    flags: dict[str, object],
    passes: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="How many past passes to show.")] = 5,
    json: Json = False,
) -> None:
    """Show checkpoints, lag, what is set aside, the last passes, and who is at work."""
    from awsync.state import State

    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=False) as state:
        if json:
            document(_status_document(state, passes))
        else:
            _show_status(state, passes)


def _show_status(state: "State", passes: int) -> None:
    from awsync.engine import system_clock

    now = system_clock()
    say(f"sink: {state.sink}")
    say(f"running: {state.database.holder() or 'no'}")
    aside = state.set_aside()
    rows = [
        (
            checkpoint.source,
            checkpoint.bucket,
            "" if checkpoint.position is None else clock(checkpoint.position),
            lag(checkpoint, now),
            f"{checkpoint.samples:,}",
            amount(count, "range") if (count := _count(aside, checkpoint)) else "",
        )
        for checkpoint in state.checkpoints()
    ]
    columns = ("source", "bucket", "checkpoint (UTC)", "lag", "samples", "set aside")
    idle = [*one_source(rows), *(() if any(row[-1] for row in rows) else ("set aside",))]
    table(columns, rows, numbers=("samples",), idle=idle)
    for source, bucket, held in aside:
        say(f"set aside: {source}/{bucket} from {clock(held.start)} to {clock(held.end)}: {held.words}")
    if samples := state.quarantine():
        say(f"set aside: {amount(len(samples), 'sample')} that the store refused; see awsync quarantine list")
    for record in state.passes(passes):
        if record.finished is None:
            say(f"pass {clock(record.started)}: not finished")
            continue
        done = "complete" if record.complete else "incomplete"
        say(
            f"pass {clock(record.started)}: {done} in {record.elapsed or 0:.1f} s, "
            f"{amount(record.totals.events, 'event')}, {amount(record.totals.samples, 'sample')}"
        )
        for fault in record.totals.faults:
            say(f"  {fault}")


def lag(checkpoint: "Checkpoint", now: int) -> str:
    """How far a bucket's checkpoint is behind its newest known event, in words."""
    if checkpoint.position is None:
        return "not synced"
    if checkpoint.newest is None or checkpoint.newest > checkpoint.position:
        return f"{span((now - checkpoint.position) / 1e6)} behind"
    return "in sync"


def _count(aside: Sequence[tuple[str, str, object]], checkpoint: "Checkpoint") -> int:
    return sum((source, bucket) == (checkpoint.source, checkpoint.bucket) for source, bucket, _ in aside)


def _status_document(state: "State", passes: int) -> dict[str, object]:
    return {
        "sink": state.sink,
        "running": state.database.holder(),
        "checkpoints": [
            {
                "source": checkpoint.source,
                "bucket": checkpoint.bucket,
                "position": iso(checkpoint.position),
                "newest": iso(checkpoint.newest),
                "samples": checkpoint.samples,
            }
            for checkpoint in state.checkpoints()
        ],
        "set_aside": [
            *(range_document(*each) for each in state.set_aside()),
            *map(sample_document, state.quarantine()),
        ],
        "passes": [
            {
                "started": iso(record.started),
                "finished": iso(record.finished),
                "elapsed_seconds": record.elapsed,
                "complete": record.complete,
                "totals": asdict(record.totals),
            }
            for record in state.passes(passes)
        ],
    }
