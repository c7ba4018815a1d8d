"""The table of settings: the only place that names a key, its environment variable, flag, default, reason.

Those of the store are written down in store_keys. The file reader, the environment, the flags, `config show`,
config.toml.example and the documentation derive from it.
May import: the standard library, settings, the kinds of config, config.key and config.store_keys, so that
`awsync --help` stays quick.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from awsync.config import addresses, durations, lists, secret_values, values
from awsync.config.key import Key, key
from awsync.config.secret_values import SecretRef
from awsync.config.store_keys import (
    BEARER_TOKEN,
    BEARER_TOKEN_FILE,
    CA_FILE,
    CLIENT_CERT_FILE,
    CLIENT_KEY_FILE,
    HEADERS,
    PASSWORD,
    PASSWORD_FILE,
    PROMETHEUS_URL,
    PROTOCOL,
    QUERY_URL,
    TIMEOUT,
    USERNAME,
)
from awsync.settings import Listen

CONFIG_ENV = "AWSYNC_CONFIG"
CONFIG_FLAG = "--config"

AW_URL: Key[str] = key(
    "aw-url",
    addresses.AW_URL,
    "Where ActivityWatch listens; for several servers use source tables.",
    "http://localhost:5600",
    default="http://localhost:5600",
    env=("ACTIVITY_WATCH_URL",),
    old="--awUrl",
)
AW_TOKEN: Key[SecretRef] = key(
    "aw-token",
    secret_values.SECRET,
    "The API key that ActivityWatch at aw-url asks for.",
    "secret",
    flag=None,
)
AW_TOKEN_FILE: Key[Path] = key(
    "aw-token-file", values.PATH, "A file that holds that API key.", "/run/secrets/aw-token"
)
CRON: Key[str] = key(
    "cron",
    values.CRON,
    "When `awsync sync` runs a pass: five cron fields in local time, or an alias such as @hourly.",
    "*/5 * * * *",
    default="*/5 * * * *",
    env=("CRON",),
)
SPLAY: Key[timedelta] = key(
    "splay",
    durations.duration("5m"),
    "Planned passes begin a part of this later than cron says, each device its own: no crowd at the store.",
    "5m",
    default="0s",
)
USER_ID: Key[str] = key(
    "user-id",
    values.text("NAME", "anna"),
    "The label `user` on every series: whose activity this is.",
    "anna",
    words="the computer's name, or an id made once and kept in state-dir",
    env=("USER_ID",),
    old="--userId",
    aliases=("userId",),
)
MIN_DATA: Key[int] = key(
    "min-data",
    values.count(0, 5),
    "A bucket with fewer events than this is not synced.",
    5,
    default=5,
    env=("MIN_DATA",),
    old="--minData",
)
SERIES_BUDGET: Key[int] = key(
    "series-budget",
    values.count(40, 1000),
    "How many new series a bucket may begin in a day (UTC); further ones are folded into `(other)`.",
    1000,
    default=1000,
)
EXCLUDED: Key[tuple[str, ...]] = key(
    "excluded-watchers",
    lists.GLOBS,
    "Watchers that stay private: globs on the client or the bucket id.",
    ["aw-watcher-web", "*-private_*"],
    default=[],
    env=("EXCLUDED_WATCHERS",),
    old="--excludedWatchers",
)
INCLUDED: Key[tuple[str, ...]] = key(
    "included-watchers",
    lists.GLOBS,
    "If given, only the watchers that one of these globs matches are synced.",
    ["aw-watcher-window*", "aw-watcher-afk*"],
    default=[],
)
LEVELS = ("full", "standard", "strict")
PRIVACY: Key[str] = key(
    "privacy",
    values.choice(*LEVELS),
    "How much leaves: full, standard (no addresses, paths, private tabs), strict (app, AFK, category only).",
    "standard",
    default="standard",
)
PRIVACY_ALLOW: Key[tuple[str, ...]] = key(
    "privacy-allow",
    lists.WORDS,
    "Keys of ActivityWatch's data that leave as they are, though the level would change or remove them.",
    ["project"],
    default=[],
)
PRIVACY_FOR: Key[Mapping[str, str]] = key(
    "privacy-for",
    lists.choices(*LEVELS),
    "Levels for single watchers: globs on the client or the bucket id; of several the strictest counts.",
    {"aw-watcher-web*": "strict"},
    default={},
)
PSEUDONYM_KEY_FILE: Key[Path] = key(
    "pseudonym-key-file",
    values.PATH,
    "A file that holds the key of pseudonyms; devices that share it give the same text the same pseudonym.",
    "~/.config/awsync/pseudonym-key",
    words="made once, where a rule needs it, and kept in state-dir",
)
RESOLUTION: Key[timedelta] = key(
    "resolution",
    durations.RESOLUTION,
    "Length of a slot, a divisor of an hour; a shorter one means more samples (below 1m is for tests).",
    "5m",
    default="5m",
)
SETTLE: Key[timedelta] = key(
    "settle",
    durations.duration("5m"),
    "How long a slot without newer events waits before it is sent: watchers report in arrears.",
    "5m",
    default="5m",
)
LOOKBACK: Key[timedelta] = key(
    "lookback",
    durations.duration("24h"),
    "How far back history that changed in ActivityWatch is noticed and corrected.",
    "24h",
    default="24h",
)
INITIAL_HISTORY: Key[timedelta | None] = key(
    "initial-history",
    durations.HISTORY,
    'How far back the first pass over a bucket goes: "all" or a duration such as "30d".',
    "all",
    default="all",
)
HOSTS: Key[Mapping[str, str]] = key(
    "hosts",
    lists.NAMES,
    "New names for the hosts that buckets come from, as they appear in the label `host`.",
    {"unknown": "laptop"},
    default={},
    flag="--host",
)
CATEGORIES: Key[str] = key(
    "categories",
    values.choice("activitywatch", "off"),
    "Where the label `category` comes from: ActivityWatch's own categories, or nowhere; or category tables.",
    "off",
    default="activitywatch",
)
PUSH_METRICS: Key[bool] = key(
    "push-metrics",
    values.SWITCH,
    "Whether each pass also sends what awsync says of itself, so that a quiet device is noticed.",
    default=True,
    example=False,
)
METRICS_LISTEN: Key[Listen] = key(
    "metrics-listen",
    addresses.LISTEN,
    "Where `awsync sync` shows its own metrics and health; a port alone is for this machine only.",
    "127.0.0.1:9877",
    words="nowhere",
)
STATE_DIR: Key[Path] = key(
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
        SPLAY,
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


def find(name: str, keys: Iterable[Key[Any]] = KEYS) -> Key[Any] | None:
    """Return the key that config.toml spells `name`, or None."""
    return next((key for key in keys if name in key.spellings), None)
