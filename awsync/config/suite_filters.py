r"""What the filters of aw-sync-suite become: rules.

A filter that cannot be taken over as it was meant is refused with its name: one that is left out would let
through what it was made to hold back. Replacements are written as Go has it there (`$1`, `${name}`) and as
Python has it here (`\1`, `\g<name>`).

May import: the standard library, msgspec, errors, rules, settings, config.key.
"""

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from awsync.config.key import nearest
from awsync.errors import Problem
from awsync.rules.patterns import Groups
from awsync.settings import Replacement, Rule

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


def rules_of(given: object, path: Path, notes: list[str], problems: list[Problem]) -> Iterator[Rule]:
    """The rule of each filter; `notes` gets what is left out, `problems` what cannot be taken over."""
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
        faults = [*(unknown("key of a filter", each, _FILTER) for each in strays), *faults]
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
        if (meaning := _FILTER.get(letters_of(key))) is None:
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


def letters_of(name: object) -> str:
    """Return a name as it is looked up: its letters alone, small."""
    return re.sub(r"[^a-z]", "", str(name).lower())


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that there is no such name, and which was probably meant."""
    meant = nearest(str(name), known)
    return f"is no {what} that awsync knows" + (f': did you mean "{meant}"?' if meant else "")


def _shown(entry: object) -> str:
    text = str(entry)
    return text if len(text) <= 80 else f"{text[:79]}…"
