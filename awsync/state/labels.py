"""What the labels of each source were made of when it was last synced to a store.

May import: the standard library, msgspec, database.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from awsync.database import Database


def read(database: Database, sink: str, source: str) -> dict[str, str]:
    """What decided the labels, by its name; nothing where that was never noted."""
    rows = database.rows("SELECT made_of FROM labelling WHERE sink = ? AND source = ?", (sink, source))
    return {name: text for (kept,) in rows for name, text in database.decoded(kept, dict[str, str]).items()}


def put(connection: sqlite3.Connection, sink: str, source: str, made_of: Mapping[str, str]) -> None:
    """Keeps what decides them now, in place of what did."""
    kept = msgspec.json.encode(made_of).decode()
    connection.execute("REPLACE INTO labelling VALUES (?, ?, ?)", (sink, source, kept))
