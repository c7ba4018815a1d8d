"""The console beside a running `awsync sync`, in a real terminal: its keys reach the service."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from tests.commands import start_awsync
from tests.passes import utc_now
from tests.servers import wait_until
from tests.tmux import Terminal, console

BUCKET = "aw-watcher-window_x"
REACHED_SECONDS = 2.0


class Service:
    """A running `awsync sync` whose log is read as it comes."""

    def __init__(self, folder: Path) -> None:
        self.process = start_awsync("sync", "--log-format", "json", folder=folder)
        self.lines: list[dict[str, object]] = []
        self._reader = threading.Thread(target=self._read, name="log")
        self._reader.start()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        code = self.process.wait(5)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def heard(self, pressed: float, message: str) -> float:
        """Waits until the service said something; returns how long after a key was pressed."""
        found: list[float] = []

        def said() -> bool:
            found[:] = [at - pressed for at in map(_moment, self._saying(message)) if at >= pressed - 0.001]
            return bool(found)

        wait_until(said, f'the service says "{message}"')
        return found[0]

    def _saying(self, message: str) -> list[dict[str, object]]:
        return [line for line in list(self.lines) if message in str(line["message"])]

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.lines.extend(json.loads(line) for line in lines)


def _moment(line: dict[str, object]) -> float:
    return datetime.fromisoformat(str(line["time"])).timestamp()


@pytest.fixture
def folder(aw: AwServer, tmp_path: Path) -> Iterator[Path]:
    """A config.toml for a server with one bucket and a store, with a cron that rarely comes."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begun = utc_now() - timedelta(hours=2)
    events = [
        {"timestamp": (begun + timedelta(minutes=5 * i)).isoformat(), "duration": 299.0, "data": {"app": "x"}}
        for i in range(20)
    ]
    aw.insert(BUCKET, events)
    with Receiver() as store:
        (tmp_path / "config.toml").write_text(
            f'# mine\nprometheus-url = "{store.url}"\naw-url = "{aw.url}"\n'
            f'state-dir = "{tmp_path / "state"}"\ncron = "0 0 1 1 *" # rarely\n'
        )
        yield tmp_path


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    """A service that has done its first pass."""
    running = Service(folder)
    try:
        running.heard(0.0, "Next pass at")
        yield running
    finally:
        running.stop()


@pytest.fixture
def terminal(service: Service, folder: Path) -> Iterator[Terminal]:
    """A console beside it that has found out so."""
    with console(folder=folder) as running:
        running.until(f"◉ observing pid {service.process.pid}", "✓ in sync", "next pass in")
        yield running


def test_four_keys_reach_the_service(service: Service, terminal: Terminal, folder: Path) -> None:
    """Sync now, pause, exclusion and cron are heard by the service within two seconds of their key."""
    config = folder / "config.toml"
    took = {"sync now": service.heard(terminal.press("s"), "Asked to sync everything now.")}
    terminal.until(f"Syncing everything. The service (pid {service.process.pid}) has it.")

    took["pause"] = service.heard(terminal.press("p"), "Paused: no pass begins by itself.")
    terminal.until("‖ paused, p resumes")
    took["resume"] = service.heard(terminal.press("p"), "Resumed.")
    terminal.until(lambda screen: "paused" not in screen.splitlines()[0])

    took["exclude"] = service.heard(terminal.press("Space"), "Settings read again.")
    terminal.until("○ excluded")
    assert f'excluded-watchers = ["{BUCKET}"]' in config.read_text()
    service.heard(terminal.press("s"), " s: 0 events read, 0 samples delivered.")

    terminal.press("c")
    terminal.until("│  0 0 1 1 * ")
    terminal.press("C-u")
    terminal.until("✗")
    terminal.type("@hourly")
    terminal.until("✓ every hour")
    took["cron"] = service.heard(terminal.press("Enter"), "Settings read again.")
    service.heard(0.0, f"Next pass at {utc_now() + timedelta(hours=1):%Y-%m-%d %H}:00 UTC.")
    terminal.until("every hour")
    assert 'cron = "@hourly" # rarely' in config.read_text()
    assert config.read_text().startswith("# mine\n")

    assert {name: seconds for name, seconds in took.items() if seconds > REACHED_SECONDS} == {}


def test_leaving_the_console_leaves_the_service(service: Service, terminal: Terminal, folder: Path) -> None:
    """An observer that quits harms nobody; a service that ends is said, and `T` follows it."""
    terminal.press("q")
    assert terminal.until_exit(seconds=2.0) == 0
    assert service.process.poll() is None
    with console(folder=folder) as later:
        later.until(f"◉ observing pid {service.process.pid}")
        assert service.stop() == 0
        later.until("! not syncing", "The observed service has ended", "T lets this console sync")
        later.press("T")
        later.until("● live", "This console runs the engine now.", "✓ in sync")
