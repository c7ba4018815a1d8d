"""What a setting is: its name, kind, default, reason, and the environment variable and flag that follow.

May import: the standard library, msgspec and config.values, so that `awsync --help` stays quick.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Generic

from msgspec import Struct

from awsync.config.values import Kind, T

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


def key(
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


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the candidate that `name` was probably meant to be, or None."""
    by_plain = {_plain(candidate): candidate for candidate in candidates}
    close = difflib.get_close_matches(_plain(name), by_plain, n=1, cutoff=cutoff)
    return by_plain[close[0]] if close else None


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace("_", "-").lower()
