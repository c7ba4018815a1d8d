"""The command of this process, as it may be shown to others, and the flags that another one is to have.

A second awsync, `status`, the doctor and what a command tells to run next repeat no value that may be secret.

May import: the standard library and of config addresses, key, keys, store_keys and values.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from awsync.config.addresses import show_url
from awsync.config.key import Key
from awsync.config.keys import AW_URL, CONFIG_FLAG, KEYS
from awsync.config.store_keys import HEADERS, PROMETHEUS_URL, QUERY_URL
from awsync.config.values import MASK

_URLS = (AW_URL, PROMETHEUS_URL, QUERY_URL)


def shown_command(arguments: Sequence[str] | None = None) -> str:
    """`awsync` with its arguments, those of this process unless given; what may be secret is masked."""
    return shlex.join(["awsync", *_masked(sys.argv[1:] if arguments is None else arguments)])


def given_again(flags: Mapping[str, object]) -> tuple[list[str], list[Key[Any]]]:
    """The flags of settings for a command that is to have the same, and the keys that are left out of it.

    A masked value would be taken for a true one, so what may be secret is not among them.
    """
    known = {key.name: key for key in KEYS if key.flag is not None}
    given: list[str] = []
    left_out: list[Key[Any]] = []
    for name, value in flags.items():
        key = known.get(name)
        values = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        if key is not None and any(_mask(key, each) != each for each in values):
            left_out.append(key)
        else:
            flag = CONFIG_FLAG if key is None else str(key.flag)
            given += [word for each in values for word in (flag, each)]
    return given, left_out


def _masked(arguments: Sequence[str]) -> Iterator[str]:
    keys = {flag: key for key in (HEADERS, *_URLS) for flag in (key.flag, *key.old_flags)}
    before = ""
    for word in arguments:
        flag, equals, value = word.partition("=")
        if before in keys:
            yield _mask(keys[before], word)
        elif equals and flag in keys:
            yield f"{flag}={_mask(keys[flag], value)}"
        else:
            yield word
        before = word


def _mask(key: Key[Any], value: str) -> str:
    """The value of a flag as others may see it."""
    if key is HEADERS:
        return f"{value.partition('=')[0]}={MASK}"
    return show_url(value) if key in _URLS else value
