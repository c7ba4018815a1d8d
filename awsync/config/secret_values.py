"""The kinds of value that may be secret: written out, or the file or variable that holds them; HTTP headers.

No message and nothing shown repeats one.
May import: the standard library, msgspec, settings, config.values and config.lists.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from awsync.config.lists import pairs_of, split_pairs
from awsync.config.values import CONTROL, MASK, PATH, Kind, text_of
from awsync.settings import Secret

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
OUR_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type"),
        *("host", "keep-alive", "proxy-authenticate", "proxy-authorization", "retry-attempt"),
        *("transfer-encoding", "user-agent", "www-authenticate", "x-prometheus-remote-write-version"),
    }
)


class SecretRef(Struct, frozen=True):
    """Where a secret is to be had: exactly one of the three is set."""

    literal: Secret | None = None
    file: Path | None = None
    env: str | None = None


def _read_secret(value: object, base: Path) -> SecretRef:
    if isinstance(value, str):
        if not value.strip() or CONTROL.search(value):
            raise ValueError("is empty or holds a control character")
        return SecretRef(literal=Secret(value))
    if isinstance(value, Mapping) and len(value) == 1:
        if "file" in value:
            return SecretRef(file=PATH.read(value["file"], base))
        if "env" in value:
            return SecretRef(env=text_of(value["env"], "MY_TOKEN"))
    raise ValueError('must be text in quotes, { file = "path" } or { env = "NAME" }')


SECRET: Kind[SecretRef] = Kind("SECRET", _read_secret, lambda _: MASK)


def _read_headers(value: object, base: Path) -> Mapping[str, SecretRef]:
    headers: dict[str, SecretRef] = {}
    for name, each in pairs_of(value, 'X-Scope-OrgID = "team"').items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f'"{name}" cannot be the name of an HTTP header')
        if name.lower() in OUR_HEADERS:
            raise ValueError(f'"{name}" is set by awsync itself and cannot be given')
        if name.lower() in {other.lower() for other in headers}:
            raise ValueError(f'"{name}" is given twice')
        try:
            headers[name] = _read_secret(each, base)
        except ValueError as error:
            raise ValueError(f'the value of "{name}" {error}') from error
    return headers


HEADERS: Kind[Mapping[str, SecretRef]] = Kind(
    "NAME=VALUE", _read_headers, lambda headers: dict.fromkeys(headers, MASK), split_pairs, repeats=True
)
