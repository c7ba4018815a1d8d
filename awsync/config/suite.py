r"""What the files of aw-sync-suite become: settings and filters in YAML turn into keys and rules of config.toml.

A filter that cannot be taken over as it was meant is refused with its name, and nothing is written: a filter
that is left out would let through what it was made to hold back. Replacements are Go's there (`$1`, `${name}`)
and Python's here (`\1`, `\g<name>`).

May import: the standard library, msgspec, yaml, errors, config.keys, config.rule_keys.
"""

import glob
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from awsync.config import keys, rule_keys
from awsync.config.keys import Key, nearest
from awsync.errors import ConfigError, Problem

_SETTINGS: Mapping[str, Key[Any]] = {
    "awurl": keys.AW_URL,
    "prometheusurl": keys.PROMETHEUS_URL,
    "prometheusauth": keys.BEARER_TOKEN,
    "prometheussecretkey": keys.BEARER_TOKEN,
    "excludedwatchers": keys.EXCLUDED,
    "cron": keys.CRON,
    "mindata": keys.MIN_DATA,
    "userid": keys.USER_ID,
}
_WITHOUT_EQUAL: Mapping[str, str] = {
    "includehostname": "every series has the label `host` anyway",
    "plugins": "filters become rules: import their file as well",
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
    """What a file holds in the words of config.toml; `notes` say what has no equal or was left out, and why."""

    settings: Mapping[str, object] = field(default_factory=dict)
    rules: Sequence[Mapping[str, object]] = ()
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


def _read(path: Path) -> Mapping[str, object]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, "file", f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
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
    return value if key is keys.MIN_DATA else str(value)


def _rules(
    given: object, path: Path, notes: list[str], problems: list[Problem]
) -> Iterator[Mapping[str, object]]:
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


def _rule(name: str, found: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    faults: list[str] = []
    rule: dict[str, object] = {rule_keys.RULE_NAME.name: name}
    if watchers := found.get("watchers"):
        named = watchers if isinstance(watchers, list) else [watchers]
        rule[rule_keys.RULE_WATCHERS.name] = [glob.escape(str(each)) for each in named]
    match = _match(found.get("target"), faults)
    if not match:
        faults.append("has no target with a key and a value, so it would never be applied")
    rule[rule_keys.RULE_MATCH.name] = match
    if _is_on(found.get("drop")):
        return {**rule, rule_keys.RULE_DROP.name: True}, faults
    replace = _replacements(found.get("plain"), found.get("regex"), faults)
    if replace:
        rule[rule_keys.RULE_REPLACE.name] = replace
    if category := found.get("category"):
        rule[rule_keys.RULE_CATEGORY.name] = [str(category)]
    if not replace and not category and not faults:
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


def _replacements(plain: object, regex: object, faults: list[str]) -> dict[str, object]:
    replace: dict[str, list[object]] = {}
    for each in _entries(plain, {"key", "value"}, faults):
        replace.setdefault(str(each["key"]), []).append(str(each["value"]))
    for each in _entries(regex, {"key", "expression", "value"}, faults):
        expression = str(each["expression"])
        if (pattern := _sound(expression, faults)) is not None:
            text = _python_groups(str(each["value"]), pattern)
            replace.setdefault(str(each["key"]), []).append({"find": expression, "with": text})
    return {key: steps[0] if len(steps) == 1 else steps for key, steps in replace.items()}


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


def _sound(expression: str, faults: list[str]) -> re.Pattern[str] | None:
    try:
        return re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        faults.append(f'has an expression that Python does not read ("{expression}": {error})')
        return None


def _python_groups(text: str, pattern: re.Pattern[str]) -> str:
    """Go's way of naming groups in ours; a group that does not exist is nothing there, so it is here."""

    def reference(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        name = found["name"] or found["braced"]
        known = int(name) <= pattern.groups if name.isdecimal() else name in pattern.groupindex
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
