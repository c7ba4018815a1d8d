"""The SQLite file under the state: one writer, private to its user, synced to disk where it matters.

A file that is damaged is put aside by the writer and begun anew: what it held can be had again from
ActivityWatch and the store.

May import: the standard library, filelock, msgspec, errors, events, schema, sqlite_file, words.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import filelock
import msgspec

from awsync.errors import LockHeldError, StateDamagedError, StateError
from awsync.events import StateBegunAnew
from awsync.schema import SCHEMA_VERSION, migrate, schema_of
from awsync.sqlite_file import DamageError, check, check_log, forget_oldest, identity, is_damage, keep
from awsync.words import clock

_T = TypeVar("_T")
PATIENCE_SECONDS = 10.0
"""How long another process may keep the file to itself; what awsync does there takes milliseconds."""


class Writer(NamedTuple):
    """Who announced itself as the writer; `since` is in microseconds since the epoch."""

    pid: int
    command: str
    since: int


FILE_NAME = "state.db"


class Database:
    """One open file. Raises StateError where it cannot be used, LockHeldError where another writes.

    A writer begins a damaged file anew when it opens it, and says so in `begun_anew`; damage that is found
    later raises StateDamagedError, and `begin_anew` is for who runs the passes. A reader follows a file
    that was begun anew, and changes nothing.
    """

    def __init__(self, folder: Path, *, write: bool) -> None:
        self.path = folder / FILE_NAME
        self.begun_anew: StateBegunAnew | None = None
        self._write = write
        self._guard = threading.Lock()
        self._lock = filelock.FileLock(folder / "lock", mode=0o600)
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._announced: tuple[str, int] | None = None
        try:
            with self._told("cannot be used", ", or set state-dir to another one"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if write:
                    self._acquire(folder)
                self._open()
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Closes the file and gives up the lock."""
        with self._guard:
            if self._lock.is_locked and self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.execute("DELETE FROM writer")
            self._leave()
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
        self._announced = (command, now)
        with self.transaction() as connection:
            connection.execute("DELETE FROM writer")
            connection.execute("INSERT INTO writer VALUES (?, ?, ?)", (os.getpid(), command, now))

    def begin_anew(self, reason: str) -> StateBegunAnew:
        """Puts the file aside and begins a new one; for the writer, while no pass runs."""
        with self._guard, self._told("could not be begun anew"):
            event = self._begin_anew(reason)
        if self._announced is not None:
            self.announce(*self._announced)
        return event

    def damaged(self, reason: str) -> StateDamagedError:
        """The error for content that cannot have been written."""
        return StateDamagedError(str(self.path), reason)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a query."""
        with self._guard, self._told("could not be read"):
            return self._current().execute(sql, values).fetchall()

    def decoded(self, text: str, type_: type[_T]) -> _T:
        """What a column holds as JSON."""
        with self.sound():
            return msgspec.json.decode(text, type=type_)

    @contextmanager
    def sound(self) -> Iterator[None]:
        """Makes a StateDamagedError of content that cannot be understood."""
        try:
            yield
        except (msgspec.MsgspecError, ValueError) as error:
            raise self.damaged(str(error)) from error

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All statements inside, or none; a durable one is on the disk when the block ends.

        One that is not durable may be undone by a loss of power, never by a crash of this process.
        """
        with self._guard, self._told("could not be written", "; what was not written is sent again"):
            connection = self._current()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self, what: str, more: str = "") -> Iterator[None]:
        """Makes a StateError of what SQLite and the system complain of."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            if is_damage(error):
                raise self.damaged(str(error)) from error
            raise StateError(
                f"The state database {self.path} {what} ({error}).",
                f"Check the rights and the space of its folder{more}.",
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
        with suppress(OSError, sqlite3.Error, StateError):
            with closing(self._connect(write=False)) as connection:
                found = connection.execute("SELECT pid, command, since FROM writer").fetchone()
            if found is not None:
                return f"Another awsync (pid {found[0]}, {found[1]}, since {clock(found[2])} UTC)"
        return "Another awsync"

    def _open(self) -> None:
        with self._guard:
            try:
                self._current()
            except sqlite3.Error as error:
                if not self._write or not is_damage(error):
                    raise
                self._begin_anew(str(error))

    def _begin_anew(self, reason: str) -> StateBegunAnew:
        self._leave()
        kept = keep(self.path)
        self._current()
        deleted = 0 if kept is None else forget_oldest(self.path, kept)
        kept_as = "" if kept is None else str(kept)
        self.begun_anew = StateBegunAnew(reason=reason, kept_as=kept_as, deleted=deleted)
        return self.begun_anew

    def _current(self) -> sqlite3.Connection:
        """The connection; another file under the name is another state."""
        if self._connection is not None and identity(self.path) != self._file:
            if self._write:
                raise DamageError("it was removed or replaced while it was in use")
            self._leave()
        if self._connection is None:
            self.path.touch(mode=0o600)
            self._file = identity(self.path)
            self._connection = self._connect(write=self._write)
        return self._connection

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        if write:
            check_log(self.path)
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=PATIENCE_SECONDS
        )
        try:
            _use_wal(connection)
            if write:
                check(connection)
            self._bring_up_to_date(connection, write=write)
        except BaseException:
            connection.close()
            raise
        return connection

    def _bring_up_to_date(self, connection: sqlite3.Connection, *, write: bool) -> None:
        version = schema_of(connection)
        if version > SCHEMA_VERSION:
            raise StateError(
                f"{self.path} was written by a newer awsync (schema {version}).",
                "Update this awsync, or set state-dir to another folder.",
            )
        if version == 0 or (write and version < SCHEMA_VERSION):
            migrate(connection, self.path)
        elif version < SCHEMA_VERSION:
            raise StateError(
                f"{self.path} was written by an older awsync (schema {version}).",
                "The next awsync sync brings it up to date, and keeps a copy; start it, or start it again.",
            )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Lets readers read while somebody writes; SQLite itself does not wait for one who is doing the same."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
