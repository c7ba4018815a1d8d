"""What goes wrong around the console, in a real terminal: it is said with what to do, and ends by itself.

Nothing is restarted but the server that was down, and the keys work all the while.
"""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Fault, Receiver
from awsync.state import State
from tests.passes import utc_now
from tests.servers import wait_until
from tests.tmux import Terminal, console, require_tmux

BUCKET = "aw-watcher-window_x"
QUIT_SECONDS = 1.3


@pytest.fixture(autouse=True)
def _tmux() -> None:
    require_tmux()


def fill(aw: AwServer) -> None:
    """Two hours of one bucket."""
    aw.create_bucket(BUCKET, "aw-watcher-window", "currentwindow", "x")
    begun = utc_now() - timedelta(hours=2)
    aw.insert(
        BUCKET,
        [
            {
                "timestamp": (begun + timedelta(minutes=5 * i)).isoformat(),
                "duration": 299.0,
                "data": {"app": "x"},
            }
            for i in range(20)
        ],
    )


def configure(folder: Path, aw: AwServer, store: Receiver, more: str = "") -> Path:
    """A config.toml with a cron that rarely comes."""
    path = folder / "config.toml"
    path.write_text(
        f'prometheus-url = "{store.url}"\naw-url = "{aw.url}"\nstate-dir = "{folder / "state"}"\n'
        f'cron = "0 0 1 1 *"\npush-metrics = false\n{more}'
    )
    return path


def assert_keys_work(terminal: Terminal) -> None:
    """A page opens and closes."""
    terminal.press("?")
    terminal.until("Exclude or include")
    terminal.press("Escape")
    terminal.until("─ Watchers ")


def test_activitywatch_down_empty_and_back(aw: AwServer, tmp_path: Path) -> None:
    """Down at start, then without a bucket, then with one, then down while running, and back."""
    aw.stop()
    reached = f"ActivityWatch at {aw.url} cannot be reached"
    with Receiver() as store:
        configure(tmp_path, aw, store)
        with console(folder=tmp_path) as terminal:
            terminal.until("✗ default ", reached, "Start ActivityWatch, or")
            terminal.until("ActivityWatch does not answer; this table fills by itself when it does.")
            assert_keys_work(terminal)
            aw.start()
            terminal.until("● default · ActivityWatch v", "ActivityWatch has no buckets yet: start a watcher")
            assert reached not in terminal.screen().split("─ Watchers")[0]
            assert_keys_work(terminal)
            fill(aw)
            terminal.until("+ new: first pass to come", "aw-watcher-window")
            terminal.press("s")
            terminal.until("✓ in sync")
            assert store.total_seconds() > 3600

            aw.stop()
            terminal.press("s")
            terminal.until(reached, "Start ActivityWatch", "◌ waiting: default")
            assert_keys_work(terminal)
            aw.start()
            terminal.until("✓ in sync", lambda screen: reached not in screen.split("─ Watchers")[0])


def test_a_refused_token_is_said_and_mended(aw: AwServer, tmp_path: Path) -> None:
    """The store's refusal names the key to set; once config.toml has it the sync goes on at once."""
    fill(aw)
    with Receiver(token="right") as store:
        config = configure(tmp_path, aw, store, 'bearer-token = "wrong"\n')
        with console(folder=tmp_path) as terminal:
            terminal.until("refused the credentials: check bearer-token", "◌ waiting: the store")
            assert "wrong" not in terminal.screen()
            assert_keys_work(terminal)
            assert store.total_seconds() == 0
            config.write_text(config.read_text().replace("wrong", "right"))
            terminal.until(
                "Settings read again.",
                "✓ in sync",
                lambda screen: "refused" not in screen.split("─ Watchers")[0],
            )
            assert store.total_seconds() > 3600


def test_leaving_while_the_store_does_not_answer(aw: AwServer, tmp_path: Path) -> None:
    """A store that holds a request back holds no one who wants to leave."""
    fill(aw)
    with Receiver() as store:
        configure(tmp_path, aw, store)
        store.fail(*[Fault(status=0, hang="before")] * 3)
        with console(folder=tmp_path) as terminal:
            terminal.until("» pass runs", lambda _: store.hung())
            pressed = terminal.press("q")
            assert terminal.until_exit(seconds=5.0) == 0
            assert time.time() - pressed < QUIT_SECONDS
        store.release()


def test_a_terminal_that_goes_away_takes_the_console_along(aw: AwServer, tmp_path: Path) -> None:
    """A closed window leaves no process behind, and the state is free for the next one."""
    fill(aw)
    with Receiver() as store:
        configure(tmp_path, aw, store)
        with console(folder=tmp_path) as terminal:
            terminal.until("✓ in sync")
            left = terminal.pid
        wait_until(lambda: not Path(f"/proc/{left}").exists(), "the console has ended")
    with State(tmp_path / "state", "any", write=True) as state:
        assert state.database.announced() is None
