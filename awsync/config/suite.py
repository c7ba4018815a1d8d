r"""What the files of aw-sync-suite become: its settings and filters turn into keys and rules of config.toml.

A filter that cannot be taken over as it was meant is refused with its name, and nothing is written: a filter
that is left out would let through what it was made to hold back. Replacements are written as Go has it there
(`$1`, `${name}`) and as Python has it here (`\1`, `\g<name>`).

May import: the standard library, msgspec, yaml, errors, rules, settings and the keys of config.
"""

import glob
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from awsync.config import keys, store_keys
from awsync.config.key import Key, nearest
from awsync.errors import ConfigError, Problem
from awsync.rules.patterns import Groups
from awsync.settings import Replacement, Rule

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
_FILTER = {
    "filter": "the mark of a filter",
    "filtername": "name",
    "enable": "enable",
    "enabled": "enable",
    "watchers": "watchers",
    "target": "target",
    "plainreplace": "plain",
    "replace": "plain",
    "regexreplace": "regex",
    "drop": "drop",
    "category": "category",
}
_GO_GROUP = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>[0-9A-Za-z_]+)|\{(?P<braced>[0-9A-Za-z_]+)\})")


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
    rules = list(_rules(document.get("Filters"), path, notes, problems))
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
        plain = _plain(name)
        if value is None or value in ("", []):
            continue
        if plain in _WITHOUT_EQUAL:
            notes.append(f"{name}: {_WITHOUT_EQUAL[plain]}.")
        elif plain not in _SETTINGS:
            problems.append(Problem(str(path), str(name), _unknown("setting", name, _SETTINGS)))
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


def _rules(given: object, path: Path, notes: list[str], problems: list[Problem]) -> Iterator[Rule]:
    used: set[str] = set()
    for number, filter_ in enumerate(_filters(given), 1):
        found, strays = _named(filter_)
        title = str(found.get("name") or f"filter {number}")
        name = title if title not in used else f"{title} ({number})"
        used.add(name)
        if _is_off(found.get("enable")):
            notes.append(f'Filter "{name}" is switched off, and is left out.')
            continue
        rule, faults = _rule(name, found)
        faults = [*(_unknown("key of a filter", each, _FILTER) for each in strays), *faults]
        problems += [Problem(str(path), f'filter "{name}"', fault) for fault in faults]
        if not faults:
            yield rule


def _filters(given: object) -> Iterator[Mapping[str, object]]:
    """Each filter, however its lines are indented; aw-sync-suite's documentation has three ways."""
    if isinstance(given, dict):
        given = [given]
    for entry in given if isinstance(given, list) else []:
        inner = entry.get("Filter") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            yield inner
        elif isinstance(entry, dict):
            yield entry
        else:
            yield {str(entry): None}


def _named(filter_: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    found: dict[str, object] = {}
    strays: list[str] = []
    for key, value in filter_.items():
        if (meaning := _FILTER.get(_plain(key))) is None:
            strays.append(str(key))
        else:
            found[meaning] = value
    return found, strays


def _rule(name: str, found: Mapping[str, object]) -> tuple[Rule, list[str]]:
    faults: list[str] = []
    given = found.get("watchers") or []
    watchers = given if isinstance(given, list) else [given]
    rule = Rule(
        name=name,
        watchers=tuple(glob.escape(str(each)) for each in watchers),
        match=_match(found.get("target"), faults),
    )
    if not rule.match:
        faults.append("has no target with a key and a value, so it would never be applied")
    if _is_on(found.get("drop")):
        return replace(rule, drop=True), faults
    category = found.get("category")
    rule = replace(
        rule,
        replace=_replacements(found.get("plain"), found.get("regex"), faults),
        category=(str(category),) if category else None,
    )
    if not rule.replace and rule.category is None and not faults:
        faults.append("does nothing: it has neither drop, nor a replacement, nor a category")
    return rule, faults


def _match(targets: object, faults: list[str]) -> dict[str, str]:
    """The expression of each key; two for one key become one that wants both."""
    wanted: dict[str, list[str]] = {}
    for target in _entries(targets, {"key", "value"}, faults):
        text = str(target["value"])
        if _sound(text, faults) is not None:
            wanted.setdefault(str(target["key"]), []).append(text)
    return {
        key: texts[0] if len(texts) == 1 else "".join(rf"(?=[\s\S]*?(?:{text}))" for text in texts)
        for key, texts in wanted.items()
    }


def _replacements(plain: object, regex: object, faults: list[str]) -> dict[str, tuple[Replacement, ...]]:
    steps: dict[str, list[Replacement]] = {}
    for each in _entries(plain, {"key", "value"}, faults):
        steps.setdefault(str(each["key"]), []).append(Replacement(str(each["value"])))
    for each in _entries(regex, {"key", "expression", "value"}, faults):
        expression = str(each["expression"])
        if (groups := _sound(expression, faults)) is not None:
            text = _python_groups(str(each["value"]), groups)
            steps.setdefault(str(each["key"]), []).append(Replacement(text, expression))
    return {key: tuple(found) for key, found in steps.items()}


def _entries(given: object, wanted: set[str], faults: list[str]) -> Iterator[Mapping[str, object]]:
    """The entries of a list that have all the keys wanted; `from` is the code's name of `expression`."""
    if given is None:
        return
    for entry in given if isinstance(given, list) else [given]:
        named = {"expression" if key == "from" else str(key): value for key, value in _items(entry)}
        missing = sorted(key for key in wanted if named.get(key) is None or (key == "key" and not named[key]))
        if missing or named.keys() - wanted:
            faults.append(f"has an entry that wants {', '.join(sorted(wanted))}: {_shown(entry)}")
        else:
            yield {**named, "value": _scalar(named["value"])}


def _items(entry: object) -> Iterable[tuple[object, object]]:
    return entry.items() if isinstance(entry, dict) else ((entry, None),)


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sound(expression: str, faults: list[str]) -> Groups | None:
    try:
        return Groups(expression)
    except ValueError as error:
        faults.append(f"has an expression that Python does not read: {error}")
        return None


def _python_groups(text: str, groups: Groups) -> str:
    """Go's way of naming groups in ours; a group that does not exist is nothing there, so it is here."""

    def reference(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name = found["name"] or found["braced"]
        known = int(name) <= groups.count if name.isdecimal() else name in groups.names
        return rf"\g<{name}>" if known else ""

    return _GO_GROUP.sub(reference, text.replace("\\", "\\\\"))


def _is_on(value: object) -> bool:
    return str(value).strip().lower() in {"true", "yes", "on", "1"}


def _is_off(value: object) -> bool:
    return value is not None and not _is_on(value)


def _plain(name: object) -> str:
    return re.sub(r"[^a-z]", "", str(name).lower())


def _unknown(what: str, name: object, known: Iterable[str]) -> str:
    meant = nearest(str(name), known)
    return f"is no {what} that awsync knows" + (f': did you mean "{meant}"?' if meant else "")


def _shown(entry: object) -> str:
    text = str(entry)
    return text if len(text) <= 80 else f"{text[:79]}…"
