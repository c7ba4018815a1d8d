"""`python -m awsync.cli.logged FILE ...`: awsync with a file instead of a screen, for who has none.

A program without a window on Windows has no stdout and no stderr, and would fail at the first word. A start
that finds the file large puts it aside as FILE.1, in place of the one before.

May import: the standard library, cli.main.
"""

import sys
from pathlib import Path

_LARGE = 4_000_000
"""Bytes of a log from which on another one is begun."""


def main() -> None:
    """Opens the file, and is `awsync` with the other arguments."""
    file = Path(sys.argv.pop(1))
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > _LARGE:
        file.replace(file.with_name(f"{file.name}.1"))
    sys.stdout = sys.stderr = file.open("a", encoding="utf-8", errors="replace", buffering=1)
    from awsync.cli.main import main as awsync

    awsync()


if __name__ == "__main__":
    main()
