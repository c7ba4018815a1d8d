"""What the user wants, as plain frozen data: the result of config.py, the input of everything else.

May import: the standard library, msgspec.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

Protocol = Literal["auto", "1.0", "2.0"]


class Secret(Struct, frozen=True):
    """A value that never shows itself in a log, an error or a traceback."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


class SourceSettings(Struct, frozen=True):
    """One ActivityWatch server; the globs already include the global ones."""

    name: str
    aw_url: str
    user_id: str
    token: Secret | None = None
    excluded_watchers: tuple[str, ...] = ()
    included_watchers: tuple[str, ...] = ()


class StoreSettings(Struct, frozen=True):
    """The sink. `base_url` is None where the write URL does not tell it (Mimir, Thanos).

    `query_url` is where it answers queries, if that is not its base.
    """

    write_url: str
    base_url: str | None
    bearer_token: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    timeout: timedelta = timedelta(seconds=30)
    protocol: Protocol = "auto"
    query_url: str | None = None

    @property
    def asked_url(self) -> str | None:
        """The base of the API that answers queries; None where nobody told it."""
        return self.query_url or self.base_url


class Settings(Struct, frozen=True):
    """Every effective setting of one run; `store` is None only where load() was told that none is needed."""

    sources: tuple[SourceSettings, ...]
    store: StoreSettings | None
    cron: str
    min_data: int
    resolution: timedelta
    settle: timedelta
    lookback: timedelta
    initial_history: timedelta | None
    hosts: Mapping[str, str]
    state_dir: Path
