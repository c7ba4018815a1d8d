"""`awsync preview`: real events before and after, on this terminal only.

May import: typer, cli, errors, words; at call time config, preview, series.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from json import dumps
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Raw

from awsync.cli.flags import settings_flags
from awsync.cli.output import NO_BUCKET, document, narrate, say
from awsync.cli.settings import load_settings, remembered_neighbours, state_if_any
from awsync.cli.typed import length_of
from awsync.words import amount, clock, iso, printable, worked

if TYPE_CHECKING:
    from awsync.preview import Example, Preview
    from awsync.series import Data
    from awsync.settings import Rule, Settings

TRIED = "tried"
"""The name of a rule that says none."""


@settings_flags
def preview(
    flags: dict[str, object],
    bucket: Annotated[
        str | None,
        typer.Argument(
            metavar="BUCKET", help="A bucket id, as awsync buckets lists them; without it each in turn."
        ),
    ] = None,
    last: Annotated[str, typer.Option(metavar="DURATION", help="How much of its newest time.")] = "1h",
    count: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many events are shown.")] = 20,
    rule: Annotated[
        str | None,
        typer.Option(metavar="TOML", help="One more rule to try: match = { title = 'bank' }, drop = true"),
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Show the exact series and values instead.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON on stdout.")] = False,
) -> None:
    """Show real events as ActivityWatch has them and as they would leave, and which rule did what."""
    length = length_of(last, "--last")
    tried = _rule(rule)
    settings = load_settings(flags, needs_store=False)
    shown: list[Preview] = []
    try:
        asyncio.run(_look(settings, bucket, length, tried, shown))
    finally:
        if json:
            document([_document(each) for each in shown])
        else:
            for number, each in enumerate(shown):
                if number and not samples:
                    say()
                _show_samples(each) if samples else _show(each, count)
    if not shown:
        narrate(NO_BUCKET)


async def _look(
    settings: "Settings", bucket: str | None, length: timedelta, tried: "Rule | None", shown: "list[Preview]"
) -> None:
    from awsync.admissions import Book, Unwritten
    from awsync.preview import previews

    remembered = remembered_neighbours(settings)
    with state_if_any(settings) as state:

        def book(source: str, bucket: str) -> Book:
            return Unwritten() if state is None else state.admissions(source, bucket)

        found = previews(settings, bucket, length=length, tried=tried, books=book, remembered=remembered)
        async with aclosing(found):
            async for each in found:
                shown.append(each)


def _rule(text: str | None) -> "Rule | None":
    from awsync.config.tried import rule_of

    return None if text is None else rule_of(text, TRIED)


def _show(found: "Preview", count: int) -> None:
    for line in _headline(found):
        say(printable(line))
    for example in found.examples[:count]:
        say()
        time = worked(example.microseconds / 1e6)
        say(f"{clock(example.newest)}  {amount(example.events, 'event')}, {time}")
        say(f"  has      {_data(example.data)}")
        say(f"  leaves   {_labels(example)}")
        for did in example.did:
            say(printable(f"  rule     {did.name}: {did.words}"))
    if len(found.examples) > count:
        say()
        say(f"... and {len(found.examples) - count:,} more")


def _headline(found: "Preview") -> Iterator[str]:
    dropped = sum(example.events for example in found.examples if example.labels is None)
    yield (
        f"{found.source}/{found.bucket}: {amount(found.events, 'event')} from {clock(found.start)} to "
        f"{clock(found.end)} UTC, {dropped:,} dropped; they become {amount(len(found.entries), 'sample')} of "
        f"{amount(len({entry.labels for entry in found.entries}), 'series')}:"
    )
    if found.why_not is not None:
        yield f"Nothing of it leaves, for it is not synced: {found.why_not}."


def _data(data: "Data") -> str:
    from awsync.series import plain

    return ", ".join(f'{printable(key)}="{_escaped(plain(value))}"' for key, value in data.items())


def _labels(example: "Example") -> str:
    if example.labels is None:
        return "nothing"
    return ", ".join(f'{key}="{_escaped(value)}"' for key, value in example.labels) or "its time alone"


def _show_samples(found: "Preview") -> None:
    for line in _headline(found):
        narrate(line)  # what is on stdout is nothing but samples
    for entry in found.entries:
        sample = entry.sample
        name, *labels = sample.labels if sample.labels[0][0] == "__name__" else sorted(sample.labels)
        inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
        say(f"{name[1]}{{{inside}}} {sample.value:g} {sample.timestamp_ms}")


def _escaped(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped)


def _document(found: "Preview") -> dict[str, object]:
    return {
        "source": found.source,
        "bucket": found.bucket,
        "watcher": found.watcher,
        "from": iso(found.start),
        "to": iso(found.end),
        "why_not": found.why_not,
        "events": [
            {
                "data": Raw(dumps(example.data).encode()),  # halves of emoji are no UTF-8
                "events": example.events,
                "seconds": example.microseconds / 1e6,
                "newest": iso(example.newest),
                "labels": None if example.labels is None else dict(example.labels),
                "rules": [{**did._asdict(), "words": did.words} for did in example.did],
            }
            for example in found.examples
        ],
        "samples": [
            {
                "labels": dict(entry.labels),
                "timestamp_ms": entry.sample.timestamp_ms,
                "seconds": entry.sample.value,
            }
            for entry in found.entries
        ],
    }
