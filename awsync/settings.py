"""What the user wants, as plain frozen data: the result of config.py, the input of everything else.

May import: the standard library, msgspec.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

Protocol = Literal["auto", "1.0", "2.0"]
PrivacyLevel = Literal["full", "standard", "strict"]
CategorySource = Literal["activitywatch", "off"]


class Secret(Struct, frozen=True):
    """A value that never shows itself in a log, an error or a traceback."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


class Replacement(Struct, frozen=True):
    """What becomes of a text: each place where `pattern` is found, `text` takes its place.

    `text` may name groups of the pattern, as Python's `re` writes them. Without a pattern it is the whole.
    """

    text: str
    pattern: str | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """What is done to the events of some buckets before anything of them leaves the machine.

    It concerns a bucket that one of `watchers` (globs on client or bucket id; none: every bucket) and one of
    `hosts` match, and an event whose data hold each of `match` (key to expression, searched). In this order:
    `drop` ends it; `set` gives keys a text (with groups of `match`), `replace` changes what is there,
    `transform` and `command` hand the data to code of the user's, `category` gives it one, `pseudonymise`
    makes keys unreadable, `keep` takes all other keys away.
    """

    name: str
    watchers: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    match: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    set: Mapping[str, str] = field(default_factory=dict)
    replace: Mapping[str, tuple[Replacement, ...]] = field(default_factory=dict)
    transform: str | None = None
    command: tuple[str, ...] = ()
    timeout: timedelta = timedelta(seconds=5)
    category: tuple[str, ...] | None = None
    pseudonymise: tuple[str, ...] = ()
    keep: tuple[str, ...] | None = None


class Privacy(Struct, frozen=True):
    """How much of an event may leave: `level`, but what `watchers` (globs) say of a bucket.

    `allowed` are keys that the level would take away and that leave all the same.
    """

    level: PrivacyLevel = "standard"
    watchers: Mapping[str, PrivacyLevel] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()


class Category(Struct, frozen=True):
    """A category of config.toml: an event falls under it if `regex` is found in a text of its data.

    `keys` are those whose texts are searched; None: all.
    """

    name: tuple[str, ...]
    regex: str
    ignore_case: bool = False
    keys: tuple[str, ...] | None = None


class SourceSettings(Struct, frozen=True):
    """One ActivityWatch server; the globs already include the global ones."""

    name: str
    aw_url: str
    user_id: str
    token: Secret | None = None
    excluded_watchers: tuple[str, ...] = ()
    included_watchers: tuple[str, ...] = ()
    privacy: Privacy = Privacy()


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


class Listen(Struct, frozen=True):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Settings(Struct, frozen=True):
    """Every effective setting of one run; `store` is None only where load() was told that none is needed.

    `user_id` is whose agent this is, for what it says of itself.
    """

    sources: tuple[SourceSettings, ...]
    store: StoreSettings | None
    cron: str
    min_data: int
    series_budget: int
    resolution: timedelta
    settle: timedelta
    lookback: timedelta
    initial_history: timedelta | None
    hosts: Mapping[str, str]
    state_dir: Path
    rules: tuple[Rule, ...] = ()
    pseudonym_key: Secret | None = None
    categories: CategorySource | tuple[Category, ...] = "activitywatch"
    user_id: str = ""
    push_metrics: bool = True
    metrics_listen: Listen | None = None
    splay: timedelta = timedelta(0)
