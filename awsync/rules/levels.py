"""The levels of privacy: each is a few rules, shown by `awsync config show`, that end every edit.

What tells that an event is private has to be seen before a rule of the user's can take it away, so a level
has rules for the data as ActivityWatch has them (`first`), and rules for what is left in the end (`last`).
`allowed` are keys that leave all the same; an event that is dropped stays dropped.

May import: the standard library, msgspec, series, settings, the other modules of rules.
"""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from unicodedata import normalize

from msgspec import Struct

from awsync.rules.pseudonyms import Pseudonym
from awsync.rules.scrub import PATHS, URL, base_name, cleaned, domain, is_absolute, renamed, text
from awsync.rules.steps import Step
from awsync.series import Edited
from awsync.settings import Privacy, PrivacyLevel

Allowed = frozenset[str]
_Data = Mapping[str, object]

TITLE = "title"
DOMAIN = "domain"
_TAB_COUNT = "tabCount"
_PRIVATE = (
    *("private browsing", "private window", "incognito", "inprivate", "tor browser"),
    *("inkognito", "privater modus", "privater tab", "privates fenster", "privates surfen"),
    *("navigation privée", "fenêtre privée", "navegación privada", "ventana privada", "incógnit"),
    *("navegação privada", "navegação anónima", "navegação anônima", "janela privada", "janela anónima"),
    *("janela anônima", "navigazione privata", "navigazione anonima", "navigazione in incognito"),
    *("finestra anonima", "privénavigatie", "privévenster", "privat surfning", "privat browsing"),
    *("privat vindue", "privat nettlesing", "privat fönster", "prywatn", "anonymní", "приватн"),
    *("инкогнито", "隐身", "无痕", "無痕", "シークレット", "プライベート", "시크릿"),
)
"""What browsers write into the titles of private windows, in lower case."""
_AFK = frozenset({"afk", "not-afk"})


class LevelRule(Struct, frozen=True):
    """A rule of a level: its name, how it would stand in config.toml, and what it does to data.

    Its name is what tells that a level has other rules than before: one that does something else is called
    something else.
    """

    name: str
    written: str
    edit: Callable[[_Data, Allowed], _Data | None]

    def step(self, allowed: Allowed) -> Step:
        """The rule as a step; `allowed` are keys that it leaves alone."""

        def apply(edited: Edited) -> Edited | None:
            data = self.edit(edited.data, allowed)
            if data is None:
                return None
            return edited if data is edited.data else Edited(data, edited.category)

        return Step(self.name, apply)


class Level(Struct, frozen=True):
    """A level: what it does before the rules of the user's, and behind them."""

    first: tuple[LevelRule, ...]
    last: tuple[LevelRule, ...]

    @property
    def rules(self) -> tuple[LevelRule, ...]:
        """All of its rules, each once."""
        return tuple({rule.name: rule for rule in (*self.first, *self.last)}.values())


def level_of(privacy: Privacy, client: str, bucket: str) -> PrivacyLevel:
    """The level of a bucket; where several globs match it, the strictest that one of them gives."""
    found = [
        level
        for glob, level in privacy.watchers.items()
        if any(fnmatchcase(name, glob) for name in (client, bucket))
    ]
    return max(found, key=list(LEVELS).index, default=privacy.level)


def in_force(privacy: Privacy) -> Mapping[PrivacyLevel, Level]:
    """The levels that buckets have, from the most open to the strictest."""
    levels = {privacy.level, *privacy.watchers.values()}
    return {name: level for name, level in LEVELS.items() if name in levels}


def _with_domain(data: _Data, _: Allowed) -> _Data:
    address = next(_addresses(data), None)
    return data if address is None else {DOMAIN: domain(address), **data}


def _as_domain(data: _Data, allowed: Allowed) -> _Data:
    rest = {key: value for key, value in data.items() if key in allowed or not _is_address(key, value)}
    address = next(_addresses(data), None)
    return data if address is None else {DOMAIN: domain(address), **rest}


def _addresses(data: _Data) -> Iterator[str]:
    return (str(value) for key, value in data.items() if _is_address(key, value))


def _is_address(key: str, value: object) -> bool:
    return key.lower() == URL and isinstance(value, str) and value != "" and not isinstance(value, Pseudonym)


def _not_incognito(data: _Data, _: Allowed) -> _Data | None:
    return None if _is_incognito(data) else data


def _is_incognito(data: _Data) -> bool:
    waiting: list[object] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, each in value.items():
                if key.lower() == "incognito" and _is_yes(each):
                    return True
                if isinstance(each, dict | list):
                    waiting.append(each)
        elif isinstance(value, list):
            waiting += (each for each in value if isinstance(each, dict | list))
    return False


def _is_yes(value: object) -> bool:
    return value.strip().lower() not in {"", "false", "no", "0"} if isinstance(value, str) else bool(value)


def _no_private_title(data: _Data, allowed: Allowed) -> _Data:
    titles = {key for key, value in data.items() if TITLE in key.lower() and isinstance(value, str)}
    if not any(
        mark in title
        for title in (normalize("NFC", str(data[key])).lower() for key in titles)
        for mark in _PRIVATE
    ):
        return data
    return {key: value for key, value in data.items() if key not in titles or key in allowed}


def _no_tab_count(data: _Data, allowed: Allowed) -> _Data:
    if _TAB_COUNT not in data or _TAB_COUNT in allowed:
        return data
    return {key: value for key, value in data.items() if key != _TAB_COUNT}


def _base_names(data: _Data, allowed: Allowed) -> _Data:
    return {
        key: base_name(str(value)) if _is_path(key, value) and key not in allowed else value
        for key, value in data.items()
    }


def _is_path(key: str, value: object) -> bool:
    if not isinstance(value, str) or isinstance(value, Pseudonym):
        return False
    return key.lower() in PATHS or is_absolute(value)


def _scrubbed(data: _Data, allowed: Allowed) -> _Data:
    kept = {key: value for key, value in data.items() if key in allowed}
    rest = {
        key: value if key.lower() == TITLE and isinstance(value, str) else cleaned(key, value)
        for key, value in data.items()
        if key not in allowed
    }
    return {**renamed(rest), **kept} if kept else renamed(rest)


def _app_and_status(data: _Data, allowed: Allowed) -> _Data:
    kept: dict[str, object] = {}
    for key, value in data.items():
        if key in allowed:
            kept[key] = value
        elif isinstance(value, str) and (key == "app" or (key == "status" and value in _AFK)):
            kept[key] = text(value)
    return kept


_INCOGNITO = LevelRule(
    "events of private tabs are dropped",
    'match = { incognito = "true" }\ndrop = true',
    _not_incognito,
)
_PRIVATE_TITLE = LevelRule(
    "windows of private browsing have no title",
    'match = { title = "(?i)private browsing|incognito|inprivate|..." }\nset = { title = "" }',
    _no_private_title,
)
_DOMAIN = LevelRule(
    "an address leaves as its domain",
    'match = { url = "^[a-z]+://([^/]+@)?(?P<host>[^/:]+)" }\nset = { domain = \'\\g<host>\', url = "" }',
    _as_domain,
)
_TABS = LevelRule(
    "how many tabs are open does not leave",
    'set = { tabCount = "" }',
    _no_tab_count,
)
_BASE_NAMES = LevelRule(
    "files and folders leave by their last name",
    "replace = { "
    + ", ".join(f"{key} = {{ find = '.*[/\\\\]', with = '' }}" for key in ("file", "project"))
    + " }  # and every other path",
    _base_names,
)
_SCRUB = LevelRule(
    "addresses and paths inside of other texts are cut to domain and last name",
    "replace = { \"*\" = { find = '[a-z]+://[^ ]+', with = 'domain' } }"
    "  # all but title; nested values and the names of keys too",
    _scrubbed,
)
_WITH_DOMAIN = LevelRule(
    "an address has its domain beside it",
    "match = { url = \"^[a-z]+://([^/]+@)?(?P<host>[^/:]+)\" }\nset = { domain = '\\g<host>' }",
    _with_domain,
)
_STRICT = LevelRule(
    "app, AFK status and category leave, and nothing else",
    'keep = ["app", "status"]',
    _app_and_status,
)

LEVELS: Mapping[PrivacyLevel, Level] = {
    "full": Level((), (_WITH_DOMAIN,)),
    "standard": Level((_INCOGNITO, _PRIVATE_TITLE), (_INCOGNITO, _DOMAIN, _TABS, _BASE_NAMES, _SCRUB)),
    "strict": Level((_INCOGNITO,), (_INCOGNITO, _STRICT)),
}
"""From the most open to the strictest."""
