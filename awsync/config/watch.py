"""Settings that are loaded once, and again when config.toml changed.

May import: the standard library, settings and the other modules of config.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from awsync.config.loader import Loaded, load, locate
from awsync.settings import Settings


class Watched:
    """The settings of one run with its flags and environment. Raises ConfigError as `load` does."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> None:
        self._flags = flags
        self._environ = environ
        self.path, _ = locate(flags, environ, Path.cwd())
        self._seen = self._stamp()
        self.loaded: Loaded = load(flags, environ)

    def __call__(self) -> Settings | None:
        """New settings if the file changed since the last time, else None.

        Raises ConfigError while the changed file has problems; it is read again once it changes.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        self.loaded = load(self._flags, self._environ)
        return self.loaded.settings

    def again(self) -> Settings:
        """The settings as a load now gives them, without saying that the change was seen."""
        return load(self._flags, self._environ).settings

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        # Two edits within one tick of the file system's clock still make two files.
        return found.st_mtime_ns, found.st_size, found.st_ino
