"""What was delivered: the tables of the ledger and of the series it knows.

May import: the standard library, msgspec, database, ledger, series.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from awsync.database import Database
from awsync.ledger import Entry, Ledger
from awsync.series import Labels


def of_slots(database: Database, sink: str, source: str, bucket: str, start: int, end: int) -> Ledger:
    """What is remembered of the slots of a bucket that end in (start, end]."""
    rows = database.rows(
        "SELECT labels, slot_end, correction, microseconds FROM ledger"
        " JOIN series ON series.id = series JOIN checkpoint ON checkpoint.id = checkpoint"
        " WHERE sink = ? AND source = ? AND bucket = ? AND slot_end > ? AND slot_end <= ?"
        " ORDER BY slot_end, correction",
        (sink, source, bucket, start, end),
    )
    ledger: dict[Labels, dict[int, list[Entry]]] = {}
    known: dict[str, Labels] = {}
    for text, slot_end, correction, microseconds in rows:
        if (labels := known.get(text)) is None:
            labels = known[text] = database.decoded(text, Labels)
        entry = Entry(labels, slot_end, correction, microseconds)
        ledger.setdefault(labels, {}).setdefault(slot_end, []).append(entry)
    return ledger


def series_counts(database: Database, sink: str) -> dict[tuple[str, str], int]:
    """How many series of each bucket are known, by (source, bucket)."""
    rows = database.rows(
        "SELECT source, bucket, count(DISTINCT series) FROM ledger"
        " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? GROUP BY source, bucket",
        (sink,),
    )
    return {(source, bucket): count for source, bucket, count in rows}


def series_id(connection: sqlite3.Connection, labels: Labels) -> int:
    """The number under which the state knows a series."""
    text = msgspec.json.encode(labels).decode()
    connection.execute("INSERT OR IGNORE INTO series (labels) VALUES (?)", (text,))
    (id_,) = connection.execute("SELECT id FROM series WHERE labels = ?", (text,)).fetchone()
    return int(id_)


def remember(
    connection: sqlite3.Connection, checkpoint: int, entries: Iterable[Entry], keep_from: int
) -> None:
    """Puts into the ledger what it keeps of the entries."""
    known: dict[Labels, int] = {}
    for entry in entries:
        if entry.slot_end <= keep_from and not entry.correction:
            continue
        if (series := known.get(entry.labels)) is None:
            series = known[entry.labels] = series_id(connection, entry.labels)
        connection.execute(
            "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?)",
            (checkpoint, entry.slot_end, series, entry.correction, entry.microseconds),
        )


def forget_slot(connection: sqlite3.Connection, checkpoint: int, labels: Labels, slot_end: int) -> None:
    """Forgets what was delivered for one slot of a series."""
    connection.execute(
        "DELETE FROM ledger WHERE checkpoint = ? AND slot_end = ? AND series = ?",
        (checkpoint, slot_end, series_id(connection, labels)),
    )


def prune(connection: sqlite3.Connection, keep_from: int) -> None:
    """Forgets slots that ended before `keep_from` and had no correction, and series that nothing names."""
    connection.execute(
        "DELETE FROM ledger AS old WHERE slot_end <= ? AND NOT EXISTS (SELECT 1 FROM ledger AS c"
        " WHERE c.checkpoint = old.checkpoint AND c.slot_end = old.slot_end"
        " AND c.series = old.series AND c.correction > 0)",
        (keep_from,),
    )
    connection.execute(
        "DELETE FROM series WHERE id NOT IN (SELECT series FROM ledger)"
        " AND id NOT IN (SELECT series FROM quarantine)"
    )
