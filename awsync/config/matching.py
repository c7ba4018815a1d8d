"""The kinds of value that say which events are meant: expressions, keys of data, names of categories.

May import: the standard library, expressions, config.values.
"""

from collections.abc import Sequence
from pathlib import Path

from awsync.config.values import Kind, sort_of, text
from awsync.expressions import compiled

_DEEPER = ">"
_TEXT = text("NAME", "app")


def _read_expression(value: object, _: Path) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, such as 'code|vim', but is {sort_of(value)}")
    if not value:
        raise ValueError("is empty, which every event would match: give an expression such as 'code|vim'")
    try:
        compiled(value)
    except ValueError as error:
        raise ValueError(f"is not an expression that Python reads: {error}") from error
    return value


EXPRESSION: Kind[str] = Kind("REGEX", _read_expression, str)


def _read_category(value: object, base: Path) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in _TEXT.read(value, base).split(_DEEPER))
    if not all(parts):
        raise ValueError('has nothing beside a ">": write it like "Work > Programming"')
    return parts


CATEGORY: Kind[tuple[str, ...]] = Kind("NAME", _read_category, f" {_DEEPER} ".join)


def _read_flag(value: object, _: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, without quotes, but is {sort_of(value)}")
    return value


def _split_flag(texts: Sequence[str]) -> object:
    written = texts[-1].strip().lower()
    return {"true": True, "false": False}.get(written, written)


FLAG: Kind[bool] = Kind("true|false", _read_flag, lambda flag: str(flag).lower(), _split_flag)


def _read_data_keys(value: object, base: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'must be a list such as ["app", "title"], but is {sort_of(value)}')
    if not value:
        raise ValueError('is empty: name keys of the events, such as ["app"], or remove it')
    return tuple(_TEXT.read(each, base) for each in value)


DATA_KEYS: Kind[tuple[str, ...]] = Kind("KEY", _read_data_keys, list)
