"""An older state database is copied and brought up to date; nobody but the writer does that."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

import awsync.schema
from awsync.errors import StateError
from awsync.ledger import Range
from awsync.schema import SCHEMA_VERSION
from awsync.state import State
from awsync.timeline import HOUR

SCHEMA_1 = """
CREATE TABLE IF NOT EXISTS checkpoint (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, source TEXT NOT NULL, bucket TEXT NOT NULL,
    began INTEGER, position INTEGER, newest INTEGER, carry TEXT,
    events INTEGER NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0,
    looked_back INTEGER, ledger_from INTEGER, updated INTEGER NOT NULL DEFAULT 0,
    UNIQUE (sink, source, bucket)
);
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS ledger (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, slot_end INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series, correction INTEGER NOT NULL, microseconds INTEGER NOT NULL,
    PRIMARY KEY (checkpoint, slot_end, series, correction)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, start INTEGER NOT NULL, end INTEGER NOT NULL,
    too_old INTEGER NOT NULL, words TEXT NOT NULL, since INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS pass (
    id INTEGER PRIMARY KEY, sink TEXT NOT NULL, started INTEGER NOT NULL,
    finished INTEGER, elapsed REAL, complete INTEGER, totals TEXT
);
CREATE TABLE IF NOT EXISTS writer (pid INTEGER NOT NULL, command TEXT NOT NULL, since INTEGER NOT NULL);
PRAGMA user_version = 1;
"""
"""What the first awsync wrote; `executescript` is how it wrote it."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a database of schema 1 that has a bit of everything, some of it in the log only."""
    writing = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    reading = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    with closing(writing), closing(reading):
        writing.execute("PRAGMA journal_mode = WAL")
        writing.executescript(f"BEGIN IMMEDIATE; {SCHEMA_1} COMMIT;")
        writing.execute(
            "INSERT INTO checkpoint (id, sink, source, bucket, began, position, samples, looked_back)"
            " VALUES (4, 'sink', 'laptop', 'window', ?, ?, 17, 5)",
            (HOUR, 9 * HOUR),
        )
        writing.execute('INSERT INTO series VALUES (3, \'[["__name__","m"]]\')')
        writing.execute("INSERT INTO ledger VALUES (4, ?, 3, 1, -7)", (9 * HOUR,))
        for start, too_old in ((HOUR, 1), (5 * HOUR, 0)):
            writing.execute(
                "INSERT INTO set_aside VALUES (4, ?, ?, ?, 'no ü', 12)", (start, start + HOUR, too_old)
            )
        writing.execute("INSERT INTO pass VALUES (8, 'sink', 5, 9, 1.5, 0, '{}')")
        # Without this the last one to close would empty the log.
        (tmp_path / "wal").write_bytes((tmp_path / "state.db-wal").read_bytes())
        (tmp_path / "db").write_bytes((tmp_path / "state.db").read_bytes())
    (tmp_path / "db").rename(tmp_path / "state.db")
    (tmp_path / "wal").rename(tmp_path / "state.db-wal")
    return tmp_path


def _rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_an_older_database_is_brought_up_to_date(old: Path) -> None:
    """All that it held is there afterwards, and a private copy of it stands beside it as it was."""
    for _ in range(2):
        with State(old, "sink", write=True) as state:
            found = state.checkpoint("laptop", "window")
            assert (found.began, found.position, found.samples, found.looked_back) == (HOUR, 9 * HOUR, 17, 5)
            assert state.set_aside() == [
                ("laptop", "window", Range(HOUR, 2 * HOUR, "no ü", 12, 1)),
                ("laptop", "window", Range(5 * HOUR, 6 * HOUR, "no ü", 12, 2)),
            ]
            ((labels, slots),) = state.ledger("laptop", "window", 0, 9 * HOUR).items()
            assert (labels, slots[9 * HOUR][0].microseconds) == ((("__name__", "m"),), -7)
            assert [each.elapsed for each in state.passes(9)] == [1.5]
            assert state.database.rows("PRAGMA integrity_check") == [("ok",)]
            assert state.database.rows("SELECT * FROM quarantine") == []
            assert found.reached == 9 * HOUR
    copy = old / "state.db.schema1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert _rows(copy, "PRAGMA user_version") == [(1,)]
    assert len(_rows(copy, "SELECT * FROM set_aside")) == 2, "also what was in the log only"
    assert _rows(copy, "SELECT position FROM checkpoint") == [(9 * HOUR,)]


def test_new_and_old_databases_become_the_same(old: Path, tmp_path: Path) -> None:
    """The tables do not depend on the way that led to them."""
    shapes = []
    for folder in (old, tmp_path / "new"):
        with State(folder, "sink", write=True) as state:
            rows = state.database.rows("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
            shapes.append([(kind, name, "".join((sql or "").split())) for kind, name, sql in rows])
            assert state.database.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert shapes[0] == shapes[1]


def test_a_step_that_fails_leaves_all_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is whole or has not been; the next one begins again."""
    steps = awsync.schema.STEPS
    with monkeypatch.context() as patch:
        patch.setattr(awsync.schema, "STEPS", (steps[0], (*steps[1], "no statement")))
        with pytest.raises(StateError, match=r"near .no.: syntax error"):
            State(old, "sink", write=True)
    assert _rows(old / "state.db", "PRAGMA user_version") == [(1,)]
    assert len(_rows(old / "state.db", "SELECT * FROM set_aside")) == 2
    with State(old, "sink", write=True) as state:
        assert len(state.set_aside()) == 2


def test_a_reader_changes_nothing(old: Path) -> None:
    """A reader of an older database says what brings it up to date, and leaves it to the writer."""
    with pytest.raises(StateError, match=r"older awsync \(schema 1\)\. The next awsync sync"):
        State(old, "sink", write=False)
    assert _rows(old / "state.db", "PRAGMA user_version") == [(1,)]
    assert not (old / "state.db.schema1").exists()
