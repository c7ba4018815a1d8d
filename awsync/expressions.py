"""Expressions that somebody else wrote: read as ActivityWatch (Python) reads them, and searched for in time.

What repeats nothing is left to Python's `re`, which goes over a text once; anything else to `regex`, for only
that can be stopped.

May import: the standard library, regex (loaded with the first expression that needs it).
"""

import re
import warnings
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import regex

    Pattern: TypeAlias = re.Pattern[str] | regex.Pattern[str]

LIMIT = 0.5
"""Seconds that a search may take over one text."""

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_REPEATING = re.compile(r"[(*+?{]")
_FUZZY = re.compile(r"\{(?!\d*,?\d*\})|\[\[:")
"""What `regex` takes for something else than the letters that they are to `re`."""


def compiled(expression: str, *, ignore_case: bool = False) -> "Pattern":
    """The pattern of an expression; raises ValueError with what is wrong with it."""
    with warnings.catch_warnings():
        # What may mean something else in a Python to come means what it means.
        warnings.simplefilter("ignore")
        try:
            plain = re.compile(expression, re.IGNORECASE if ignore_case else 0)
        except (re.error, OverflowError) as error:
            raise ValueError(str(error)) from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        bare = _ESCAPED.sub("", expression)
        return _stoppable(expression, bare, plain) if _REPEATING.search(bare) else plain


def search(pattern: "Pattern", text: str) -> bool:
    """Whether a text holds the pattern; raises TimeoutError where that takes too long to find out."""
    if isinstance(pattern, re.Pattern):
        return pattern.search(text) is not None
    return pattern.search(text, timeout=LIMIT) is not None


def _stoppable(expression: str, bare: str, plain: re.Pattern[str]) -> "regex.Pattern[str]":
    import regex

    if found := _FUZZY.search(bare):
        raise ValueError(f'write a backslash before "{found[0]}"')
    folded = regex.IGNORECASE if plain.flags & re.IGNORECASE else 0
    try:
        return regex.compile(expression, regex.VERSION0 | folded)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
