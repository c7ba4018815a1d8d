"""A terminal for tests: a program in a tmux of its own, driven by keys, its screen read as text.

The server has a private socket and no configuration, and ends with the test. Where there is no tmux the test
is skipped, or fails when AWSYNC_TEST_REQUIRE_SERVERS=1 (`.ci/run` installs it).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.commands import environment
from tests.servers import MISSING

Wanted = str | Callable[[str], object]
"""A text on the screen, or what has to hold of it."""

_POLL_SECONDS = 0.03
# The dead pane stays, so that its last words and exit code can be read; a status line would take a row.
_OPTIONS = "set -g remain-on-exit on\nset -g remain-on-exit-format ''\nset -g status off\n"


def require_tmux() -> str:
    """The tmux of this machine; without it the test is skipped, or fails where servers are required."""
    found = shutil.which("tmux")
    if found is not None:
        return found
    message = f"{MISSING}tmux: apt-get install tmux"
    if os.environ.get("AWSYNC_TEST_REQUIRE_SERVERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


class Terminal:
    """One program in a terminal of a certain size; `with Terminal(...) as terminal:` starts and ends it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        size: tuple[int, int] = (120, 40),
    ) -> None:
        self._tmux = require_tmux()
        self._command = command
        self._folder = folder
        self._environment = environment
        self._size = size
        # The path of a socket is short: the folders of pytest may be too deep for it.
        self._private = Path(tempfile.mkdtemp(prefix="awsync-tmux-"))

    def __enter__(self) -> Self:
        options = self._private / "tmux.conf"
        options.write_text(_OPTIONS)
        columns, rows = map(str, self._size)
        self._call(
            "-f", str(options), "-u",
            "new-session", "-d", "-x", columns, "-y", rows, "-c", str(self._folder), *self._command,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call("kill-server")
        shutil.rmtree(self._private)

    @property
    def pid(self) -> int:
        """The process of the program."""
        return int(self._about("pane_pid")[0])

    @property
    def exit_code(self) -> int | None:
        """What the program ended with, negative for a signal; None while it runs."""
        dead, status, signal = self._about("pane_dead", "pane_dead_status", "pane_dead_signal")
        if dead == "1" and not status and not signal:
            # tmux 3.3 misses the end of a program now and then; that of another one makes it look again.
            self._call("run-shell", "true")
        return int(status) if status else -int(signal) if signal else None

    def screen(self) -> str:
        """What a person sees."""
        return self._call("capture-pane", "-p")

    def drawn(self) -> str:
        """What a person sees, with the codes that make its colours."""
        return self._call("capture-pane", "-p", "-e")

    def press(self, *keys: str) -> float:
        """Presses keys, by tmux's names for them; returns when, in seconds since the epoch."""
        now = time.time()
        self._call("send-keys", *keys)
        return now

    def move(self, key: str) -> None:
        """Presses a key and waits until the picture is another one, if only by its colours."""
        before = self.drawn()
        self.press(key)
        self.until(lambda _: self.drawn() != before)

    def close_window(self) -> None:
        """The window goes away from under the program, which hears SIGHUP; the terminal is of no more use."""
        self._call("new-window", "-d", "sleep", "600")  # a server without a window would end
        self._call("kill-pane")

    def type(self, text: str) -> None:
        """Types a text."""
        self._call("send-keys", "-l", "--", text)

    def until(self, *wanted: Wanted, seconds: float = 15.0) -> str:
        """Waits until the screen holds all the texts and conditions, and returns it."""
        pause, end = threading.Event(), time.monotonic() + seconds
        screen = ""
        while time.monotonic() < end:
            screen = self.screen()
            missing = [each for each in wanted if not _holds(each, screen)]
            if not missing:
                return screen
            pause.wait(_POLL_SECONDS)
        pytest.fail(f"not on the screen within {seconds:.0f} s: {missing}\n{screen}")

    def until_exit(self, seconds: float) -> int:
        """Waits for the end of the program, and returns its exit code."""
        self.until(lambda _: self.exit_code is not None, seconds=seconds)
        code = self.exit_code
        assert code is not None
        return code

    def _about(self, *names: str) -> list[str]:
        shown = ",".join(f"#{{{name}}}" for name in names)
        return self._call("display-message", "-p", shown).strip("\n").split(",")

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._tmux, "-S", str(self._private / "socket"), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={**self._environment, "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor"},
        )
        assert done.returncode == 0, f"tmux {' '.join(arguments)}: {done.stderr}"
        return done.stdout


def console(*arguments: str, folder: Path, **more: str) -> Terminal:
    """`awsync tui` in a terminal of 120 by 40, with a home of its own in `folder`."""
    command = [sys.executable, "-m", "awsync", "tui", *arguments]
    return Terminal(command, folder=folder, environment=environment(folder, **more))


def _holds(wanted: Wanted, screen: str) -> bool:
    return wanted in screen if isinstance(wanted, str) else bool(wanted(screen))
