"""An expression that ends in time, and what it costs where it is not found: next to nothing.

Python's `re` cannot be stopped, and one expression of the user's must not hold a pass up for ever.

May import: the standard library, regex (loaded with the first expression), errors.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from awsync.errors import RuleError

if TYPE_CHECKING:
    import regex

LIMIT = 0.5
"""Seconds that an expression may take over one text."""

_FLAGS = re.compile(r"\(\?([aiu]+)\)")
_SKIPPED_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_EXTRA = re.compile(r"(?<!\\)(?:\\\\)*(\{(?!\d*,?\d*\})|\[\[:)")
"""What `regex` reads otherwise than `re`: fuzzy repetitions and named classes."""
_QUANTIFIER = re.compile(r"[*+?]|\{[\d,]+\}")


class Groups:
    """The groups of an expression: how many, and the numbers of those that have a name.

    Raises ValueError where an expression cannot be read.
    """

    def __init__(self, text: str) -> None:
        import regex

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = re.compile(text)
                _compiled(text)
            except (re.error, regex.error, OverflowError, RecursionError) as error:
                raise ValueError(f'"{text}" is not a regular expression: {error}') from error
        if extra := _EXTRA.search(text):
            raise ValueError(f'"{text}" holds "{extra[1]}": write a backslash before the bracket')
        self.count = found.groups
        self.names: Mapping[str, int] = found.groupindex


class Pattern:
    """An expression of the rule `rule`."""

    def __init__(self, text: str, rule: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._pattern = _compiled(text)
        self._rule = rule
        self._folded, self._literals = needed(text)

    def search(self, text: str) -> "regex.Match[str] | None":
        """Where it is first found. Raises RuleError where that takes too long."""
        if self._literals and not self._may_hold(text):
            return None
        try:
            return self._pattern.search(text, timeout=LIMIT)
        except TimeoutError:
            raise self._slow() from None

    def replaced(self, text: str, with_: "Callable[[regex.Match[str]], str]") -> str | None:
        """The text with another in each place where it is found; None where it is not.

        Raises RuleError where that takes too long.
        """
        if self._literals and not self._may_hold(text):
            return None
        try:
            result, count = self._pattern.subn(with_, text, timeout=LIMIT)
        except TimeoutError:
            raise self._slow() from None
        return result if count else None

    def _may_hold(self, text: str) -> bool:
        if self._folded:
            if not text.isascii():
                return True
            text = text.lower()
        for literal in self._literals:  # noqa: SIM110 any() takes three times as long
            if literal in text:
                return True
        return False

    def _slow(self) -> RuleError:
        return RuleError(
            self._rule,
            f"takes longer than {LIMIT:g} s over one text, so nothing of the bucket is sent.",
            "Make its expression simpler: repetitions inside repetitions are what takes so long.",
        )


def needed(text: str) -> tuple[bool, Sequence[str]]:
    """Texts of which one is in everything that an expression finds, and whether letters count as equal
    whatever their case (they are lower case then). No text at all: nothing is known.
    """
    folded = False
    flags = _FLAGS.match(text)
    if flags:
        folded, text = "i" in flags[1], text[flags.end() :]
    if "(?" in text and re.search(r"\(\?[a-zA-Z]*x|\(\?[a-zA-Z]*-|\(\?[a-zA-Z]*[iL]|\(\?#", text):
        return folded, ()
    alternatives = _longest_runs(text)
    if not alternatives or not all(alternatives):
        return folded, ()
    if not folded:
        return False, alternatives
    return True, [each.lower() for each in alternatives] if all(map(str.isascii, alternatives)) else ()


def _longest_runs(text: str) -> list[str]:
    """The longest run of plain letters of each alternative; an empty list where that cannot be told."""
    best, run, runs = "", "", []
    at = 0
    while at < len(text):
        char, literal = text[at], ""
        if char == "|":
            runs.append(max(best, run, key=len))
            best = run = ""
            at += 1
            continue
        if char in "([":
            end = _group_end(text, at) if char == "(" else _class_end(text, at)
            if end is None:
                return []
            at = end
        elif char == "\\":
            follows = text[at + 1 : at + 2]
            if follows.isalnum() and not follows.isascii():
                return []
            literal = "" if not follows or follows.isalnum() or follows == "_" else follows
            # \x41, \u1234, \N{...}, \12 go on behind their letter.
            if follows and follows in "xuUNpP0123456789gkKQ":
                return []
            at += 2
        else:
            literal = "" if char in ".^$" else char
            at += 1
        quantifier = _QUANTIFIER.match(text, at)
        if not literal or quantifier:
            kept = run + literal if quantifier and quantifier[0] == "+" else run
            best, run = max(best, kept, key=len), ""
        else:
            run += literal
        while quantifier:
            at = quantifier.end()
            quantifier = _QUANTIFIER.match(text, at)
    runs.append(max(best, run, key=len))
    return runs


def _class_end(text: str, at: int) -> int | None:
    found = _SKIPPED_CLASS.match(text, at)
    return found.end() if found else None


def _group_end(text: str, at: int) -> int | None:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "[":
            end = _class_end(text, at)
            if end is None:
                return None
            at = end
            continue
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1
        if depth == 0:
            return at
    return None


def _compiled(text: str) -> "regex.Pattern[str]":
    import regex

    return regex.compile(text, regex.VERSION0)
