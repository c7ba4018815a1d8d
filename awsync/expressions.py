"""Expressions that somebody else wrote: compiled as ActivityWatch (Python) takes them, and searched for.

May import: the standard library.
"""

import re
import warnings


def compiled(expression: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The pattern of an expression; raises ValueError with what is wrong with it."""
    with warnings.catch_warnings():
        # What may mean something else in a Python to come means what it means.
        warnings.simplefilter("ignore")
        try:
            return re.compile(expression, re.IGNORECASE if ignore_case else 0)
        except (re.error, OverflowError) as error:
            raise ValueError(str(error)) from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def search(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a text holds the pattern; raises TimeoutError where that takes too long to find out."""
    return pattern.search(text) is not None
