"""What the engine said, and what is asked of it: a small database beside the state, for other processes.

It holds nothing that a delivery depends on. So it is written without waiting for the disk, in batches, by a
thread of its own; when it is damaged or gone it is begun anew. One process writes events; any process may
read them, and may ask for something.

May import: the standard library, msgspec, errors, events, control, sqlite_file.
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

import msgspec

from awsync.control import Command, Said
from awsync.errors import AwsyncError
from awsync.events import Event, JournalBegunAnew
from awsync.sqlite_file import identity

KEPT = 20_000
"""Events that are kept; a pass over eight buckets says about thirty, a long backfill some thousands."""
BATCH_SECONDS = 0.1
RETRY_SECONDS = 1.0
"""How soon what could not be written is tried again, also when nothing more is said."""
_PATIENCE = 1.0
_PRUNE_EVERY = 1_000
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS said (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
    type TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asked (number INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL);
PRAGMA user_version = {_VERSION};
"""
_FIRST_NUMBER = """
INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)
"""
_TYPES: Mapping[str, type] = {each.__name__: each for each in get_args(Event)}
_Row = tuple[int, str, str]


def _system_clock() -> int:
    return time.time_ns() // 1_000


class Journal:
    """The journal as any process may use it; what cannot be read is as if it had not been said."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        with self._guard:
            self._leave()

    def recent(self, limit: int) -> list[Said]:
        """The last events, oldest first."""
        rows = self._rows("SELECT * FROM (SELECT * FROM said ORDER BY number DESC LIMIT ?) ORDER BY 1", limit)
        return _decoded(rows)

    def after(self, number: int, limit: int = 1_000) -> list[Said]:
        """Events that were said after the one with this number, oldest first."""
        return _decoded(self._rows("SELECT * FROM said WHERE number > ? ORDER BY 1 LIMIT ?", number, limit))

    def of_types(self, types: Sequence[str], limit: int) -> list[Said]:
        """The last events of some types, newest first."""
        marks = ",".join("?" * len(types))
        sql = f"SELECT * FROM said WHERE type IN ({marks}) ORDER BY 1 DESC LIMIT ?"  # noqa: S608 only marks
        return _decoded(self._rows(sql, *types, limit))

    def ask(self, command: Command) -> int:
        """Leaves a request for the process that runs the engine; returns its number.

        Raises AwsyncError where it cannot be written.
        """
        text = msgspec.json.encode(command).decode()
        with self._guard:
            try:
                cursor = self._open().execute("INSERT INTO asked (command) VALUES (?)", (text,))
            except (OSError, sqlite3.Error) as error:
                self._leave()
                raise AwsyncError(
                    f"The request could not be left in {self.path} ({error}).",
                    "Check the rights and the space of its folder.",
                ) from error
        return int(cursor.lastrowid or 0)

    def is_taken(self, number: int) -> bool:
        """Whether the engine has read the request."""
        return not self._rows("SELECT 1 FROM asked WHERE number = ?", number)

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._guard:
            try:
                return self._open().execute(sql, values).fetchall()
            except (OSError, sqlite3.Error):
                self._leave()
                return []

    def _open(self) -> sqlite3.Connection:
        """The connection; another file under the name, as after a new beginning, is opened in its place."""
        if self._connection is not None and identity(self.path) != self._file:
            self._leave()
        if self._connection is None:
            self._connection = _connect(self.path)
            self._file = identity(self.path)
        return self._connection

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Recorder(Journal):
    """The journal as the one process that runs the engine uses it."""

    def __init__(self, folder: Path, clock: Callable[[], int] = _system_clock) -> None:
        super().__init__(folder)
        self._clock = clock
        self._queue: queue.SimpleQueue[_Row | threading.Event] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._closing = False
        self._until_prune = 0
        self.begun_anew = self._begin()
        """Why the file of an earlier run could not be used; empty where it could."""
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what was said last, and closes the file."""
        self._closing = True
        self._urge()
        self._thread.join(timeout=_PATIENCE)
        super().close()

    def settle(self) -> None:
        """Waits until what was said so far was written, which is later where the file is busy."""
        self._urge().wait(_PATIENCE)

    def record(self, event: Event) -> None:
        """Notes an event; costs some microseconds, and never raises for the state of the file."""
        text = msgspec.json.encode(event).decode()
        self._queue.put((self._clock(), type(event).__name__, text))

    def take(self) -> list[Command]:
        """The requests that were left since the last time, in their order."""
        rows = self._rows("SELECT number, command FROM asked ORDER BY 1")
        commands: list[Command] = []
        for number, text in rows:
            with suppress(msgspec.MsgspecError):
                commands.append(msgspec.json.decode(text, type=Command))
            self._rows("DELETE FROM asked WHERE number = ?", number)
        return commands

    def _begin(self) -> str:
        """Opens the file, in place of a broken one if need be, and says why that was."""
        with self._guard:
            try:
                # Requests that nobody took belong to a run of the past.
                self._open().execute("DELETE FROM asked")
            except (sqlite3.OperationalError, OSError):
                # Busy, or no place to write to: `record` tries again.
                self._leave()
            except sqlite3.DatabaseError as error:
                return self._begin_anew(str(error))
        return ""

    def _begin_anew(self, reason: str) -> str:
        self._leave()
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with suppress(OSError, sqlite3.Error):
            self._open()
        return reason

    def _urge(self) -> threading.Event:
        """Ends the running batch; what is returned is set when it was tried to be written."""
        tried = threading.Event()
        self._queue.put(tried)
        self._hurry.set()
        return tried

    def _write(self) -> None:
        """Writes what is said until the end, in batches."""
        pending: list[_Row] = []
        ended = False
        while not ended:
            waiting = self._gather(pending)
            ended = self._closing and bool(waiting)
            if self._insert(pending):
                pending.clear()
            del pending[:-KEPT]
            for tried in waiting:
                tried.set()

    def _gather(self, pending: list[_Row]) -> list[threading.Event]:
        """Adds what was said to the rows that are to be written; returns who waits for them."""
        waiting: list[threading.Event] = []
        with suppress(queue.Empty):
            each = self._queue.get(timeout=RETRY_SECONDS if pending else None)
            self._hurry.wait(BATCH_SECONDS)
            self._hurry.clear()
            while True:
                if isinstance(each, threading.Event):
                    waiting.append(each)
                else:
                    pending.append(each)
                each = self._queue.get_nowait()
        return waiting

    def _insert(self, rows: Sequence[_Row]) -> bool:
        """Writes rows; False where they have to be written later: the file is busy, the disk full."""
        if not rows:
            return True
        with self._guard:
            try:
                self._commit(rows)
            except (sqlite3.OperationalError, OSError):
                self._leave()
                return False
            except sqlite3.DatabaseError as error:
                self._begin_anew(str(error))
                lost = JournalBegunAnew(reason=str(error))
                told = (self._clock(), type(lost).__name__, msgspec.json.encode(lost).decode())
                with suppress(OSError, sqlite3.Error):
                    self._commit([told, *rows])
        return True

    def _commit(self, rows: Sequence[_Row]) -> None:
        connection = self._open()
        self._until_prune -= len(rows)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO said (at, type, event) VALUES (?, ?, ?)", rows)
            if self._until_prune <= 0:
                self._until_prune = _PRUNE_EVERY
                connection.execute(
                    "DELETE FROM said WHERE number <= (SELECT max(number) FROM said) - ?", (KEPT,)
                )


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            # Numbers go on rising in a journal that was begun anew: readers remember where they are.
            for table in ("said", "asked"):
                connection.execute(_FIRST_NUMBER, (table, time.time_ns() // 1_000_000))
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"it has the format {version}, not {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _decoded(rows: Sequence[tuple[int, int, str, str]]) -> list[Said]:
    """The rows as events; those of a newer awsync that this one does not know are left out."""
    said: list[Said] = []
    for number, at, name, text in rows:
        if (type_ := _TYPES.get(name)) is not None:
            with suppress(msgspec.MsgspecError):
                said.append(Said(number, at, msgspec.json.decode(text, type=type_)))
    return said
