"""The tables of settings, from awsync/config/keys.py and its siblings."""

from typing import Any

from awsync.config import Key
from awsync.config.template import literal


def whole(keys: tuple[Key[Any], ...]) -> str:
    """The keys outside of tables: environment, flag, default and reason of each."""
    rows = [("key", "environment", "flag", "default", "why"), ("---",) * 5]
    for key in keys:
        environment = ", ".join(f"`{name}`" for name in reversed(key.env))
        default = key.default_words or (f"`{literal(key.default)}`" if key.default else "none")
        rows.append(
            (f"`{key.name}`", environment, f"`{key.flag}`" if key.flag else "none", default, key.help)
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def of_table(keys: tuple[Key[Any], ...]) -> str:
    """The keys of a table that may come several times, such as [[source]]."""
    rows = [("key", "why"), ("---", "---")] + [(f"`{key.name}`", key.help) for key in keys]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
