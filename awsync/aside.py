"""What is set aside, in the tables of the state: ranges for their age, samples for any other reason.

An id names one thing of either kind: `r3` is a range, `s17` a sample.

May import: the standard library, msgspec, ledger, series.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from awsync.ledger import Entry, Mark, Quarantined, Range, joined, without
from awsync.series import Labels

RANGES = (
    "SELECT source, bucket, start, end, words, since, set_aside.id, mark FROM set_aside"
    " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? ORDER BY source, bucket, start"
)
SAMPLES = (
    "SELECT quarantine.id, source, bucket, labels, slot_end, correction, microseconds, words, since, tried,"
    " facts, mark FROM quarantine JOIN series ON series.id = series"
    " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ?"
)
COUNTS = (
    "SELECT source, bucket, sum(kind = 'r'), sum(kind = 's') FROM ("
    "SELECT checkpoint, 'r' AS kind FROM set_aside WHERE mark <> 'dropped'"
    " UNION ALL SELECT checkpoint, 's' FROM quarantine WHERE mark <> 'dropped'"
    ") JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? GROUP BY source, bucket"
)
ORDER = " ORDER BY source, bucket, slot_end, labels"
OF_SLOTS = " AND source = ? AND bucket = ? AND slot_end > ? AND slot_end <= ?"
_TABLES = {"r": "set_aside", "s": "quarantine"}


def range_of(start: int, end: int, words: str, since: int, id_: int, mark: str) -> Range:
    """A row of the ranges."""
    return Range(start, end, words, since, id_, Mark(mark))


def sample_of(
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
    """A row of the samples."""
    entry = Entry(msgspec.json.decode(labels, type=Labels), slot_end, correction, microseconds)
    return Quarantined(id_, source, bucket, entry, words, since, tried, facts, Mark(mark))


def series_id(connection: sqlite3.Connection, labels: Labels) -> int:
    """The number under which the state knows a series."""
    text = msgspec.json.encode(labels).decode()
    connection.execute("INSERT OR IGNORE INTO series (labels) VALUES (?)", (text,))
    (id_,) = connection.execute("SELECT id FROM series WHERE labels = ?", (text,)).fetchone()
    return int(id_)


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
    before = [range_of(*row) for row in rows]
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
            connection.execute("DELETE FROM quarantine WHERE id = ?", (id_,))


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
