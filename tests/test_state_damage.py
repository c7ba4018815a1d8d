"""A damaged state database is put aside and begun anew, says so, and costs the store nothing."""

import asyncio
import random
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from subprocess import CompletedProcess

import msgspec.structs
import pytest

from awsync.conductor import Conductor
from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.engine import Engine
from awsync.errors import StateDamagedError
from awsync.events import Event, NextPass, PassFailed, PassFinished, StateBegunAnew, Work
from awsync.ledger import Entry
from awsync.records import Settled
from awsync.series import Labels
from awsync.settings import Settings
from awsync.sqlite_file import MOST_KEPT, kept_files
from awsync.state import State
from awsync.timeline import HOUR, Carry
from tests.commands import awsync
from tests.history import assert_equal_hours, closed_hours, fill_days, stored_hours
from tests.passes import make_settings, open_state, position_of, run_pass, utc_now
from tests.servers import Store, require_binary

SLOT = HOUR // 12
Spoil = Callable[[Path], object]


def _garbage(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def _not_a_database(path: Path) -> None:
    path.write_text("this is no database, and longer than its header of a hundred bytes\n" * 99)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 77])


def _page_in_the_middle(path: Path) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:middle] + _garbage(4096) + whole[middle + 4096 :])


def _zeroed_header(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def _zeroed_version(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(4) + whole[64:])


def _log_of_garbage(path: Path) -> None:
    log = path.with_name("state.db-wal")
    log.touch(mode=0o600)
    log.write_bytes(_garbage(8192))


DAMAGES = [
    _not_a_database,
    _truncated,
    _page_in_the_middle,
    _zeroed_header,
    _zeroed_version,
    _log_of_garbage,
]


def _fill(state: State) -> None:
    """Ten thousand entries, on some eighty pages of the file."""
    series: list[Labels] = [(("__name__", "aw_x_seconds"), ("app", f"app {n}" * 9)) for n in range(100)]
    entries = [Entry(series[n % 100], (n // 100 + 1) * SLOT, 0, n) for n in range(10_000)]
    page = Settled("default", "window", Work.FORWARD, 0, 100 * SLOT, 7, Carry(), entries)
    state.commit([page], now=1, keep_from=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a state database that is not small."""
    with State(tmp_path, "sink", write=True) as state:
        _fill(state)
    return tmp_path


@pytest.mark.parametrize("spoil", DAMAGES)
def test_the_writer_begins_a_damaged_file_anew(spoil: Spoil, folder: Path) -> None:
    """The old file is kept as it was, private and with its log, and the new one works at once."""
    spoil(folder / "state.db")
    before = {path.name: path.read_bytes() for path in folder.glob("state.db*")}
    with State(folder, "sink", write=True) as state:
        event = state.database.begun_anew
        assert event is not None
        assert event.reason
        assert state.checkpoints() == []
        _fill(state)
        kept = Path(event.kept_as)
        after = {path.name.replace(kept.name, "state.db"): path for path in folder.glob(f"{kept.name}*")}
        assert {name: path.read_bytes() for name, path in after.items()} == before
        assert {stat.S_IMODE(path.stat().st_mode) for path in after.values()} == {0o600}
    with State(folder, "sink", write=True) as state:
        assert state.database.begun_anew is None
        assert len(state.checkpoints()) == 1


def test_a_whole_file_is_kept(folder: Path) -> None:
    """An intact database is never taken for a damaged one, nor is one with a log of a killed writer."""
    with State(folder, "sink", write=False), State(folder, "sink", write=True) as state:
        assert state.database.begun_anew is None
        state.begin_pass(5)
        log, whole = ((folder / name).read_bytes() for name in ("state.db-wal", "state.db"))
    (folder / "state.db-wal").write_bytes(log)
    (folder / "state.db").write_bytes(whole)
    with State(folder, "sink", write=True) as state:
        assert state.database.begun_anew is None
        assert [each.started for each in state.passes(9)] == [5]


@pytest.mark.parametrize("spoil", [_not_a_database, _zeroed_header, _truncated])
def test_a_reader_says_what_the_writer_will_do(spoil: Spoil, folder: Path) -> None:
    """`awsync status` over a damaged file is one sentence and exit code 1, and changes nothing."""
    spoil(folder / "state.db")
    before = (folder / "state.db").read_bytes()
    done = awsync(
        "status", "--prometheus-url", "http://localhost:9", "--state-dir", str(folder), folder=folder
    )
    assert done.returncode == 1
    assert "is damaged (" in done.stderr
    assert "The next awsync sync puts it aside, begins a new one" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "state.db").read_bytes() == before


@pytest.mark.parametrize("column", ["carry = '[1'", "bucket = cast(x'ff' AS TEXT)"])
def test_content_that_cannot_have_been_written_is_damage(column: str, folder: Path) -> None:
    """Not only pages can be broken; what is in them is not believed either."""
    with State(folder, "sink", write=True) as state:
        with state.database.transaction() as connection:
            connection.execute(f"UPDATE checkpoint SET {column}")  # noqa: S608 ours
        with pytest.raises(StateDamagedError, match="is damaged"):
            state.checkpoints()


def test_a_reader_follows_a_file_that_is_begun_anew(folder: Path) -> None:
    """A console that shows the state shows the new one, without being opened again."""
    with State(folder, "sink", write=True) as state, State(folder, "sink", write=False) as reader:
        state.database.announce("awsync sync", 7)
        assert len(reader.checkpoints()) == 1
        event = state.database.begin_anew("a test")
        assert event.reason == "a test"
        assert reader.checkpoints() == []
        _fill(state)
        assert len(reader.checkpoints()) == 1
        assert reader.database.announced() is not None, "the writer is known in the new file too"


def test_the_newest_damaged_files_are_kept(folder: Path) -> None:
    """A disk that spoils the file again and again is not filled: three are kept, each with its log."""
    for name in ("state.db.damaged-20260101T000000.000000Z", "state.db.damaged-20260102T000000.000000Z"):
        for suffix in ("", "-wal", "-shm"):
            (folder / (name + suffix)).write_text("of a service that ran before")
    later = folder / "state.db.damaged-29990101T000000.000000Z"
    later.write_text("of a clock that was ahead")
    deleted = []
    with State(folder, "sink", write=True) as state:
        for _ in range(4):
            event = state.database.begin_anew("a test")
            deleted.append(event.deleted)
            assert Path(event.kept_as).exists(), "the newest is never the one to go"
    assert deleted == [1, 1, 1, 1]
    assert len(kept_files(folder / "state.db")) == MOST_KEPT
    assert not list(folder.glob("state.db.damaged-202601*"))


def test_a_file_that_is_taken_away_is_noticed(folder: Path) -> None:
    """What is written into a deleted file is lost with the process: better begun anew at once."""
    with State(folder, "sink", write=True) as state:
        for path in folder.glob("state.db*"):
            path.unlink()
        with pytest.raises(StateDamagedError, match="removed or replaced"):
            state.begin_pass(1)
        assert state.database.begin_anew("gone").kept_as == ""
        state.begin_pass(1)


BUCKET = "aw-watcher-window_laptop"


@dataclass(frozen=True)
class History:
    """Days of activity in a real ActivityWatch, delivered to a store with corrections in them."""

    aw: AwServer
    store: Store
    now: datetime
    settings: Settings

    @property
    def path(self) -> Path:
        """The state database."""
        return self.settings.state_dir / "state.db"

    def sync(self) -> CompletedProcess[str]:
        """`awsync sync --once`."""
        return awsync(
            "sync", "--once", "--aw-url", self.aw.url, "--prometheus-url", self.store.url,
            "--user-id", "me", "--state-dir", str(self.settings.state_dir), folder=self.path.parent,
        )  # fmt: skip

    def assert_delivered(self) -> None:
        """The store equals ActivityWatch, bucket by bucket and hour by hour."""
        end = round(self.now.timestamp()) * 1_000_000 // HOUR * HOUR
        found = stored_hours(self.store, end - 7 * 24 * HOUR, end)
        for bucket in (each.id for each in Person("laptop").buckets):
            until = min(position_of(self.settings, bucket), end)
            wanted = closed_hours(self.aw, bucket, until)
            assert_equal_hours(wanted, {at: v for at, v in found[bucket].items() if at <= until}, bucket)


def _edit(aw: AwServer, since: datetime) -> None:
    """Takes away a third of some events, and shortens another."""
    recent = [each for each in aw.events(BUCKET) if each["timestamp"] > since.isoformat()]
    for number, event in enumerate(recent[:60]):
        if number % 3 == 0:
            aw.delete_event(BUCKET, event["id"])
        elif number % 3 == 1:
            aw.insert(BUCKET, [{**event, "duration": event["duration"] / 2}])


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """What all tests of this file share: no pass changes the store, or it was wrong."""
    folder, now = tmp_path_factory.mktemp("delivered"), utc_now()
    binary = require_binary("prometheus-3.5")
    with AwServer(folder / "aw") as aw, Store("prometheus-3.5", binary, folder / "store") as store:
        settings = make_settings(folder, aw.url, store.url)
        fill_days(aw, now, 3)
        run_pass(settings, now=now)
        _edit(aw, now - timedelta(hours=20))
        finished, _ = run_pass(settings, now=now, look_back=True)
        assert finished.totals.corrections
        yield History(aw, store, now, settings)


@pytest.fixture
def history(delivered: History, tmp_path: Path) -> History:
    """The shared history, with a state of this test's own."""
    copytree(delivered.settings.state_dir, tmp_path / "state")
    return replace(
        delivered, settings=msgspec.structs.replace(delivered.settings, state_dir=tmp_path / "state")
    )


@pytest.mark.servers
@pytest.mark.parametrize("spoil", DAMAGES)
def test_what_was_delivered_stays_true(spoil: Spoil, history: History) -> None:
    """A pass after the damage leaves the store as ActivityWatch is, also where corrections had been sent."""
    spoil(history.path)
    finished, _ = run_pass(history.settings, now=history.now)
    assert finished.complete
    history.assert_delivered()


@pytest.mark.servers
def test_once_says_that_the_state_was_begun_anew(history: History) -> None:
    """`awsync sync --once` warns where the old file is, and does the whole pass."""
    _truncated(history.path)
    done = history.sync()
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "was begun anew" in line]
    assert "WARNING" in line
    assert f"{history.path}.damaged-" in line


def _break_content(state: State) -> None:
    with state.database.transaction() as connection:
        connection.execute("UPDATE checkpoint SET carry = '[1'")


def _delete(state: State) -> None:
    for path in state.database.path.parent.glob("state.db*"):
        path.unlink()


async def _until_the_cron(engine: Engine) -> list[Event]:
    """Runs passes until the next one is only to come at its hour; returns what was said."""
    said: list[Event] = []
    planned = asyncio.Event()

    def emit(event: Event) -> None:
        said.append(event)
        if isinstance(event, NextPass):
            planned.set()

    task = asyncio.create_task(Conductor(engine, emit).run())
    async with asyncio.timeout(60):
        await planned.wait()
    task.cancel()
    await asyncio.wait({task})
    return said


@pytest.mark.servers
@pytest.mark.parametrize("spoil", [_break_content, _delete])
def test_damage_in_the_middle_of_a_run(spoil: Callable[[State], None], history: History) -> None:
    """A service begins the state anew in the same run, passes again at once, and waits for its cron."""
    said: list[Event] = []

    async def work() -> None:
        with open_state(history.settings) as state:
            state.database.announce("awsync sync", 7)
            spoil(state)
            said.extend(await _until_the_cron(Engine(history.settings, state)))
            assert state.database.announced() is not None

    asyncio.run(work())
    assert [type(e) for e in said if isinstance(e, PassFailed | StateBegunAnew | PassFinished)] == [
        PassFailed,
        StateBegunAnew,
        PassFinished,
    ]
    assert [event.complete for event in said if isinstance(event, PassFinished)] == [True]
    history.assert_delivered()


def test_a_disk_that_damages_everything_is_not_tried_without_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun anew once, a state that is damaged again waits for the cron with its next pass."""
    said: list[Event] = []
    settings = make_settings(folder, "http://127.0.0.1:9", "http://127.0.0.1:9")

    async def work() -> None:
        with open_state(settings) as state:
            monkeypatch.setattr(state, "begin_pass", _damaged(state))
            said.extend(await _until_the_cron(Engine(settings, state)))

    asyncio.run(work())
    assert len([event for event in said if isinstance(event, StateBegunAnew)]) == 2


def _damaged(state: State) -> Callable[[int], int]:
    def begin_pass(started: int) -> int:
        raise state.database.damaged(f"at {started}")

    return begin_pass


@pytest.mark.servers
def test_once_says_what_to_do_about_damage_in_its_middle(history: History) -> None:
    """`--once` begins the state anew, exits with 1 and says to run again; and that run is complete."""
    with open_state(history.settings) as state:
        _break_content(state)
    done = history.sync()
    assert done.returncode == 1
    assert "is damaged (" in done.stderr
    assert "Run awsync again" in done.stderr
    assert "was begun anew, the old one is kept as" in done.stderr
    assert "Traceback" not in done.stderr
    again = history.sync()
    assert again.returncode == 0, again.stderr
    history.assert_delivered()
