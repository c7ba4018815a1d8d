"""`awsync config import`: the files of aw-sync-suite become settings and rules of awsync.

Standard output is a config.toml, standard error narration. Exit code 2 where something cannot be taken over.
May import: typer, cli, config, errors.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import complain, narrate, say
from awsync.config.store_keys import BEARER_TOKEN, BEARER_TOKEN_FILE
from awsync.errors import ConfigError, Problem

if TYPE_CHECKING:
    from awsync.config.suite import Taken


@settings_flags
def take_over(
    flags: dict[str, object],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="aw-sync-settings.yaml, aw-plugin-filters.yaml...")
    ],
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Add it to config.toml; what is set there stays.")
    ] = False,
) -> None:
    """Turn the files of aw-sync-suite into settings and rules; a filter that is broken stops it."""
    from awsync.config import locate
    from awsync.config.suite import joined, take_over

    try:
        taken = joined([take_over(path) for path in files])
        target, _ = locate(flags, os.environ, Path.cwd())
        kept = _write(target, taken) if write else ()
    except ConfigError as error:
        complain(error)
        raise typer.Exit(error.exit_code) from error
    for note in [*taken.notes, *(f"{name} is set in {target} and stays as it is." for name in kept)]:
        narrate(note)
    if write:
        narrate(f"Written to {target}. `awsync preview` shows what the rules do to real events.")
        return
    if BEARER_TOKEN.name in taken.settings:
        hint = f"write it into a file and name that with {BEARER_TOKEN_FILE.name}, or use --write"
        narrate(f"{BEARER_TOKEN.name} is a secret and is not printed: {hint}.")
    say(_text(taken))


def _text(taken: "Taken") -> str:
    from awsync.config.template import literal, rule_text

    settings = [
        f"{name} = {literal(value)}" for name, value in taken.settings.items() if name != BEARER_TOKEN.name
    ]
    blocks = ["\n".join(settings), *map(rule_text, taken.rules)]
    return "\n\n".join(filter(None, blocks))


def _write(target: Path, taken: "Taken") -> Sequence[str]:
    """Adds to config.toml what it does not set itself; returns the keys that stay as they are."""
    from awsync.config import load, set_value, write_text
    from awsync.config.lines import read_toml
    from awsync.config.template import rule_text
    from awsync.config.write_rules import add_rule

    given = read_toml(target).data if target.exists() else {}
    rules = load({"config": str(target)}, {}, needs_store=False).settings.rules if given else ()
    if known := {rule.name for rule in rules} & {rule.name for rule in taken.rules}:
        message = f'has a rule "{min(known)}" already: remove or rename one of them'
        raise ConfigError((Problem(str(target), "rule", message),))
    for name, value in taken.settings.items():
        if name not in given:
            set_value(target, name, value)
    if not target.exists():
        write_text(target, "")
    for rule in taken.rules:
        add_rule(target, rule_text(rule))
    return [name for name in taken.settings if name in given]
