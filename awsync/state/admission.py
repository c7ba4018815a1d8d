"""What a bucket's budget decided, in the tables of the state: which label sets it took, and since which day.

A label set is known by its fingerprint only. None is ever forgotten: what a bucket had once is free for ever.

May import: the standard library, msgspec, admissions, database.
"""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from awsync.admissions import Admitted, Day, Decisions
from awsync.database import Database

_OF_BUCKET = "checkpoint = (SELECT id FROM checkpoint WHERE sink = ? AND source = ? AND bucket = ?)"
_AMONG = "IN (SELECT value FROM json_each(?))"


class AdmissionBook(Struct, frozen=True):
    """The decisions about one bucket; every method may raise StateError."""

    database: Database
    sink: str
    source: str
    bucket: str

    def admitted(self, fingerprints: Collection[int]) -> Iterable[Admitted]:
        """All that is known of these label sets."""
        sql = f"SELECT fingerprint, day, number FROM admission WHERE {_OF_BUCKET} AND fingerprint {_AMONG}"  # noqa: S608 ours
        return [Admitted(*row) for row in self._rows(sql, _listed(fingerprints))]

    def days(self, days: Collection[int]) -> Iterable[Day]:
        """Those of the days that admitted anything."""
        sql = (
            "SELECT day, admitted, whole, few, bare FROM admission_day"  # noqa: S608 ours
            f" WHERE {_OF_BUCKET} AND day {_AMONG}"
        )
        rows = self._rows(sql, _listed(days))
        return [Day(day, admitted, (whole, few, bare)) for day, admitted, whole, few, bare in rows]

    def last(self) -> int:
        """The highest number of all that was admitted; 0 for none."""
        ((last,),) = self._rows(f"SELECT max(number) FROM admission WHERE {_OF_BUCKET}")  # noqa: S608 ours
        return int(last or 0)

    def _rows(self, sql: str, *more: str) -> list[Any]:
        return self.database.rows(sql, (self.sink, self.source, self.bucket, *more))


def put(connection: sqlite3.Connection, checkpoint: int, decisions: Decisions) -> None:
    """Writes decisions down."""
    connection.executemany(
        "INSERT OR IGNORE INTO admission VALUES (?, ?, ?, ?)",
        ((checkpoint, *each) for each in decisions.admitted),
    )
    connection.executemany(
        "REPLACE INTO admission_day VALUES (?, ?, ?, ?, ?, ?)",
        ((checkpoint, day.day, day.admitted, *day.closed) for day in decisions.days),
    )


def _listed(numbers: Collection[int]) -> str:
    return msgspec.json.encode(list(numbers)).decode()
