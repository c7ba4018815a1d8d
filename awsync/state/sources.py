"""What each source told of itself, whichever store it is synced to.

May import: the standard library, msgspec, database, records.
"""

import sqlite3

import msgspec

from awsync.database import Database
from awsync.records import Neighbour


def read(database: Database) -> list[Neighbour]:
    """What is known of all of them."""
    rows = database.rows("SELECT known FROM neighbour ORDER BY source")
    return [database.decoded(known, Neighbour) for (known,) in rows]


def put(connection: sqlite3.Connection, neighbour: Neighbour) -> None:
    """Keeps what a source told, in place of what it told before."""
    known = msgspec.json.encode(neighbour).decode()
    connection.execute("REPLACE INTO neighbour VALUES (?, ?)", (neighbour.source, known))
