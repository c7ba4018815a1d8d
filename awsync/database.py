"""The SQLite file under the state: one writer, private to its user, synced to disk where it matters.

May import: the standard library, filelock, errors, words.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from awsync.errors import LockHeldError, StateError
from awsync.words import clock

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoint (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, source TEXT NOT NULL, bucket TEXT NOT NULL,
    began INTEGER, position INTEGER, newest INTEGER, carry TEXT,
    events INTEGER NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0,
    looked_back INTEGER, ledger_from INTEGER, updated INTEGER NOT NULL DEFAULT 0,
    UNIQUE (sink, source, bucket)
);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS ledger (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, slot_end INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series, correction INTEGER NOT NULL, microseconds INTEGER NOT NULL,
    PRIMARY KEY (checkpoint, slot_end, series, correction)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, start INTEGER NOT NULL, end INTEGER NOT NULL,
    too_old INTEGER NOT NULL, words TEXT NOT NULL, since INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS pass (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, started INTEGER NOT NULL,
    finished INTEGER, elapsed REAL, complete INTEGER, totals TEXT
);
CREATE TABLE IF NOT EXISTS writer (pid INTEGER NOT NULL, command TEXT NOT NULL, since INTEGER NOT NULL);
"""


class Writer(NamedTuple):
    """Who announced itself as the writer; `since` is in microseconds since the epoch."""

    pid: int
    command: str
    since: int


class Database:
    """One open file. Raises StateError where it cannot be used, LockHeldError where another writes."""

    def __init__(self, folder: Path, *, write: bool) -> None:
        self.path = folder / "state.db"
        self._guard = threading.Lock()
        self._lock = filelock.FileLock(folder / "lock", mode=0o600)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if write:
                self._acquire(folder)
            self._connection = self._connect()
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise StateError(
                f"The state database {self.path} cannot be used ({error}).",
                "Check the rights and the space of its folder, or set state-dir to another one.",
            ) from error
        except StateError:
            self._lock.release()
            raise

    def close(self) -> None:
        """Closes the file and gives up the lock."""
        if self._lock.is_locked:
            with suppress(sqlite3.Error):
                self._connection.execute("DELETE FROM writer")
        self._connection.close()
        self._lock.release()

    def announced(self) -> int | None:
        """The process id of the writer that announced itself last and did not end in order."""
        rows = self.rows("SELECT pid FROM writer")
        return int(rows[0][0]) if rows else None

    def writer(self) -> Writer | None:
        """The writer that announced itself last and did not end in order."""
        rows = self.rows("SELECT pid, command, since FROM writer")
        return Writer(*rows[0]) if rows else None

    def holder(self) -> str | None:
        """Who writes to this state now, in words; None where nobody does."""
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            return self._holder()
        self._lock.release()
        return None

    def announce(self, command: str, now: int) -> None:
        """Writes down who holds the lock, for the message that a second writer gets."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM writer")
            connection.execute("INSERT INTO writer VALUES (?, ?, ?)", (os.getpid(), command, now))

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a query."""
        with self._guard:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise StateError(f"The state database {self.path} could not be read ({error}).") from error

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All statements inside, or none; a durable one is on the disk when the block ends.

        One that is not durable may be undone by a loss of power, never by a crash of this process.
        """
        with self._guard:
            try:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise StateError(
                    f"The state database {self.path} could not be written ({error}).",
                    "Check the space and the rights of its folder; what was not written is sent again.",
                ) from error

    def _acquire(self, folder: Path) -> None:
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            raise LockHeldError(
                f"{self._holder()} writes to {folder}.",
                "Let it work (awsync status shows how far it is), stop it, or set another state-dir.",
            ) from None

    def _holder(self) -> str:
        with suppress(sqlite3.Error):
            connection = self._connect()
            found = connection.execute("SELECT pid, command, since FROM writer").fetchone()
            connection.close()
            if found is not None:
                return f"Another awsync (pid {found[0]}, {found[1]}, since {clock(found[2])} UTC)"
        return "Another awsync"

    def _connect(self) -> sqlite3.Connection:
        self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            connection.close()
            raise StateError(
                f"{self.path} was written by a newer awsync (schema {version}).",
                "Update this awsync, or set state-dir to another folder.",
            )
        if version < SCHEMA_VERSION:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        return connection
