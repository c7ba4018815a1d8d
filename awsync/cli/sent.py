"""`awsync sent`: what has left this machine, from the ledger; neither ActivityWatch nor the store is asked.

May import: typer, cli, errors, since, totals, words; at call time config, engine, sent, sent_reader, state.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from awsync.cli.flags import settings_flags
from awsync.cli.output import document, narrate, on_terminal, say, table
from awsync.cli.settings import load_with_store
from awsync.errors import AwsyncError
from awsync.since import beginning
from awsync.totals import stopwatch
from awsync.words import amount, clock, iso, printable

if TYPE_CHECKING:
    from awsync.sent import Bucket, Label, Left, Report

_BUCKET = "bucket"
_YEAR = len("2026-")
_EXAMPLES = 3
_EXAMPLE = 24
"""Characters of an example."""
_NUMBERS = ("samples", "corrections", "refused", "time", "values")


@settings_flags
def sent(
    flags: dict[str, object],
    since: Annotated[str, typer.Option(metavar="1d|DATE", help="Of the activity since when.")] = "1d",
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only this source.")] = None,
    bucket: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this bucket: every label set that left.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="Every value of this label; with a value, the label sets that have it.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="All of it as JSON on stdout.")] = False,
) -> None:
    """Show what has left this machine, as its ledger remembers; nobody else is asked."""
    from awsync.engine import system_clock
    from awsync.sent import having, meant, notes
    from awsync.sent_reader import read
    from awsync.state import State

    now = system_clock()
    start = beginning(since, now)
    settings, sink = load_with_store(flags)
    with State(settings.state_dir, sink, write=False) as state:
        report = _chosen(read(state, start, now), source, bucket)
    word, _, value = (label or "").partition("=")
    name = meant(word, report.buckets)
    if name and not value:
        _known(report, name)
    for note in notes(report):
        narrate(note)
    if value:
        report = replace(report, buckets=having(report.buckets, name, value))
    if json:
        document(_document(report, "" if value else name))
    else:
        _show(report, name, value, sets=bucket is not None)


def _chosen(report: "Report", source: str | None, bucket: str | None) -> "Report":
    """Only what was asked for; raises AwsyncError where there is no such bucket."""
    kept = [
        each for each in report.buckets if source in (None, each.source) and bucket in (None, each.bucket)
    ]
    if not kept and (source, bucket) != (None, None):
        wanted = "/".join(filter(None, (source, bucket)))
        raise AwsyncError(
            f'Nothing of "{wanted}" was ever sent to {report.sink} from here.',
            "awsync status lists what was.",
        )
    return report if kept == report.buckets else replace(report, buckets=kept, delivered=None)


def _known(report: "Report", name: str) -> None:
    """Raises AwsyncError for a label that never left."""
    from awsync.sent import in_words, names_of

    names = sorted(map(in_words, names_of(report.buckets)))
    if names and in_words(name) not in names:
        raise AwsyncError(f'No label "{name}" left.', f"Those that did: {', '.join(names)}.")


def _show(report: "Report", name: str, value: str, *, sets: bool) -> None:
    from awsync.sent import headline, in_words, values_of

    say(headline(report))
    if not report.shown:
        return
    if value or (sets and not name):
        for each in report.shown:
            say()
            say(_line(f"{each.source}/{each.bucket}: {amount(len(each.series), 'label set')}"))
            _table("label set", [(found.left, each.told(found.labels)) for found in each.series])
    elif name:
        values = values_of(report.buckets, name)
        say()
        say(f"{in_words(name)}: {amount(len(values), 'value')}")
        _table("value", [(each.left, each.value) for each in values])
    else:
        _overview(report)


def _overview(report: "Report") -> None:
    """The buckets, and below them their labels with a few of their values."""
    from awsync.sent import in_words

    several = len({each.source for each in report.shown}) > 1
    names = {
        (each.source, each.bucket): _line(f"{each.source}/{each.bucket}" if several else each.bucket)
        for each in report.shown
    }
    _table(_BUCKET, [(each.left, names[each.source, each.bucket]) for each in report.shown])
    rows: list[tuple[str, ...]] = []
    for each in report.shown:
        for number, label in enumerate(each.labels):
            # A person sees the name once, a program in every line.
            shown = "" if number and on_terminal() else names[each.source, each.bucket]
            rows.append((shown, in_words(label.name), f"{len(label.values):,}", _examples(label)))
    table(("bucket", "label", "values", "the most time"), rows, numbers=_NUMBERS)


def _table(what: str, rows: Sequence[tuple["Left", str]]) -> None:
    """What left, with columns for corrections and refusals only where there are any."""
    corrected = any(left.corrections for left, _ in rows)
    refused = any(left.refused for left, _ in rows)
    columns = (
        "time",
        "samples",
        *(("corrections",) if corrected else ()),
        *(("refused",) if refused else ()),
        *_span_titles(what),
        what,
    )
    filled = [
        [
            _time(left.weight),
            f"{left.samples:,}",
            *([f"{left.corrections:,}"] if corrected else []),
            *([f"{left.refused:,}"] if refused else []),
            *_span(left, what),
            _line(text),
        ]
        for left, text in rows
    ]
    table(columns, filled, numbers=_NUMBERS)


def _span_titles(what: str) -> Sequence[str]:
    if not on_terminal():
        return ("first (UTC)", "last (UTC)")
    return ("first and last (UTC)",) if what == _BUCKET else ("last (UTC)",)


def _span(left: "Left", what: str) -> Sequence[str]:
    """The first and the last slot; a person gets both where they leave room for the rest."""
    first, last = clock(left.first or 0), clock(left.last or 0)
    if not on_terminal():
        return (first, last)
    return (f"{first[_YEAR:]} - {last[_YEAR:]}",) if what == _BUCKET else (last,)


def _examples(label: "Label") -> str:
    texts = [_line(each.value) for each in label.values[:_EXAMPLES]]
    if on_terminal() and len(texts) > 1:
        texts = [text if len(text) <= _EXAMPLE else f"{text[: _EXAMPLE - 1]}…" for text in texts]
    return ", ".join([*texts, *(["..."] if len(label.values) > _EXAMPLES else [])])


def _time(microseconds: int) -> str:
    """Corrections may take more than the slots that are in sight gave."""
    return f"-{stopwatch(-microseconds)}" if microseconds < 0 else stopwatch(microseconds)


def _line(text: str) -> str:
    """Text from anywhere as one line that no terminal obeys."""
    return printable(" ".join(text.split()))


def _document(report: "Report", name: str) -> dict[str, object]:
    from awsync.sent import notes

    return {
        "sink": report.sink,
        "since": iso(report.since),
        "until": iso(report.until),
        "whole_from": iso(report.whole_from),
        "notes": notes(report),
        "passes": report.passes,
        "passes_samples": report.delivered,
        "other_sinks": report.other_sinks,
        **_left(report.left),
        "buckets": [_bucket(each, name) for each in report.buckets],
    }


def _bucket(found: "Bucket", name: str) -> dict[str, object]:
    memory = found.memory
    unconfirmed = memory.unconfirmed
    return {
        "source": found.source,
        "bucket": found.bucket,
        "metrics": found.metrics,
        **_left(found.left),
        "whole_from": iso(memory.whole_from),
        "forgotten_until": iso(memory.forgotten_until),
        "unconfirmed": None
        if unconfirmed is None
        else {"from": iso(unconfirmed[0]), "to": iso(unconfirmed[1])},
        "ranges_too_old": memory.too_old,
        "labels": _labels(label for label in found.labels if name in ("", label.name)),
        "series": [{"labels": dict(each.labels), **_left(each.left)} for each in found.series],
    }


def _labels(labels: Iterable["Label"]) -> dict[str, object]:
    return {
        label.name: [{"value": each.value, **_left(each.left)} for each in label.values] for label in labels
    }


def _left(left: "Left") -> dict[str, object]:
    return {
        "samples": left.samples,
        "corrections": left.corrections,
        "refused": left.refused,
        "seconds": left.microseconds / 1e6,
        "correction_seconds": left.corrected_microseconds / 1e6,
        "refused_seconds": left.refused_microseconds / 1e6,
        "first_slot_end": iso(left.first),
        "last_slot_end": iso(left.last),
    }
