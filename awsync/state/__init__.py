"""The state: checkpoints, ledger, set-aside ranges and passes of one sink.

    checkpoints  where each bucket is      delivered  the ledger
    aside        ranges and quarantine     passes     the passes of the past
    sources      what sources told of themselves
    admission    which label sets the series budget took
    labels       what labels are made of

Each of these knows its tables; what belongs together in one transaction is put together here. Only what the
store confirmed is written: after a crash the worst is one batch that goes out twice with the same samples.
Everything but the sources is kept per sink, because a checkpoint says what one store has. Moments are
microseconds since the epoch.

May import: the standard library, admissions, database, events, ledger, records, series.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from awsync.admissions import Decisions
from awsync.database import Database
from awsync.events import PassFinished, Work
from awsync.ledger import Entry, Ledger, Mark, Quarantined, Range
from awsync.records import Aside, Checkpoint, Neighbour, PassRecord, Settled
from awsync.series import Labels
from awsync.state import admission, aside, checkpoints, delivered, passes, sources
from awsync.state.admission import AdmissionBook
from awsync.state.labels import LabelBook


class State:
    """The state of one sink. Every method may raise StateError.

    First what is known, then what a pass writes, then what is decided beside one.
    """

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
        return checkpoints.of_bucket(self.database, self.sink, source, bucket)

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints of this sink."""
        return checkpoints.of_sink(self.database, self.sink)

    def newest(self) -> int | None:
        """The newest event of any bucket that is known."""
        return checkpoints.newest(self.database, self.sink)

    def other_sinks(self) -> list[str]:
        """Sinks that have checkpoints here, other than this one."""
        return checkpoints.other_sinks(self.database, self.sink)

    def neighbours(self) -> list[Neighbour]:
        """What the sources told of themselves, those that are no more in the settings too."""
        return sources.read(self.database)

    def ledger(self, source: str, bucket: str, start: int, end: int) -> Ledger:
        """What was delivered for the slots that end in (start, end]."""
        return delivered.of_slots(self.database, self.sink, source, bucket, start, end)

    def series_counts(self) -> dict[tuple[str, str], int]:
        """How many series of each bucket the ledger knows, by (source, bucket)."""
        return delivered.series_counts(self.database, self.sink)

    def set_aside(self, source: str | None = None, *, dropped: bool = False) -> list[tuple[str, str, Range]]:
        """Ranges set aside, as (source, bucket, range), oldest first for each bucket.

        With `dropped` also those that somebody gave up.
        """
        return [
            each
            for each in aside.ranges(self.database, self.sink)
            if source in (None, each[0]) and (dropped or each[2].mark is not Mark.DROPPED)
        ]

    def quarantine(self, source: str | None = None, *, dropped: bool = False) -> list[Quarantined]:
        """Samples in quarantine, by bucket and time; with `dropped` also those that somebody gave up."""
        return [
            each
            for each in aside.samples(self.database, self.sink)
            if source in (None, each.source) and (dropped or each.mark is not Mark.DROPPED)
        ]

    def withheld(self, source: str, bucket: str, start: int, end: int, *, dropped: bool) -> frozenset[Entry]:
        """Samples in quarantine, of the slots that end in (start, end], that are not to be tried now.

        Those that somebody gave up are among them with `dropped`.
        """
        marks = {Mark.HELD, Mark.DROPPED} if dropped else {Mark.HELD}
        held = aside.samples_of_slots(self.database, self.sink, source, bucket, start, end)
        return frozenset(each.entry for each in held if each.mark in marks)

    def admissions(self, source: str, bucket: str) -> AdmissionBook:
        """What was decided about the series of a bucket."""
        return AdmissionBook(self.database, self.sink, source, bucket)

    def aside_counts(self) -> dict[tuple[str, str], Aside]:
        """How much is set aside of each bucket that has any, without what somebody gave up."""
        return aside.counts(self.database, self.sink)

    def passes(self, limit: int) -> list[PassRecord]:
        """The last passes, newest first."""
        return passes.last(self.database, self.sink, limit)

    def labels(self, source: str) -> LabelBook:
        """What the labels of a source are made of."""
        return LabelBook(self.database, self.sink, source)

    def begin_pass(self, started: int) -> int:
        """Notes that a pass runs; returns its number."""
        with self.database.transaction() as connection:
            return passes.begin(connection, self.sink, started)

    def stop_pass(self, started: int) -> None:
        """Lets a pass that was told to stop, but may still be writing in a thread, settle nothing more."""
        self._stopped.add(started)

    def finish_pass(self, number: int, finished: PassFinished) -> None:
        """Notes how a pass ended."""
        with self.database.transaction() as connection:
            passes.finish(connection, number, finished)

    def remember(self, neighbour: Neighbour) -> None:
        """Keeps what a source told of itself, whichever store it is synced to."""
        with self.database.transaction() as connection:
            sources.put(connection, neighbour)

    def count_events(self, source: str, bucket: str, events: int, newest: int) -> None:
        """Remembers how many events a bucket had, so that `min-data` asks again only when there are more."""
        with self._at(source, bucket, durable=False) as at:
            checkpoints.count_events(*at, events, newest)

    def note_newest(self, source: str, bucket: str, newest: int) -> None:
        """Remembers the end of a bucket's newest event, where ActivityWatch's history went back."""
        with self._at(source, bucket, durable=False) as at:
            checkpoints.put_newest(*at, newest)

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
                checkpoints.sending(connection, self._touch(connection, source, bucket), start, end)
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
                checkpoints.settle(connection, id_, page, now)
                checkpoints.forget(connection, keep_from, id_)
                delivered.remember(connection, id_, chain(page.found, page.entries), keep_from)
                # A look back decides about changed history only, not about what waits for the store.
                freed = None if page.work is Work.LOOK_BACK else (page.start, page.end)
                aside.put_ranges(connection, id_, freed, page.asides)
                aside.forget_samples(connection, id_, page.start, page.end, page.withheld)
                aside.put_samples(connection, id_, page.refused, now=now, facts=facts)

    def settle_quarantine(
        self,
        taken: Iterable[Quarantined],
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
            for held in taken:
                id_ = self._touch(connection, held.source, held.bucket)
                delivered.remember(connection, id_, [held.entry], keep_from)
                checkpoints.count_samples(connection, id_, 1)
                aside.free_sample(connection, held.id)
            for held, words in refused:
                id_ = self._touch(connection, held.source, held.bucket)
                aside.put_samples(connection, id_, [(held.entry, words)], now=now, facts=facts)

    def prune(self, keep_from: int) -> None:
        """Forgets slots that ended before `keep_from` and had no correction."""
        with self.database.transaction() as connection:
            delivered.prune(connection, keep_from)
            checkpoints.forget(connection, keep_from)

    def mark_aside(self, ids: Sequence[str], mark: Mark) -> int:
        """Lets the next pass try again what has these ids, or gives it up; returns how many there are."""
        with self.database.transaction(durable=True) as connection:
            return aside.mark(connection, self.sink, ids, mark)

    def rewind(self, source: str, bucket: str, position: int | None, now: int) -> None:
        """Moves a checkpoint back (None: before the first event); what is then repeated changes no sum.

        The position becomes the full hour before it: that is a border of slots, whatever the resolution
        was when they were sent. Half a slot would look like a change of history.
        """
        with self._at(source, bucket) as at:
            checkpoints.rewind(*at, position, now)

    def resync(self, source: str, bucket: str, since: int, now: int) -> None:
        """Moves a checkpoint back to the full hour before a moment, where it lies behind that.

        What was decided never to be sent stays so: not to before where the bucket began.
        """
        with self._at(source, bucket) as at:
            checkpoints.resync(*at, since, now)

    def skip_to(self, source: str, bucket: str, position: int, now: int) -> None:
        """Decides that what a bucket holds before `position`, a border of slots, is never sent by itself.

        The look back begins there too, or it would send the gap as a change of history. A rewind sends it.
        """
        with self._at(source, bucket) as at:
            checkpoints.skip_to(*at, position, now)

    def leave_future(self, source: str, bucket: str, position: int | None, now: int) -> None:
        """Takes back what a clock that was ahead left behind; `position` is where the bucket goes on."""
        with self._at(source, bucket) as at:
            checkpoints.leave_future(*at, position, now)

    def expect_held(self, source: str, bucket: str, until: int) -> None:
        """Notes that the store holds samples of a bucket that nobody here remembers, of before `until`."""
        with self._at(source, bucket) as at:
            checkpoints.put_reached(*at, until)

    def settle_backfill(
        self, source: str, bucket: str, pieces: Iterable[tuple[int, int]], decided: Decisions, now: int
    ) -> None:
        """Notes that the store holds these stretches of a bucket, in the order of time: nothing waits there.

        `decided` is what its budget makes of the series there.
        A checkpoint at or inside a stretch goes on at its end. What lies between two is as it was: where a
        stretch does not touch what the checkpoint covers, only `reached` tells of it.
        """
        with self._at(source, bucket) as at:
            for start, end in pieces:
                aside.put_ranges(*at, (start, end), ())
                checkpoints.settle_stretch(*at, start, end, now)
            admission.put(*at, decided)

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
        with self._at(source, bucket) as at:
            keep_from = checkpoints.ledger_from(*at)
            for (labels, slot_end), entries in slots.items():
                delivered.forget_slot(*at, labels, slot_end)
                corrected = any(entry.correction for entry in entries)
                delivered.remember(*at, entries, 0 if corrected else keep_from)
            checkpoints.count_samples(*at, samples)
            aside.put_ranges(*at, None, asides)
            aside.put_samples(*at, refused, now=now, facts=facts)

    @contextmanager
    def _at(
        self, source: str, bucket: str, *, durable: bool = True
    ) -> Iterator[tuple[sqlite3.Connection, int]]:
        """A transaction about one bucket: the connection, and the number of the bucket's checkpoint."""
        with self.database.transaction(durable=durable) as connection:
            yield connection, self._touch(connection, source, bucket)

    def _touch(self, connection: sqlite3.Connection, source: str, bucket: str) -> int:
        return checkpoints.touch(connection, self.sink, source, bucket)
