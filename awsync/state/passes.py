"""The passes of the past: the table that `awsync status` and the console list.

May import: the standard library, msgspec, database, events, records.
"""

import sqlite3

import msgspec

from awsync.database import Database
from awsync.events import PassFinished, Totals
from awsync.records import PassRecord

_KEPT = 1000


def last(database: Database, sink: str, limit: int) -> list[PassRecord]:
    """The last passes to a store, newest first."""
    rows = database.rows(
        "SELECT started, finished, elapsed, complete, totals FROM pass WHERE sink = ?"
        " ORDER BY id DESC LIMIT ?",
        (sink, limit),
    )
    return [
        PassRecord(
            started,
            finished,
            elapsed,
            None if complete is None else bool(complete),
            Totals() if totals is None else database.decoded(totals, Totals),
        )
        for started, finished, elapsed, complete, totals in rows
    ]


def last_complete(database: Database, sink: str) -> int | None:
    """When the last complete pass to a store ended."""
    ((found,),) = database.rows("SELECT max(finished) FROM pass WHERE sink = ? AND complete = 1", (sink,))
    return None if found is None else int(found)


def begin(connection: sqlite3.Connection, sink: str, started: int) -> int:
    """Notes that a pass runs, in place of one of long ago; returns its number."""
    cursor = connection.execute("INSERT INTO pass (sink, started) VALUES (?, ?)", (sink, started))
    number = int(cursor.lastrowid or 0)
    connection.execute("DELETE FROM pass WHERE id <= ?", (number - _KEPT,))
    return number


def finish(connection: sqlite3.Connection, number: int, finished: PassFinished) -> None:
    """Notes how a pass ended."""
    totals = msgspec.json.encode(finished.totals).decode()
    connection.execute(
        "UPDATE pass SET finished = ?, elapsed = ?, complete = ?, totals = ? WHERE id = ?",
        (finished.at, finished.elapsed, finished.complete, totals, number),
    )
