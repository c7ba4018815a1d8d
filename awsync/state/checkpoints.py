"""Where each bucket is, and how that moves: the table of checkpoints.

What writes takes the connection of a transaction and the number under which the table knows the bucket.

May import: the standard library, msgspec, database, events, records, timeline.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from awsync.database import Database
from awsync.events import Work
from awsync.records import Checkpoint, Settled
from awsync.timeline import HOUR, Carry, floor_to

_FORGET = "UPDATE checkpoint SET ledger_from = max(coalesce(ledger_from, ?1), ?1)"


def of_sink(database: Database, sink: str) -> list[Checkpoint]:
    """All checkpoints of a store."""
    return _read(database, "sink = ?", (sink,))


def of_bucket(database: Database, sink: str, source: str, bucket: str) -> Checkpoint:
    """The bucket's checkpoint; one without a position where it was never seen."""
    found = _read(database, "sink = ? AND source = ? AND bucket = ?", (sink, source, bucket))
    return found[0] if found else Checkpoint(source, bucket)


def newest(database: Database, sink: str) -> int | None:
    """The newest event of any bucket that is known."""
    ((found,),) = database.rows("SELECT max(newest) FROM checkpoint WHERE sink = ?", (sink,))
    return None if found is None else int(found)


def other_sinks(database: Database, sink: str) -> list[str]:
    """Stores that have checkpoints here, other than this one."""
    rows = database.rows("SELECT DISTINCT sink FROM checkpoint WHERE sink <> ?", (sink,))
    return [other for (other,) in rows]


def touch(connection: sqlite3.Connection, sink: str, source: str, bucket: str) -> int:
    """The number of a bucket's checkpoint, which is there from now on."""
    key = (sink, source, bucket)
    connection.execute("INSERT OR IGNORE INTO checkpoint (sink, source, bucket) VALUES (?, ?, ?)", key)
    (id_,) = connection.execute(
        "SELECT id FROM checkpoint WHERE sink = ? AND source = ? AND bucket = ?", key
    ).fetchone()
    return int(id_)


def count_events(connection: sqlite3.Connection, id_: int, events: int, newest: int) -> None:
    """How many events the bucket had, and the end of the newest."""
    connection.execute("UPDATE checkpoint SET events = ?, newest = ? WHERE id = ?", (events, newest, id_))


def put_newest(connection: sqlite3.Connection, id_: int, newest: int) -> None:
    """The end of the bucket's newest event."""
    connection.execute("UPDATE checkpoint SET newest = ? WHERE id = ?", (newest, id_))


def put_reached(connection: sqlite3.Connection, id_: int, until: int) -> None:
    """Before which the store may hold samples that nobody here remembers."""
    connection.execute("UPDATE checkpoint SET reached = ? WHERE id = ?", (until, id_))


def count_samples(connection: sqlite3.Connection, id_: int, more: int) -> None:
    """That so many more were delivered."""
    connection.execute("UPDATE checkpoint SET samples = samples + ? WHERE id = ?", (more, id_))


def sending(connection: sqlite3.Connection, id_: int, start: int, end: int) -> None:
    """That something goes out for [start, end) whose end is not known."""
    connection.execute(
        "UPDATE checkpoint SET unconfirmed_from = min(coalesce(unconfirmed_from, ?1), ?1),"
        " unconfirmed_to = max(coalesce(unconfirmed_to, ?2), ?2) WHERE id = ?3",
        (start, end, id_),
    )


def settle(connection: sqlite3.Connection, id_: int, page: Settled, now: int) -> None:
    """Moves as far as a page went, about whose time nothing is unknown any more."""
    connection.execute(
        "UPDATE checkpoint SET samples = samples + ?, updated = ? WHERE id = ?", (page.samples, now, id_)
    )
    if page.work is Work.FORWARD:
        connection.execute(
            "UPDATE checkpoint SET began = min(coalesce(began, ?1), ?1), position = ?2, newest = ?3,"
            " carry = ?4, looked_back = coalesce(looked_back, ?5), reached = max(coalesce(reached, ?2), ?2),"
            # What comes again gets the labels of now, and all of it is in the ledger.
            " ledger_from = iif(relabelled > ?1, min(ledger_from, ?1), ledger_from),"
            " relabelled = min(relabelled, ?1) WHERE id = ?6",
            (page.start, page.end, page.newest, msgspec.json.encode(page.carry.bare).decode(), now, id_),
        )
    elif page.work is Work.LOOK_BACK and page.last:
        connection.execute("UPDATE checkpoint SET looked_back = ? WHERE id = ?", (now, id_))
    _confirm(connection, id_, page.start, page.end)


def settle_stretch(connection: sqlite3.Connection, id_: int, start: int, end: int, now: int) -> None:
    """Goes on behind [start, end), which the store got in another way, where that touches what is covered."""
    connection.execute(
        "UPDATE checkpoint SET"
        " carry = CASE WHEN position >= ?2 THEN carry END,"
        " began = CASE WHEN position IS NULL OR ?2 >= began THEN min(coalesce(began, ?1), ?1)"
        " ELSE began END,"
        " position = CASE WHEN position IS NULL OR ?1 <= position"
        " THEN max(coalesce(position, ?2), ?2) ELSE position END,"
        " reached = max(coalesce(reached, ?2), ?2),"
        " looked_back = coalesce(looked_back, ?3), updated = ?3 WHERE id = ?4",
        (start, end, now, id_),
    )
    forget(connection, end, id_)


def rewind(connection: sqlite3.Connection, id_: int, position: int | None, now: int) -> None:
    """Goes back to the full hour before a position, or to before the first event."""
    connection.execute(
        "UPDATE checkpoint SET position = ?, newest = NULL, carry = NULL, updated = ? WHERE id = ?",
        (None if position is None else floor_to(position, HOUR), now, id_),
    )


def resync(connection: sqlite3.Connection, id_: int, since: int, now: int) -> None:
    """Goes back to the full hour before a moment, but not to before what was ever to be sent."""
    connection.execute(
        "UPDATE checkpoint SET position = min(position, max(?1, coalesce(began, 0))), newest = NULL,"
        " carry = NULL, updated = ?2 WHERE id = ?3",
        (floor_to(since, HOUR), now, id_),
    )


def relabel(connection: sqlite3.Connection, sink: str, source: str) -> int | None:
    """That the labels of a source are made in another way from where each bucket is on.

    Gives the furthest of these positions; None where nothing was sent yet.
    """
    of_source = "WHERE sink = ? AND source = ? AND position IS NOT NULL"
    connection.execute(
        "UPDATE checkpoint SET ledger_from = max(coalesce(ledger_from, position), position),"  # noqa: S608 all is ours
        f" relabelled = max(coalesce(reached, position), position) {of_source}",
        (sink, source),
    )
    (furthest,) = connection.execute(
        f"SELECT max(position) FROM checkpoint {of_source}",  # noqa: S608 all is ours
        (sink, source),
    ).fetchone()
    return None if furthest is None else int(furthest)


def skip_to(connection: sqlite3.Connection, id_: int, position: int, now: int) -> None:
    """Begins at a position, whatever there is before it."""
    connection.execute(
        "UPDATE checkpoint SET began = ?1, position = ?1, newest = NULL, carry = NULL, updated = ?2"
        " WHERE id = ?3",
        (position, now, id_),
    )


def leave_future(connection: sqlite3.Connection, id_: int, position: int | None, now: int) -> None:
    """Goes back to a position that is not in the future."""
    connection.execute(
        "UPDATE checkpoint SET carry = CASE WHEN position > ?1 THEN NULL ELSE carry END,"
        " position = min(position, ?1), ledger_from = min(ledger_from, ?1), relabelled = min(relabelled, ?1),"
        " looked_back = min(looked_back, ?2), updated = ?2 WHERE id = ?3",
        (position, now, id_),
    )


def ledger_from(connection: sqlite3.Connection, id_: int) -> int:
    """Before which the ledger may have forgotten slots of the bucket."""
    (found,) = connection.execute("SELECT ledger_from FROM checkpoint WHERE id = ?", (id_,)).fetchone()
    return int(found or 0)


def forget(connection: sqlite3.Connection, keep_from: int, id_: int | None = None) -> None:
    """That the ledger may forget slots of before `keep_from`, of the bucket or of all."""
    if id_ is None:
        connection.execute(_FORGET, (keep_from,))
    else:
        connection.execute(f"{_FORGET} WHERE id = ?2", (keep_from, id_))


def _confirm(connection: sqlite3.Connection, id_: int, start: int, end: int) -> None:
    """What is unconfirmed loses [start, end); a part from its middle it keeps."""
    connection.execute(
        "UPDATE checkpoint SET"
        " unconfirmed_from = iif(?1 <= unconfirmed_from, max(unconfirmed_from, ?2), unconfirmed_from),"
        " unconfirmed_to = iif(?2 >= unconfirmed_to, min(unconfirmed_to, ?1), unconfirmed_to)"
        " WHERE id = ?3 AND unconfirmed_from IS NOT NULL",
        (start, end, id_),
    )
    connection.execute(
        "UPDATE checkpoint SET unconfirmed_from = NULL, unconfirmed_to = NULL"
        " WHERE id = ? AND unconfirmed_from >= unconfirmed_to",
        (id_,),
    )


def _read(database: Database, where: str, values: Sequence[object]) -> list[Checkpoint]:
    rows = database.rows(
        "SELECT source, bucket, began, position, newest, carry, events, samples, looked_back,"  # noqa: S608 where is ours
        " ledger_from, updated, reached, unconfirmed_from, unconfirmed_to, relabelled"
        f" FROM checkpoint WHERE {where} ORDER BY source, bucket",
        values,
    )
    return [
        Checkpoint(
            source,
            bucket,
            began,
            position,
            newest,
            None if carry is None else database.decoded(carry, Carry),
            *counts,
        )
        for source, bucket, began, position, newest, carry, *counts in rows
    ]
