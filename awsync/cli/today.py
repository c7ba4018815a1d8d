"""`awsync today`: what the time was spent on, straight from ActivityWatch.

May import: typer, cli, errors, words; at call time engine, today, totals.
"""

import asyncio
import shutil
import textwrap
from typing import Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import document, narrate, on_terminal, say, table
from awsync.cli.settings import load_settings, remembered_neighbours
from awsync.totals import By, Report, Share, bar, foremost, headline, legend, percent, stopwatch
from awsync.words import iso

_BAR = 20
_ROOM = 56
"""What the columns beside the name take."""
_NARROW = 16


@settings_flags
def today(
    flags: dict[str, object],
    since: Annotated[
        str | None, typer.Option(metavar="7d|DATE", help="From when on, instead of this morning.")
    ] = None,
    by: Annotated[
        By, typer.Option(metavar="KIND", help="Tell it apart by app, title, host, domain or category.")
    ] = By.APP,
    top: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many rows the table has.")] = 15,
    json: Annotated[bool, typer.Option("--json", help="All rows as JSON on stdout.")] = False,
) -> None:
    """Show what the time was spent on, straight from ActivityWatch; no store is needed or asked."""
    from awsync.engine import system_clock
    from awsync.today import today as count

    settings = load_settings(flags, needs_store=False)
    known = remembered_neighbours(settings)
    report = asyncio.run(count(settings, by, since, now=system_clock(), remembered=known))
    if json:
        document(_document(report))
    else:
        _show(report, top)
    for failure in report.failures:
        narrate(f"awsync: {failure.where}: {failure.reason} {failure.remedy}".rstrip())
    raise typer.Exit(1 if report.failures else 0)


def _show(report: Report, top: int) -> None:
    say(_wrapped(headline(report)))
    for note in report.notes:
        narrate(note)
    if not report.shares:
        return
    shown = foremost(report, top)
    told = report.active is not None
    columns = (report.by, *(("active", "total") if told else ("time",)), "%", "")
    most = max(share.total for share in report.shares)
    room = max(shutil.get_terminal_size().columns - _ROOM, _NARROW) if on_terminal() else None
    rows = [
        _row(share, report, most if share in report.shares else 0, told=told, room=room) for share in shown
    ]
    whole = Share("all", report.total, report.active)
    rows.append(_row(whole, report, 0, told=told, room=room))
    table(columns, rows, numbers=("active", "total", "time", "%"))
    if on_terminal() and (meaning := legend(report, shown)):
        say(_wrapped(meaning))


def _wrapped(text: str) -> str:
    """A sentence that breaks between words where it is wider than the terminal."""
    if not on_terminal():
        return text
    return "\n".join(textwrap.wrap(text, max(shutil.get_terminal_size().columns, _NARROW)))


def _row(share: Share, report: Report, most: int, *, told: bool, room: int | None) -> list[str]:
    name = " ".join(share.name.split())
    if room is not None and len(name) > room:
        name = name[: room - 1] + "…"
    active = "-" if share.active is None else stopwatch(share.active)
    times = [active, stopwatch(share.total)] if told else [stopwatch(share.total)]
    return [name, *times, percent(share, report), bar(share, most, _BAR, told=told)]


def _document(report: Report) -> dict[str, object]:
    return {
        "by": report.by,
        "since": iso(report.since),
        "until": iso(report.until),
        "first": iso(report.first),
        "last": iso(report.last),
        "total_seconds": report.total / 1e6,
        "active_seconds": _seconds(report.active),
        "present_seconds": _seconds(report.present),
        "away_seconds": _seconds(report.away),
        "hosts": report.hosts,
        "rows": [
            {
                "name": share.name,
                "total_seconds": share.total / 1e6,
                "active_seconds": _seconds(share.active),
            }
            for share in report.shares
        ],
        "notes": report.notes,
        "failures": [
            {"where": failure.where, "reason": failure.reason, "remedy": failure.remedy}
            for failure in report.failures
        ],
    }


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
