"""The keys of a [[source]] table: one ActivityWatch server of several.

May import: the standard library, the kinds of config and config.keys, so that `awsync --help` stays quick.
"""

from pathlib import Path
from typing import Any

from awsync.config import addresses, lists, secret_values, values
from awsync.config.key import Key
from awsync.config.keys import LEVELS
from awsync.config.secret_values import SecretRef

SOURCE_TABLE = "source"

SOURCE_NAME: Key[str] = Key(
    name="name",
    kind=values.text("NAME", "laptop"),
    help="A name of your own for this server.",
    example="laptop",
)
SOURCE_AW_URL: Key[str] = Key(
    name="aw-url",
    kind=addresses.AW_URL,
    help="Where this ActivityWatch listens.",
    example="http://laptop.lan:5600",
)
SOURCE_TOKEN: Key[SecretRef] = Key(
    name="token",
    kind=secret_values.SECRET,
    help="The API key that it asks for.",
    example="secret",
    secret=True,
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
    kind=lists.GLOBS,
    help="Added to the excluded-watchers above.",
    example=["aw-watcher-web*"],
)
SOURCE_INCLUDED: Key[tuple[str, ...]] = Key(
    name="included-watchers",
    kind=lists.GLOBS,
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
    kind=lists.WORDS,
    help="Added to the privacy-allow above.",
    example=["project"],
)

SOURCE_KEYS: tuple[Key[Any], ...] = (
    *(SOURCE_NAME, SOURCE_AW_URL, SOURCE_TOKEN, SOURCE_TOKEN_FILE),
    *(SOURCE_USER_ID, SOURCE_EXCLUDED, SOURCE_INCLUDED, SOURCE_PRIVACY, SOURCE_PRIVACY_ALLOW),
)
"""Every key inside a [[source]] table."""
