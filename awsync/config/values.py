"""The kinds of value a setting can have: read with a check, taken from one line of text, shown masked.

Here is what a kind is, and those of a single text, word, number, switch, path or cron; the others are in
durations, addresses, lists and secret_values. A reader raises ValueError; its text says what the value must
be, and never repeats a secret.
May import: the standard library, msgspec; schedule when a cron is read (it loads croniter).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

Shown = str | int | list[str] | dict[str, str] | None
"""A value as `config show` prints it: secrets masked, fit for JSON."""

MASK = "***"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_MOST_TEXT = 1_000


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


def text_of(value: object, example: str) -> str:
    """Return a plain, non-empty line of text without the space around it. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f'must be text in quotes, such as "{example}", but is {sort_of(value)}')
    stripped = value.strip()
    if not stripped:
        raise ValueError(f'is empty: give a value such as "{example}", or remove it')
    if len(stripped) > _MOST_TEXT:
        raise ValueError(f"is longer than {_MOST_TEXT:,} characters")
    if CONTROL.search(stripped):
        raise ValueError("holds a line break or another control character")
    return stripped


def texts_of(given: object) -> list[str]:
    """Return the texts of one flag, which may have been given several times."""
    return [str(each) for each in given] if isinstance(given, list | tuple) else [str(given)]


def text(metavar: str, example: str) -> Kind[str]:
    """Return the kind of a plain, non-empty line of text."""
    return Kind(metavar, lambda value, _: text_of(value, example), str)


def _read_cron(value: object, _: Path) -> str:
    from awsync.schedule import Schedule

    return Schedule(text_of(value, "*/5 * * * *")).expr


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


def _one_of(value: object, allowed: Sequence[str]) -> str:
    written = text_of(value, allowed[0])
    if written not in allowed:
        raise ValueError(f'"{written}" is not one of {", ".join(allowed)}')
    return written


def choice(*allowed: str) -> Kind[str]:
    """Return the kind of a text that is one of a few words."""
    return Kind("|".join(allowed), lambda value, _: _one_of(value, allowed), str)


def _read_path(value: object, base: Path) -> Path:
    try:
        return base / Path(text_of(value, "secrets/token")).expanduser()
    except RuntimeError as error:
        raise ValueError("begins with ~, but there is no such home folder") from error


PATH: Kind[Path] = Kind("PATH", _read_path, str)
