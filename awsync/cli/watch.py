"""On a terminal: one line that says what is being worked on, and how far it is.

May import: the standard library; at call time rich.
"""

import sys
from collections.abc import Callable
from typing import Self


class Watch:
    """The line stands as long as the block runs; where no terminal is, nothing is shown."""

    def __init__(self, first: str) -> None:
        self._first = first
        self._stop: Callable[[], None] = lambda: None
        self._tell: Callable[[str], None] = lambda _: None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.text import Text

            status = Console(stderr=True).status(Text(f"{self._first} ..."))
            status.start()
            self._stop = status.stop
            self._tell = lambda text: status.update(Text(text))
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop()

    def tell(self, text: str) -> None:
        """Shows what is being worked on."""
        self._tell(text)
