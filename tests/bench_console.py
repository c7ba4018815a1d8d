"""`just bench-console`: how the console feels while 200,000 events go out, in a real terminal.

A pseudo terminal of 120 x 40 runs the console over a real aw-server and a real Prometheus. Measured: from the
start of the process to the first picture, beside a Textual application that shows one word; from a key to
the changed row on the screen; how late the event loop runs what was due; and memory. Prints Markdown.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from textual.color import Color

from awsync.control import Agent
from awsync.demo.aw_server import AwServer
from awsync.tui import themes
from tests.bench import fill
from tests.servers import Store, require_binary

EVENTS = 200_000
STARTS = 7
KEY_SECONDS = 0.05
_LONGEST = 180.0
SAMPLED_EVERY = 0.01
"""Seconds from one look at the event loop to the next; how much later it comes is what is measured."""
_ROWS = (b"aw-watcher-afk", b"aw-watcher-vscode")
"""The first two rows of the table, between which the cursor goes."""
_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("ready")
Bare().run()
"""


@dataclass
class Terminal:
    """A program in a pseudo terminal, and everything it drew."""

    command: list[str]
    drawn: bytearray = field(default_factory=bytearray)
    begun: float = 0.0
    pid: int = 0
    _leader: int = -1

    def __enter__(self) -> "Terminal":
        self.begun = time.perf_counter()
        self.pid, self._leader = pty.fork()
        if self.pid == 0:
            environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONDONTWRITEBYTECODE": ""}
            os.execvpe(self.command[0], self.command, os.environ | environment)  # noqa: S606
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while self.read(5.0):
                pass
        os.waitpid(self.pid, 0)
        os.close(self._leader)

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self._leader, keys)

    def read(self, seconds: float) -> bool:
        """Takes what is drawn within so many seconds; False where nothing was."""
        ready, _, _ = select.select([self._leader], [], [], seconds)
        if ready:
            self.drawn += os.read(self._leader, 65_536)
        return bool(ready)

    def until(self, pattern: bytes, *, since: int = 0, seconds: float = 30.0) -> float:
        """Reads until the pattern was drawn behind position `since`; returns the moment."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if re.search(pattern, self.drawn[since:]):
                return time.perf_counter()
            self.read(0.005)
        raise AssertionError(f"{pattern!r} was not drawn: {bytes(self.drawn[-2000:])!r}")

    @property
    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20


def first_paint(command: list[str], pattern: bytes) -> float:
    """Seconds from the start of a process to its first picture."""
    with Terminal(command) as terminal:
        return terminal.until(pattern) - terminal.begun


def write_config(folder: Path, aw: AwServer, store: Store, name: str) -> Path:
    """A config.toml as a first run writes it, with a state of its own."""
    path = folder / f"{name}.toml"
    path.write_text(f'aw-url = "{aw.url}"\nprometheus-url = "{store.url}"\nstate-dir = "{folder / name}"\n')
    return path


@dataclass(frozen=True)
class Felt:
    """What was measured while the events went out."""

    keys: list[float]
    lags: list[float]
    memory: list[float]
    seconds: float


def while_busy(config: Path, folder: Path) -> Felt:
    """Presses keys as long as the first pass runs."""
    lags = folder / "lags"
    command = [sys.executable, "-m", "tests.bench_console", "--probe", str(lags), "--config", str(config)]
    keys: list[float] = []
    memory: list[float] = []
    with Terminal(command) as terminal:
        for row in _ROWS:
            terminal.until(row)
        begun = time.perf_counter()
        for number in _turns(terminal, begun):
            since, pressed = len(terminal.drawn), time.perf_counter()
            terminal.press(b"j" if number % 2 == 0 else b"k")
            keys.append(terminal.until(_under_cursor(_ROWS[1 - number % 2]), since=since) - pressed)
            memory.append(terminal.memory)
        seconds = time.perf_counter() - begun
        terminal.press(b"q")
        with contextlib.suppress(OSError):
            while terminal.read(5.0):
                pass
    return Felt(keys, json.loads(lags.read_text()), memory, seconds)


def _under_cursor(row: bytes) -> bytes:
    """How the row under the cursor begins: on the colour that the theme has for it."""
    red, green, blue = Color.parse(themes.THEMES[0].variables["cursor"]).rgb
    return f"48;2;{red};{green};{blue}m".encode() + rb"[^\x1b]*" + re.escape(row)


def _turns(terminal: Terminal, begun: float) -> Iterator[int]:
    """A number every KEY_SECONDS until the pass has ended."""
    number = 0
    while b"Pass complete" not in terminal.drawn:
        assert time.perf_counter() - begun < _LONGEST, "the pass does not end"
        due = begun + number * KEY_SECONDS
        while (left := due - time.perf_counter()) > 0:
            terminal.read(left)
        yield number
        number += 1


def probe(config: str, lags: Path) -> int:
    """The console as `awsync tui` runs it, beside a task that notes how late the loop is."""
    from awsync.config import Watched
    from awsync.tui.app import run

    watched = Watched({"config": config}, os.environ)
    late: list[float] = []
    notes: list[asyncio.Task[None]] = []

    async def note() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLED_EVERY
            await asyncio.sleep(SAMPLED_EVERY)
            late.append(loop.time() - due)

    def connect() -> Agent:
        from awsync.agent import ConsoleAgent

        notes.append(asyncio.get_running_loop().create_task(note()))
        return ConsoleAgent(watched)

    code = run(connect, config_path=watched.path, prepare=lambda: import_module("awsync.agent"))
    # The last one is Textual letting go of the keyboard, after the screen was given back.
    lags.write_text(json.dumps(late[:-1]))
    return code


def _at(share: float, numbers: list[float]) -> float:
    return sorted(numbers)[min(int(share * len(numbers)), len(numbers) - 1)]


def main() -> None:
    """Prints the table."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        binary = require_binary("prometheus-3.5")
        store = stack.enter_context(Store("prometheus-3.5", binary, folder / "store", scrape=True))
        idle = write_config(folder, aw, store, "idle")
        console = [sys.executable, "-m", "awsync", "tui", "--config", str(idle)]
        bare = [sys.executable, "-c", _BARE]
        first_paint(console, b"Watchers")  # the files of compiled code are there from now on
        pairs = [(first_paint(bare, b"ready"), first_paint(console, b"Watchers")) for _ in range(STARTS)]
        held, _ = fill(aw, EVENTS)
        felt = while_busy(write_config(folder, aw, store, "busy"), folder)
    starts = {
        "a bare Textual application to its first picture, ms": _at(0.5, [bare for bare, _ in pairs]),
        "the console to its first picture, ms": _at(0.5, [console for _, console in pairs]),
    }
    busy = {
        "key to screen, median, ms": _at(0.5, felt.keys),
        "key to screen, 95th percentile, ms": _at(0.95, felt.keys),
        "key to screen, longest, ms": max(felt.keys),
        "loop lag, 95th percentile, ms": _at(0.95, felt.lags),
        "loop lag, longest, ms": max(felt.lags),
    }
    rows = {name: f"{1000 * value:.0f}" for name, value in (starts | busy).items()}
    rows["ratio of the starts"] = f"{_at(0.5, [console / bare for bare, console in pairs]):.2f}"
    rows["keys pressed while events went out"] = f"{len(felt.keys)}"
    rows["events"] = f"{held:,} in {felt.seconds:.1f} s"
    quarter = len(felt.memory) // 4
    rows["memory after a quarter, at the end, MiB"] = f"{felt.memory[quarter]:.0f}, {felt.memory[-1]:.0f}"
    print("| figure | value |\n| --- | ---: |")  # noqa: T201
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        raise SystemExit(probe(sys.argv[4], Path(sys.argv[2])))
    main()
