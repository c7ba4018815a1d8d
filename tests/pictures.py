"""`just screenshots`: the pictures in screenshots/ that show the command line, from real runs.

A pseudo terminal of 104 columns runs the command; what it drew becomes an SVG.
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 104
FOLDER = Path(__file__).parent.parent / "screenshots"


def run_in_terminal(*command: str) -> str:
    """What a terminal shows after the command, with its colours; narration of progress is left out."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "LINES": "60", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment)
    os.close(follower)
    shown = bytearray()
    while True:
        try:
            read = os.read(leader, 65_536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        shown += read
    os.close(leader)
    assert process.wait() == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n").strip("\n")


def draw(name: str, typed: str, shown: str) -> None:
    """Writes screenshots/NAME.svg."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(width=COLUMNS, record=True, file=nowhere, force_terminal=True)
        console.print(Text(f"$ {typed}", style="bold"))
        console.print(Text.from_ansi(shown))
        drawn = console.export_svg(title=typed, theme=MONOKAI, unique_id=name)
        # The picture asks no other server for its font: any monospaced one will do.
        (FOLDER / f"{name}.svg").write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S))


def main() -> None:
    """Draws them all."""
    command = (sys.executable, "-m", "awsync", "demo", "--no-console")
    draw("demo", "awsync demo --no-console", run_in_terminal(*command))


if __name__ == "__main__":
    main()
