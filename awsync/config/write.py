"""Edits config.toml for the user: one key at a time, comments and order kept, never half a file.

May import: the standard library, tomlkit, errors and the other modules of config.
"""

import contextlib
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from awsync.config import keys, source_keys
from awsync.config.key import Key
from awsync.config.lines import TomlFile, read_toml
from awsync.config.template import literal
from awsync.errors import ConfigError, Problem

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_PRIVATE = 0o600


def set_value(path: Path, key: str, value: object, source: str | None = None) -> None:
    """Set one key of config.toml, written as in TOML ("10m", 5, ["a*"]); None removes it.

    `source` names the [[source]] table to edit instead of the top level. A file that does not exist is
    made. Raises ConfigError: unknown key, bad value, no such source, not TOML, or the file cannot be written.
    """
    target = path.resolve()
    found = keys.find(key, keys.KEYS if source is None else source_keys.SOURCE_KEYS)
    if found is None:
        raise _error(path, key, "is not a key of awsync")
    if value is not None:
        try:
            found.kind.read(value, target.parent)
        except ValueError as error:
            raise _error(path, key, str(error)) from error
    file = read_toml(target) if target.exists() else TomlFile(target, {}, {})
    text = read_text(target)
    is_new = not any(spelling in file.data for spelling in found.spellings)
    edited = None
    if source is None and is_new and not isinstance(value, Mapping | None):
        line = f"{found.name} = {literal(value)}"
        wanted = {**file.data, found.name: value}
        candidates = (
            _in_place_of_example(text, found.name, line),
            _above_tables(text, file.first_table, line),
        )
        # Text inside a long string may look like an example: only a result that reads as wanted is taken.
        edited = next((each for each in candidates if each is not None and _reads_as(each, wanted)), None)
    if edited is None:
        edited = _with_edit(text, found, value, source, path)
    newline = "\r\n" if "\r\n" in text else "\n"
    write_text(target, re.sub(r"\r?\n", newline, edited))


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step; its mode stays, a new one is private (it may come to hold a secret).

    Raises ConfigError where the file or its folder cannot be written.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _PRIVATE
        # A rename would succeed on a file that its owner has made read-only on purpose.
        if not mode & _ANY_WRITE or (path.exists() and not os.access(path, os.W_OK)):
            raise PermissionError(None, "the file is read-only")
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text, mode)
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}. Make it writable, or edit it by hand"
        raise _error(path, "file", message) from error


def _replace(path: Path, text: str, mode: int) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(mode)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def read_text(path: Path) -> str:
    """What a file holds, with its line ends as they are; nothing where there is no file."""
    if not path.exists():
        return ""
    # newline="" keeps the line ends of the file as they are.
    with path.open(encoding="utf-8-sig", newline="") as file:
        return file.read()


def _in_place_of_example(text: str, name: str, line: str) -> str | None:
    """Return the text with a key where its commented example stands, None where there is none."""
    lines = text.splitlines()
    for index, old in enumerate(lines):
        if re.match(rf"#\s?{re.escape(name)}\s*=", old):
            return "\n".join([*lines[:index], line, *lines[index + 1 :]]) + "\n"
    return None


def _above_tables(text: str, first_table: int | None, line: str) -> str:
    """Return the text with a key below the plain keys; after a header it would belong to that table."""
    lines = text.splitlines()
    above = len(lines) if first_table is None else first_table - 1
    # A comment right above a header speaks of that table and stays with it.
    while first_table is not None and above and lines[above - 1].startswith("#"):
        above -= 1
    gap = [""] if above < len(lines) else []
    return "\n".join([*lines[:above], line, *gap, *lines[above:]]) + "\n"


def _reads_as(text: str, wanted: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _with_edit(text: str, key: Key[Any], value: object, source: str | None, path: Path) -> str:
    try:
        document = tomlkit.parse(text)
        _edit(document if source is None else _source(document, source, path), key, value)
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise _error(path, key.name, f"cannot be edited: {error}") from error


def _edit(table: MutableMapping[str, Any], key: Key[Any], value: object) -> None:
    name = next((spelling for spelling in key.spellings if spelling in table), key.name)
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


def _source(document: tomlkit.TOMLDocument, name: str, path: Path) -> MutableMapping[str, Any]:
    for table in document.get(source_keys.SOURCE_TABLE, []):
        if table.get(source_keys.SOURCE_NAME.name) == name:
            found: MutableMapping[str, Any] = table
            return found
    raise _error(
        path, source_keys.SOURCE_TABLE, f'there is no [[{source_keys.SOURCE_TABLE}]] with the name "{name}"'
    )


def _error(path: Path, key: str, message: str) -> ConfigError:
    return ConfigError((Problem(str(path), key, message),))
