"""What the files of aw-sync-suite become: its settings and filters turn into keys and rules of config.toml.

Where anything cannot be taken over as it was meant, nothing is written.

May import: the standard library, msgspec, yaml, errors, settings, config's other modules.
"""

import glob
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from awsync.config import keys, store_keys
from awsync.config.key import Key
from awsync.config.suite_filters import letters_of, rules_of, unknown
from awsync.errors import ConfigError, Problem
from awsync.settings import Rule

_SETTINGS: Mapping[str, Key[Any]] = {
    "awurl": keys.AW_URL,
    "prometheusurl": store_keys.PROMETHEUS_URL,
    "prometheusauth": store_keys.BEARER_TOKEN,
    "prometheussecretkey": store_keys.BEARER_TOKEN,
    "excludedwatchers": keys.EXCLUDED,
    "cron": keys.CRON,
    "mindata": keys.MIN_DATA,
    "userid": keys.USER_ID,
}
_WITHOUT_EQUAL: Mapping[str, str] = {
    "includehostname": "every series has the label `host` anyway",
    "plugins": "filters become rules: import their file as well",
    "pluginsstrictorder": "rules apply in the order in which they stand in config.toml",
    "checkpoint": "what was delivered is kept in the state database below state-dir",
}


class Taken(Struct, frozen=True):
    """What a file holds, in the words of config.toml; `notes` say what has no equal or was left out."""

    settings: Mapping[str, object] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    notes: Sequence[str] = ()


def take_over(path: Path) -> Taken:
    """Reads a file of aw-sync-suite: settings, filters, or both.

    Raises ConfigError with everything that cannot be taken over.
    """
    document = _read(path)
    problems: list[Problem] = []
    notes: list[str] = []
    settings = dict(_settings(document.get("Settings"), path, notes, problems))
    rules = list(rules_of(document.get("Filters"), path, notes, problems))
    if problems:
        raise ConfigError(tuple(problems), "Nothing was imported. Mend the file, or write the rule by hand.")
    return Taken(settings, rules, notes)


def joined(several: Sequence[Taken]) -> Taken:
    """What several files hold; a rule whose name is used by an earlier file gets a number."""
    settings = {name: value for taken in several for name, value in taken.settings.items()}
    rules: list[Rule] = []
    for taken in several:
        for rule in taken.rules:
            names = {each.name for each in rules}
            numbers = (f"{rule.name} ({number})" for number in itertools.count(2))
            free = next(name for name in itertools.chain([rule.name], numbers) if name not in names)
            rules.append(replace(rule, name=free))
    return Taken(settings, rules, [note for taken in several for note in taken.notes])


def _read(path: Path) -> Mapping[str, object]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise _refused(path, "file", f"cannot be read: {why}") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it is nested too deeply"
        line = None if mark is None else mark.line + 1
        raise ConfigError((Problem(str(path), "file", f"is not YAML: {what}", line),)) from error
    if not isinstance(document, dict) or not {"Settings", "Filters"} & document.keys():
        if isinstance(document, dict) and "Scripts" in document:
            message = "names scripts, which aw-sync-suite never ran: give them as `command` of a [[rule]]"
            raise _refused(path, "Scripts", message)
        raise _refused(path, "file", "is none of aw-sync-suite's: it has neither Settings nor Filters")
    return document


def _refused(path: Path, key: str, message: str) -> ConfigError:
    return ConfigError((Problem(str(path), key, message),))


def _settings(
    given: object, path: Path, notes: list[str], problems: list[Problem]
) -> Iterator[tuple[str, object]]:
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        plain = letters_of(name)
        if value is None or value in ("", []):
            continue
        if plain in _WITHOUT_EQUAL:
            notes.append(f"{name}: {_WITHOUT_EQUAL[plain]}.")
        elif plain not in _SETTINGS:
            problems.append(Problem(str(path), str(name), unknown("setting", name, _SETTINGS)))
        else:
            key = _SETTINGS[plain]
            wanted = _wanted(key, value)
            try:
                key.kind.read(wanted, path.parent)
            except ValueError as error:
                problems.append(Problem(str(path), str(name), f"{error}"))
            else:
                yield key.name, wanted


def _wanted(key: Key[Any], value: object) -> object:
    if key is keys.EXCLUDED:
        names = value.split("|") if isinstance(value, str) else value
        return [glob.escape(str(each).strip()) for each in names] if isinstance(names, list) else names
    text = str(value).strip()
    return int(text) if key is keys.MIN_DATA and text.isdecimal() else text
