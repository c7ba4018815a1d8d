"""The state database: what it remembers, whom it lets in, and what it survives."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from awsync.errors import LockHeldError, StateError
from awsync.events import PassFinished, Paused, Totals, Work
from awsync.journal import Recorder
from awsync.ledger import Entry, Mark, Range
from awsync.records import Checkpoint, PassRecord, Settled
from awsync.schema import SCHEMA_VERSION
from awsync.series import Labels
from awsync.state import State
from awsync.timeline import HOUR, Carry, Held

SLOT = HOUR // 12
VIM: Labels = (("__name__", "aw_watcher_window_seconds"), ("app", "vim"), ("title", "größe 😀 \x00"))
FIREFOX: Labels = (("__name__", "aw_watcher_window_seconds"), ("app", "firefox"))


def settled(
    start: int,
    end: int,
    *entries: Entry,
    work: Work = Work.FORWARD,
    asides: tuple[Range, ...] = (),
    carry: Carry | None = None,
    last: bool = False,
    bucket: str = "window_laptop",
) -> Settled:
    return Settled(
        source="laptop",
        bucket=bucket,
        work=work,
        start=start,
        end=end,
        newest=end + 5,
        carry=carry or Carry(),
        entries=entries,
        asides=asides,
        samples=len(entries),
        last=last,
    )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """An empty state that may be written."""
    with State(tmp_path / "state", "sink", write=True) as opened:
        yield opened


def ledger_of(state: State, start: int = -1, end: int = 10**18) -> list[Entry]:
    ledger = state.ledger("laptop", "window_laptop", start, end)
    return sorted(e for per_slot in ledger.values() for entries in per_slot.values() for e in entries)


def test_a_commit_comes_back_whole(tmp_path: Path) -> None:
    """Checkpoint, carry, ledger, set-aside ranges and passes are the same after closing and opening.

    What an open event is about is not written down.
    """
    carry = Carry({7: HOUR - 3, 9: -1}, Held(1, 2, b"{}", (7,)), Held(-1, 9, b"\xff"))
    entries = [Entry(VIM, HOUR + SLOT, 0, 17), Entry(FIREFOX, HOUR + SLOT, 1, -9)]
    aside = Range(HOUR, HOUR + SLOT, "too old ü", 3)
    finished = PassFinished(at=9, elapsed=1.5, complete=False, totals=Totals(events=4, faults=("a", "b")))
    with State(tmp_path, "sink", write=True) as state:
        number = state.begin_pass(5)
        page = settled(HOUR, 2 * HOUR, *entries, carry=carry, asides=(aside,))
        state.commit([page], now=42, keep_from=0)
        state.finish_pass(number, finished)
        state.begin_pass(6)
    with State(tmp_path, "sink", write=False) as state:
        assert state.checkpoint("laptop", "window_laptop") == Checkpoint(
            source="laptop",
            bucket="window_laptop",
            began=HOUR,
            position=2 * HOUR,
            newest=2 * HOUR + 5,
            carry=carry.bare,
            samples=2,
            looked_back=42,
            ledger_from=0,
            updated=42,
            reached=2 * HOUR,
        )
        assert state.checkpoints() == [state.checkpoint("laptop", "window_laptop")]
        assert ledger_of(state) == sorted(entries)
        assert state.set_aside() == [("laptop", "window_laptop", replace(aside, id=1))]
        assert state.passes(5) == [
            PassRecord(6, None, None, None),
            PassRecord(5, 9, 1.5, False, finished.totals),
        ]


def test_a_bucket_never_seen_has_no_position(state: State) -> None:
    """Asking for a checkpoint makes none."""
    assert state.checkpoint("laptop", "new") == Checkpoint("laptop", "new")
    assert state.checkpoints() == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(st.integers(0, 2**62), st.integers(-(2**62), 2**62)),
    st.none() | st.builds(Held, st.integers(0, 2**60), st.integers(0, 2**60), st.binary()),
)
def test_any_carry_survives_the_database(
    tmp_path_factory: pytest.TempPathFactory, open_: dict[int, int], last: Held | None
) -> None:
    """What a page must know of the one before is the same in the next pass, but for the data of events."""
    with State(tmp_path_factory.mktemp("state"), "sink", write=True) as state:
        state.commit([settled(0, SLOT, carry=Carry(open_, last))], now=1, keep_from=0)
        assert state.checkpoint("laptop", "window_laptop").carry == Carry(open_, last).bare


def test_a_commit_is_all_or_nothing(state: State) -> None:
    """A commit that fails in its last page leaves nothing of its first."""
    state.commit([settled(0, SLOT, Entry(VIM, SLOT, 0, 1))], now=1, keep_from=0)
    before = (state.checkpoints(), ledger_of(state))
    good = settled(SLOT, 2 * SLOT, Entry(VIM, 2 * SLOT, 0, 2))
    bad = settled(2 * SLOT, 3 * SLOT, Entry(VIM, 2**70, 0, 3))
    with pytest.raises(OverflowError):
        state.commit([good, bad], now=2, keep_from=0)
    assert (state.checkpoints(), ledger_of(state)) == before


def test_a_full_disk_says_so(state: State) -> None:
    """Where the disk is full, the error names the file and the cause, and the state stays as it was."""
    state.commit([settled(0, SLOT, Entry(VIM, SLOT, 0, 1))], now=1, keep_from=0)
    (pages,) = state.database.rows("PRAGMA page_count")[0]
    state.database.rows(f"PRAGMA max_page_count = {pages}")
    many = [Entry((("__name__", f"{n:0500}"),), SLOT, 0, 1) for n in range(500)]
    with pytest.raises(StateError, match=r"state\.db could not be written \(database or disk is full\)"):
        state.commit([settled(SLOT, 2 * SLOT, *many)], now=2, keep_from=0)
    assert state.checkpoint("laptop", "window_laptop").position == SLOT
    assert ledger_of(state) == [Entry(VIM, SLOT, 0, 1)]


def test_the_ledger_is_kept_for_the_lookback(state: State) -> None:
    """A commit remembers slots inside the lookback, and corrections for ever."""
    entries = [Entry(VIM, slot * SLOT, 0, slot) for slot in range(1, 5)]
    state.commit([settled(0, 4 * SLOT, *entries, Entry(VIM, SLOT, 1, 9))], now=1, keep_from=2 * SLOT)
    assert ledger_of(state) == sorted([Entry(VIM, SLOT, 1, 9), *entries[2:]])
    assert ledger_of(state, 2 * SLOT, 3 * SLOT) == [entries[2]]


def test_prune_keeps_slots_that_were_corrected(state: State) -> None:
    """A repeat of a corrected slot must send its parts, not their sum; other old slots are forgotten."""
    corrected = [Entry(VIM, SLOT, 0, 5), Entry(VIM, SLOT, 1, -2)]
    plain = [Entry(FIREFOX, SLOT, 0, 7), Entry(VIM, 2 * SLOT, 0, 8), Entry(VIM, 3 * SLOT, 0, 8)]
    state.commit([settled(0, 3 * SLOT, *corrected, *plain)], now=1, keep_from=0)
    state.prune(2 * SLOT)
    assert ledger_of(state) == [*corrected, plain[2]]
    assert state.database.rows("SELECT count(*) FROM series") == [(1,)]


def test_what_was_forgotten_is_not_looked_back_at(state: State) -> None:
    """A longer `lookback`, or a clock set back, must not send again what the ledger has forgotten."""
    state.commit([settled(0, 9 * SLOT, Entry(VIM, SLOT, 0, 5))], now=1, keep_from=2 * SLOT)
    assert state.checkpoint("laptop", "window_laptop").ledger_from == 2 * SLOT
    state.prune(4 * SLOT)
    state.commit([settled(9 * SLOT, 10 * SLOT)], now=2, keep_from=0)
    assert state.checkpoint("laptop", "window_laptop").ledger_from == 4 * SLOT


def test_rewind_goes_to_a_border_of_slots(state: State) -> None:
    """Half a slot would look like a change of history; a full hour begins a slot at every resolution."""
    state.commit([settled(0, 9 * HOUR, carry=Carry({1: 2}))], now=1, keep_from=0)
    state.rewind("laptop", "window_laptop", 3 * HOUR + SLOT + 7, now=5)
    rewound = state.checkpoint("laptop", "window_laptop")
    assert (rewound.position, rewound.carry, rewound.newest, rewound.updated) == (3 * HOUR, None, None, 5)
    state.rewind("laptop", "window_laptop", None, now=6)
    assert state.checkpoint("laptop", "window_laptop").position is None


def test_only_forward_work_moves_the_checkpoint(state: State) -> None:
    """Looking back and retrying touch the ledger, not the position; a whole look back is noted."""
    state.commit([settled(HOUR, 2 * HOUR)], now=1, keep_from=0)
    back = settled(HOUR, HOUR + SLOT, Entry(VIM, HOUR + SLOT, 1, 3), work=Work.LOOK_BACK)
    state.commit([back], now=2, keep_from=0)
    state.commit([settled(HOUR, HOUR + SLOT, work=Work.SET_ASIDE, last=True)], now=3, keep_from=0)
    checkpoint = state.checkpoint("laptop", "window_laptop")
    assert (checkpoint.began, checkpoint.position, checkpoint.looked_back) == (HOUR, 2 * HOUR, 1)
    state.commit([settled(HOUR, 2 * HOUR, work=Work.LOOK_BACK, last=True)], now=4, keep_from=0)
    assert state.checkpoint("laptop", "window_laptop").looked_back == 4
    assert ledger_of(state) == [Entry(VIM, HOUR + SLOT, 1, 3)]


def test_a_page_decides_anew_what_is_set_aside(state: State) -> None:
    """What a page delivered is no longer set aside; what it did not cover stays."""
    first = Range(0, 4 * SLOT, "too old", 1)
    state.commit([settled(0, 4 * SLOT, asides=(first,))], now=1, keep_from=0)
    again = Range(SLOT, 2 * SLOT, "still too old", 9)
    page = settled(SLOT, 3 * SLOT, asides=(again,), work=Work.SET_ASIDE)
    state.commit([page], now=9, keep_from=0)
    held = [(range_.start, range_.end, range_.since) for _, _, range_ in state.set_aside("laptop")]
    assert held == [(0, 2 * SLOT, 1), (3 * SLOT, 4 * SLOT, 1)]
    state.commit([settled(0, 4 * SLOT, work=Work.SET_ASIDE)], now=10, keep_from=0)
    assert state.set_aside() == []
    assert state.set_aside("other") == []


def test_counted_events_make_no_checkpoint(state: State) -> None:
    """A bucket that is too small yet is remembered with its count, and has not begun."""
    state.count_events("laptop", "tiny", 3, 77)
    assert state.checkpoint("laptop", "tiny") == Checkpoint("laptop", "tiny", events=3, newest=77)


def test_two_sinks_do_not_see_each_other(tmp_path: Path) -> None:
    """What one store has says nothing of another: each has its checkpoints, ledger, ranges and passes."""
    with State(tmp_path, "one", write=True) as state:
        aside = Range(0, SLOT, "no", 1)
        state.commit([settled(0, SLOT, Entry(VIM, SLOT, 0, 5), asides=(aside,))], now=1, keep_from=0)
        state.begin_pass(1)
        assert state.other_sinks() == []
    with State(tmp_path, "two", write=True) as state:
        assert state.checkpoint("laptop", "window_laptop").position is None
        assert (state.checkpoints(), ledger_of(state), state.set_aside(), state.passes(9)) == ([], [], [], [])
        assert state.other_sinks() == ["one"]
        state.commit([settled(0, 9 * SLOT, Entry(VIM, SLOT, 0, 6))], now=2, keep_from=0)
        state.rewind("laptop", "window_laptop", None, now=3)
    with State(tmp_path, "one", write=False) as state:
        assert state.checkpoint("laptop", "window_laptop").position == SLOT
        assert ledger_of(state) == [Entry(VIM, SLOT, 0, 5)]


def test_old_passes_are_forgotten(state: State) -> None:
    """The list of passes does not grow without end."""
    for started in range(1_010):
        number = state.begin_pass(started)
    assert number == 1_010
    assert state.database.rows("SELECT count(*) FROM pass") == [(1_000,)]


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the system would take from the rights of new files."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_files_are_private(tmp_path: Path) -> None:
    """Window titles are nobody else's business: the folder opens to its user only, and so does each file."""
    folder = tmp_path / "new" / "state"
    with State(folder, "sink", write=True) as state, Recorder(folder) as recorder:
        recorder.record(Paused())
        recorder.settle()
        state.commit([settled(0, SLOT)], now=1, keep_from=0)
        state.database.begin_anew("a test")
        state.commit([settled(0, SLOT)], now=1, keep_from=0)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name.partition("-2")[0]: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    files = ["journal.db", "state.db"]
    files += [f"{file}-{log}" for file in files for log in ("shm", "wal")]
    assert modes == dict.fromkeys(["lock", "state.db.damaged", *files], 0o600)


HOLD = """
import sys
from pathlib import Path
from awsync.state import State
with State(Path(sys.argv[1]), "sink", write=True) as state:
    state.database.announce("awsync sync --cron", 1_795_132_800_000_000)
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that writes to the state in `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_second_writer_is_told_who_writes(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    """Two passes at once would send twice: the second is refused, with the pid and command of the first."""
    with pytest.raises(LockHeldError) as caught:
        State(tmp_path, "sink", write=True)
    assert str(holder.pid) in str(caught.value)
    assert "awsync sync --cron" in str(caught.value)
    assert "2026-11-20 00:00" in str(caught.value)
    with State(tmp_path, "sink", write=False) as observer:
        assert str(holder.pid) in (observer.database.holder() or "")
        assert observer.checkpoints() == []


def test_a_killed_writer_leaves_no_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    """After kill -9 the next writer starts at once, and nobody is named as the holder any more."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with State(tmp_path, "sink", write=True) as state:
        assert state.database.holder() is None
        state.commit([settled(0, SLOT)], now=1, keep_from=0)


COMMIT = """
import sys
from itertools import count
from pathlib import Path
from tests.test_state import FIREFOX, SLOT, VIM, settled
from awsync.ledger import Entry
from awsync.state import State
with State(Path(sys.argv[1]), "sink", write=True) as state:
    start = state.checkpoint("laptop", "window_laptop").position or 0
    for n in count(start // SLOT):
        entries = [Entry(labels, (n + 1) * SLOT, 0, n + 1) for labels in (VIM, FIREFOX)]
        state.commit([settled(n * SLOT, (n + 1) * SLOT, *entries)], now=n, keep_from=0)
        print(n + 1, flush=True)
"""


def test_readers_of_a_busy_state(tmp_path: Path) -> None:
    """While one process commits without a pause, others open and read the state and are never locked out."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMIT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        positions = []
        with State(tmp_path, "sink", write=False) as reader:
            for _ in range(100):
                with State(tmp_path, "sink", write=False) as other:
                    assert other.database.holder() is not None
                    other.passes(5)
                positions.append(reader.checkpoint("laptop", "window_laptop").position or 0)
                assert len(ledger_of(reader)) >= positions[-1] // SLOT
        process.kill()
    assert positions == sorted(positions)
    assert positions[-1] > positions[0], "it went on meanwhile"


def test_kill_nine_during_commits(tmp_path: Path) -> None:
    """Killed at any moment, the database is intact, has all that was committed, and no commit by half."""
    confirmed = 0
    for more in (3, 1, 8, 2):
        with subprocess.Popen(
            [sys.executable, "-c", COMMIT, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        ) as process:
            assert process.stdout is not None
            while confirmed < (line := int(process.stdout.readline())):
                confirmed, more = line, more - 1
                if more == 0:
                    break
            process.kill()
        with State(tmp_path, "sink", write=True) as state:
            assert state.database.rows("PRAGMA integrity_check") == [("ok",)]
            done = (state.checkpoint("laptop", "window_laptop").position or 0) // SLOT
            assert done >= confirmed
            slots_of = range(1, done + 1)
            assert ledger_of(state) == sorted(
                Entry(labels, n * SLOT, 0, n) for n in slots_of for labels in (VIM, FIREFOX)
            )
        confirmed = done


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older awsync does not touch what a newer one wrote, and says what to do."""
    with State(tmp_path, "sink", write=True):
        pass
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    for write in (True, False):
        with pytest.raises(StateError, match=rf"newer awsync \(schema {SCHEMA_VERSION + 1}\)\. Update"):
            State(tmp_path, "sink", write=write)


def test_two_may_make_the_database_at_once(tmp_path: Path) -> None:
    """`awsync status` in the moment of the first sync is no error: whoever comes second finds the tables."""
    for number in range(20):
        folder, barrier = tmp_path / str(number), threading.Barrier(4)

        def open_(
            write: bool, folder: Path = folder, barrier: threading.Barrier = barrier
        ) -> list[Checkpoint]:
            barrier.wait()
            with State(folder, "sink", write=write) as state:
                return state.checkpoints()

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(open_, (True, False, False, False))) == [[]] * 4


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be made is named, with what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"file/state/state\.db cannot be used .*\. Check the rights"):
        State(tmp_path / "file" / "state", "sink", write=True)


def test_a_change_of_labels_is_a_floor_for_the_look_back(state: State) -> None:
    """It is noted for every bucket of the source at once, survives, and goes where the time is sent again."""
    for bucket in ("window_laptop", "afk_laptop"):
        state.commit([settled(0, 10 * HOUR, bucket=bucket)], now=1, keep_from=2 * HOUR)
    assert state.labels("laptop").made_of() == {}
    assert state.labels("laptop").change({"categories": "x"}, now=2, resolution=SLOT) == 10 * HOUR
    assert state.labels("laptop").made_of() == {"categories": "x"}
    assert state.labels("other").made_of() == {}
    for bucket in ("window_laptop", "afk_laptop"):
        found = state.checkpoint("laptop", bucket)
        assert (found.ledger_from, found.relabelled) == (10 * HOUR, 10 * HOUR)
    state.commit([settled(10 * HOUR, 12 * HOUR)], now=3, keep_from=3 * HOUR)
    found = state.checkpoint("laptop", "window_laptop")
    assert (found.ledger_from, found.relabelled) == (10 * HOUR, 10 * HOUR)

    state.resync("laptop", "window_laptop", 7 * HOUR + 5, now=4)
    found = state.checkpoint("laptop", "window_laptop")
    assert (found.position, found.reached, found.relabelled) == (7 * HOUR, 12 * HOUR, 10 * HOUR)
    state.commit([settled(7 * HOUR, 8 * HOUR)], now=5, keep_from=3 * HOUR)
    found = state.checkpoint("laptop", "window_laptop")
    assert (found.position, found.ledger_from, found.relabelled) == (8 * HOUR, 7 * HOUR, 7 * HOUR)
    state.commit([settled(8 * HOUR, 12 * HOUR)], now=6, keep_from=3 * HOUR)
    found = state.checkpoint("laptop", "window_laptop")
    assert (found.position, found.ledger_from, found.relabelled) == (12 * HOUR, 7 * HOUR, 7 * HOUR)
    assert state.checkpoint("laptop", "afk_laptop").relabelled == 10 * HOUR


def test_labels_that_change_while_time_is_sent_again(state: State) -> None:
    """All that the store may hold counts as earlier then, also behind a checkpoint that was moved back."""
    state.commit([settled(0, 10 * HOUR)], now=1, keep_from=0)
    state.rewind("laptop", "window_laptop", 4 * HOUR, now=2)
    assert state.labels("laptop").change({"rules": "x"}, now=3, resolution=SLOT) == 4 * HOUR
    assert state.checkpoint("laptop", "window_laptop").relabelled == 10 * HOUR


def test_nothing_is_sent_again_that_was_never_to_be_sent(state: State) -> None:
    """A resync goes back to where the bucket began and no further, and moves no checkpoint forward."""
    state.skip_to("laptop", "window_laptop", 5 * HOUR + SLOT, now=1)
    state.commit([settled(5 * HOUR + SLOT, 9 * HOUR)], now=2, keep_from=0)
    state.resync("laptop", "window_laptop", 2 * HOUR, now=3)
    assert state.checkpoint("laptop", "window_laptop").position == 5 * HOUR + SLOT
    state.resync("laptop", "window_laptop", 8 * HOUR, now=3)
    assert state.checkpoint("laptop", "window_laptop").position == 5 * HOUR + SLOT


def test_samples_in_quarantine_do_not_keep_labels_that_nobody_wants(state: State) -> None:
    """Where the labels changed, what waits with the earlier ones is worked out anew from ActivityWatch."""
    refused = [(Entry(VIM, 3 * SLOT, 0, 5), "bad\nlabel"), (Entry(FIREFOX, 4 * SLOT, 0, 5), "bad")]
    page = replace(settled(0, HOUR), refused=[*refused, (Entry(VIM, 9 * SLOT, 0, 7), "bad")])
    state.commit([page], now=1, keep_from=0)
    (dropped,) = [held for held in state.quarantine() if held.entry.slot_end == 9 * SLOT]
    state.mark_aside([f"s{dropped.id}"], Mark.DROPPED)
    state.labels("laptop").change({"privacy": "x"}, now=7, resolution=SLOT)
    assert state.quarantine() == []
    assert [held.id for held in state.quarantine(dropped=True)] == [dropped.id]
    ((_, bucket, held),) = state.set_aside()
    assert (bucket, held.start, held.end, held.words, held.since) == (
        "window_laptop", 2 * SLOT, 4 * SLOT, "bad", 7,
    )  # fmt: skip
