"""Settings: config.toml < environment < flags, where each value came from, and edits that keep comments.

    values       the kinds of value: how each is read, split from text and shown
    matching     the kinds that say which events are meant
    keys         the table of keys, the only place that names one
    tables       the keys of tables that come several times
    lines        TOML with the line of each key
    layers       what is given where
    credentials  secrets from files and the environment
    store        the settings of the store, its addresses
    categories   where categories come from
    build        checks across keys, defaults worked out, Settings
    loader       config.toml is found, everything is loaded
    template     a commented config.toml: the example, and what `config init` writes
    watch        loads again what changed
    write        edits one key, keeps comments

The names below load their module when they are first used: `awsync --help` needs the keys alone.
May import: the standard library, platformdirs, tomlkit, tomli-w, settings, errors, schedule,
expressions.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awsync.config.build import Origin
    from awsync.config.keys import KEYS, SOURCE_KEYS, Key
    from awsync.config.loader import Loaded, default_path, load, locate
    from awsync.config.store import store_urls
    from awsync.config.tables import CATEGORY_KEYS
    from awsync.config.template import freeze, render, written
    from awsync.config.watch import Watched
    from awsync.config.write import set_value, write_text

__all__ = [
    "CATEGORY_KEYS",
    "KEYS",
    "SOURCE_KEYS",
    "Key",
    "Loaded",
    "Origin",
    "Watched",
    "default_path",
    "freeze",
    "load",
    "locate",
    "render",
    "set_value",
    "store_urls",
    "write_text",
    "written",
]

_HOMES = {
    "build": ("Origin",),
    "keys": ("KEYS", "SOURCE_KEYS", "Key"),
    "loader": ("Loaded", "default_path", "load", "locate"),
    "store": ("store_urls",),
    "tables": ("CATEGORY_KEYS",),
    "template": ("freeze", "render", "written"),
    "watch": ("Watched",),
    "write": ("set_value", "write_text"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
