"""Collects what is given for each key: config.toml < environment < flags, each with the place it came from.

Every fault is noted and the rest goes on, so that one run of `awsync config check` names them all.
May import: the standard library, msgspec, errors and the other modules of config.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from awsync.config import keys, source_keys, store_keys
from awsync.config.key import ENV_PREFIX, Key, nearest
from awsync.config.lines import TomlFile
from awsync.config.rule_keys import RULE_KEYS, RULE_TABLE
from awsync.config.tables import CATEGORY_KEYS, CATEGORY_TABLE
from awsync.config.values import T, texts_of
from awsync.errors import Problem

DEFAULT, FILE, ENVIRONMENT, FLAG = range(4)
"""The layers, a later one beats an earlier one."""

_TABLES = {source_keys.SOURCE_TABLE: "server", CATEGORY_TABLE: "category", RULE_TABLE: "rule"}
_KEYS: Mapping[str, tuple[Key[Any], ...]] = {
    source_keys.SOURCE_TABLE: source_keys.SOURCE_KEYS,
    CATEGORY_TABLE: CATEGORY_KEYS,
    RULE_TABLE: RULE_KEYS,
}
"""The tables that may come several times, what each stands for, and the keys of each."""


class Place(Struct, frozen=True):
    """Where a value was given; relative paths in it start from `base`."""

    layer: int
    where: str
    base: Path
    line: int | None = None

    def __str__(self) -> str:
        """Say it as `config show` does: "config.toml:12", "environment CRON", "flag --cron", "default"."""
        name = Path(self.where).name if self.layer == FILE else self.where
        return f"{name}:{self.line}" if self.line is not None else name


class Found(Struct, frozen=True):
    """A value that was read without fault, and its place."""

    value: Any
    place: Place


class Findings(Struct):
    """What one table (the top level, or one [[source]]) gives for its keys.

    `mentioned` holds the keys that were given at all, also where the value was wrong, so that nobody is
    told that a key is missing which he has mistyped.
    """

    problems: list[Problem]
    base: Path
    prefix: str = ""
    found: dict[str, Found] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)

    def pick(self, key: Key[T]) -> T | None:
        """Return the effective value: the highest layer's, else the default, else None."""
        value: T | None = self.get(key).value
        return value

    def need(self, key: Key[T]) -> T:
        """Return the effective value of a key that has a default."""
        value: T = self.get(key).value
        return value

    def get(self, key: Key[Any]) -> Found:
        """Return the effective value with its place."""
        if key.name in self.found:
            return self.found[key.name]
        place = Place(DEFAULT, "default", self.base)
        return Found(None if key.default is None else key.kind.read(key.default, self.base), place)

    def complain(self, place: Place, name: str, message: str) -> None:
        """Note a fault."""
        self.problems.append(Problem(place.where, self.prefix + (name or '""'), message, place.line))

    def mistyped(self, name: str, known: Iterable[Key[Any]]) -> None:
        """Count the key that was probably meant as mentioned."""
        meant = nearest(name, [key.name for key in known])
        self.mentioned |= {meant} if meant else set()

    def offer(self, key: Key[Any], place: Place, value: Callable[[], object]) -> None:
        """Take a value for a key if it can be read; a later layer replaces an earlier one."""
        self.mentioned.add(key.name)
        try:
            self.found[key.name] = Found(key.kind.read(value(), place.base), place)
        except ValueError as error:
            self.complain(place, key.name, str(error))


class Layers(Struct):
    """Everything that was given: the flat keys, and the tables of config.toml that come several times."""

    problems: list[Problem]
    flat: Findings
    sources: list[tuple[Place, Findings]] = field(default_factory=list)
    categories: list[tuple[Place, Findings]] = field(default_factory=list)
    rules: list[tuple[Place, Findings]] = field(default_factory=list)


def collect(
    file: TomlFile | None, environ: Mapping[str, str], flags: Mapping[str, object], cwd: Path
) -> Layers:
    """Read the three layers; the faults are in `problems` of the result."""
    problems: list[Problem] = []
    layers = Layers(problems, Findings(problems, cwd))
    if file is not None:
        _from_file(layers, file)
    _from_environment(layers.flat, environ, cwd)
    for key in keys.KEYS:
        if flags.get(key.name) is not None:
            texts = texts_of(flags[key.name])
            layers.flat.offer(key, Place(FLAG, f"flag {key.flag}", cwd), _splitter(key, texts))
    return layers


def _splitter(key: Key[Any], texts: Sequence[str]) -> Callable[[], object]:
    return lambda: key.kind.split(texts)


def _from_environment(flat: Findings, environ: Mapping[str, str], cwd: Path) -> None:
    known = {name for key in keys.KEYS for name in key.env} | {keys.CONFIG_ENV}
    for key in keys.KEYS:
        # An empty variable is how compose files say "not set".
        name = next((name for name in key.env if environ.get(name, "").strip()), None)
        if name:
            flat.offer(key, Place(ENVIRONMENT, f"environment {name}", cwd), _splitter(key, [environ[name]]))
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name in known:
            continue
        meant = nearest(name, known, cutoff=0.85)
        if meant:
            flat.complain(
                Place(ENVIRONMENT, "environment", cwd), name, f"is not a setting: did you mean {meant}?"
            )


def _from_file(layers: Layers, file: TomlFile) -> None:
    for name, value in file.data.items():
        if name in _TABLES:
            found = _tables(layers, file, name, value)
            if name == source_keys.SOURCE_TABLE:
                layers.sources += found
            elif name == CATEGORY_TABLE:
                layers.categories += found
            else:
                layers.rules += found
            continue
        place = Place(FILE, str(file.path), file.path.parent, file.line(name))
        key = keys.find(name)
        if key is None:
            layers.flat.complain(place, name, _unknown(name, value))
            layers.flat.mistyped(name, keys.KEYS)
        elif not _strays(layers.flat, file, key, value):
            _take(layers.flat, key, name, place, value)


def _take(findings: Findings, key: Key[Any], name: str, place: Place, value: object) -> None:
    if key.name in findings.mentioned:
        findings.complain(place, name, f"is given twice: {' and '.join(key.spellings)} are the same key")
        return
    findings.offer(key, place, lambda: value)


def _tables(layers: Layers, file: TomlFile, table_name: str, given: object) -> list[tuple[Place, Findings]]:
    whole = Place(FILE, str(file.path), file.path.parent, file.line(table_name))
    if not isinstance(given, list) or not all(isinstance(table, Mapping) for table in given):
        message = (
            f"must be written with double brackets, [[{table_name}]], once for each {_TABLES[table_name]}"
        )
        layers.flat.complain(whole, table_name, message)
        return []
    known = _KEYS[table_name]
    found: list[tuple[Place, Findings]] = []
    for index, table in enumerate(given):
        findings = Findings(layers.problems, file.path.parent, _prefix(table_name, table))
        here = Place(FILE, str(file.path), file.path.parent, file.line(table_name, index))
        for name, value in table.items():
            line = file.line(table_name, index, name)
            place = Place(FILE, str(file.path), file.path.parent, line)
            key = keys.find(name, known)
            if key is None:
                findings.complain(place, name, _unknown_in_table(name, table_name))
                findings.mistyped(name, known)
            else:
                _take(findings, key, name, place, value)
        found.append((here, findings))
    return found


def _prefix(table_name: str, table: Mapping[str, object]) -> str:
    """What stands before a key in a complaint: a rule is told by its name."""
    named = table.get("name") if table_name == RULE_TABLE else None
    return f'{table_name} "{named}".' if isinstance(named, str) and named else f"{table_name}."


def _strays(flat: Findings, file: TomlFile, key: Key[Any], value: object) -> bool:
    """Complain of settings that a table has swallowed because they were written below its header."""
    if key not in (keys.HOSTS, store_keys.HEADERS, keys.PRIVACY_FOR) or not isinstance(value, Mapping):
        return False
    strays = [name for name in value if keys.find(name) is not None]
    for name in strays:
        place = Place(FILE, str(file.path), file.path.parent, file.line(key.name, name))
        flat.complain(
            place, f"{key.name}.{name}", f"stands below [{key.name}]: move it above the first [table]"
        )
        flat.mentioned.add(name)
    return bool(strays)


def _unknown(name: str, value: object) -> str:
    what = "is not a table of awsync" if isinstance(value, Mapping) else "is not a key of awsync"
    for table_name, known in _KEYS.items():
        if keys.find(name, known) is not None:
            return f"{what} here: it belongs in a [[{table_name}]] table"
    return what + _meant(name, [*(key.name for key in keys.KEYS), *_KEYS])


def _unknown_in_table(name: str, table_name: str) -> str:
    what = f"is not a key of a [[{table_name}]] table"
    if keys.find(name) is not None:
        return f"{what} but of the whole: move it above the first [table]"
    return what + _meant(name, [key.name for key in _KEYS[table_name]])


def _meant(name: str, candidates: Iterable[str]) -> str:
    meant = nearest(name, candidates)
    return f": did you mean {meant}?" if meant else "; `awsync config show` lists the keys"
