"""`awsync demo`: the console where there is a terminal, a plain pass where there is none."""

import re
import sys
from pathlib import Path

import pytest

from awsync.cli import demo
from awsync.demo.world import World
from tests.commands import awsync, environment
from tests.tmux import Terminal

SECONDS = 60.0
"""An ActivityWatch with two weeks in it is made first."""
ARRIVED = re.compile(r"What arrived in the store, by app \(\d+ [dh].* in all\):")


def terminal(*arguments: str, folder: Path) -> Terminal:
    """`awsync demo` in a terminal of 120 by 40."""
    command = [sys.executable, "-m", "awsync", "demo", *arguments]
    return Terminal(command, folder=folder, environment=environment(folder))


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


def test_who_leaves_before_anything_arrived_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty store is a sentence, not an empty table."""

    class Empty(World):
        def totals(self, by: str) -> dict[str, float]:
            return {}

    demo._show_arrived(Empty(None))
    assert capsys.readouterr().out == "\nNothing of the window watcher has arrived in the store yet.\n"
