"""The journal: every event comes back, and nothing that happens to its file harms a run."""

import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest

import awsync.journal
from awsync.control import Command, Request
from awsync.events import Event, Paused, Resumed, Totals, Work, describe
from awsync.journal import Journal, Recorder
from tests.servers import wait_until

_VALUES: dict[Any, Any] = {
    int: 7,
    float: 0.5,
    bool: True,
    str: "größe [b] 😀 \x00",
    Totals: Totals(samples=3, faults=("a", "b")),
    Work: Work.LOOK_BACK,
    tuple[str, ...]: ("a", "b"),
}


def example(kind: type[Event]) -> Event:
    """An event with a value in each field."""
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        values[field.name] = _VALUES[get_args(hint)[0] if isinstance(hint, UnionType) else hint]
    made: Event = kind(**values)
    return made


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_comes_back(kind: type[Event], tmp_path: Path) -> None:
    """What is read from the journal equals what was said, and has a sentence."""
    event = example(kind)
    with Recorder(tmp_path) as recorder:
        recorder.record(event)
    with Journal(tmp_path) as journal:
        (said,) = journal.recent(10)
    assert said.event == event
    assert describe(said.event)


def test_readers_see_what_is_said_later_and_leave_requests(tmp_path: Path) -> None:
    """A reader follows by number; its request is taken once, and one of a past run never."""
    command = Command(request=Request.REWIND, source="s", bucket="b", position=5)
    with Journal(tmp_path) as reader:
        reader.ask(command)
        with Recorder(tmp_path) as recorder:
            assert recorder.take() == [], "nobody ran when it was asked"
            recorder.record(Paused())
            wait_until(lambda: reader.recent(1), "the first event is written")
            last = reader.recent(1)[0].number
            number = reader.ask(command)
            assert not reader.is_taken(number)
            assert recorder.take() == [command]
            assert recorder.take() == []
            assert reader.is_taken(number)
            recorder.record(Resumed())
            wait_until(lambda: reader.after(last), "the second event is written")
            assert [said.event for said in reader.after(last)] == [Resumed()]


def test_what_was_said_can_be_read_at_once(tmp_path: Path) -> None:
    """Who needs what was said just now does not wait for luck."""
    with Recorder(tmp_path) as recorder, Journal(tmp_path) as reader:
        for count in range(1, 20):
            recorder.record(Paused())
            recorder.settle()
            assert len(reader.recent(100)) == count


def test_what_could_not_be_written_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the file can be written again nothing more has to be said for the rest to appear."""
    monkeypatch.setattr(awsync.journal, "RETRY_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    with Recorder(tmp_path) as recorder, Journal(tmp_path) as reader:
        for file in tmp_path.glob("journal.db*"):
            file.unlink()
        path.mkdir()
        recorder.record(Paused())
        recorder.settle()
        assert reader.recent(1) == []
        path.rmdir()
        wait_until(lambda: reader.recent(1), "the event is written")


def test_only_the_newest_events_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is bounded."""
    monkeypatch.setattr(awsync.journal, "KEPT", 10)
    for _ in range(5):
        with Recorder(tmp_path) as recorder:
            for _ in range(20):
                recorder.record(Paused())
    with Journal(tmp_path) as journal:
        assert len(journal.recent(1000)) == 10


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1000)


def _future(path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("spoil", [_garbage, _future])
def test_a_broken_file_is_begun_anew(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    """A damaged journal is said and replaced; readers see nothing in it, and go on with higher numbers."""
    with Recorder(tmp_path) as recorder:
        assert not recorder.begun_anew
        recorder.record(Paused())
    with Journal(tmp_path) as journal:
        last = journal.recent(1)[0].number
        spoil(tmp_path / "journal.db")
        with Journal(tmp_path) as late:
            assert late.recent(10) == []
        with Recorder(tmp_path) as recorder:
            assert recorder.begun_anew
            recorder.record(Resumed())
        assert [said.event for said in journal.after(last)] == [Resumed()]
    assert (tmp_path / "journal.db").stat().st_mode & 0o077 == 0


def test_a_journal_that_is_deleted_while_it_runs_comes_back(tmp_path: Path) -> None:
    """Deleting the file under a running engine loses the past and nothing more."""
    with Recorder(tmp_path) as recorder, Journal(tmp_path) as reader:
        recorder.record(Paused())
        wait_until(lambda: reader.recent(1), "the event is written")
        for file in tmp_path.glob("journal.db*"):
            file.unlink()
        recorder.record(Resumed())
        wait_until(lambda: reader.recent(1), "the second event is written")
        assert [said.event for said in reader.recent(10)] == [Resumed()]
        number = reader.ask(Command(request=Request.PAUSE))
        assert recorder.take() == [Command(request=Request.PAUSE)]
        assert reader.is_taken(number)
