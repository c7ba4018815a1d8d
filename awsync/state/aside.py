"""What is set aside: the tables of ranges, for their age, and of samples, for any other reason.

An id names one thing of either kind: `r3` is a range, `s17` a sample.

May import: the standard library, msgspec, database, ledger, records, series, state.delivered.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from awsync.database import Database
from awsync.ledger import Entry, Mark, Quarantined, Range, joined, without
from awsync.records import Aside
from awsync.series import Labels
from awsync.state.delivered import series_id

_RANGES = (
    "SELECT source, bucket, start, end, words, since, set_aside.id, mark FROM set_aside"
    " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? ORDER BY source, bucket, start"
)
_SAMPLES = (
    "SELECT quarantine.id, source, bucket, labels, slot_end, correction, microseconds, words, since, tried,"
    " facts, mark FROM quarantine JOIN series ON series.id = series"
    " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ?"
)
_COUNTS = (
    "SELECT source, bucket, sum(kind = 'r'), sum(kind = 's') FROM ("
    "SELECT checkpoint, 'r' AS kind FROM set_aside WHERE mark <> 'dropped'"
    " UNION ALL SELECT checkpoint, 's' FROM quarantine WHERE mark <> 'dropped'"
    ") JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? GROUP BY source, bucket"
)
_TABLES = {"r": "set_aside", "s": "quarantine"}


def ranges(database: Database, sink: str) -> list[tuple[str, str, Range]]:
    """All ranges of a store, as (source, bucket, range), oldest first for each bucket."""
    with database.sound():
        return [(row[0], row[1], _range_of(*row[2:])) for row in database.rows(_RANGES, (sink,))]


def samples(database: Database, sink: str) -> list[Quarantined]:
    """All samples of a store, by bucket and time."""
    with database.sound():
        rows = database.rows(f"{_SAMPLES} ORDER BY source, bucket, slot_end, labels", (sink,))
        return [_sample_of(*row) for row in rows]


def samples_of_slots(
    database: Database, sink: str, source: str, bucket: str, start: int, end: int
) -> list[Quarantined]:
    """The samples of the slots of a bucket that end in (start, end]."""
    where = "source = ? AND bucket = ? AND slot_end > ? AND slot_end <= ?"
    with database.sound():
        rows = database.rows(f"{_SAMPLES} AND {where}", (sink, source, bucket, start, end))
        return [_sample_of(*row) for row in rows]


def counts(database: Database, sink: str) -> dict[tuple[str, str], Aside]:
    """How much is set aside of each bucket that has any, without what somebody gave up."""
    return {
        (source, bucket): Aside(ranges, samples)
        for source, bucket, ranges, samples in database.rows(_COUNTS, (sink,))
    }


def put_ranges(
    connection: sqlite3.Connection, checkpoint: int, freed: tuple[int, int] | None, new: Collection[Range]
) -> None:
    """Takes a stretch of time out of a bucket's ranges, and adds new ones.

    What is set aside again keeps its id and the moment when that began.
    """
    rows = connection.execute(
        "SELECT start, end, words, since, id, mark FROM set_aside WHERE checkpoint = ?", (checkpoint,)
    ).fetchall()
    if not rows and not new:
        return
    before = [_range_of(*row) for row in rows]
    left = without(before, *freed) if freed else before
    after = joined([*left, *(_again(each, before) for each in new)])
    connection.execute("DELETE FROM set_aside WHERE checkpoint = ?", (checkpoint,))
    used: set[int] = set()
    for held in after:
        id_ = None if held.id in used or not held.id else held.id
        used.add(held.id)
        connection.execute(
            "INSERT INTO set_aside (id, checkpoint, start, end, words, since, mark)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (id_, checkpoint, held.start, held.end, held.words, held.since, held.mark),
        )


def put_samples(
    connection: sqlite3.Connection,
    checkpoint: int,
    refused: Iterable[tuple[Entry, str]],
    *,
    now: int,
    facts: str,
) -> None:
    """Keeps samples with the store's words."""
    connection.executemany(
        "INSERT INTO quarantine (checkpoint, series, slot_end, correction, microseconds, words, since, tried,"
        " facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8) ON CONFLICT DO UPDATE SET"
        " microseconds = ?5, words = ?6, tried = ?7, facts = ?8, mark = ''",
        (
            (checkpoint, series_id(connection, entry.labels), *entry[1:], words, now, facts)
            for entry, words in refused
        ),
    )


def forget_samples(
    connection: sqlite3.Connection, checkpoint: int, start: int, end: int, kept: Collection[Entry]
) -> None:
    """Forgets the samples of the slots that end in (start, end], about which a page decided anew."""
    rows = connection.execute(
        "SELECT quarantine.id, labels, slot_end, correction, microseconds FROM quarantine"
        " JOIN series ON series.id = series WHERE checkpoint = ? AND slot_end > ? AND slot_end <= ?",
        (checkpoint, start, end),
    ).fetchall()
    for id_, labels, *numbers in rows:
        if Entry(msgspec.json.decode(labels, type=Labels), *numbers) not in kept:
            free_sample(connection, id_)


def free_sample(connection: sqlite3.Connection, id_: int) -> None:
    """Forgets one sample, which is not to be held any more."""
    connection.execute("DELETE FROM quarantine WHERE id = ?", (id_,))


def unlabel(connection: sqlite3.Connection, sink: str, source: str, *, now: int, resolution: int) -> None:
    """Makes ranges of a source's samples that are held, for their labels are no longer those of its events.

    ActivityWatch still has the events, and what of their slots the store lacks is found out by the next try.
    """
    rows = connection.execute(
        "SELECT quarantine.id, checkpoint, slot_end, words FROM quarantine"
        " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? AND source = ? AND mark <> ?",
        (sink, source, Mark.DROPPED),
    ).fetchall()
    for id_, checkpoint, slot_end, words in rows:
        held = Range(slot_end - resolution, slot_end, words.partition("\n")[0], now)
        put_ranges(connection, checkpoint, None, [held])
        free_sample(connection, id_)


def mark(connection: sqlite3.Connection, sink: str, ids: Sequence[str], wanted: Mark) -> int:
    """Marks what has these ids; returns how many there are."""
    changed = 0
    for id_ in ids:
        table, number = _TABLES.get(id_[:1]), id_[1:]
        if table is not None and number.isdecimal():
            changed += connection.execute(
                f"UPDATE {table} SET mark = ? WHERE id = ? AND mark <> ?"  # noqa: S608 table is ours
                " AND checkpoint IN (SELECT id FROM checkpoint WHERE sink = ?)",
                (wanted, int(number), Mark.DROPPED, sink),
            ).rowcount
    return changed


def _range_of(start: int, end: int, words: str, since: int, id_: int, mark: str) -> Range:
    return Range(start, end, words, since, id_, Mark(mark))


def _sample_of(
    id_: int,
    source: str,
    bucket: str,
    labels: str,
    slot_end: int,
    correction: int,
    microseconds: int,
    words: str,
    since: int,
    tried: int,
    facts: str,
    mark: str,
) -> Quarantined:
    entry = Entry(msgspec.json.decode(labels, type=Labels), slot_end, correction, microseconds)
    return Quarantined(id_, source, bucket, entry, words, since, tried, facts, Mark(mark))


def _again(new: Range, before: Iterable[Range]) -> Range:
    known = [
        held
        for held in before
        if held.mark is not Mark.DROPPED and held.start < new.end and new.start < held.end
    ]
    if not known:
        return new
    oldest = min(known, key=lambda held: held.since)
    return replace(new, since=oldest.since, id=oldest.id)
