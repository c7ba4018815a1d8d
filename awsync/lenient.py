"""JSON as ActivityWatch's servers send it, which is not always JSON.

aw-server stores and sends texts as watchers gave them; a title cut in the middle of an emoji is common.

May import: the standard library, msgspec.
"""

import json
from math import isfinite
from typing import TypeVar

import msgspec

_MOST_DIGITS = 4_300  # Python converts no longer text to an integer
_T = TypeVar("_T")


class NotThatError(ValueError):
    """The text is no JSON, or not of the type."""


def decode(body: bytes, type_: type[_T]) -> _T:
    """The JSON text as the type; strict where that works, and mended where it does not.

    Raises NotThatError.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return msgspec.json.decode(_mended(body), type=type_)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotThatError(str(error)) from error


def _mended(body: bytes) -> bytes:
    """The same JSON without what only lenient parsers read: lone surrogates, bad UTF-8, NaN.

    Numbers that Python cannot hold become the text that their label has anyway.
    """
    value = json.loads(
        body.decode("utf-8", "replace"),
        parse_constant=lambda _: None,
        parse_float=_finite,
        parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else digits,
    )
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _finite(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else str(number)
