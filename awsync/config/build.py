"""From what was given to Settings: the checks that concern more than one key, and the defaults worked out.

May import: the standard library, msgspec, platformdirs, settings, errors and the other modules of config.
"""

import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from msgspec import Struct

from awsync.config import keys, source_keys, store_keys
from awsync.config.categories import build_categories, shown
from awsync.config.credentials import Vault
from awsync.config.key import Key
from awsync.config.layers import FILE, Findings, Layers, Place
from awsync.config.pseudonym_key import pseudonym_key
from awsync.config.rules import build_rules
from awsync.config.store import build_store
from awsync.config.values import MASK, Shown
from awsync.errors import Problem
from awsync.settings import Category, Privacy, Rule, Secret, Settings, SourceSettings

_PAIRS: tuple[tuple[Key[Any], Key[Any]], ...] = (
    (keys.AW_TOKEN, keys.AW_TOKEN_FILE),
    (store_keys.BEARER_TOKEN, store_keys.BEARER_TOKEN_FILE),
    (store_keys.PASSWORD, store_keys.PASSWORD_FILE),
)
_NAME = re.compile(r"[^/\\]{1,64}")


class Origin(Struct, frozen=True):
    """An effective value as it may be shown, secrets masked, and where it came from."""

    value: Shown
    place: str


class Builder:
    """Turns layers into Settings; what is wrong is added to the problems of the layers."""

    def __init__(
        self, layers: Layers, environ: Mapping[str, str], file: Path, hostname: Callable[[], str]
    ) -> None:
        self.layers = layers
        self.environ = environ
        self.file = file
        self.hostname = hostname
        self.vault = Vault(environ)
        self.origins: dict[str, Origin] = {}
        flat = self.layers.flat
        for key in keys.KEYS:
            found = flat.get(key)
            shown = None if found.value is None and key.default is None else key.kind.show(found.value)
            self.origins[key.name] = Origin(shown, str(found.place) if shown is not None else "not set")
        for pair in _PAIRS:
            first, second = sorted(pair, key=lambda key: flat.get(key).place.layer)
            if flat.get(first).value is not None:
                self.origins[first.name] = Origin(None, f"replaced by {flat.get(second).place}")

    def build(self, *, needs_store: bool) -> Settings:
        """Return the settings; they are only to be used if no problem was noted."""
        flat = self.layers.flat
        state_dir = self._state_dir()
        user_id = self._user_id(state_dir)
        rules = build_rules(self.layers.rules)
        categories = build_categories(self.layers, self.vault.warnings)
        if isinstance(categories, tuple):
            self._note_categories(categories)
        return Settings(
            sources=self._sources(user_id),
            store=build_store(flat, self.vault, self.file if needs_store else None),
            cron=flat.need(keys.CRON),
            splay=flat.need(keys.SPLAY),
            min_data=flat.need(keys.MIN_DATA),
            series_budget=flat.need(keys.SERIES_BUDGET),
            resolution=flat.need(keys.RESOLUTION),
            settle=flat.need(keys.SETTLE),
            lookback=flat.need(keys.LOOKBACK),
            initial_history=flat.need(keys.INITIAL_HISTORY),
            hosts=flat.need(keys.HOSTS),
            state_dir=state_dir,
            rules=rules,
            pseudonym_key=self._pseudonym_key(rules, state_dir),
            categories=categories,
            user_id=user_id,
            push_metrics=flat.need(keys.PUSH_METRICS),
            metrics_listen=flat.pick(keys.METRICS_LISTEN),
        )

    def _pseudonym_key(self, rules: Sequence[Rule], state_dir: Path) -> Secret | None:
        """The key of pseudonyms, where a rule makes any; it is made only for settings that are right."""
        flat, needed = self.layers.flat, any(rule.pseudonymise for rule in rules)
        named = flat.pick(keys.PSEUDONYM_KEY_FILE)
        if not needed or (named is None and self.layers.problems):
            return None
        place = flat.get(keys.PSEUDONYM_KEY_FILE).place
        if named is None:
            place = Place(FILE, str(self.file), self.file.parent)
        try:
            path, key = pseudonym_key(named, state_dir)
        except ValueError as error:
            flat.complain(place, keys.PSEUDONYM_KEY_FILE.name, str(error))
            return None
        if named is not None:
            self.vault.files.add(path)
        else:
            origin = Origin(str(path), f"default (made once, kept in {path})")
            self.origins[keys.PSEUDONYM_KEY_FILE.name] = origin
        return key

    def _note_categories(self, categories: Sequence[Category]) -> None:
        places = [str(place) for place, _ in self.layers.categories]
        self.origins[keys.CATEGORIES.name] = Origin(None, f"replaced by {places[0]}")
        for place, (name, value) in zip(places, shown(categories).items(), strict=True):
            self.origins[name] = Origin(value, place)

    def _state_dir(self) -> Path:
        given = self.layers.flat.pick(keys.STATE_DIR)
        if given is None:
            given = Path(platformdirs.user_state_dir("awsync", appauthor=False))
            self.origins[keys.STATE_DIR.name] = Origin(str(given), "default")
        place = self.layers.flat.get(keys.STATE_DIR).place
        try:
            fault = "is not a folder" if given.exists() and not given.is_dir() else ""
        except OSError as error:
            fault = f"cannot be a folder: {error.strerror or error}"
        if fault:
            self.layers.flat.complain(place, keys.STATE_DIR.name, f"{given} {fault}")
        return given

    def _user_id(self, state_dir: Path) -> str:
        flat = self.layers.flat
        given = flat.pick(keys.USER_ID)
        if given is not None:
            return given
        name = self.hostname().strip()
        if name and name.partition(".")[0].lower() != "localhost" and name.isprintable():
            self.origins[keys.USER_ID.name] = Origin(name, "default (the computer's name)")
            return name
        if self.layers.problems:
            return ""
        path = state_dir / "user-id"
        try:
            made = _kept_id(path)
        except (OSError, UnicodeDecodeError) as error:
            message = (
                "is not set, this computer has no name, and the id made for it cannot be kept in "
                f"{path} ({error}): set {keys.USER_ID.name}, or another {keys.STATE_DIR.name}"
            )
            flat.complain(Place(FILE, "settings", self.file.parent), keys.USER_ID.name, message)
            return ""
        self.origins[keys.USER_ID.name] = Origin(made, f"default (made once, kept in {path})")
        return made

    def _sources(self, user_id: str) -> tuple[SourceSettings, ...]:
        flat = self.layers.flat
        aw_url = flat.get(keys.AW_URL)
        excluded, included = flat.need(keys.EXCLUDED), flat.need(keys.INCLUDED)
        if not self.layers.sources or aw_url.place.layer > FILE:
            if self.layers.sources:
                message = (
                    f"replaces the {len(self.layers.sources)} [[source]] tables of {self.file} for this run"
                )
                self.vault.warnings.append(Problem(aw_url.place.where, keys.AW_URL.name, message))
            token = self.vault.one_of(flat, keys.AW_TOKEN, keys.AW_TOKEN_FILE)
            privacy = self._privacy()
            return (SourceSettings("default", aw_url.value, user_id, token, excluded, included, privacy),)
        if keys.AW_URL.name in flat.found:
            message = (
                "is given together with [[source]] tables: keep the tables and remove aw-url, "
                "or move its address into a table"
            )
            flat.complain(aw_url.place, keys.AW_URL.name, message)
        for key in (keys.AW_TOKEN, keys.AW_TOKEN_FILE):
            if key.name in flat.found:
                message = (
                    f"belongs to aw-url alone: give {key.name.removeprefix('aw-')} in the [[source]] table"
                )
                flat.complain(flat.get(key).place, key.name, message)
        self.origins.pop(keys.AW_URL.name)
        sources = [self._source(place, findings, user_id) for place, findings in self.layers.sources]
        self._check_unique(sources)
        return tuple(sources)

    def _source(self, place: Place, findings: Findings, user_id: str) -> SourceSettings:
        for key in (source_keys.SOURCE_NAME, source_keys.SOURCE_AW_URL):
            if key.name not in findings.mentioned:
                findings.complain(place, key.name, f"is missing: {key.help}")
        flat = self.layers.flat
        name = findings.pick(source_keys.SOURCE_NAME) or ""
        if name and not _NAME.fullmatch(name):
            findings.complain(
                findings.get(source_keys.SOURCE_NAME).place, "name", f'"{name}" is too long or holds a slash'
            )
        source = SourceSettings(
            name=name,
            aw_url=findings.pick(source_keys.SOURCE_AW_URL) or "",
            user_id=findings.pick(source_keys.SOURCE_USER_ID) or user_id,
            token=self.vault.one_of(findings, source_keys.SOURCE_TOKEN, source_keys.SOURCE_TOKEN_FILE),
            excluded_watchers=_joined(flat.need(keys.EXCLUDED), findings.pick(source_keys.SOURCE_EXCLUDED)),
            included_watchers=_joined(flat.need(keys.INCLUDED), findings.pick(source_keys.SOURCE_INCLUDED)),
            privacy=self._privacy(findings),
        )
        self._note_source(source, findings)
        return source

    def _privacy(self, own: Findings | None = None) -> Privacy:
        flat = self.layers.flat
        level = own.pick(source_keys.SOURCE_PRIVACY) if own else None
        allowed = own.pick(source_keys.SOURCE_PRIVACY_ALLOW) if own else None
        return msgspec.convert(
            {
                "level": level or flat.need(keys.PRIVACY),
                "watchers": flat.need(keys.PRIVACY_FOR),
                "allowed": _joined(flat.need(keys.PRIVACY_ALLOW), allowed),
            },
            Privacy,
        )

    def _note_source(self, source: SourceSettings, findings: Findings) -> None:
        shown: dict[Key[Any], Shown] = {
            source_keys.SOURCE_AW_URL: source.aw_url,
            source_keys.SOURCE_USER_ID: source.user_id,
            source_keys.SOURCE_TOKEN: MASK if source.token else None,
            source_keys.SOURCE_EXCLUDED: list(source.excluded_watchers),
            source_keys.SOURCE_INCLUDED: list(source.included_watchers),
            source_keys.SOURCE_PRIVACY: source.privacy.level,
            source_keys.SOURCE_PRIVACY_ALLOW: list(source.privacy.allowed),
        }
        for key, value in shown.items():
            own = findings.get(source_keys.SOURCE_TOKEN_FILE if self._from_file(key, findings) else key)
            inherited = "as above" if keys.find(key.name) else "not set"
            place = str(own.place) if own.value is not None else inherited
            if isinstance(value, list) and own.value is not None and value != list(own.value):
                place += ", and as above"
            self.origins[f"{source_keys.SOURCE_TABLE}.{source.name}.{key.name}"] = Origin(value, place)

    @staticmethod
    def _from_file(key: Key[Any], findings: Findings) -> bool:
        return key is source_keys.SOURCE_TOKEN and source_keys.SOURCE_TOKEN_FILE.name in findings.found

    def _check_unique(self, sources: list[SourceSettings]) -> None:
        for attribute, key in (("name", source_keys.SOURCE_NAME), ("aw_url", source_keys.SOURCE_AW_URL)):
            seen: dict[str, Place] = {}
            for source, (_, findings) in zip(sources, self.layers.sources, strict=True):
                value = getattr(source, attribute).lower()
                place = findings.get(key).place
                if value and value in seen:
                    message = f'"{value}" is used by two sources (the other one is at {seen[value]})'
                    findings.complain(place, key.name, message)
                seen.setdefault(value, place)


def _joined(whole: tuple[str, ...], own: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*whole, *(own or ()))))


def _kept_id(path: Path) -> str:
    """Return the id in `path`, after making one if there is none. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists() or not path.read_text(encoding="utf-8").strip():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(f"user-{uuid.uuid4().hex[:12]}\n", encoding="utf-8")
        fresh.replace(path)
    return path.read_text(encoding="utf-8").strip()
