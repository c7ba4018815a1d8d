"""`awsync config`: what the settings are, whether they are right, and a first config.toml.

Standard output is data, standard error is narration. Exit code 2 when a setting is wrong.
May import: typer, cli, config, errors; and inside `init`, which looks around, firstrun.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from msgspec.structs import asdict

from awsync.cli.flags import settings_flags
from awsync.cli.output import complain, document, narrate, say, table
from awsync.cli.taking_over import take_over
from awsync.config.keys import AW_URL
from awsync.config.store_keys import PROMETHEUS_URL
from awsync.errors import ConfigError, Problem

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Show, check and write the settings.")
app.command("import")(take_over)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
@settings_flags
def show(
    flags: dict[str, object],
    *,
    as_json: AsJson = False,
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print a config.toml that sets the same, without the secrets.")
    ] = False,
) -> None:
    """Print every setting in force and where it came from; secrets are masked."""
    from awsync.cli.leaving import levels, what_leaves
    from awsync.config import freeze, load, written

    try:
        loaded = load(flags, os.environ, needs_store=False)
    except ConfigError as error:
        _fail(error)
    _warn(loaded.warnings)
    if as_json:
        settings = {name: {"value": row.value, "origin": row.place} for name, row in loaded.origins.items()}
        file = str(loaded.file) if loaded.file else None
        shown_rules = {
            "rules": [written(rule) for rule in loaded.settings.rules],
            "levels": levels(loaded.settings),
        }
        report = {"file": file, "settings": settings, **shown_rules}
        document(report)
    elif as_toml:
        shown = {name: row.value for name, row in loaded.origins.items()}
        say(freeze(loaded.settings, shown).removesuffix("\n"))
    else:
        narrate(f"Settings from {loaded.file}" if loaded.file else "No config.toml")
        rows = [(name, _words(row.value), row.place) for name, row in loaded.origins.items()]
        table(("setting", "value", "origin"), rows)
        say(f"\n{what_leaves(loaded.settings)}".removesuffix("\n"))


@app.command()
@settings_flags
def check(flags: dict[str, object], *, as_json: AsJson = False) -> None:
    """Look for mistakes: unknown keys, wrong values, secrets that cannot be read. Exit code 2 if any."""
    from awsync.config import load

    try:
        loaded = load(flags, os.environ)
    except ConfigError as error:
        if as_json:
            document(_report(error.problems, ()))
        _fail(error)
    if as_json:
        document(_report((), loaded.warnings))
        return
    _warn(loaded.warnings)
    say(f"The settings are right: {loaded.file or 'no config.toml, environment and flags only'}.")


@app.command()
@settings_flags
def path(flags: dict[str, object]) -> None:
    """Print which config.toml is read; exit code 1 if there is none."""
    from awsync.config import is_there, locate

    found, _ = locate(flags, os.environ, Path.cwd())
    say(str(found))
    if not is_there(found):
        narrate("It does not exist yet: `awsync config init` writes it.")
        raise typer.Exit(1)


@app.command()
@settings_flags
def init(
    flags: dict[str, object],
    *,
    target: Annotated[
        Path | None,
        typer.Option("--path", metavar="PATH", help="Where to write it, if not to the user's config folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Look for a running ActivityWatch and Prometheus, and write a first commented config.toml."""
    from awsync.config import default_path, render, write_text

    named = flags.get("config")
    place = target or (Path(str(named)) if named else default_path())
    try:
        if place.exists() and not force:
            message = "exists already: edit it, or give --force to replace it"
            raise ConfigError((Problem(str(place), "file", message),))
        active = _look_around(flags)
        write_text(place, render(active))
    except ConfigError as error:
        _fail(error)
    say(str(place))
    if PROMETHEUS_URL.name not in active:
        narrate(f"Now set {PROMETHEUS_URL.name} in it, then run `awsync config check`.")
    else:
        narrate("Now run `awsync buckets` to see what would be synced.")


def _look_around(flags: dict[str, object]) -> dict[str, object]:
    """Return the settings to write, in the form of TOML, after saying what answers and what does not."""
    from awsync import firstrun
    from awsync.config import load

    # What stands in an older file must not steer the new one: only flags and the environment count.
    settings = load(flags, os.environ, needs_store=False, reads_file=False).settings
    active = firstrun.given(flags)
    narrate(asyncio.run(firstrun.find_activitywatch(settings.sources[0])).text)
    active.setdefault(AW_URL.name, settings.sources[0].aw_url)
    for store in [settings.store] if settings.store else firstrun.usual_stores():
        found = asyncio.run(firstrun.find_store(store))
        narrate(found.text)
        if found.good or settings.store:
            active.setdefault(PROMETHEUS_URL.name, store.base_url or store.write_url)
    return active


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "-"
    if isinstance(value, list):
        return " | ".join(value) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)


def _report(problems: Sequence[Problem], warnings: Sequence[Problem]) -> dict[str, object]:
    return {
        "ok": not problems,
        "problems": [asdict(each) for each in problems],
        "warnings": [asdict(each) for each in warnings],
    }


def _warn(warnings: Sequence[Problem]) -> None:
    for warning in warnings:
        narrate(f"awsync: warning: {warning}")


def _fail(error: ConfigError) -> NoReturn:
    complain(error)
    raise typer.Exit(error.exit_code)
