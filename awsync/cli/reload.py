"""Reads the settings of a running service again when config.toml changed.

May import: config, settings.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from awsync.config import load, locate
from awsync.settings import Settings


class Reloader:
    """Asked every second: new settings if the file changed since the last time, else None."""

    def __init__(self, flags: Mapping[str, object]) -> None:
        self._flags = flags
        self._path, _ = locate(flags, os.environ, Path.cwd())
        self._seen = self._stamp()

    def __call__(self) -> Settings | None:
        """Raises ConfigError while the changed file has problems; it is read again once it changes."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        return load(self._flags).settings

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
