"""A rule that somebody tries before it stands in config.toml.

May import: the standard library, tomlkit, errors, settings and the other modules of config.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from awsync.config.layers import collect
from awsync.config.lines import TomlFile
from awsync.config.rule_keys import RULE_NAME, RULE_TABLE
from awsync.config.rules import build_rules
from awsync.config.template import literal, literal_key
from awsync.errors import ConfigError, Problem
from awsync.settings import Rule

_WHERE = "rule"


def rule_of(text: str, name: str) -> Rule:
    """The rule that a text means: a [[rule]] table, or its keys alone, with commas or on lines.

    `name` is that of one which says none. Raises ConfigError.
    """
    file = TomlFile(Path(_WHERE), {RULE_TABLE: [_table(text, name)]}, {})
    layers = collect(file, {}, {}, Path.cwd())
    rules = build_rules(layers.rules)
    if layers.problems:
        raise ConfigError(tuple(layers.problems))
    (rule,) = rules
    return rule


def harmless(text: str, name: str) -> Rule:
    """The same for a text that is still being typed: half a command is none to run. Raises ConfigError."""
    rule = rule_of(text, name)
    if rule.command or rule.transform is not None:
        raise _refused("runs code, which is not done while it is typed: try it with awsync preview --rule")
    return rule


def written(text: str, name: str) -> str:
    """The rule as it stands in config.toml. Raises ConfigError."""
    table = _table(text, name)
    return "\n".join(
        [f"[[{RULE_TABLE}]]", *(f"{literal_key(key)} = {_inline(value)}" for key, value in table.items())]
    )


def _table(text: str, name: str) -> Mapping[str, object]:
    text = text.strip()
    if f"[[{RULE_TABLE}]]" not in text:
        text = f"{RULE_TABLE} = [{text if text.startswith('{') else _joined(text)}]"
    try:
        found = tomllib.loads(text).get(RULE_TABLE)
    except tomllib.TOMLDecodeError as error:
        raise _refused(f"is no TOML: {error}") from error
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], Mapping):
        raise _refused("must be one rule, such as match = { title = 'bank' }, drop = true")
    return {RULE_NAME.name: name, **found[0]}


def _joined(text: str) -> str:
    """Keys as an inline table: TOML wants commas there, and no line ends."""
    lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip()]
    return f"{{ {', '.join(lines)} }}"


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{literal_key(key)} = {_inline(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return literal(value)


def _refused(message: str) -> ConfigError:
    return ConfigError((Problem(_WHERE, RULE_TABLE, message),))
