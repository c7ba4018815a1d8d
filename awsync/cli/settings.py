"""Loads the settings for a command, and says what is doubtful in them.

May import: config, errors, settings, cli.output; at call time database, records, remote_write, state.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from awsync.cli.output import narrate
from awsync.errors import StateError
from awsync.settings import Settings

if TYPE_CHECKING:
    from awsync.records import Neighbour
    from awsync.state import State


def load_settings(flags: Mapping[str, object], *, needs_store: bool = True) -> Settings:
    """The effective settings; warnings go to stderr. Raises ConfigError."""
    from awsync.config import load

    loaded = load(flags, needs_store=needs_store)
    for warning in loaded.warnings:
        narrate(f"awsync: warning: {warning}")
    return loaded.settings


@contextmanager
def state_if_any(settings: Settings) -> Iterator["State | None"]:
    """The state, to be read; None where there is none or it cannot be opened, for looking needs no state."""
    from awsync.database import FILE_NAME
    from awsync.remote_write.connection import shown_url
    from awsync.state import State

    sink = "" if settings.store is None else shown_url(settings.store.write_url)
    with ExitStack() as stack:
        state = None
        if (settings.state_dir / FILE_NAME).exists():  # opening it would make it
            with suppress(StateError):
                state = stack.enter_context(State(settings.state_dir, sink, write=False))
        yield state


def remembered_neighbours(settings: Settings) -> "list[Neighbour]":
    """What the state knows of the sources; nothing where it cannot be read."""
    with suppress(StateError), state_if_any(settings) as state:
        return [] if state is None else state.neighbours()
    return []


def load_with_store(flags: Mapping[str, object]) -> tuple[Settings, str]:
    """The settings of a command that needs a store, and the name of that sink."""
    from awsync.remote_write.connection import shown_url

    settings = load_settings(flags)
    assert settings.store is not None, "config.load demands it"
    return settings, shown_url(settings.store.write_url)
