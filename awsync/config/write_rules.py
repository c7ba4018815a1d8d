"""Puts a rule at the end of config.toml, and takes it away again: nothing else of the file changes.

May import: the standard library, errors and the other modules of config.
"""

import re
import tomllib
from pathlib import Path

from awsync.config.lines import read_toml
from awsync.config.rule_keys import RULE_TABLE
from awsync.config.write import read_text, write_text
from awsync.errors import ConfigError, Problem


def add_rule(path: Path, text: str) -> None:
    """Adds a rule, as it stands in config.toml with its [[rule]]. Raises ConfigError."""
    target = path.resolve()
    before = read_toml(target).data
    old = read_text(target)
    block = _block(text, old)
    gap = "" if not old or old.endswith("\n\n") else "\n" if old.endswith("\n") else "\n\n"
    fresh = old + _ending(gap, old) + block
    rules = before.get(RULE_TABLE, [])
    wanted = {**before, RULE_TABLE: [*(rules if isinstance(rules, list) else []), *_rules(path, text)]}
    if not _reads_as(fresh, wanted):
        raise _error(path, "is written in a way that no rule can be put behind it: add it by hand")
    write_text(target, fresh)


def remove_rule(path: Path, text: str) -> None:
    """Removes a rule that `add_rule` wrote and nobody has changed since. Raises ConfigError."""
    target = path.resolve()
    before = read_toml(target).data
    old = read_text(target)
    block = _block(text, old)
    rules = before.get(RULE_TABLE)
    (gone,) = _rules(path, text)
    head, found, tail = old.rpartition(block)
    if found and isinstance(rules, list) and gone in rules:
        left = [rule for rule in rules if rule != gone]
        wanted = {name: value for name, value in before.items() if name != RULE_TABLE}
        if left:
            wanted[RULE_TABLE] = left
        head = head.removesuffix(_ending("\n", old)) if head.endswith(_ending("\n\n", old)) else head
        if _reads_as(head + tail, wanted):
            write_text(target, head + tail)
            return
    raise _error(path, "has changed since it was written: remove it by hand")


def _rules(path: Path, text: str) -> list[object]:
    try:
        found = tomllib.loads(text).get(RULE_TABLE, [])
    except tomllib.TOMLDecodeError as error:
        raise _error(path, f"is no TOML: {error}") from error
    if not isinstance(found, list) or len(found) != 1:
        raise _error(path, "must be one [[rule]] table")
    return list(found)


def _block(text: str, old: str) -> str:
    return _ending(text.strip() + "\n", old)


def _ending(text: str, old: str) -> str:
    """The text with the line ends of the file."""
    return re.sub(r"\r?\n", "\r\n", text) if "\r\n" in old else text


def _reads_as(text: str, wanted: object) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _error(path: Path, message: str) -> ConfigError:
    return ConfigError((Problem(str(path), RULE_TABLE, message),))
