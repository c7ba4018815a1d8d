"""The table of settings: the only place that names a key, its environment variable, flag, default, reason.

The file reader, the environment, the flags, `config show`, config.toml.example and the documentation
derive from it.
May import: the standard library, msgspec, settings and config.values, so that `awsync --help` stays quick.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic

from msgspec import Struct

from awsync.config import values
from awsync.config.values import Kind, SecretRef, T
from awsync.settings import Listen

CONFIG_ENV = "AWSYNC_CONFIG"
CONFIG_FLAG = "--config"
SOURCE_TABLE = "source"
ENV_PREFIX = "AWSYNC_"


class Key(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """One setting.

    `default` and `example` are written as in config.toml; a default that is worked out at run time is
    told by `default_words` instead. Of several `env` names the first that is set wins. `old_flags` are
    the spellings of the tool that awsync replaces: understood, not advertised.
    """

    name: str
    kind: Kind[T]
    help: str
    example: object
    default: object = None
    default_words: str = ""
    aliases: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    flag: str | None = None
    old_flags: tuple[str, ...] = ()
    secret: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names that config.toml may use for it, the best one first."""
        return (self.name, *self.aliases)


def _prefixed(name: str) -> str:
    return ENV_PREFIX + name.replace("-", "_").upper()


def _key(
    name: str,
    kind: Kind[T],
    help_text: str,
    example: object,
    *,
    default: object = None,
    words: str = "",
    env: tuple[str, ...] = (),
    flag: str | None = "",
    old: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Key[T]:
    """Fill in what follows from the name: AWSYNC_<KEY>, --key."""
    return Key(
        name=name,
        kind=kind,
        help=help_text,
        example=example,
        default=default,
        default_words=words,
        aliases=aliases,
        env=(_prefixed(name), *env),
        flag=f"--{name}" if flag == "" else flag,
        old_flags=(old,) if old else (),
        secret=flag is None,
    )


AW_URL: Key[str] = _key(
    "aw-url",
    values.AW_URL,
    "Where ActivityWatch listens; for several servers use source tables.",
    "http://localhost:5600",
    default="http://localhost:5600",
    env=("ACTIVITY_WATCH_URL",),
    old="--awUrl",
)
AW_TOKEN: Key[SecretRef] = _key(
    "aw-token", values.SECRET, "The API key that ActivityWatch at aw-url asks for.", "secret", flag=None
)
AW_TOKEN_FILE: Key[Path] = _key(
    "aw-token-file", values.PATH, "A file that holds that API key.", "/run/secrets/aw-token"
)
PROMETHEUS_URL: Key[str] = _key(
    "prometheus-url",
    values.STORE_URL,
    "Where to deliver: the base of a server, or a whole write URL (ends in /write, /push or /receive).",
    "http://localhost:9090",
    words="none, it must be set",
    env=("PROMETHEUS_URL",),
    old="--prometheusUrl",
)
QUERY_URL: Key[str] = _key(
    "query-url",
    values.QUERY_URL,
    "Where the store answers queries (what stands before /api/v1/query), if not where it is written to.",
    "http://localhost:8080/prometheus",
    words="worked out from prometheus-url, where that tells it",
)
CRON: Key[str] = _key(
    "cron",
    values.CRON,
    "When `awsync sync` runs a pass: five cron fields in local time, or an alias such as @hourly.",
    "*/5 * * * *",
    default="*/5 * * * *",
    env=("CRON",),
)
USER_ID: Key[str] = _key(
    "user-id",
    values.text("NAME", "anna"),
    "The label `user` on every series: whose activity this is.",
    "anna",
    words="the computer's name, or an id made once and kept in state-dir",
    env=("USER_ID",),
    old="--userId",
    aliases=("userId",),
)
MIN_DATA: Key[int] = _key(
    "min-data",
    values.count(0, 5),
    "A bucket with fewer events than this is not synced.",
    5,
    default=5,
    env=("MIN_DATA",),
    old="--minData",
)
SERIES_BUDGET: Key[int] = _key(
    "series-budget",
    values.count(40, 1000),
    "How many new series a bucket may begin in a day (UTC); further ones are folded into `(other)`.",
    1000,
    default=1000,
)
EXCLUDED: Key[tuple[str, ...]] = _key(
    "excluded-watchers",
    values.GLOBS,
    "Watchers that stay private: globs on the client or the bucket id.",
    ["aw-watcher-web", "*-private_*"],
    default=[],
    env=("EXCLUDED_WATCHERS",),
    old="--excludedWatchers",
)
INCLUDED: Key[tuple[str, ...]] = _key(
    "included-watchers",
    values.GLOBS,
    "If given, only the watchers that one of these globs matches are synced.",
    ["aw-watcher-window*", "aw-watcher-afk*"],
    default=[],
)
LEVELS = ("full", "standard", "strict")
PRIVACY: Key[str] = _key(
    "privacy",
    values.choice(*LEVELS),
    "How much leaves: full, standard (no addresses, paths, private tabs), strict (app, AFK, category only).",
    "standard",
    default="standard",
)
PRIVACY_ALLOW: Key[tuple[str, ...]] = _key(
    "privacy-allow",
    values.WORDS,
    "Keys of ActivityWatch's data that leave as they are, though the level would change or remove them.",
    ["project"],
    default=[],
)
PRIVACY_FOR: Key[Mapping[str, str]] = _key(
    "privacy-for",
    values.choices(*LEVELS),
    "Levels for single watchers: globs on the client or the bucket id; of several the strictest counts.",
    {"aw-watcher-web*": "strict"},
    default={},
)
PSEUDONYM_KEY_FILE: Key[Path] = _key(
    "pseudonym-key-file",
    values.PATH,
    "A file that holds the key of pseudonyms; devices that share it give the same text the same pseudonym.",
    "~/.config/awsync/pseudonym-key",
    words="made once, where a rule needs it, and kept in state-dir",
)
RESOLUTION: Key[timedelta] = _key(
    "resolution",
    values.RESOLUTION,
    "Length of a slot, a divisor of an hour; a shorter one means more samples (below 1m is for tests).",
    "5m",
    default="5m",
)
SETTLE: Key[timedelta] = _key(
    "settle",
    values.duration("5m"),
    "How long a slot without newer events waits before it is sent: watchers report in arrears.",
    "5m",
    default="5m",
)
LOOKBACK: Key[timedelta] = _key(
    "lookback",
    values.duration("24h"),
    "How far back history that changed in ActivityWatch is noticed and corrected.",
    "24h",
    default="24h",
)
INITIAL_HISTORY: Key[timedelta | None] = _key(
    "initial-history",
    values.HISTORY,
    'How far back the first pass over a bucket goes: "all" or a duration such as "30d".',
    "all",
    default="all",
)
HOSTS: Key[Mapping[str, str]] = _key(
    "hosts",
    values.NAMES,
    "New names for the hosts that buckets come from, as they appear in the label `host`.",
    {"unknown": "laptop"},
    default={},
    flag="--host",
)
CATEGORIES: Key[str] = _key(
    "categories",
    values.choice("activitywatch", "off"),
    "Where the label `category` comes from: ActivityWatch's own categories, or nowhere; or category tables.",
    "off",
    default="activitywatch",
)
TIMEOUT: Key[timedelta] = _key(
    "timeout",
    values.duration("30s", positive=True),
    "How long to wait for the store to answer one request.",
    "30s",
    default="30s",
)
PROTOCOL: Key[str] = _key(
    "protocol",
    values.choice("auto", "1.0", "2.0"),
    "Remote write version; auto takes 2.0 where the store proves that it speaks it.",
    "auto",
    default="auto",
)
BEARER_TOKEN: Key[SecretRef] = _key(
    "bearer-token",
    values.SECRET,
    "Token for the store (Authorization: Bearer).",
    "secret",
    env=("PROMETHEUS_AUTH", "PROMETHEUS_SECRET_KEY"),
    flag=None,
)
BEARER_TOKEN_FILE: Key[Path] = _key(
    "bearer-token-file", values.PATH, "A file that holds that token.", "/run/secrets/store-token"
)
USERNAME: Key[str] = _key(
    "username", values.text("NAME", "anna"), "User name for the store (basic authentication).", "anna"
)
PASSWORD: Key[SecretRef] = _key("password", values.SECRET, "Password of that user.", "secret", flag=None)
PASSWORD_FILE: Key[Path] = _key(
    "password-file", values.PATH, "A file that holds that password.", "/run/secrets/store-password"
)
HEADERS: Key[Mapping[str, SecretRef]] = _key(
    "headers",
    values.HEADERS,
    "More HTTP headers for the store, such as a tenant; a value may be { file = ... } or { env = ... }.",
    {"X-Scope-OrgID": "team"},
    default={},
    flag="--header",
)
CA_FILE: Key[Path] = _key(
    "ca-file", values.PATH, "Certificates (PEM) to trust for the store instead of the usual ones.", "ca.pem"
)
CLIENT_CERT_FILE: Key[Path] = _key(
    "client-cert-file", values.PATH, "Certificate (PEM) that awsync shows to the store.", "client.pem"
)
CLIENT_KEY_FILE: Key[Path] = _key(
    "client-key-file",
    values.PATH,
    "Private key of that certificate, if it is in a file of its own.",
    "client.key",
)
PUSH_METRICS: Key[bool] = _key(
    "push-metrics",
    values.SWITCH,
    "Whether each pass also sends what awsync says of itself, so that a quiet device is noticed.",
    default=True,
    example=False,
)
METRICS_LISTEN: Key[Listen] = _key(
    "metrics-listen",
    values.LISTEN,
    "Where `awsync sync` shows its own metrics and health; a port alone is for this machine only.",
    "127.0.0.1:9877",
    words="nowhere",
)
STATE_DIR: Key[Path] = _key(
    "state-dir",
    values.PATH,
    "Folder of the state database: what has been delivered.",
    "~/.local/state/awsync",
    words="the user's state folder",
)

KEYS: tuple[Key[Any], ...] = (
    *(
        PROMETHEUS_URL,
        QUERY_URL,
        AW_URL,
        AW_TOKEN,
        AW_TOKEN_FILE,
        CRON,
        USER_ID,
        MIN_DATA,
        SERIES_BUDGET,
        EXCLUDED,
        INCLUDED,
    ),
    *(PRIVACY, PRIVACY_ALLOW, PSEUDONYM_KEY_FILE),
    *(CATEGORIES, RESOLUTION, SETTLE, LOOKBACK, INITIAL_HISTORY, TIMEOUT, PROTOCOL),
    *(PUSH_METRICS, METRICS_LISTEN),
    *(BEARER_TOKEN, BEARER_TOKEN_FILE, USERNAME, PASSWORD, PASSWORD_FILE),
    *(CA_FILE, CLIENT_CERT_FILE, CLIENT_KEY_FILE, STATE_DIR, HEADERS, HOSTS, PRIVACY_FOR),
)
"""Every key outside [[source]]. Tables come last: in TOML a plain key cannot follow them."""

SOURCE_NAME: Key[str] = Key(
    name="name",
    kind=values.text("NAME", "laptop"),
    help="A name of your own for this server.",
    example="laptop",
)
SOURCE_AW_URL: Key[str] = Key(
    name="aw-url",
    kind=values.AW_URL,
    help="Where this ActivityWatch listens.",
    example="http://laptop.lan:5600",
)
SOURCE_TOKEN: Key[SecretRef] = Key(
    name="token", kind=values.SECRET, help="The API key that it asks for.", example="secret", secret=True
)
SOURCE_TOKEN_FILE: Key[Path] = Key(
    name="token-file", kind=values.PATH, help="A file that holds that API key.", example="/run/secrets/laptop"
)
SOURCE_USER_ID: Key[str] = Key(
    name="user-id",
    kind=values.text("NAME", "anna"),
    help="Whose activity this server holds.",
    example="anna",
    default_words="the user-id above",
    aliases=("userId",),
)
SOURCE_EXCLUDED: Key[tuple[str, ...]] = Key(
    name="excluded-watchers",
    kind=values.GLOBS,
    help="Added to the excluded-watchers above.",
    example=["aw-watcher-web*"],
)
SOURCE_INCLUDED: Key[tuple[str, ...]] = Key(
    name="included-watchers",
    kind=values.GLOBS,
    help="Added to the included-watchers above.",
    example=["aw-watcher-window*"],
)
SOURCE_PRIVACY: Key[str] = Key(
    name="privacy",
    kind=values.choice(*LEVELS),
    help="How much of it leaves.",
    example="strict",
    default_words="the privacy above",
)
SOURCE_PRIVACY_ALLOW: Key[tuple[str, ...]] = Key(
    name="privacy-allow",
    kind=values.WORDS,
    help="Added to the privacy-allow above.",
    example=["project"],
)

SOURCE_KEYS: tuple[Key[Any], ...] = (
    *(SOURCE_NAME, SOURCE_AW_URL, SOURCE_TOKEN, SOURCE_TOKEN_FILE),
    *(SOURCE_USER_ID, SOURCE_EXCLUDED, SOURCE_INCLUDED, SOURCE_PRIVACY, SOURCE_PRIVACY_ALLOW),
)
"""Every key inside a [[source]] table."""


def find(name: str, keys: Iterable[Key[Any]] = KEYS) -> Key[Any] | None:
    """Return the key that config.toml spells `name`, or None."""
    return next((key for key in keys if name in key.spellings), None)


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the candidate that `name` was probably meant to be, or None."""
    by_plain = {_plain(candidate): candidate for candidate in candidates}
    close = difflib.get_close_matches(_plain(name), by_plain, n=1, cutoff=cutoff)
    return by_plain[close[0]] if close else None


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace("_", "-").lower()
