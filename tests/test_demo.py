"""`awsync demo`: the console where there is a terminal, a plain pass where there is none."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from awsync.cli import demo
from awsync.demo.world import World
from tests.commands import awsync, environment
from tests.servers import require_binary, wait_until
from tests.tmux import Terminal

SECONDS = 60.0
"""An ActivityWatch with two weeks in it is made first."""
ARRIVED = re.compile(r"What arrived in the store, by app \(\d+ [dh].* in all\):")


def terminal(*arguments: str, folder: Path) -> Terminal:
    """`awsync demo` in a terminal of 120 by 40."""
    command = [sys.executable, "-m", "awsync", "demo", *arguments]
    return Terminal(command, folder=folder, environment=environment(folder))


def path_with_prometheus(folder: Path) -> str:
    """A PATH on which the demo finds a Prometheus."""
    (folder / "bin").mkdir()
    (folder / "bin/prometheus").symlink_to(require_binary("prometheus-3.5"))
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


def test_without_a_terminal_the_demo_is_plain(tmp_path: Path) -> None:
    """In a pipe it is one pass and what arrived as plain columns, with the exit code of the pass."""
    done = awsync("demo", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Syncing as `awsync sync --once` does:" in done.stderr
    assert "Complete in " in done.stdout
    assert ARRIVED.search(done.stdout)
    assert "\x1b" not in done.stdout + done.stderr


def test_on_a_terminal_the_demo_is_the_console(tmp_path: Path) -> None:
    """The real engine delivers while the person looks; q leaves, and what arrived is printed."""
    with terminal(folder=tmp_path) as shown:
        shown.until("● live", "aw-watcher-window", seconds=SECONDS)
        shown.until("✓ in sync", re.compile(r"success \d+ s ago").search, seconds=SECONDS)
        shown.press("q")
        assert shown.until_exit(SECONDS) == 0
        left = shown.screen()
    assert ARRIVED.search(left)
    assert "Stopped; nothing of the demo is left." in left
    assert "● live" not in left


def test_the_demo_without_its_console(tmp_path: Path) -> None:
    """`--no-console` is the plain demo on a terminal too."""
    with terminal("--no-console", folder=tmp_path) as shown:
        assert shown.until_exit(SECONDS) == 0
        assert ARRIVED.search(shown.screen())
        assert "Complete in " in shown.screen()


@pytest.mark.servers
def test_a_demo_that_is_killed_takes_its_store_along(tmp_path: Path) -> None:
    """No Prometheus goes on by itself where the demo had no time to stop it, as when its window is closed."""
    path = path_with_prometheus(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "awsync", "demo", "--stay"],
        env=environment(tmp_path, PATH=path, TMPDIR=str(tmp_path)),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stderr is not None
        said = (re.search(r"The store at (\S+) is your Prometheus", line) for line in started.stderr)
        url = next(found[1] for found in said if found)
        assert _answers(url)
        started.kill()
    wait_until(lambda: not _answers(url), "the store has ended")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_without_its_console_tidies_up(end: signal.Signals, tmp_path: Path) -> None:
    """Who ends the process of `--stay`, or closes its window, leaves nothing of it behind."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "awsync", "demo", "--stay"],
        env=environment(tmp_path, TMPDIR=str(temporary)),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stderr is not None
        assert next(line for line in started.stderr if line.startswith("Staying: "))
        assert list(temporary.iterdir())
        started.send_signal(end)
        assert "nothing of the demo is left" in started.stderr.read()
    assert started.returncode == 0
    assert not list(temporary.iterdir())


@pytest.mark.servers
def test_a_demo_whose_window_is_closed_tidies_up(tmp_path: Path) -> None:
    """Neither its folder nor its ActivityWatch nor its Prometheus outlives the terminal of its console."""
    path = path_with_prometheus(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "awsync", "demo"]
    more = environment(tmp_path, PATH=path, TMPDIR=str(temporary))
    with Terminal(command, folder=tmp_path, environment=more) as shown:
        shown.until("● live", "Prometheus", "aw-watcher-window", seconds=SECONDS)
        (folder,) = temporary.glob("awsync-demo-*")
        config = tomllib.loads((folder / "config.toml").read_text())
        aw, store = config["aw-url"], config["prometheus-url"]
        assert _answers(store)
        assert httpx.get(f"{aw}/api/0/info").is_success
        shown.close_window()
        wait_until(lambda: not folder.exists(), "the folder of the demo is gone")
        assert not _answers(store)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{aw}/api/0/info")
        wait_until(lambda: not list(temporary.iterdir()), "nothing of the demo is left")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


def test_who_leaves_before_anything_arrived_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty store is a sentence, not an empty table."""

    class Empty(World):
        def totals(self, by: str) -> dict[str, float]:
            return {}

    demo._show_arrived(Empty(None))
    assert capsys.readouterr().out == "\nNothing of the window watcher has arrived in the store yet.\n"
