"""The kinds of value a setting can have: read with a check, taken from one line of text, shown masked.

A reader raises ValueError; its text says what the value must be, and never repeats a secret.
May import: the standard library, msgspec, settings, errors; schedule when a cron is read (it loads croniter).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from awsync.settings import Listen, Secret

T = TypeVar("T")

Shown = str | int | list[str] | dict[str, str] | None
"""A value as `config show` prints it: secrets masked, fit for JSON."""

MASK = "***"

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 365 * 86400}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdwy])", re.ASCII)
_LONGEST = timedelta(days=365 * 100)
_DAY_MS = 86_400_000
_MOST_TEXT = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
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


class Kind(Struct, Generic[T], frozen=True):
    """How one kind of value is read from TOML, split from text (environment, flag) and shown.

    `read` gets the TOML value and the folder that relative paths start from. `repeats`: the flag may be
    given several times.
    """

    metavar: str
    read: Callable[[object, Path], T]
    show: Callable[[T], Shown]
    split: Callable[[Sequence[str]], object] = lambda texts: texts[-1]
    repeats: bool = False


def sort_of(value: object) -> str:
    """Name the TOML type of a value in plain words."""
    names: tuple[tuple[type, str], ...] = (
        *((bool, "true or false"), (str, "text"), (int, "a whole number"), (float, "a number")),
        *((list, "a list"), (Mapping, "a table"), (datetime, "a date and time")),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def _text(value: object, example: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f'must be text in quotes, such as "{example}", but is {sort_of(value)}')
    stripped = value.strip()
    if not stripped:
        raise ValueError(f'is empty: give a value such as "{example}", or remove it')
    if len(stripped) > _MOST_TEXT:
        raise ValueError(f"is longer than {_MOST_TEXT:,} characters")
    if _CONTROL.search(stripped):
        raise ValueError("holds a line break or another control character")
    return stripped


def texts_of(given: object) -> list[str]:
    """Return the texts of one flag, which may have been given several times."""
    return [str(each) for each in given] if isinstance(given, list | tuple) else [str(given)]


def text(metavar: str, example: str) -> Kind[str]:
    """Return the kind of a plain, non-empty line of text."""
    return Kind(metavar, lambda value, _: _text(value, example), str)


def _url_parts(value: object, example: str) -> SplitResult:
    written = _text(value, example)
    # What stands before an @ may be a password, and the text of an error ends up in logs.
    safe = re.sub(r"//[^/@]*@", "//***@", written).partition("?")[0]
    if re.search(r"\s", written):
        raise ValueError(f'"{safe}" holds a space: an address has none')
    if not re.match(r"https?://", written, re.IGNORECASE):
        hint = "" if "://" in written else f': did you mean "http://{safe}"?'
        raise ValueError(f'"{safe}" must begin with http:// or https://{hint}')
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError as error:
        raise ValueError(f'"{safe}" is not an address: {error}') from error
    if not parts.hostname or port == 0:
        raise ValueError(f'"{safe}" names no host and port: write it like "{example}"')
    if parts.username is not None:
        raise ValueError(f'"{safe}" holds a user name: take it out of the address; it has keys of its own')
    if parts.fragment:
        raise ValueError(f'"{safe}" has a part behind "#", which no server ever sees: remove it')
    return parts


def _read_aw_url(value: object, _: Path) -> str:
    example = "http://localhost:5600"
    parts = _url_parts(value, example)
    if parts.query:
        raise ValueError(f'has a part behind "?": give the address of the server alone, such as "{example}"')
    path = re.sub(r"/api(/0)?$", "", parts.path.rstrip("/"))
    return parts._replace(scheme=parts.scheme.lower(), path=path.rstrip("/")).geturl()


def _read_store_url(value: object, _: Path) -> str:
    parts = _url_parts(value, "http://localhost:9090")
    return parts._replace(scheme=parts.scheme.lower(), path=parts.path.rstrip("/")).geturl()


def _read_query_url(value: object, _: Path) -> str:
    example = "http://localhost:8080/prometheus"
    parts = _url_parts(value, example)
    if parts.query:
        raise ValueError(f'has a part behind "?": give what stands before /api/v1/query, such as "{example}"')
    path = re.sub(r"/api/v1(/query(_range)?)?$", "", parts.path.rstrip("/"))
    return parts._replace(scheme=parts.scheme.lower(), path=path.rstrip("/")).geturl()


def _show_url(url: str) -> str:
    base, question, _ = url.partition("?")
    return f"{base}{question}{MASK}" if question else base


AW_URL: Kind[str] = Kind("URL", _read_aw_url, _show_url)
STORE_URL: Kind[str] = Kind("URL", _read_store_url, _show_url)
QUERY_URL: Kind[str] = Kind("URL", _read_query_url, _show_url)


def _read_cron(value: object, _: Path) -> str:
    from awsync.schedule import Schedule

    return Schedule(_text(value, "*/5 * * * *")).expr


CRON: Kind[str] = Kind("CRON", _read_cron, str)


def count(least: int, example: int) -> Kind[int]:
    """A whole number that is not below `least`."""

    def read(value: object, _: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(
                f"must be a whole number without quotes, such as {example}, but is {sort_of(value)}"
            )
        if value < least:
            raise ValueError(f"must be {least} or more")
        return value

    def split(texts: Sequence[str]) -> object:
        written = texts[-1].strip()
        if not re.fullmatch(r"-?[0-9]{1,18}", written):
            raise ValueError(f'must be a whole number such as {example}, but is "{written}"')
        return int(written)

    return Kind("COUNT", read, int, split)


def _read_switch(value: object, _: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false without quotes, but is {sort_of(value)}")
    return value


def _split_switch(texts: Sequence[str]) -> object:
    written = texts[-1].strip().lower()
    if written not in ("true", "false"):
        raise ValueError(f'must be true or false, but is "{written}"')
    return written == "true"


SWITCH: Kind[bool] = Kind("true|false", _read_switch, bool, _split_switch)


def _read_listen(value: object, _: Path) -> Listen:
    example = "127.0.0.1:9877"
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value, example)
    host, colon, port = written.rpartition(":")
    host = host if colon else "127.0.0.1"
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f'"{written}" is not an address and port: write it like "[{host}]:{port}"')
    if not host:
        raise ValueError(f'"{written}" names no address: write "0.0.0.0{written}" to listen on all there are')
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536 or re.search(r"[\s/]", host):
        raise ValueError(
            f'"{written}" is not an address and port: write it like "{example}", or the port alone'
        )
    return Listen(host, int(port))


LISTEN: Kind[Listen] = Kind("ADDRESS:PORT", _read_listen, str)


def parse_duration(written: str) -> timedelta:
    """Read "30s", "5m", "1h30m", "24h", "30d", "2w" or "1y" (365 days). Raises ValueError."""
    if not _DURATION.fullmatch(written):
        raise ValueError(
            f'"{written}" is not a duration: write a number and its unit, such as 30s, 5m, 24h, 30d'
        )
    parts = _DURATION_PART.findall(written)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f'"{written}" is longer than a hundred years')
    return timedelta(seconds=seconds)


def show_duration(value: timedelta) -> str:
    """Write a duration the way it is read: "5m", "1h30m", "24h", "30d", "0s"."""
    rest = round(value.total_seconds() * 1000)
    if rest > _DAY_MS and rest % _DAY_MS == 0:
        return f"{rest // _DAY_MS}d"
    words = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def duration(example: str, *, positive: bool = False) -> Kind[timedelta]:
    """Return the kind of a length of time; `positive` refuses zero."""

    def read(value: object, _: Path) -> timedelta:
        length = parse_duration(_text(value, example))
        if positive and not length:
            raise ValueError(f'must be longer than nothing, such as "{example}"')
        return length

    return Kind("DURATION", read, show_duration)


def _read_resolution(value: object, _: Path) -> timedelta:
    length = parse_duration(_text(value, "5m"))
    seconds = length.total_seconds()
    if seconds < 1 or seconds != int(seconds) or 3600 % int(seconds):
        raise ValueError("must divide an hour evenly, such as 1m, 5m, 10m, 15m, 30m or 1h")
    return length


RESOLUTION: Kind[timedelta] = Kind("DURATION", _read_resolution, show_duration)


def _read_history(value: object, _: Path) -> timedelta | None:
    written = _text(value, "30d")
    return None if written.lower() == "all" else parse_duration(written)


HISTORY: Kind[timedelta | None] = Kind(
    "DURATION", _read_history, lambda length: "all" if length is None else show_duration(length)
)


def _read_globs(value: object, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["aw-watcher-*"], but is {sort_of(value)}')
    globs = (_text(each, "aw-watcher-*") for each in value)
    return tuple(dict.fromkeys(globs))


def _split_globs(texts: Sequence[str]) -> object:
    return [part.strip() for each in texts for part in each.split("|") if part.strip()]


GLOBS: Kind[tuple[str, ...]] = Kind("GLOB|GLOB", _read_globs, list, _split_globs, repeats=True)


def _read_words(value: object, _: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["title"], but is {sort_of(value)}')
    return tuple(dict.fromkeys(_text(each, "title") for each in value))


WORDS: Kind[tuple[str, ...]] = Kind("KEY|KEY", _read_words, list, _split_globs, repeats=True)


def _one_of(value: object, allowed: Sequence[str]) -> str:
    written = _text(value, allowed[0])
    if written not in allowed:
        raise ValueError(f'"{written}" is not one of {", ".join(allowed)}')
    return written


def choice(*allowed: str) -> Kind[str]:
    """Return the kind of a text that is one of a few words."""
    return Kind("|".join(allowed), lambda value, _: _one_of(value, allowed), str)


def _read_path(value: object, base: Path) -> Path:
    try:
        return base / Path(_text(value, "secrets/token")).expanduser()
    except RuntimeError as error:
        raise ValueError("begins with ~, but there is no such home folder") from error


PATH: Kind[Path] = Kind("PATH", _read_path, str)


def _read_secret(value: object, base: Path) -> SecretRef:
    if isinstance(value, str):
        if not value.strip() or _CONTROL.search(value):
            raise ValueError("is empty or holds a control character")
        return SecretRef(literal=Secret(value))
    if isinstance(value, Mapping) and len(value) == 1:
        if "file" in value:
            return SecretRef(file=_read_path(value["file"], base))
        if "env" in value:
            return SecretRef(env=_text(value["env"], "MY_TOKEN"))
    raise ValueError('must be text in quotes, { file = "path" } or { env = "NAME" }')


SECRET: Kind[SecretRef] = Kind("SECRET", _read_secret, lambda _: MASK)


def _read_headers(value: object, base: Path) -> Mapping[str, SecretRef]:
    headers: dict[str, SecretRef] = {}
    for name, each in _pairs(value, 'X-Scope-OrgID = "team"').items():
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


def _read_names(value: object, _: Path) -> Mapping[str, str]:
    return {
        _text(name, "unknown"): _text(each, "laptop")
        for name, each in _pairs(value, 'unknown = "laptop"').items()
    }


def _pairs(value: object, example: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table such as {{ {example} }}, but is {sort_of(value)}")
    return value


def _split_pairs(texts: Sequence[str]) -> object:
    pairs: dict[str, str] = {}
    for part in (part.strip() for each in texts for part in each.split("|")):
        name, equals, value = part.partition("=")
        if not part:
            continue
        if not equals or not name.strip():
            # The text may be half a secret, so it is not repeated.
            raise ValueError("must be name=value; several are separated by |")
        if name.strip() in pairs:
            raise ValueError(f'"{name.strip()}" is given twice')
        pairs[name.strip()] = value.strip()
    return pairs


def choices(*allowed: str) -> Kind[Mapping[str, str]]:
    """Return the kind of a table that gives one of a few words to each of its globs."""

    def read(value: object, _: Path) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for glob, each in _pairs(value, f'"aw-watcher-web*" = "{allowed[-1]}"').items():
            try:
                found[_text(glob, "aw-watcher-web*")] = _one_of(each, allowed)
            except ValueError as error:
                raise ValueError(f'the value of "{glob}" {error}') from error
        return found

    return Kind("GLOB=WORD", read, dict, _split_pairs, repeats=True)


HEADERS: Kind[Mapping[str, SecretRef]] = Kind(
    "NAME=VALUE", _read_headers, lambda headers: dict.fromkeys(headers, MASK), _split_pairs, repeats=True
)
NAMES: Kind[Mapping[str, str]] = Kind("FROM=TO", _read_names, dict, _split_pairs, repeats=True)
