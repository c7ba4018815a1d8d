"""A config.toml that explains itself: config.toml.example, and what `awsync config init` writes.

May import: the standard library, tomlkit, tomli-w, settings and the other modules of config.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w
import tomlkit

from awsync.config import keys, source_keys, store_keys
from awsync.config.categories import document as tables_of
from awsync.config.durations import show_duration
from awsync.config.key import Key
from awsync.config.rule_keys import RULE_KEYS, RULE_TABLE
from awsync.config.tables import CATEGORY_KEYS, CATEGORY_TABLE
from awsync.config.values import Shown
from awsync.settings import Replacement, Rule, Settings

_HEAD = """\
# Settings of awsync. A line that begins with "#" is off and shows the default or an example;
# remove the "#" to set it. The environment beats this file, and a flag beats both.
# `awsync config check` finds mistakes, `awsync config show` tells what is in force and why.
"""
_SOURCES = """\
# Several ActivityWatch servers: one [[source]] table for each, instead of aw-url.
"""
_CATEGORIES = """\
# Categories of your own: one [[category]] table for each, instead of those of ActivityWatch.
"""


_RULES = """\
# What leaves the machine: one [[rule]] table for each rule, in their order, before the level of privacy.
"""


def literal(value: object) -> str:
    """Write a value the way TOML has it, a table on one line."""
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{literal_key(name)} = {literal(each)}" for name, each in value.items()) + " }"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return tomlkit.item(value).as_string()


def render(active: Mapping[str, object]) -> str:
    """Return a config.toml with every key: those of `active` set, all others commented out."""
    blocks = [
        f"# {key.help}\n# {default_sentence(key)}\n{_lines(key, active.get(key.name))}\n" for key in keys.KEYS
    ]
    source = "".join(map(_table_lines, source_keys.SOURCE_KEYS))
    category = "".join(map(_table_lines, CATEGORY_KEYS))
    rule = "".join(map(_table_lines, RULE_KEYS))
    tables = (
        f"{_SOURCES}#[[{source_keys.SOURCE_TABLE}]]\n{source}",
        f"{_RULES}#[[{RULE_TABLE}]]\n{rule}",
        f"{_CATEGORIES}#[[{CATEGORY_TABLE}]]\n{category}",
    )
    return "\n".join([_HEAD, *blocks, *tables])


def freeze(settings: Settings, shown: Mapping[str, Shown]) -> str:
    """Return a config.toml that sets what is in force, defaults included, secrets left out.

    `shown` maps the name of a key to its effective value as `config show` has it.
    """
    left_out = {store_keys.HEADERS.name, *(key.name for key in keys.KEYS if key.secret)}
    document: dict[str, object] = {
        key.name: shown[key.name]
        for key in keys.KEYS
        if key.name not in left_out and shown.get(key.name) is not None
    }
    if settings.store and "?" in settings.store.write_url:
        document[store_keys.PROMETHEUS_URL.name] = settings.store.write_url
    if keys.AW_URL.name not in document:
        document[source_keys.SOURCE_TABLE] = [
            {
                source_keys.SOURCE_NAME.name: source.name,
                source_keys.SOURCE_AW_URL.name: source.aw_url,
                source_keys.SOURCE_USER_ID.name: source.user_id,
                source_keys.SOURCE_EXCLUDED.name: list(source.excluded_watchers),
                source_keys.SOURCE_INCLUDED.name: list(source.included_watchers),
                source_keys.SOURCE_PRIVACY.name: source.privacy.level,
                source_keys.SOURCE_PRIVACY_ALLOW.name: list(source.privacy.allowed),
            }
            for source in settings.sources
        ]
    if settings.rules:
        document[RULE_TABLE] = [written(rule) for rule in settings.rules]
    if not isinstance(settings.categories, str):
        document[CATEGORY_TABLE] = tables_of(settings.categories)
    return tomli_w.dumps(document)


def rule_text(rule: Rule) -> str:
    """A rule as lines of config.toml."""
    lines = [f"{name} = {literal(value)}" for name, value in written(rule).items()]
    return "\n".join([f"[[{RULE_TABLE}]]", *lines])


def written(rule: Rule) -> dict[str, object]:
    """A rule as it stands in config.toml."""
    table: dict[str, object] = {"name": rule.name}
    table |= {"watchers": list(rule.watchers)} if rule.watchers else {}
    table |= {"hosts": list(rule.hosts)} if rule.hosts else {}
    table |= {"match": dict(rule.match)} if rule.match else {}
    table |= {"drop": True} if rule.drop else {}
    table |= {"set": dict(rule.set)} if rule.set else {}
    if rule.replace:
        table["replace"] = {name: _replacements(each) for name, each in rule.replace.items()}
    if rule.transform is not None:
        table["transform"] = rule.transform
    table |= {"command": list(rule.command)} if rule.command else {}
    if rule.transform is not None or rule.command:
        table["timeout"] = show_duration(rule.timeout)
    table |= {"category": list(rule.category)} if rule.category else {}
    table |= {"pseudonymise": list(rule.pseudonymise)} if rule.pseudonymise else {}
    table |= {"keep": list(rule.keep)} if rule.keep is not None else {}
    return table


def _replacements(replacements: Sequence[Replacement]) -> object:
    found = [
        each.text if each.pattern is None else {"find": each.pattern, "with": each.text}
        for each in replacements
    ]
    return found[0] if len(found) == 1 else found


def default_sentence(key: Key[Any]) -> str:
    """Say what holds when a key is not set."""
    if key.default_words:
        return f"Default: {key.default_words}."
    return f"Default: {literal(key.default)}." if key.default else "Default: none."


def _lines(key: Key[Any], value: object) -> str:
    mark = "#" if value is None else ""
    shown = (key.default or key.example) if value is None else value
    if not isinstance(shown, Mapping):
        return f"{mark}{key.name} = {literal(shown)}"
    pairs = [f"{mark}{literal_key(name)} = {literal(each)}" for name, each in shown.items()]
    return "\n".join([f"{mark}[{key.name}]", *pairs])


def literal_key(name: str) -> str:
    """Write the name of a key, in quotes where TOML needs them."""
    return tomlkit.key(name).as_string()


def _table_lines(key: Key[Any]) -> str:
    default = f" Default: {key.default_words}." if key.default_words else ""
    return f"# {key.help}{default}\n#{key.name} = {literal(key.example)}\n"
