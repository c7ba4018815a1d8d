"""What awsync asks of a SQLite file apart from its rows: whether it is whole, and which file it is.

May import: the standard library.
"""

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOG_MAGIC = {bytes.fromhex("377f0682"), bytes.fromhex("377f0683")}
_SUFFIXES = ("", "-wal", "-shm")
MOST_KEPT = 3
"""Damaged files that are kept: a disk that goes on spoiling them is not filled too."""


class DamageError(sqlite3.DatabaseError):
    """Damage that SQLite itself does not complain of."""


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is broken, not that it cannot be reached, locked or enlarged."""
    if isinstance(error, DamageError):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    # Text that is no text is found by Python, which gives no code.
    return "decode to UTF-8" in str(error) if code is None else code & 0xFF in _DAMAGE


def check_log(path: Path) -> None:
    """Raises DamageError where the write-ahead log of a database that nobody uses is none.

    SQLite would take such a log for an empty one, and with it the state of some time ago for the last one.
    The magic number is from https://www.sqlite.org/fileformat2.html#the_write_ahead_log; zeros are what a
    loss of power leaves of a log that nothing was committed to.
    """
    with suppress(FileNotFoundError), path.with_name(f"{path.name}-wal").open("rb") as log:
        magic = log.read(4)
        if magic.strip(b"\0") and magic not in _LOG_MAGIC:
            raise DamageError("its write-ahead log is none")


def check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError where the file is not whole; takes 0.2 ms for 1,000 rows."""
    for (found,) in connection.execute("PRAGMA quick_check(1)"):
        if found != "ok":
            raise DamageError(" ".join(found.split()))


def keep(path: Path) -> Path | None:
    """Moves a database out of the way, under a name that says when; None where there is none.

    Raises OSError.
    """
    kept = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    found = False
    # The file first: a new one finds no use in the log of another, and throws it away.
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
            found = found or not suffix
    return kept if found else None


def kept_files(path: Path) -> list[Path]:
    """The databases that `keep` moved out of the way of this one, oldest first."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted(each for each in found if not each.name.endswith(_SUFFIXES[1:]))


def forget_oldest(path: Path, newest: Path) -> int:
    """Deletes what was kept before the last MOST_KEPT files, of which one is `newest`; returns how many.

    What cannot be deleted now is tried again the next time.
    """
    others = [each for each in kept_files(path) if each != newest]
    deleted = 0
    for old in others[: 1 - MOST_KEPT]:
        with suppress(OSError):
            for suffix in _SUFFIXES[::-1]:
                old.with_name(old.name + suffix).unlink(missing_ok=True)
            deleted += 1
    return deleted


def identity(path: Path) -> tuple[int, int] | None:
    """Which file stands under the name now."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
