"""`awsync center DIR`: lays out everything for the receiving side of a team.

May import: typer, cli; at call time center.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.output import document, narrate, say, table

if TYPE_CHECKING:
    from awsync.center.plan import Plan


class Stores(StrEnum):
    """What a centre may keep the activity in."""

    PROMETHEUS = "prometheus"
    VICTORIA_METRICS = "victoria-metrics"


_FOLDER = "Where everything goes; laid out again, it has what is new, and keeps what you changed."
_DEVICE = "A device that gets a token of its own; may be repeated."
_STORE = "Which store: prometheus, unless given, or victoria-metrics."
_DOMAIN = "The name by which devices reach the centre, localhost unless given."
_LISTEN = "Where the store listens on this machine, 127.0.0.1:9090 (8428 for VictoriaMetrics) unless given."
Folder = Annotated[Path, typer.Argument(metavar="DIR", help=_FOLDER, show_default=False)]
Store = Annotated[Stores | None, typer.Option("--store", metavar="NAME", help=_STORE, show_default=False)]
Retention = Annotated[
    str, typer.Option(metavar="90d|10y", help="How long it keeps activity, 10y unless given.")
]
Domain = Annotated[str, typer.Option(metavar="NAME", help=_DOMAIN, show_default=False)]
Listen = Annotated[str, typer.Option(metavar="HOST:PORT", help=_LISTEN, show_default=False)]
Device = Annotated[list[str] | None, typer.Option(metavar="NAME", help=_DEVICE, show_default=False)]
WriteOnly = Annotated[
    bool | None,
    typer.Option(
        "--write-only/--with-queries",
        help="Whether devices may only write, or also query.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Also over files that you changed; yours become *.old.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def center(
    folder: Folder,
    store: Store = None,
    retention: Retention = "",
    domain: Domain = "",
    listen: Listen = "",
    device: Device = None,
    write_only: WriteOnly = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Lay out a centre for many devices: store, rules, alerts, dashboards, a front with TLS and tokens."""
    from awsync.center import advice
    from awsync.center.plan import check_devices
    from awsync.center.writing import Fate, lay_out, remembered

    devices = device or []
    check_devices(devices)
    before = remembered(folder)
    plan = _planned(None if before is None else before.plan, store, retention, domain, listen, write_only)
    laid = lay_out(folder, plan, devices, force=force)
    folder = folder.resolve()
    warnings = list(advice.warnings(folder, plan, laid))
    steps = list(advice.steps(folder, plan, devices, laid))
    lines = advice.device_lines(plan)
    if json:
        document(
            {
                "folder": str(folder),
                "files": laid,
                "devices": {name: {"token": f"tokens/{name}.token", "config": lines} for name in devices},
                "by-hand": advice.by_hand(plan),
                "warnings": warnings,
                "next": steps,
            }
        )
    else:
        table(("file", "what"), [(each.path, each.fate) for each in laid])
        for line in ["", "# config.toml of each device", *lines] if devices else []:
            say(line)
    for text in [] if json else [*(f"! {each}" for each in warnings), *steps]:
        narrate(text)
    raise typer.Exit(1 if any(each.fate is Fate.BEHIND for each in laid) else 0)


def _planned(
    before: "Plan | None",
    store: Stores | None,
    retention: str,
    domain: str,
    listen: str,
    write_only: bool | None,
) -> "Plan":
    """What is given, else what the folder has, else what is usual."""
    from msgspec.structs import replace

    from awsync.center.plan import LISTEN, Plan, check

    plan = before or Plan()
    if store is not None and store.value != plan.store:
        plan = replace(plan, store=store.value, listen=LISTEN[store.value])
    given = {"retention": retention, "domain": domain, "listen": listen}
    plan = replace(plan, **{name: value for name, value in given.items() if value})
    return check(plan if write_only is None else replace(plan, write_only=write_only))
