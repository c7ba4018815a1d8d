"""The doctor at the state: folder, space, database, lock. It looks without touching."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from awsync.doctor import State, Wiring
from awsync.events import PassStarted
from awsync.journal import Recorder
from awsync.schema import SCHEMA_VERSION
from awsync.settings import Settings
from tests.doctors import Examined, examined
from tests.passes import make_settings, open_state

NOWHERE = "http://127.0.0.1:9"
MIB = 1024 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a state that a pass has been over."""
    settings = make_settings(tmp_path, NOWHERE, NOWHERE)
    with open_state(settings) as state:
        state.rewind("default", "bucket", 3_600_000_000, 1)
    return settings


def test_nothing_is_made(tmp_path: Path) -> None:
    """A state that is not there yet is in order, and is still not there after the doctor."""
    found = asyncio.run(examined(make_settings(tmp_path, NOWHERE, NOWHERE)))
    assert found.of("folder").state is State.OK
    assert found.of("disk space").state is State.OK
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_changed(settings: Settings) -> None:
    """Files, their content and their modes are the same after the doctor."""

    def content() -> dict[str, tuple[int, bytes]]:
        return {path.name: (path.stat().st_mode, path.read_bytes()) for path in settings.state_dir.iterdir()}

    before = content()
    found = await examined(settings)
    assert found.of("database").state is State.OK
    assert content() == before


async def test_damaged_files_that_were_kept_are_told(settings: Settings) -> None:
    """Whoever looks for the space, or for what happened, learns that they are there."""
    with open_state(settings) as state:
        state.database.begin_anew("a test")
        state.database.begin_anew("another test")
    found = await examined(settings)
    assert found.of("database").state is State.OK
    assert "2 damaged ones kept beside it" in found.of("database").what


@contextmanager
def nobody() -> Iterator[Path]:
    """A folder of root's, seen by somebody else; the user's own without the right to write otherwise."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        else:
            folder.chmod(0o500)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A state folder without the right to write fails with the system's reason; what needs it is skipped."""
    with nobody() as folder:
        there = await examined(make_settings(tmp_path, NOWHERE, NOWHERE, state_dir=folder))
        to_be = await examined(make_settings(tmp_path, NOWHERE, NOWHERE, state_dir=folder / "in" / "it"))
    assert there.of("folder").state is State.FAILED
    assert "Permission denied" in there.of("folder").what
    assert f"chown -R USER {folder}" in there.of("folder").remedy
    assert there.of("database").state is State.SKIPPED
    assert there.of("running").state is State.SKIPPED
    assert to_be.of("folder").state is State.FAILED


def test_open_to_others(settings: Settings) -> None:
    """A folder or file that others may read is named with the commands that close it."""
    (settings.state_dir / "state.db").chmod(0o644)
    settings.state_dir.chmod(0o755)
    found = asyncio.run(examined(settings))
    assert found.of("folder").state is State.WARNING
    for line in found.of("folder").remedy.splitlines():
        if line.startswith("  "):
            subprocess.run(line.split(), check=True)
    assert asyncio.run(examined(settings)).of("folder").state is State.OK


@pytest.mark.parametrize(
    ("free", "state"), [(5 * MIB, State.FAILED), (50 * MIB, State.WARNING), (500 * MIB, State.OK)]
)
async def test_disk_space(settings: Settings, free: int, state: State) -> None:
    """Little room is a warning, next to none a failure."""
    found = await examined(settings, wiring=Wiring(free_space=lambda folder: free))
    assert found.of("disk space").state is state


def test_a_damaged_database(settings: Settings) -> None:
    """A file that is no database is told so, and the printed command makes the next doctor green."""
    path = settings.state_dir / "state.db"
    path.write_bytes(b"no database at all" * 1000)
    found = asyncio.run(examined(settings))
    assert found.of("database").state is State.FAILED
    assert found.of("lock").state is State.SKIPPED
    (command,) = [line for line in found.of("database").remedy.splitlines() if line.startswith("  ")]
    assert command.split() == ["awsync", "sync", "--once"]
    with open_state(settings) as state:
        assert state.database.begun_anew is not None
    assert asyncio.run(examined(settings)).of("database").state is State.OK


async def test_a_database_with_a_broken_page(settings: Settings) -> None:
    """What only the integrity check sees is seen."""
    path = settings.state_dir / "state.db"
    with open_state(settings) as state:
        for number in range(200):
            state.count_events("default", f"bucket {number}", 5, 5)
    data = bytearray(path.read_bytes())
    assert len(data) > 12_288
    data[-2_048:] = b"\xff" * 2_048
    path.write_bytes(data)
    assert (await examined(settings)).of("database").state is State.FAILED


@pytest.mark.parametrize(("version", "state"), [(SCHEMA_VERSION + 1, State.FAILED), (0, State.OK)])
async def test_a_database_of_another_version(settings: Settings, version: int, state: State) -> None:
    """A newer one cannot be used; an older one is left to the next pass."""
    path = settings.state_dir / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    found = await examined(settings)
    assert found.of("database").state is state
    assert found.of("lock").state is State.SKIPPED
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    connection.close()


async def hung(settings: Settings, minutes: int) -> Examined:
    """What is said of a writer that has spoken last so many minutes ago."""
    now = 4_000_000_000_000_000
    with open_state(settings) as state, Recorder(settings.state_dir, lambda: now) as recorder:
        state.database.announce("awsync sync", now - 1)
        recorder.record(PassStarted(at=now, sources=(), sink=NOWHERE, bucket=None))
        recorder.settle()
        return await examined(settings, wiring=Wiring(clock=lambda: now + minutes * 60_000_000))


async def test_a_writer_that_hangs(settings: Settings) -> None:
    """One that lives and says nothing for long keeps others out, and is named with how to end it."""
    assert (await hung(settings, 10)).of("lock").state is State.OK
    found = await hung(settings, 20)
    assert found.of("lock").state is State.FAILED
    assert "which has said nothing for 20 min: it hangs" in found.of("lock").what
    assert f"  kill -KILL {os.getpid()}" in found.of("lock").remedy


def test_a_writer_nobody_can_see(settings: Settings) -> None:
    """A lock whose process is none of this computer's is a matter of another one."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    with open_state(settings) as state:
        state.database.announce("awsync sync", 1)
        with state.database.transaction() as connection:
            connection.execute("UPDATE writer SET pid = ?", (gone.pid,))
        found = asyncio.run(examined(settings))
    assert found.of("lock").state is State.WARNING
    assert "another container or computer" in found.of("lock").what


async def test_a_writer_that_was_killed(settings: Settings) -> None:
    """A lock is gone with its process: what stands in the database is history."""
    with open_state(settings) as state:
        state.database.announce("awsync sync", 1)
        state.database.rows("SELECT 1")
        path = settings.state_dir / "state.db"
        held = sqlite3.connect(path)
        row = held.execute("SELECT pid, command, since FROM writer").fetchone()
    held.execute("INSERT INTO writer VALUES (?, ?, ?)", row)
    held.commit()
    held.close()
    found = await examined(settings)
    assert found.of("lock").state is State.OK
    assert "did not end in order, which loses nothing" in found.of("lock").what
