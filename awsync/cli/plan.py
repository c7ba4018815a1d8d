"""`awsync plan`: what the buckets cost at the store, before anything is sent, and which label to cut first.

May import: typer, cli, errors, words; at call time costs, engine, schedule.
"""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from awsync.cli.flags import settings_flags
from awsync.cli.output import NO_BUCKET, document, narrate, say, table
from awsync.cli.settings import load_settings, remembered_neighbours
from awsync.cli.typed import length_of
from awsync.cli.watch import Watch
from awsync.words import amount, iso, size

if TYPE_CHECKING:
    from awsync.costs.bill import Bill, Cost, Costs, Cut
    from awsync.costs.said import Weighed
    from awsync.settings import Settings

ALL = "all"
MOST_LABELS = 15
"""So many labels are shown, those whose loss saves most; --json has them all."""


@settings_flags
def plan(
    flags: dict[str, object],
    since: Annotated[
        str, typer.Option(metavar="DURATION|all", help="How far back is read, such as 30d.")
    ] = "90d",
    bucket: Annotated[str | None, typer.Option(metavar="ID", help="Only this bucket.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything as JSON on stdout.")] = False,
) -> None:
    """Say what a day, a month and a year cost in series, samples and disk, and which label to cut first."""
    from awsync.costs.bill import Bill
    from awsync.engine import system_clock

    length = _length(since)
    settings = load_settings(flags, needs_store=False)
    bill = Bill()
    asyncio.run(_read(settings, length, bucket, bill, system_clock()))
    if json:
        document(_document(bill, settings))
    else:
        _show(bill, settings)
    for failure in bill.unread:
        narrate(f"awsync: {failure.where}: {failure.reason} {failure.remedy}".rstrip())
    raise typer.Exit(1 if bill.unread else 0)


def _length(since: str) -> timedelta | None:
    return None if since.strip() == ALL else length_of(since, "--since")


async def _read(
    settings: "Settings", length: timedelta | None, bucket: str | None, bill: "Bill", now: int
) -> None:
    from awsync.costs.plan import plan as read
    from awsync.costs.said import Reading

    remembered = remembered_neighbours(settings)
    with Watch("Reading") as watch:
        found = read(settings, length, now=now, bucket=bucket, remembered=remembered)
        async with aclosing(found):
            async for said in found:
                bill.apply(said)
                if isinstance(said, Reading):
                    watch.tell(f"{said.source}/{said.bucket} {said.share:.0%}")


def _show(bill: "Bill", settings: "Settings") -> None:
    from awsync.costs.bill import costs

    if bill.buckets:
        rows = [(_name(each, bill), each.weight.days, costs([each])) for each in bill.buckets]
        if len(rows) > 1:
            rows.append(("all", max(each.weight.days for each in bill.buckets), bill.total()))
        _show_series(rows)
        _show_samples(rows)
        _show_labels(bill.cuts())
        _show_end(bill, settings)
    if not (bill.buckets or bill.skipped or bill.unread):
        narrate(NO_BUCKET)
    for skipped in bill.skipped:
        narrate(f"{skipped.source}/{skipped.bucket} is not synced: {skipped.why}.")


def _name(each: "Weighed", bill: "Bill") -> str:
    several = len({bucket.source for bucket in bill.buckets}) > 1
    return f"{each.source}/{each.bucket}" if several else each.bucket


def _show_series(rows: "list[tuple[str, int, Costs]]") -> None:
    columns = ("series of", "days read", "now", "a day", "a month", "a year")
    cells = [
        (name, f"{days:,}", *(_count(cost.series) for cost in (all_.seen, all_.day, all_.month, all_.year)))
        for name, days, all_ in rows
    ]
    table(columns, cells, numbers=columns[1:])
    say()


def _show_samples(rows: "list[tuple[str, int, Costs]]") -> None:
    engines = list(rows[0][2].year.bytes)
    columns = ("samples of", "now", "a day", "a month", "a year", *(f"{each}, a year" for each in engines))
    cells = [
        (
            name,
            *(f"{cost.samples:,}" for cost in (all_.seen, all_.day, all_.month, all_.year)),
            *(size(all_.year.bytes[engine]) for engine in engines),
        )
        for name, _, all_ in rows
    ]
    table(columns, cells, numbers=columns[1:])
    say()


def _show_labels(cuts: "list[Cut]") -> None:
    columns = ("watcher", "label", "values", "series", "without", "a year", "without it", "samples saved")
    cells = [
        (
            cut.watcher, cut.label, f"{cut.values:,}", f"{cut.series:,}", f"{cut.series_without:,}",
            _count(cut.year), _count(cut.year_without), f"{cut.samples - cut.samples_without:,}",
        )
        for cut in [each for each in cuts if each.saved or each.samples > each.samples_without][:MOST_LABELS]
    ]  # fmt: skip
    table(columns, cells, numbers=columns[2:])
    say()


def _show_end(bill: "Bill", settings: "Settings") -> None:
    total = bill.total()
    say(
        f"To deliver what was read takes {amount(total.seen.samples, 'sample')} of "
        f"{amount(total.seen.series or 0, 'series')} in {amount(bill.requests, 'request')} at most; "
        f"later up to {amount(_daily_requests(settings), 'request')} a day, one for each pass."
    )
    if total.year.series is None:
        say("Less than two days were read: what a month and a year bring cannot be told from that.")
    if not bill.exact:
        say("There are very many series: their number is estimated, within one percent.")
    if folded := sum(each.folded for each in bill.buckets):
        say(f"Beyond the series-budget {amount(folded, 'label set')} would fold into (other).")
    cut = bill.first_to_cut()
    if cut is None:
        say("No single label is worth its loss.")
        return
    say(
        f"Cut first: `{cut.label}` of {cut.watcher}: {cut.series:,} -> {cut.series_without:,} series, "
        f"{cut.samples:,} -> {cut.samples_without:,} samples. At the end of config.toml:"
    )
    say()
    for line in cut.lines.splitlines():
        say(f"  {line}")


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _daily_requests(settings: "Settings") -> int:
    """A pass sends one request for each source, where that has something new."""
    from datetime import UTC, datetime

    from awsync.schedule import Schedule

    schedule, moment, passes = Schedule(settings.cron), datetime.now(UTC), 0
    end = moment + timedelta(days=1)
    while (moment := schedule.next_after(moment)) <= end:
        passes += 1
    return passes * len(settings.sources)


def _document(bill: "Bill", settings: "Settings") -> dict[str, object]:
    from awsync.costs.bill import costs

    first = bill.first_to_cut()
    return {
        "exact": bill.exact,
        "buckets": [
            {
                "source": each.source,
                "bucket": each.bucket,
                "watcher": each.watcher,
                "from": iso(each.start),
                "to": iso(each.end),
                "days": each.weight.days,
                "events": each.events,
                "folded": each.folded,
                **_costs_document(costs([each])),
                "labels": [
                    {
                        "label": found.label,
                        "values": found.values.total,
                        "series_without": found.series.total,
                        "samples_without": found.samples,
                    }
                    for found in each.weight.labels
                ],
            }
            for each in bill.buckets
        ],
        "total": {
            **_costs_document(bill.total()),
            "requests": bill.requests,
            "requests_a_day": _daily_requests(settings),
        },
        "cuts": [_cut_document(cut) for cut in bill.cuts()],
        "cut_first": None if first is None else _cut_document(first),
        "skipped": [asdict(each) for each in bill.skipped],
        "unread": [asdict(each) for each in bill.unread],
    }


def _costs_document(found: "Costs") -> dict[str, object]:
    periods = {"seen": found.seen, "day": found.day, "month": found.month, "year": found.year}
    return {name: _cost_document(cost) for name, cost in periods.items()}


def _cost_document(cost: "Cost") -> dict[str, object]:
    return {"series": cost.series, "samples": cost.samples, "bytes": dict(cost.bytes)}


def _cut_document(cut: "Cut") -> dict[str, object]:
    return {**cut._asdict(), "config": None if cut.key is None else cut.lines}
