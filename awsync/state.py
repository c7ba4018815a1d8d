"""The state: checkpoints, ledger, set-aside ranges and passes of one sink.

Only what the store confirmed is written here, and all that belongs together in one transaction: after a
crash the worst is one batch that goes out twice with the same samples. Everything is kept per sink,
because a checkpoint says what one store has. Moments are microseconds since the epoch.

May import: the standard library, msgspec, admission, aside, budget, database, events, ledger, records,
series, timeline.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import msgspec

from awsync import admission, aside
from awsync.admission import AdmissionBook
from awsync.budget import Decisions
from awsync.database import Database
from awsync.events import PassFinished, Totals, Work
from awsync.ledger import Entry, Ledger, Mark, Quarantined, Range
from awsync.records import Aside, Checkpoint, Neighbour, PassRecord, Settled
from awsync.series import Labels
from awsync.timeline import HOUR, Carry, floor_to

_T = TypeVar("_T")

_KEPT_PASSES = 1000
_FORGET = "UPDATE checkpoint SET ledger_from = max(coalesce(ledger_from, ?1), ?1)"


class State:
    """The state of one sink. Every method may raise StateError."""

    def __init__(self, folder: Path, sink: str, *, write: bool) -> None:
        self.sink = sink
        self.database = Database(folder, write=write)
        self._stopped: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def checkpoint(self, source: str, bucket: str) -> Checkpoint:
        """The bucket's checkpoint; a bucket never seen has one without a position."""
        found = self._checkpoints("sink = ? AND source = ? AND bucket = ?", (self.sink, source, bucket))
        return found[0] if found else Checkpoint(source, bucket)

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints of this sink."""
        return self._checkpoints("sink = ?", (self.sink,))

    def newest(self) -> int | None:
        """The newest event of any bucket that is known."""
        ((newest,),) = self.database.rows("SELECT max(newest) FROM checkpoint WHERE sink = ?", (self.sink,))
        return None if newest is None else int(newest)

    def other_sinks(self) -> list[str]:
        """Sinks that have checkpoints here, other than this one."""
        rows = self.database.rows("SELECT DISTINCT sink FROM checkpoint WHERE sink <> ?", (self.sink,))
        return [sink for (sink,) in rows]

    def neighbours(self) -> list[Neighbour]:
        """What the sources told of themselves, those that are no more in the settings too."""
        return [
            self._decoded(known, Neighbour)
            for (known,) in self.database.rows("SELECT known FROM neighbour ORDER BY source")
        ]

    def remember(self, neighbour: Neighbour) -> None:
        """Keeps what a source told of itself, whichever store it is synced to."""
        known = msgspec.json.encode(neighbour).decode()
        with self.database.transaction() as connection:
            connection.execute("REPLACE INTO neighbour VALUES (?, ?)", (neighbour.source, known))

    def set_aside(self, source: str | None = None, *, dropped: bool = False) -> list[tuple[str, str, Range]]:
        """Ranges set aside, as (source, bucket, range), oldest first for each bucket.

        With `dropped` also those that somebody gave up.
        """
        rows = self.database.rows(aside.RANGES, (self.sink,))
        found = [(row[0], row[1], aside.range_of(*row[2:])) for row in rows]
        return [
            each
            for each in found
            if source in (None, each[0]) and (dropped or each[2].mark is not Mark.DROPPED)
        ]

    def quarantine(self, source: str | None = None, *, dropped: bool = False) -> list[Quarantined]:
        """Samples in quarantine, by bucket and time; with `dropped` also those that somebody gave up."""
        found = [
            aside.sample_of(*row) for row in self.database.rows(aside.SAMPLES + aside.ORDER, (self.sink,))
        ]
        return [
            each
            for each in found
            if source in (None, each.source) and (dropped or each.mark is not Mark.DROPPED)
        ]

    def aside_counts(self) -> dict[tuple[str, str], Aside]:
        """How much is set aside of each bucket that has any, without what somebody gave up."""
        counts: dict[tuple[str, str], Aside] = {}
        for source, bucket, ranges, samples in self.database.rows(aside.COUNTS, (self.sink,)):
            counts[source, bucket] = Aside(ranges, samples)
        return counts

    def withheld(self, source: str, bucket: str, start: int, end: int, *, dropped: bool) -> frozenset[Entry]:
        """Samples in quarantine, of the slots that end in (start, end], that are not to be tried now.

        Those that somebody gave up are among them with `dropped`.
        """
        marks = {Mark.HELD, Mark.DROPPED} if dropped else {Mark.HELD}
        held = self._samples(aside.OF_SLOTS, source, bucket, start, end)
        return frozenset(each.entry for each in held if each.mark in marks)

    def mark_aside(self, ids: Sequence[str], mark: Mark) -> int:
        """Lets the next pass try again what has these ids, or gives it up; returns how many there are."""
        with self.database.transaction(durable=True) as connection:
            return aside.mark(connection, self.sink, ids, mark)

    def settle_quarantine(
        self,
        delivered: Iterable[Quarantined],
        refused: Iterable[tuple[Quarantined, str]],
        *,
        now: int,
        keep_from: int,
        facts: str,
    ) -> None:
        """Writes down what became of samples that were tried again, in one transaction."""
        with self.database.transaction(durable=True) as connection:
            if now in self._stopped:
                return
            for held in delivered:
                id_ = self._touch(connection, held.source, held.bucket)
                _remember(connection, id_, [held.entry], keep_from)
                connection.execute("DELETE FROM quarantine WHERE id = ?", (held.id,))
                connection.execute("UPDATE checkpoint SET samples = samples + 1 WHERE id = ?", (id_,))
            for held, words in refused:
                id_ = self._touch(connection, held.source, held.bucket)
                aside.put_samples(connection, id_, [(held.entry, words)], now=now, facts=facts)

    def ledger(self, source: str, bucket: str, start: int, end: int) -> Ledger:
        """What was delivered for the slots that end in (start, end]."""
        rows = self.database.rows(
            "SELECT labels, slot_end, correction, microseconds FROM ledger"
            " JOIN series ON series.id = series JOIN checkpoint ON checkpoint.id = checkpoint"
            " WHERE sink = ? AND source = ? AND bucket = ? AND slot_end > ? AND slot_end <= ?"
            " ORDER BY slot_end, correction",
            (self.sink, source, bucket, start, end),
        )
        ledger: dict[Labels, dict[int, list[Entry]]] = {}
        known: dict[str, Labels] = {}
        for text, slot_end, correction, microseconds in rows:
            if (labels := known.get(text)) is None:
                labels = known[text] = self._decoded(text, Labels)
            entry = Entry(labels, slot_end, correction, microseconds)
            ledger.setdefault(labels, {}).setdefault(slot_end, []).append(entry)
        return ledger

    def count_events(self, source: str, bucket: str, events: int, newest: int) -> None:
        """Remembers how many events a bucket had, so that `min-data` asks again only when there are more."""
        with self.database.transaction() as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute(
                "UPDATE checkpoint SET events = ?, newest = ? WHERE id = ?", (events, newest, id_)
            )

    def admissions(self, source: str, bucket: str) -> AdmissionBook:
        """What was decided about the series of a bucket."""
        return AdmissionBook(self.database, self.sink, source, bucket)

    def note_sending(
        self,
        source: str,
        stretches: Iterable[tuple[str, int, int]],
        decided: Mapping[str, Decisions] = MappingProxyType({}),
    ) -> None:
        """Writes down what is about to go out: (bucket, start, end), and by bucket what was decided about it.

        A commit that settles it takes it back. If none comes, because the process dies or the answer of the
        store is lost, the store is asked before anything is decided about that time again.
        """
        with self.database.transaction(durable=True) as connection:
            for bucket, start, end in stretches:
                connection.execute(
                    "UPDATE checkpoint SET unconfirmed_from = min(coalesce(unconfirmed_from, ?1), ?1),"
                    " unconfirmed_to = max(coalesce(unconfirmed_to, ?2), ?2) WHERE id = ?3",
                    (start, end, self._touch(connection, source, bucket)),
                )
            for bucket, decisions in decided.items():
                admission.put(connection, self._touch(connection, source, bucket), decisions)

    def commit(self, pages: Iterable[Settled], *, now: int, keep_from: int, facts: str = "") -> None:
        """Writes down what was delivered, in one transaction; `facts` is what the store was then.

        The ledger keeps slots that end after `keep_from`, and for ever those that had a correction: a later
        repeat of such a slot must send the same parts again, not their sum. A pass that was stopped (`now`
        says which it was) settles nothing more: its checkpoints may have been moved since.
        """
        with self.database.transaction(durable=True) as connection:
            if now in self._stopped:
                return
            for page in pages:
                id_ = self._touch(connection, page.source, page.bucket)
                _move(connection, id_, page, now)
                _confirm(connection, id_, page.start, page.end)
                connection.execute(f"{_FORGET} WHERE id = ?", (keep_from, id_))
                _remember(connection, id_, chain(page.found, page.entries), keep_from)
                # A look back decides about changed history only, not about what waits for the store.
                freed = None if page.work is Work.LOOK_BACK else (page.start, page.end)
                aside.put_ranges(connection, id_, freed, page.asides)
                aside.forget_samples(connection, id_, page.start, page.end, page.withheld)
                aside.put_samples(connection, id_, page.refused, now=now, facts=facts)

    def mend(
        self,
        source: str,
        bucket: str,
        slots: Mapping[tuple[Labels, int], Sequence[Entry]],
        *,
        samples: int,
        asides: Collection[Range],
        refused: Iterable[tuple[Entry, str]],
        now: int,
        facts: str,
    ) -> None:
        """Writes down what the store holds of slots that were mended, in one transaction.

        That takes the place of what the ledger said of them.
        """
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            (kept,) = connection.execute("SELECT ledger_from FROM checkpoint WHERE id = ?", (id_,)).fetchone()
            for (labels, slot_end), entries in slots.items():
                connection.execute(
                    "DELETE FROM ledger WHERE checkpoint = ? AND slot_end = ? AND series = ?",
                    (id_, slot_end, aside.series_id(connection, labels)),
                )
                corrected = any(entry.correction for entry in entries)
                _remember(connection, id_, entries, 0 if corrected else kept or 0)
            connection.execute("UPDATE checkpoint SET samples = samples + ? WHERE id = ?", (samples, id_))
            aside.put_ranges(connection, id_, None, asides)
            aside.put_samples(connection, id_, refused, now=now, facts=facts)

    def prune(self, keep_from: int) -> None:
        """Forgets slots that ended before `keep_from` and had no correction."""
        with self.database.transaction() as connection:
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
            connection.execute(_FORGET, (keep_from,))

    def rewind(self, source: str, bucket: str, position: int | None, now: int) -> None:
        """Moves a checkpoint back (None: before the first event); what is then repeated changes no sum.

        The position becomes the full hour before it: that is a border of slots, whatever the resolution
        was when they were sent. Half a slot would look like a change of history.
        """
        position = None if position is None else floor_to(position, HOUR)
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute(
                "UPDATE checkpoint SET position = ?, newest = NULL, carry = NULL, updated = ? WHERE id = ?",
                (position, now, id_),
            )

    def expect_held(self, source: str, bucket: str, until: int) -> None:
        """Notes that the store holds samples of a bucket that nobody here remembers, of before `until`."""
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute("UPDATE checkpoint SET reached = ? WHERE id = ?", (until, id_))

    def leave_future(self, source: str, bucket: str, position: int | None, now: int) -> None:
        """Takes back what a clock that was ahead left behind; `position` is where the bucket goes on."""
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute(
                "UPDATE checkpoint SET carry = CASE WHEN position > ?1 THEN NULL ELSE carry END,"
                " position = min(position, ?1), ledger_from = min(ledger_from, ?1),"
                " looked_back = min(looked_back, ?2), updated = ?2 WHERE id = ?3",
                (position, now, id_),
            )

    def note_newest(self, source: str, bucket: str, newest: int) -> None:
        """Remembers the end of a bucket's newest event, where ActivityWatch's history went back."""
        with self.database.transaction() as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute("UPDATE checkpoint SET newest = ? WHERE id = ?", (newest, id_))

    def skip_to(self, source: str, bucket: str, position: int, now: int) -> None:
        """Decides that what a bucket holds before `position`, a border of slots, is never sent by itself.

        The look back begins there too, or it would send the gap as a change of history. A rewind sends it.
        """
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            connection.execute(
                "UPDATE checkpoint SET began = ?1, position = ?1, newest = NULL, carry = NULL, updated = ?2"
                " WHERE id = ?3",
                (position, now, id_),
            )

    def settle_backfill(
        self, source: str, bucket: str, pieces: Iterable[tuple[int, int]], decided: Decisions, now: int
    ) -> None:
        """Notes that the store holds these stretches of a bucket, in the order of time: nothing waits there.

        `decided` is what its budget makes of the series there.
        A checkpoint at or inside a stretch goes on at its end. What lies between two is as it was: where a
        stretch does not touch what the checkpoint covers, only `reached` tells of it.
        """
        with self.database.transaction(durable=True) as connection:
            id_ = self._touch(connection, source, bucket)
            for start, end in pieces:
                aside.put_ranges(connection, id_, (start, end), ())
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
                connection.execute(f"{_FORGET} WHERE id = ?2", (end, id_))
            admission.put(connection, id_, decided)

    def series_counts(self) -> dict[tuple[str, str], int]:
        """How many series of each bucket the ledger knows, by (source, bucket)."""
        rows = self.database.rows(
            "SELECT source, bucket, count(DISTINCT series) FROM ledger"
            " JOIN checkpoint ON checkpoint.id = checkpoint WHERE sink = ? GROUP BY source, bucket",
            (self.sink,),
        )
        return {(source, bucket): count for source, bucket, count in rows}

    def stop_pass(self, started: int) -> None:
        """Lets a pass that was told to stop, but may still be writing in a thread, settle nothing more."""
        self._stopped.add(started)

    def begin_pass(self, started: int) -> int:
        """Notes that a pass runs; returns its number."""
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO pass (sink, started) VALUES (?, ?)", (self.sink, started)
            )
            number = int(cursor.lastrowid or 0)
            connection.execute("DELETE FROM pass WHERE id <= ?", (number - _KEPT_PASSES,))
        return number

    def finish_pass(self, number: int, finished: PassFinished) -> None:
        """Notes how a pass ended."""
        totals = msgspec.json.encode(finished.totals).decode()
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE pass SET finished = ?, elapsed = ?, complete = ?, totals = ? WHERE id = ?",
                (finished.at, finished.elapsed, finished.complete, totals, number),
            )

    def passes(self, limit: int) -> list[PassRecord]:
        """The last passes, newest first."""
        rows = self.database.rows(
            "SELECT started, finished, elapsed, complete, totals FROM pass WHERE sink = ?"
            " ORDER BY id DESC LIMIT ?",
            (self.sink, limit),
        )
        return [
            PassRecord(
                started,
                finished,
                elapsed,
                None if complete is None else bool(complete),
                Totals() if totals is None else self._decoded(totals, Totals),
            )
            for started, finished, elapsed, complete, totals in rows
        ]

    def _samples(self, where: str, *values: object) -> list[Quarantined]:
        rows = self.database.rows(aside.SAMPLES + where, (self.sink, *values))
        try:
            return [aside.sample_of(*row) for row in rows]
        except (msgspec.MsgspecError, ValueError) as error:
            raise self.database.damaged(str(error)) from error

    def _checkpoints(self, where: str, values: Sequence[object]) -> list[Checkpoint]:
        rows = self.database.rows(
            "SELECT source, bucket, began, position, newest, carry, events, samples, looked_back,"  # noqa: S608 where is ours
            " ledger_from, updated, reached, unconfirmed_from, unconfirmed_to"
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
                None if carry is None else self._decoded(carry, Carry),
                *counts,
            )
            for source, bucket, began, position, newest, carry, *counts in rows
        ]

    def _decoded(self, text: str, type_: type[_T]) -> _T:
        try:
            return msgspec.json.decode(text, type=type_)
        except msgspec.MsgspecError as error:
            raise self.database.damaged(str(error)) from error

    def _touch(self, connection: sqlite3.Connection, source: str, bucket: str) -> int:
        key = (self.sink, source, bucket)
        connection.execute("INSERT OR IGNORE INTO checkpoint (sink, source, bucket) VALUES (?, ?, ?)", key)
        (id_,) = connection.execute(
            "SELECT id FROM checkpoint WHERE sink = ? AND source = ? AND bucket = ?", key
        ).fetchone()
        return int(id_)


def _move(connection: sqlite3.Connection, id_: int, page: Settled, now: int) -> None:
    connection.execute(
        "UPDATE checkpoint SET samples = samples + ?, updated = ? WHERE id = ?", (page.samples, now, id_)
    )
    if page.work is Work.FORWARD:
        connection.execute(
            "UPDATE checkpoint SET began = min(coalesce(began, ?1), ?1), position = ?2, newest = ?3,"
            " carry = ?4, looked_back = coalesce(looked_back, ?5), reached = max(coalesce(reached, ?2), ?2)"
            " WHERE id = ?6",
            (page.start, page.end, page.newest, msgspec.json.encode(page.carry).decode(), now, id_),
        )
    elif page.work is Work.LOOK_BACK and page.last:
        connection.execute("UPDATE checkpoint SET looked_back = ? WHERE id = ?", (now, id_))


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


def _remember(connection: sqlite3.Connection, id_: int, entries: Iterable[Entry], keep_from: int) -> None:
    """Puts into the ledger what it keeps of the entries."""
    known: dict[Labels, int] = {}
    for entry in entries:
        if entry.slot_end <= keep_from and not entry.correction:
            continue
        if (series := known.get(entry.labels)) is None:
            series = known[entry.labels] = aside.series_id(connection, entry.labels)
        connection.execute(
            "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?)",
            (id_, entry.slot_end, series, entry.correction, entry.microseconds),
        )
