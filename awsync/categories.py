"""ActivityWatch's categories: its own rules, and which of them an event falls under.

A rule is searched for in all texts of an event's data. Of the categories that match the deepest counts, and
of those that are equally deep the last, as ActivityWatch's servers decide it (FACTS A6); a rule may have a
priority of its own, which then stands for ten times its depth.

May import: the standard library, msgspec, errors, expressions, series, settings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from awsync.errors import CategoryError
from awsync.expressions import compiled, search
from awsync.series import SEPARATOR, Data
from awsync.settings import Category

if TYPE_CHECKING:
    from awsync.expressions import Pattern

Name = tuple[str, ...]
UNCATEGORIZED: Name = ("Uncategorized",)
_LEVEL = 10
"""What one level of depth weighs against a priority."""
_CACHE_SIZE = 20_000

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
    """A category and what it is searched by, in all texts of an event or in those of `keys`.

    Of those that match the one with the highest `rank` counts.
    """

    name: Name
    pattern: "Pattern"
    rank: int
    keys: tuple[str, ...] | None = None

    def matches(self, data: Data) -> bool:
        """Whether one of the texts holds the pattern; raises CategoryError."""
        values = data.values() if self.keys is None else map(data.get, self.keys)
        return any(isinstance(value, str) and self.holds(value) for value in values)

    def holds(self, text: str) -> bool:
        """Whether a text holds the pattern; raises CategoryError where that takes too long to find out."""
        try:
            return search(self.pattern, text)
        except TimeoutError:
            raise CategoryError(
                f'The expression of category "{SEPARATOR.join(self.name)}" takes too long on an event.',
                "Write it without repeats inside repeats, such as (a+)+.",
            ) from None


class Rules:
    """All rules of one ActivityWatch, or of config.toml.

    `saved` says that somebody wrote them; `broken` are the categories whose rule cannot be read.
    """

    def __init__(self, rules: Iterable[Rule], *, saved: bool = True, broken: Sequence[str] = ()) -> None:
        # The last of equals counts: the first that matches in this order is the one.
        self.rules = sorted(rules, key=lambda rule: rule.rank)[::-1]
        self.saved = saved
        self.broken = broken
        self._keyless = [each for each in enumerate(self.rules) if each[1].keys is None]
        self._keyed = [each for each in enumerate(self.rules) if each[1].keys is not None]
        self._none = len(self.rules)
        self._known: dict[str, int] = {}

    @property
    def description(self) -> str:
        """Text that is another one where the rules may decide otherwise."""
        rules = [(rule.name, rule.pattern.pattern, rule.pattern.flags, rule.keys) for rule in self.rules]
        return json.dumps([rules, list(self.broken)])

    def category(self, data: Data) -> str:
        """The category of an event with this data, as `Work > Programming`; raises CategoryError."""
        best = min(
            (self._first(value) for value in data.values() if isinstance(value, str)), default=self._none
        )
        for place, rule in self._keyed:
            if place >= best:
                break
            if rule.matches(data):
                best = place
        return SEPARATOR.join(self.rules[best].name if best < self._none else UNCATEGORIZED)

    def _first(self, text: str) -> int:
        """The place of the first rule without keys that matches a text; many events have the same app."""
        if (found := self._known.get(text)) is None:
            if len(self._known) >= _CACHE_SIZE:
                self._known.clear()
            places = (place for place, rule in self._keyless if rule.holds(text))
            found = self._known[text] = next(places, self._none)
        return found


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
        if not name or not regex or spec.get("type", "regex") != "regex":
            continue
        try:
            rules.append(_rule(name, regex, spec))
        except ValueError:
            broken.append(SEPARATOR.join(name))
    return Rules(rules, broken=broken)


def rules_from(categories: Iterable[Category]) -> Rules:
    """The rules of config.toml."""
    return Rules(
        Rule(
            each.name, compiled(each.regex, ignore_case=each.ignore_case), _LEVEL * len(each.name), each.keys
        )
        for each in categories
    )


def _parts(entry: object) -> tuple[Name, Mapping[str, object]]:
    if not isinstance(entry, dict):
        return (), {}
    name, spec = entry.get("name"), entry.get("rule")
    path = tuple(map(str, name)) if isinstance(name, list) else ()
    return path, spec if isinstance(spec, dict) else {}


def _rule(name: Name, regex: object, spec: Mapping[str, object]) -> Rule:
    keys = spec.get("select_keys") or None
    rank = next((spec[key] for key in ("priority", "weight") if key in spec), _LEVEL * len(name))
    if not isinstance(regex, str) or not isinstance(rank, int) or isinstance(rank, bool):
        raise ValueError("no expression, or no whole number")
    if keys is not None and not isinstance(keys, list):
        raise ValueError("no list of keys")
    pattern = compiled(regex, ignore_case=bool(spec.get("ignore_case")))
    return Rule(
        name, pattern, rank, None if keys is None else tuple(key for key in keys if isinstance(key, str))
    )


DEFAULT = Rules(
    (Rule(name, compiled(regex, ignore_case=folded), _LEVEL * len(name)) for name, regex, folded in _UNSAVED),
    saved=False,
)
