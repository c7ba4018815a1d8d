"""The log of the console: the engine's own sentences, bounded, with its filters.

May import: the standard library, msgspec, control, events, matching, text.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct, field

from awsync.control import Said
from awsync.events import Level, NextPass, PassStarted, SourceReached, StoreReached, describe, level
from awsync.tui.matching import Pattern
from awsync.tui.text import plain

KEPT = 2_000
_IN_HEADER = (PassStarted, SourceReached, StoreReached, NextPass)
"""What every pass says while all is well; header and schedule show it, so the log has it as a detail."""
LEVELS = (Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR)
WORDS = {Level.DEBUG: "debug", Level.INFO: "info ", Level.WARNING: "warn ", Level.ERROR: "ERROR"}


class Line(Struct, frozen=True):
    """One sentence; `number` counts what this console has written down, `at` is in microseconds."""

    number: int
    at: int
    level: Level
    text: str

    def __str__(self) -> str:
        return f"{self.day} {self.time} {WORDS[self.level]} {self.text}"

    @property
    def day(self) -> str:
        """Its day in UTC."""
        return _moment(self.at).strftime("%Y-%m-%d")

    @property
    def time(self) -> str:
        """Its time of day in UTC."""
        return _moment(self.at).strftime("%H:%M:%S")


class Logbook(Struct):
    """The last lines that were said. Debug lines are bounded apart, so that they push out no warning."""

    written: int = 0
    _lines: deque[Line] = field(default_factory=lambda: deque(maxlen=KEPT))
    _details: deque[Line] = field(default_factory=lambda: deque(maxlen=KEPT))

    def say(self, said: Said) -> None:
        """Writes down an event."""
        severity = Level.DEBUG if isinstance(said.event, _IN_HEADER) else level(said.event)
        self.write(said.at, severity, describe(said.event))

    def write(self, at: int, severity: Level, text: str) -> None:
        """Writes down a sentence, such as an error of the console's own."""
        self.written += 1
        kept = self._details if severity is Level.DEBUG else self._lines
        kept.append(Line(self.written, at, severity, plain(text)))

    def since(self, number: int, at_least: Level, pattern: Pattern) -> list[Line]:
        """The lines after `number` that pass the filters, oldest first."""
        found = [*_after(self._lines, number)]
        if at_least is Level.DEBUG:
            found = sorted([*found, *_after(self._details, number)], key=lambda line: line.number)
        floor = LEVELS.index(at_least)
        return [line for line in found if LEVELS.index(line.level) >= floor and pattern.matches(line.text)]


def _after(lines: Iterable[Line], number: int) -> Iterator[Line]:
    return (line for line in lines if line.number > number)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC)
