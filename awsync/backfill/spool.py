"""Puts the samples of years in the order in which a file wants them, in the memory of a few thousand.

A file holds one period of every bucket, series by series; buckets are read one after the other, each in the
order of time. In between the samples lie in a database that is thrown away.

May import: the standard library, errors, ledger, backfill.text.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from awsync.backfill.text import lines, series_text
from awsync.errors import UsageError
from awsync.ledger import Entry
from awsync.series import Labels, stamp

PERIOD_HOURS = 486
"""The longest block of a Prometheus: 2 h three times as long, five times. A file makes one block."""
PERIOD_MS = PERIOD_HOURS * 3_600_000
_KNOWN_SERIES = 20_000

_TABLES = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA temp_store = FILE",
    "PRAGMA cache_size = -8000",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, metric TEXT NOT NULL, text TEXT NOT NULL UNIQUE)",
    """CREATE TABLE sample (
        period INTEGER NOT NULL, series INTEGER NOT NULL, stamp INTEGER NOT NULL, amount INTEGER NOT NULL,
        PRIMARY KEY (period, series, stamp)
    ) WITHOUT ROWID""",
)
_ORDERED = (
    "SELECT metric, text, stamp, amount FROM sample JOIN series ON series.id = series WHERE period = ?"
    " ORDER BY metric, text, stamp"
)


class Spool:
    """The samples on their way; `with Spool(path) as spool:` leaves no file behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        # What is added is added in threads, one after the other.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._ids: dict[Labels, int] = {}
        for statement in _TABLES:
            self._connection.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._path.unlink(missing_ok=True)

    def add(self, entries: Iterable[Entry]) -> None:
        """Takes in samples; raises UsageError where another is at the place of one."""
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany("INSERT INTO sample VALUES (?, ?, ?, ?)", self._rows(entries))
        except sqlite3.IntegrityError:
            raise UsageError(
                "Two sources hold the same bucket, with the same user, host and id.",
                "Name the source that is to be taken: --source NAME.",
            ) from None
        self._connection.execute("COMMIT")

    @property
    def series(self) -> int:
        """How many series there are."""
        ((count,),) = self._connection.execute("SELECT count(*) FROM series")
        return int(count)

    def periods(self) -> list[tuple[int, int]]:
        """The periods that hold samples, and how many."""
        rows = self._connection.execute("SELECT period, count(*) FROM sample GROUP BY period")
        return [(period, count) for period, count in rows]

    def write(self, period: int, path: Path) -> None:
        """Writes the file of a period; only a whole one has the name."""
        unfinished = path.with_name(f"{path.name}.part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file,
            closing(self._connection.cursor()) as cursor,
        ):
            file.writelines(lines(_fetched(cursor, period)))
        os.replace(unfinished, path)

    def _rows(self, entries: Iterable[Entry]) -> Iterator[tuple[int, int, int, int]]:
        for entry in entries:
            at = stamp(entry.slot_end, entry.correction)
            yield at // PERIOD_MS, self._id(entry.labels), at, entry.microseconds

    def _id(self, labels: Labels) -> int:
        known = self._ids.get(labels)
        if known is None:
            if len(self._ids) >= _KNOWN_SERIES:
                self._ids.clear()
            metric, text = series_text(labels)
            self._connection.execute(
                "INSERT OR IGNORE INTO series (metric, text) VALUES (?, ?)", (metric, text)
            )
            ((known,),) = self._connection.execute("SELECT id FROM series WHERE text = ?", (text,))
            self._ids[labels] = known
        return int(known)


def _fetched(cursor: sqlite3.Cursor, period: int) -> Iterator[tuple[str, str, int, int]]:
    yield from cursor.execute(_ORDERED, (period,))
