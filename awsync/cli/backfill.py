"""`awsync backfill FOLDER`: history that is older than the store takes, as files that it imports.

May import: typer, cli, errors; at call time backfill, config, engine, state.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import document, narrate, say
from awsync.cli.settings import load_with_store
from awsync.cli.typed import MOMENT, hour_of
from awsync.words import amount, clock, iso

if TYPE_CHECKING:
    from awsync.backfill.manifest import Manifest
    from awsync.backfill.writing import Wanted, Written
    from awsync.config.key import Key
    from awsync.settings import Settings

_FOLDER = "Where the files go: a new folder; with --done, the one that was imported."
_LATER, _EARLIER = f"Only what lies after it: {MOMENT}.", f"Only what lies before it: {MOMENT}."
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help=_FOLDER, show_default=False)]
Done = Annotated[bool, typer.Option("--done", help="The import is made: check it, and take it into account.")]
Since = Annotated[str, typer.Option(metavar="DATE", help=_LATER, show_default=False)]
Until = Annotated[str, typer.Option(metavar="DATE", help=_EARLIER, show_default=False)]
Source = Annotated[str, typer.Option(metavar="NAME", help="Only this source.", show_default=False)]
Bucket = Annotated[str, typer.Option(metavar="ID", help="Only this bucket.", show_default=False)]
Files = Annotated[
    bool,
    typer.Option("--files", help="Also for a store that takes any age by remote write (VictoriaMetrics)."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@settings_flags
def backfill(
    flags: dict[str, object],
    folder: Folder,
    done: Done = False,
    since: Since = "",
    until: Until = "",
    source: Source = "",
    bucket: Bucket = "",
    files: Files = False,
    json: Json = False,
) -> None:
    """Write history that is older than the store takes to files, and the commands that import them."""
    if done and (since or until or source or bucket or files):
        raise typer.BadParameter("--done takes the whole folder.")
    settings, sink = load_with_store(flags)
    if done:
        _finish(settings, sink, folder, as_json=json)
        return
    from awsync.backfill.writing import Wanted

    wanted = Wanted(
        since=hour_of(since, "--since") if since else None,
        until=hour_of(until, "--until") if until else None,
        source=source or None,
        bucket=bucket or None,
        files=files,
    )
    written = _write(settings, sink, wanted, folder)
    _show(written, settings, folder, flags, as_json=json)
    raise typer.Exit(1 if written.failures else 0)


def _write(settings: "Settings", sink: str, wanted: "Wanted", folder: Path) -> "Written":
    from awsync.backfill.writing import Backfill
    from awsync.state import State

    with State(settings.state_dir, sink, write=False) as state:
        return asyncio.run(Backfill(settings, state, wanted, narrate).run(folder))


def _finish(settings: "Settings", sink: str, folder: Path, *, as_json: bool) -> None:
    from awsync.backfill.done import finish
    from awsync.backfill.manifest import read
    from awsync.config.command_line import shown_command
    from awsync.engine import system_clock
    from awsync.state import State

    manifest = read(folder)
    with State(settings.state_dir, sink, write=True) as state:
        state.database.announce(shown_command(), system_clock())
        asyncio.run(finish(settings, state, manifest, narrate))
    if as_json:
        document(_buckets(manifest))
        return
    say(
        f"{amount(len(manifest.parts), 'bucket')} from {clock(manifest.start)} to {clock(manifest.end)} UTC"
        f" delivered; the next pass goes on from there. {folder} can be deleted."
    )


def _show(
    written: "Written", settings: "Settings", folder: Path, flags: Mapping[str, object], *, as_json: bool
) -> None:
    """The commands to run next on stdout, what to know of them on stderr."""
    from awsync.backfill import next_steps
    from awsync.config.command_line import given_again
    from awsync.engine import system_clock

    manifest, facts, now = written.manifest, written.facts, system_clock()
    for failure in written.failures:
        narrate(f"! {failure}")
    if manifest is None:
        any_age = facts.engine == "VictoriaMetrics" and not written.files
        why = next_steps.any_age(facts) if any_age else next_steps.nothing_to_do(facts, written.at, now)
        if as_json:
            document({"files": [], "buckets": [], "commands": [], "why": why})
        else:
            say(why)
        return
    base_url = None if settings.store is None else settings.store.base_url
    given, left_out = given_again(flags)
    done = ["awsync", "backfill", "--done", str(folder), *given]
    commands = next_steps.commands(manifest, facts, folder, base_url, done)
    hints = [*next_steps.hints(facts, written.at, manifest.start, now), *map(_left_out, left_out)]
    if as_json:
        document(_document(manifest, commands, hints, written.failures))
        return
    narrate(
        f"{amount(manifest.samples, 'sample')} of {amount(manifest.series, 'series')} from"
        f" {clock(manifest.start)} to {clock(manifest.end)} UTC in {amount(len(manifest.files), 'file')}."
    )
    for hint in hints:
        narrate(f"! {hint}")
    for remark in next_steps.remarks(facts):
        narrate(remark)
    narrate("Then run:")
    for command in commands:
        say(command)


def _left_out(key: "Key[Any]") -> str:
    return (
        f"{key.flag} may hold a secret and is left out of the last command: give it there again, or set"
        f" {key.env[-1]}."
    )


def _document(
    manifest: "Manifest", commands: Sequence[str], hints: Sequence[str], failures: Sequence[str]
) -> dict[str, object]:
    return {
        "from": iso(manifest.start),
        "to": iso(manifest.end),
        "samples": manifest.samples,
        "series": manifest.series,
        "files": [{"name": file.name, "samples": file.samples} for file in manifest.files],
        "buckets": _buckets(manifest),
        "commands": commands,
        "hints": hints,
        "failures": failures,
    }


def _buckets(manifest: "Manifest") -> list[dict[str, object]]:
    return [
        {
            "source": part.source,
            "bucket": part.bucket,
            "pieces": [
                {
                    "from": iso(piece.start),
                    "to": iso(piece.end),
                    "samples": piece.samples,
                    "seconds": piece.microseconds / 1_000_000,
                }
                for piece in part.pieces
            ],
        }
        for part in manifest.parts
    ]
