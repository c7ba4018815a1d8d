"""Settings: config.toml < environment < flags, where each value came from, and edits that keep comments.

    values         the kinds of value: how each is read, split from text and shown
    durations      the kinds that are a length of time
    addresses      the kinds that are an address
    lists          the kinds that hold several texts
    secret_values  the kinds that may be secret
    matching       the kinds that say which events are meant
    key            what a key is
    keys           the table of keys, the only place that names one
    store_keys     those of the store
    source_keys    those of a [[source]]
    tables         the keys of tables that come several times
    lines          TOML with the line of each key
    layers         what is given where
    credentials    secrets from files and the environment
    store          the settings of the store, its addresses
    categories     where categories come from
    build          checks across keys, defaults worked out, Settings
    loader         config.toml is found, everything is loaded
    template       a commented config.toml: the example, and what `config init` writes
    command_line   the command of this process, without its secrets
    watch          loads again what changed
    write          edits one key, keeps comments

The names below load their module when they are first used: `awsync --help` needs the keys alone.
May import: the standard library, platformdirs, tomlkit, tomli-w, settings, errors, schedule,
expressions.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awsync.config.build import Origin
    from awsync.config.key import Key
    from awsync.config.keys import KEYS
    from awsync.config.loader import Loaded, default_path, is_there, load, locate
    from awsync.config.source_keys import SOURCE_KEYS
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
    "is_there",
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
    "key": ("Key",),
    "keys": ("KEYS",),
    "loader": ("Loaded", "default_path", "is_there", "load", "locate"),
    "source_keys": ("SOURCE_KEYS",),
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
