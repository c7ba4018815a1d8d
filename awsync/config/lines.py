"""A TOML file with the line on which each of its keys stands, so that every complaint can name it.

tomllib says what a file holds but not where. The scanner here is told that the text is valid TOML
(tomllib has read it), so it only has to skip values, never to understand them.
May import: the standard library, msgspec and errors.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from awsync.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]
"""Where a value stands: ("cron",), ("hosts", "unknown") or, in the second source, ("source", 1, "name")."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_SKIP = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+' + r"|'''.*?'''+" + r'|"(?:[^"\\]|\\.)*"' + r"|'[^']*'" + r"|#[^\n]*",
    re.DOTALL,
)
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlFile(Struct, frozen=True):
    """What a TOML file holds, and on which line."""

    path: Path
    data: Mapping[str, object]
    lines: Mapping[KeyPath, int]
    first_table: int | None = None
    """The line of the first [table] header: plain keys of the top level stand above it."""

    def line(self, *where: str | int) -> int | None:
        """Return the line (from 1) of a key, or of the nearest table around it."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.lines:
                return self.lines[where[:length]]
        return None


def read_toml(path: Path) -> TomlFile:
    """Read a file. Raises ConfigError, with line and column where it is not TOML or not UTF-8."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _refused(path, "file", f"cannot be read: {error.strerror or error}") from error
    try:
        # Editors on Windows put a byte order mark in front, which TOML does not know.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(path, "file", "is not UTF-8: save it in that encoding", line) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, text, str(error)) from error
    except RecursionError as error:
        raise _refused(path, "syntax", "nests lists, tables or dotted keys too deeply") from error
    except ValueError as error:
        # Python converts no text of more than 4,300 digits to a number.
        raise _refused(path, "syntax", "holds a number that is too long") from error
    scanner = Scanner(text)
    return TomlFile(path, data, scanner.scan(), scanner.first_table)


def _refused(path: Path, key: str, message: str, line: int | None = None) -> ConfigError:
    return ConfigError((Problem(str(path), key, message, line),))


def _not_toml(path: Path, text: str, message: str) -> ConfigError:
    place = _PLACE.search(message)
    line, column = (int(place[1]), int(place[2])) if place and place[1] else (None, None)
    if line is None:
        line = text.rstrip("\n").count("\n") + 1
    words = _PLACE.sub("", message)
    at = f" at column {column}" if column else " at the end of the file"
    hint = ""
    if "hex value" in words or "escape" in words:
        hint = r": put a path with backslashes in single quotes, 'C:\like\this'"
    return _refused(path, "syntax", f"this is not valid TOML{at}: {words}{hint}", line)


class Scanner:
    """Walks over the statements of a valid TOML text and notes the line of each key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}
        self.first_table: int | None = None

    def scan(self) -> dict[KeyPath, int]:
        """Return the line of every key and table header."""
        table: KeyPath = ()
        while self._skip_blank():
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text.startswith("[", self.at):
                table = self._header(1)
            else:
                self._note((*table, *self._key()))
                self._move(self.text.index("=", self.at) + 1)
                self._value()
        return self.lines

    def _header(self, brackets: int) -> KeyPath:
        self.first_table = self.first_table or self.line
        self._move(self.at + brackets)
        names = self._key()
        where: KeyPath = ()
        for name in names[:-1]:
            where = self._last((*where, name))
        where = (*where, names[-1])
        if brackets == 2:
            self.counts[where] = self.counts.get(where, -1) + 1
            self.lines.setdefault(where, self.line)
        where = self._last(where)
        self._note(where)
        self._move(self.text.index("]", self.at) + brackets)
        return where

    def _last(self, where: KeyPath) -> KeyPath:
        """A name that stands for an array of tables means the newest of them."""
        return (*where, self.counts[where]) if where in self.counts else where

    def _key(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip_spaces()
            match = _BARE.match(self.text, self.at)
            if match:
                names.append(match[0])
            else:
                match = _QUOTED.match(self.text, self.at)
                assert match, "tomllib has accepted this text"
                names.append(str(tomllib.loads(f"name = {match[0]}")["name"]))
            self._move(match.end())
            self._skip_spaces()
            if not self.text.startswith(".", self.at):
                return names
            self._move(self.at + 1)

    def _value(self) -> None:
        """Skip one value: up to the end of the line on which its last bracket closes."""
        depth = 0
        while self.at < len(self.text):
            skipped = _SKIP.match(self.text, self.at)
            if skipped:
                self._move(skipped.end())
                continue
            char = self.text[self.at]
            if char == "\n" and depth == 0:
                return
            depth += (char in "[{") - (char in "]}")
            self._move(self.at + 1)

    def _note(self, where: KeyPath) -> None:
        for length in range(1, len(where) + 1):
            self.lines.setdefault(where[:length], self.line)

    def _skip_blank(self) -> bool:
        blank = _BLANK.match(self.text, self.at)
        if blank:
            self._move(blank.end())
        return self.at < len(self.text)

    def _skip_spaces(self) -> None:
        while self.text.startswith((" ", "\t"), self.at):
            self.at += 1

    def _move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to
