"""The tables of the state database: the steps that lead from nothing to each schema in turn.

A step that was released is never edited; what is to be different becomes a new one at the end.

May import: the standard library, sqlite_file.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from awsync.sqlite_file import DamageError

_FIRST = (
    """CREATE TABLE checkpoint (
        id INTEGER PRIMARY KEY, sink TEXT NOT NULL, source TEXT NOT NULL, bucket TEXT NOT NULL,
        began INTEGER, position INTEGER, newest INTEGER, carry TEXT,
        events INTEGER NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0,
        looked_back INTEGER, ledger_from INTEGER, updated INTEGER NOT NULL DEFAULT 0,
        UNIQUE (sink, source, bucket)
    )""",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE)",
    """CREATE TABLE ledger (
        checkpoint INTEGER NOT NULL REFERENCES checkpoint, slot_end INTEGER NOT NULL,
        series INTEGER NOT NULL REFERENCES series, correction INTEGER NOT NULL, microseconds INTEGER NOT NULL,
        PRIMARY KEY (checkpoint, slot_end, series, correction)
    ) WITHOUT ROWID""",
    """CREATE TABLE set_aside (
        checkpoint INTEGER NOT NULL REFERENCES checkpoint, start INTEGER NOT NULL, end INTEGER NOT NULL,
        too_old INTEGER NOT NULL, words TEXT NOT NULL, since INTEGER NOT NULL
    )""",
    """CREATE TABLE pass (
        id INTEGER PRIMARY KEY, sink TEXT NOT NULL, started INTEGER NOT NULL,
        finished INTEGER, elapsed REAL, complete INTEGER, totals TEXT
    )""",
    "CREATE TABLE writer (pid INTEGER NOT NULL, command TEXT NOT NULL, since INTEGER NOT NULL)",
)
_QUARANTINE = (
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, checkpoint INTEGER NOT NULL REFERENCES checkpoint,
        series INTEGER NOT NULL REFERENCES series, slot_end INTEGER NOT NULL, correction INTEGER NOT NULL,
        microseconds INTEGER NOT NULL, words TEXT NOT NULL, since INTEGER NOT NULL, tried INTEGER NOT NULL,
        facts TEXT NOT NULL, mark TEXT NOT NULL DEFAULT '',
        UNIQUE (checkpoint, slot_end, series, correction)
    )""",
    "ALTER TABLE set_aside RENAME TO set_aside_before",
    """CREATE TABLE set_aside (
        id INTEGER PRIMARY KEY AUTOINCREMENT, checkpoint INTEGER NOT NULL REFERENCES checkpoint,
        start INTEGER NOT NULL, end INTEGER NOT NULL, words TEXT NOT NULL, since INTEGER NOT NULL,
        mark TEXT NOT NULL DEFAULT ''
    )""",
    "INSERT INTO set_aside (checkpoint, start, end, words, since)"
    " SELECT checkpoint, start, end, words, since FROM set_aside_before ORDER BY rowid",
    "DROP TABLE set_aside_before",
    "ALTER TABLE checkpoint ADD COLUMN reached INTEGER",
    "UPDATE checkpoint SET reached = position",
)
_NEIGHBOURS = ("CREATE TABLE neighbour (source TEXT PRIMARY KEY, known TEXT NOT NULL)",)
_UNCONFIRMED = (
    "ALTER TABLE checkpoint ADD COLUMN unconfirmed_from INTEGER",
    "ALTER TABLE checkpoint ADD COLUMN unconfirmed_to INTEGER",
)
_FLOOD = (
    # What a page hands to the next is another thing since gaps are closed: it is asked for again.
    "UPDATE checkpoint SET carry = NULL",
)
_ADMISSION = (
    """CREATE TABLE admission (
        checkpoint INTEGER NOT NULL REFERENCES checkpoint, fingerprint INTEGER NOT NULL,
        day INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (checkpoint, fingerprint, day)
    ) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX admission_number ON admission (checkpoint, number)",
    """CREATE TABLE admission_day (
        checkpoint INTEGER NOT NULL REFERENCES checkpoint, day INTEGER NOT NULL, admitted INTEGER NOT NULL,
        whole INTEGER, few INTEGER, bare INTEGER, PRIMARY KEY (checkpoint, day)
    ) WITHOUT ROWID""",
)
_LABELS = (
    """CREATE TABLE labelling (
        sink TEXT NOT NULL, source TEXT NOT NULL, made_of TEXT NOT NULL, PRIMARY KEY (sink, source)
    )""",
    "ALTER TABLE checkpoint ADD COLUMN relabelled INTEGER",
)
STEPS = (_FIRST, _QUARANTINE, _NEIGHBOURS, _UNCONFIRMED, _FLOOD, _ADMISSION, _LABELS)
SCHEMA_VERSION = len(STEPS)


def schema_of(connection: sqlite3.Connection) -> int:
    """The schema of a database; 0 for one without tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Takes the steps that a database lacks, all or none; one that has data is copied before.

    Raises sqlite3.Error or OSError.
    """
    if before := schema_of(connection):
        _copy(connection, path.with_name(f"{path.name}.schema{before}"))
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have taken them since.
        begin = schema_of(connection)
        if begin == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise DamageError("it has tables and no version")
        for step in STEPS[begin:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy, with what is still in the write-ahead log; there is never half of one under the name."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with closing(sqlite3.connect(unfinished)) as copy:
        connection.backup(copy)
    os.replace(unfinished, target)
