"""Loads the settings for a command, and says what is doubtful in them.

May import: config, settings, cli.output.
"""

from collections.abc import Mapping

from awsync.cli.output import narrate
from awsync.settings import Settings


def load_settings(flags: Mapping[str, object], *, needs_store: bool = True) -> Settings:
    """The effective settings; warnings go to stderr. Raises ConfigError."""
    from awsync.config import load

    loaded = load(flags, needs_store=needs_store)
    for warning in loaded.warnings:
        narrate(f"awsync: warning: {warning}")
    return loaded.settings


def load_with_store(flags: Mapping[str, object]) -> tuple[Settings, str]:
    """The settings of a command that needs a store, and the name of that sink."""
    from awsync.remote_write.connection import shown_url

    settings = load_settings(flags)
    assert settings.store is not None, "config.load demands it"
    return settings, shown_url(settings.store.write_url)
