"""The keys of a [[rule]] table, and how each is read.

May import: the standard library, msgspec, settings, config.key and the kinds of config.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from awsync.config import durations, values
from awsync.config.key import Key
from awsync.config.matching import FLAG
from awsync.config.values import Kind, sort_of
from awsync.settings import Replacement

RULE_TABLE = "rule"
_MOST_TEXT = 10_000


def _list(value: object, example: str, *, one: bool = False, empty: bool = False) -> tuple[str, ...]:
    """A list of texts; with `one` a text alone is a list of one."""
    if one and isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise ValueError(f"must be a list such as {example}, but is {sort_of(value)}")
    if not value and not empty:
        raise ValueError(f"is empty: give a list such as {example}, or remove it")
    return tuple(dict.fromkeys(_text(each, example) for each in value))


def _text(value: object, example: str, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, such as {example}, but is {sort_of(value)}")
    if not value and not empty:
        raise ValueError(f"is empty: give text such as {example}, or remove it")
    if len(value) > _MOST_TEXT:
        raise ValueError(f"is longer than {_MOST_TEXT:,} characters")
    return value


def _table(value: object, example: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table such as {example}, but is {sort_of(value)}")
    if not value or "" in value:
        raise ValueError(f"must name keys, such as {example}")
    return value


def _lists(metavar: str, example: str, *, one: bool = False, empty: bool = False) -> Kind[tuple[str, ...]]:
    return Kind(metavar, lambda value, _: _list(value, example, one=one, empty=empty), list)


def _texts(metavar: str, example: str, *, empty: bool) -> Kind[Mapping[str, str]]:
    def read(value: object, _: Path) -> Mapping[str, str]:
        return _each(value, example, lambda each: _text(each, example, empty=empty))

    return Kind(metavar, read, dict)


def _each(value: object, example: str, read: Callable[[object], Any]) -> dict[str, Any]:
    found = {}
    for name, each in _table(value, example).items():
        try:
            found[name] = read(each)
        except ValueError as error:
            raise ValueError(f'the value of "{name}" {error}') from error
    return found


_REPLACE = "{ title = { find = ' - Mozilla Firefox$', with = '' } }"


def _replacements(value: object, _: Path) -> Mapping[str, tuple[Replacement, ...]]:
    return _each(value, _REPLACE, _several)


def _several(value: object) -> tuple[Replacement, ...]:
    if isinstance(value, list):
        if not value:
            raise ValueError("is empty: give text, or { find = ..., with = ... }")
        return tuple(map(_replacement, value))
    return (_replacement(value),)


def _replacement(value: object) -> Replacement:
    if isinstance(value, str):
        return Replacement(_text(value, '"hidden"', empty=True))
    if not isinstance(value, Mapping):
        raise ValueError(f"must be text or {{ find = ..., with = ... }}, but is {sort_of(value)}")
    if set(value) != {"find", "with"}:
        raise ValueError('must have "find" and "with", and nothing else')
    return Replacement(_text(value["with"], '"hidden"', empty=True), _text(value["find"], "'[0-9]{4,}'"))


def _read_category(value: object, _: Path) -> tuple[str, ...]:
    example = '"Work > Programming"'
    parts = value.split(">") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise ValueError(f"must be text such as {example} or a list of its parts, but is {sort_of(value)}")
    category = tuple(_text(part, example).strip() for part in parts)
    if not all(category) or not category:
        raise ValueError(f"has an empty part: write it like {example}")
    return category


def _key(name: str, kind: Kind[Any], help_text: str, example: object, *aliases: str) -> Key[Any]:
    return Key(name=name, kind=kind, help=help_text, example=example, aliases=aliases)


RULE_NAME: Key[str] = _key(
    "name", values.text("NAME", "no bank"), "A name of your own, which no other rule has.", "no bank"
)
RULE_WATCHERS: Key[tuple[str, ...]] = _key(
    "watchers",
    _lists("GLOB", '["aw-watcher-web*"]', one=True),
    "The buckets it is about: globs on the client or the bucket id. Default: all.",
    ["aw-watcher-web*"],
    "watcher",
)
RULE_HOSTS: Key[tuple[str, ...]] = _key(
    "hosts",
    _lists("GLOB", '["laptop"]', one=True),
    "The hosts it is about: globs on the label `host`. Default: all.",
    ["laptop*"],
    "host",
)
RULE_MATCH: Key[Mapping[str, str]] = _key(
    "match",
    _texts("KEY=REGEX", "{ title = '(?i)bank' }", empty=False),
    "The events it is about: keys of their data, and an expression that is found in each. Default: all.",
    {"url": "^https?://([^/]*\\.)?bank\\.example/"},
)
RULE_DROP: Key[bool] = _key(
    "drop", FLAG, "Nothing of the event leaves; no other action beside it.", example=True
)
RULE_SET: Key[Mapping[str, str]] = _key(
    "set",
    _texts("KEY=TEXT", "{ team = 'core' }", empty=True),
    "Gives keys a text; \\1 and \\g<name> are groups of match.",
    {"team": "core"},
)
RULE_REPLACE: Key[Mapping[str, tuple[Replacement, ...]]] = _key(
    "replace",
    Kind("KEY=TEXT", _replacements, lambda _: None),
    "Changes what keys have: text for the whole, or what to find and what comes instead, or a list of those.",
    {"title": {"find": "[0-9]{4,}", "with": "#"}},
)
RULE_TRANSFORM: Key[str] = _key(
    "transform",
    values.text("NAME", "my-transform"),
    "Hands the event to a Python function: an entry point of the group awsync.transforms.",
    "my-transform",
)
RULE_COMMAND: Key[tuple[str, ...]] = _key(
    "command",
    Kind("LIST", lambda value, _: _command(value), list),
    "Hands the events to a program of yours, as lines of JSON.",
    ["/usr/local/bin/tidy", "--titles"],
)
RULE_TIMEOUT: Key[timedelta] = _key(
    "timeout",
    durations.duration("5s", positive=True),
    "How long transform or command may take over one event. Default: 5s.",
    "5s",
)
RULE_CATEGORY: Key[tuple[str, ...]] = _key(
    "category",
    Kind("TEXT", _read_category, list),
    "The label `category`, instead of ActivityWatch's own.",
    "Work > Programming",
)
RULE_PSEUDONYMISE: Key[tuple[str, ...]] = _key(
    "pseudonymise",
    _lists("KEY", '["title"]', one=True),
    "Keys whose values become unreadable: the same text gives the same 16 letters and digits.",
    ["title"],
    "pseudonymize",
)
RULE_KEEP: Key[tuple[str, ...]] = _key(
    "keep",
    _lists("KEY", '["app", "title"]', one=True, empty=True),
    "The only keys that leave; all others are taken away.",
    ["app", "title"],
)


def _command(value: object) -> tuple[str, ...]:
    example = '["/usr/local/bin/tidy", "--titles"]'
    if not isinstance(value, list):
        raise ValueError(f"must be a list such as {example}, but is {sort_of(value)}")
    words = tuple(_text(each, example, empty=True) for each in value)
    if not words or not words[0].strip():
        raise ValueError(f"names no program: give a list such as {example}")
    return words


RULE_KEYS: tuple[Key[Any], ...] = (
    *(RULE_NAME, RULE_WATCHERS, RULE_HOSTS, RULE_MATCH, RULE_DROP, RULE_SET, RULE_REPLACE, RULE_TRANSFORM),
    *(RULE_COMMAND, RULE_TIMEOUT, RULE_CATEGORY, RULE_PSEUDONYMISE, RULE_KEEP),
)
"""Every key inside a [[rule]] table."""
ACTIONS: tuple[Key[Any], ...] = (
    *(RULE_DROP, RULE_SET, RULE_REPLACE, RULE_TRANSFORM, RULE_COMMAND, RULE_CATEGORY, RULE_PSEUDONYMISE),
    RULE_KEEP,
)
