"""A full disk, a folder without rights: one sentence, and the next run with room delivers everything."""

import asyncio
import ctypes
import resource
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from awsync.conductor import Conductor
from awsync.control import Command, Request
from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.engine import Engine
from awsync.events import Event, NextPass, PassFailed, PassFinished
from awsync.timeline import DAY, HOUR
from tests.commands import awsync
from tests.history import assert_equal_hours, closed_hours, fill_days, stored_hours
from tests.passes import make_settings, open_state, position_of, utc_now
from tests.servers import Store, require_binary

_PR_CAPBSET_DROP = 24
_READ_AND_WRITE_ALL = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
BUCKETS = [bucket.id for bucket in Person("laptop").buckets]


@pytest.fixture(scope="module")
def aw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """Three days of activity."""
    with AwServer(tmp_path_factory.mktemp("aw")) as server:
        fill_days(server, utc_now() - timedelta(minutes=10), 3)
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A Prometheus that the tests share, each under a user of its own."""
    binary = require_binary("prometheus-3.5")
    with Store("prometheus-3.5", binary, tmp_path_factory.mktemp("store")) as running:
        yield running


class User:
    """Somebody with a state folder and a name of his own in the store."""

    def __init__(self, name: str, state: Path, aw: AwServer, store: Store) -> None:
        self.settings = make_settings(
            state.parent, aw.url, store.url, source={"user_id": name}, state_dir=state
        )
        self.aw, self.store, self.name, self.state = aw, store, name, state

    def sync(self, before: Callable[[], None] | None = None) -> "subprocess.CompletedProcess[str]":
        """`awsync sync --once`."""
        return awsync(
            "sync", "--once", "--aw-url", self.aw.url, "--prometheus-url", self.store.url,
            "--user-id", self.name, "--state-dir", str(self.state), folder=Path("/"), before=before,
        )  # fmt: skip

    def assert_delivered(self) -> None:
        """The store equals ActivityWatch."""
        end = min(position_of(self.settings, bucket) for bucket in BUCKETS) // HOUR * HOUR
        found = stored_hours(self.store, end - 5 * DAY, end, user=self.name)
        for bucket in BUCKETS:
            wanted = closed_hours(self.aw, bucket, end)
            assert wanted
            assert_equal_hours(wanted, found[bucket], bucket)


def assert_told(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """One sentence with what to do, and no traceback."""
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("awsync: ")]
    for word in ("state.db", "Check the rights and the space of its folder", *words):
        assert word in line
    assert "Traceback" not in done.stderr


def _only(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _without_privilege() -> None:
    """Takes from root what rights of files mean nothing to; others never had it."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in _READ_AND_WRITE_ALL:
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.servers
@pytest.mark.parametrize("size", [0, 60_000, 100_000, 160_000])
def test_files_that_may_not_grow(size: int, aw: AwServer, store: Store, tmp_path: Path) -> None:
    """From the first table to the middle of a pass: it says so, and goes on where there is room again."""
    user = User(f"size-{size}", tmp_path / "state", aw, store)
    assert_told(user.sync(partial(_only, size)))
    assert user.sync().returncode == 0
    user.assert_delivered()


@pytest.mark.servers
def test_a_full_disk(aw: AwServer, store: Store, tmp_path: Path) -> None:
    """A file system without a free block, first for state and journal, then for the state only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=100k", "tmpfs"]
    if subprocess.run(["mount", *options, disk], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount")
    try:
        user = User("full", disk / "state", aw, store)
        assert_told(user.sync(), "full")
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        assert user.sync().returncode == 0
        user.assert_delivered()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.servers
def test_a_service_goes_on_when_there_is_room_again(aw: AwServer, store: Store, tmp_path: Path) -> None:
    """A pass that fails for the space is said and moves no checkpoint; the next one of the run is whole."""
    user = User("service", tmp_path / "state", aw, store)
    said: list[Event] = []
    planned = asyncio.Event()

    def emit(event: Event) -> None:
        said.append(event)
        if isinstance(event, NextPass):
            planned.set()

    async def work() -> None:
        with open_state(user.settings) as state:
            (pages,) = state.database.rows("PRAGMA page_count")[0]
            state.database.rows(f"PRAGMA max_page_count = {pages + 1}")
            conductor = Conductor(Engine(user.settings, state, patience=0.0), emit)
            task = asyncio.create_task(conductor.run())
            async with asyncio.timeout(60):
                await planned.wait()
                planned.clear()
                (failed,) = [event for event in said if isinstance(event, PassFailed)]
                assert "full" in failed.reason
                assert all(each.position is None for each in state.checkpoints())
                state.database.rows("PRAGMA max_page_count = 1000000")
                await conductor.obey(Command(request=Request.SYNC_NOW))
                await planned.wait()
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(work())
    assert [event.complete for event in said if isinstance(event, PassFinished)] == [True]
    user.assert_delivered()


@pytest.mark.servers
@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o000, 0o600), (0o500, 0o400), (0o500, 0o600)])
def test_a_folder_without_rights(
    folder_mode: int, file_mode: int, aw: AwServer, store: Store, tmp_path: Path
) -> None:
    """A state that may not be read, or only be read, is named with what to do, and stays as it was."""
    user = User(f"rights-{folder_mode:o}-{file_mode:o}", tmp_path / "state", aw, store)
    assert user.sync().returncode == 0
    before = {path.name: path.read_bytes() for path in user.state.iterdir()}
    for path in user.state.iterdir():
        path.chmod(file_mode)
    user.state.chmod(folder_mode)
    try:
        assert_told(user.sync(_without_privilege))
    finally:
        user.state.chmod(0o700)
    assert before["state.db"] == (user.state / "state.db").read_bytes()
    for path in user.state.iterdir():
        path.chmod(0o600)
    assert user.sync().returncode == 0
    user.assert_delivered()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Where the folder cannot be made, that is said before anything else happens."""
    tmp_path.chmod(0o500)
    done = awsync(
        "sync", "--once", "--prometheus-url", "http://127.0.0.1:9", "--state-dir", str(tmp_path / "new"),
        folder=Path("/"), before=_without_privilege,
    )  # fmt: skip
    assert_told(done, "Permission denied")


def test_a_state_dir_that_is_a_file(tmp_path: Path) -> None:
    """A wrong setting is a matter of settings: exit code 2, and the flag is named."""
    (tmp_path / "file").touch()
    done = awsync(
        "sync", "--once", "--prometheus-url", "http://127.0.0.1:9", "--state-dir", str(tmp_path / "file"),
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--state-dir" in done.stderr
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr
