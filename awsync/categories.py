"""ActivityWatch's categories: its own rules, and which of them an event falls under.

A rule is searched for in all texts of an event's data. Of the categories that match the deepest counts, and
of those that are equally deep the last, as ActivityWatch's servers decide it (FACTS A6).

May import: the standard library, msgspec, series.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from awsync.series import RESERVED, SEPARATOR, Labels, label_name

Name = tuple[str, ...]
UNCATEGORIZED: Name = ("Uncategorized",)

_UNSAVED: tuple[tuple[Name, str, bool], ...] = (
    (("Work",), "Google Docs|libreoffice|ReText", False),
    (
        ("Work", "Programming"),
        "GitHub|Stack Overflow|BitBucket|Gitlab|vim|Spyder|kate|Ghidra|Scite",
        False,
    ),
    (("Work", "Programming", "ActivityWatch"), "ActivityWatch|aw-", True),
    (("Work", "Image"), "Gimp|Inkscape", False),
    (("Work", "Video"), "Kdenlive", False),
    (("Work", "Audio"), "Audacity", False),
    (("Work", "3D"), "Blender", False),
    (("Media", "Games"), "Minecraft|RimWorld", False),
    (("Media", "Video"), "YouTube|Plex|VLC", False),
    (("Media", "Social Media"), "reddit|Facebook|Twitter|Instagram|devRant", True),
    (("Media", "Music"), "Spotify|Deezer", True),
    (
        ("Comms", "IM"),
        "Messenger|Telegram|Signal|WhatsApp|Rambox|Slack|Riot|Discord|Nheko",
        False,
    ),
    (("Comms", "Email"), "Gmail|Thunderbird|mutt|alpine", False),
)
"""What ActivityWatch's web page takes until somebody saves categories there (aw-client, classes.py)."""


class Rule(Struct, frozen=True):
    """A category and what it is searched by, in all labels of an event or in those of `keys`."""

    name: Name
    pattern: re.Pattern[str]
    keys: tuple[str, ...] | None = None

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether one of the texts holds the pattern."""
        texts = values.values() if self.keys is None else (values.get(key, "") for key in self.keys)
        return any(self.pattern.search(text) for text in texts)


class Rules(Struct, frozen=True):
    """All rules of one ActivityWatch; `broken` are the categories whose expression Python does not read."""

    rules: Sequence[Rule]
    saved: bool = False
    broken: Sequence[str] = ()

    def category(self, labels: Labels) -> Name:
        """The category of an event with these labels."""
        values = {name: value for name, value in labels if name not in RESERVED}
        best: Name = ()
        for rule in self.rules:
            if len(rule.name) >= len(best) and rule.matches(values):
                best = rule.name
        return best or UNCATEGORIZED


DEFAULT = Rules(
    [Rule(name, re.compile(regex, re.IGNORECASE if folded else 0)) for name, regex, folded in _UNSAVED]
)


def rules_of(settings: Mapping[str, object]) -> Rules:
    """The rules that ActivityWatch's settings hold; those of its web page where none were saved."""
    classes = settings.get("classes")
    if not isinstance(classes, list):
        return DEFAULT
    rules: list[Rule] = []
    broken: list[str] = []
    for entry in classes:
        name, spec = _parts(entry)
        regex = spec.get("regex")
        if not name or spec.get("type") != "regex" or not isinstance(regex, str) or not regex:
            continue
        try:
            pattern = re.compile(regex, re.IGNORECASE if spec.get("ignore_case") else 0)
        except (re.error, OverflowError, RecursionError):
            broken.append(SEPARATOR.join(name))
            continue
        rules.append(Rule(name, pattern, _keys(spec.get("select_keys"))))
    return Rules(rules, saved=True, broken=broken)


def _parts(entry: object) -> tuple[Name, Mapping[str, object]]:
    if not isinstance(entry, dict):
        return (), {}
    name, spec = entry.get("name"), entry.get("rule")
    path = tuple(map(str, name)) if isinstance(name, list) else ()
    return path, spec if isinstance(spec, dict) else {}


def _keys(given: object) -> tuple[str, ...] | None:
    """The labels of the keys that a rule names; no key at all means every one."""
    return tuple(label_name(str(key)) for key in given) if isinstance(given, list) and given else None
