"""The doctor at awsync's own state: the folder, the space, the database, who holds the lock.

It looks without touching: a folder or a database that is not there is not made, an older one not brought up
to date. The writer's lock is tried, never kept.

May import: the standard library, and of awsync control, database, errors, journal, state, words, doctor.
"""

import asyncio
import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from awsync.database import SCHEMA_VERSION
from awsync.doctor.findings import Area, Finding, Walk
from awsync.doctor.writer import lock_finding
from awsync.errors import StateError
from awsync.remote_write.connection import shown_url
from awsync.state import State as SyncState
from awsync.words import amount, clock

_AREA = Area("State")
_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_LITTLE = 100 * _MIB
_TOO_LITTLE = 10 * _MIB
_FILES = (
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "journal.db",
    "journal.db-wal",
    "journal.db-shm",
    "lock",
)
_REST = ("database", "lock", "set aside")


class _Opened(Struct, frozen=True):
    """What a database says of itself: its schema, and what quick_check found; empty where nothing."""

    version: int
    damage: str


async def look_at_state(walk: Walk) -> AsyncGenerator[Finding, None]:
    """The state of the settings' store, and who works on it."""
    folder = walk.settings.state_dir
    if not folder.exists():
        parent = next(parent for parent in folder.parents if parent.exists())
        yield _to_be_made(folder, parent)
        yield _space(folder, walk.wiring.free_space(parent))
        walk.checkpoints, walk.working = (), False
        return
    cannot = _unwritable(folder)
    if cannot is not None:
        yield _AREA.failed("folder", f"{folder} cannot be written: {cannot}.", _writable_again(folder))
        for finding in _AREA.skipped("The state folder cannot be written", "disk space", *_REST):
            yield finding
        return
    yield _folder(folder)
    yield _space(folder, walk.wiring.free_space(folder))
    path = folder / "state.db"
    if not path.exists():
        yield _AREA.ok("database", "There is none yet: the first pass makes it.")
        walk.checkpoints, walk.working = (), False
        return
    opened = await asyncio.to_thread(_open, path)
    yield _database(path, opened)
    if isinstance(opened, str) or opened.damage or opened.version != SCHEMA_VERSION:
        for finding in _AREA.skipped("The database cannot be read by this awsync", *_REST[1:]):
            yield finding
        return
    try:
        found = list(_inside(walk))
    except StateError as error:
        yield _AREA.failed("lock", error.message, error.remedy)
        return
    for finding in found:
        yield finding


def _inside(walk: Walk) -> Iterator[Finding]:
    store = walk.settings.store
    assert store is not None, "the doctor needs prometheus-url; config.load demands it"
    with SyncState(walk.settings.state_dir, shown_url(store.write_url), write=False) as state:
        walk.checkpoints = state.checkpoints()
        walk.set_aside = state.set_aside()
        walk.passes = state.passes(1)
        yield lock_finding(_AREA, walk, state.database)
    yield _set_aside(walk)


def _to_be_made(folder: Path, parent: Path) -> Finding:
    effective = os.access in os.supports_effective_ids
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK, effective_ids=effective):
        return _AREA.ok("folder", f"{folder} is not there yet: the first pass makes it.")
    what = f"{folder} is not there, and {parent} does not let this user make it."
    return _AREA.failed("folder", what, _writable_again(folder))


def _unwritable(folder: Path) -> str | None:
    """Why nothing can be written there, in the system's words; the file has no name and is gone at once."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return error.strerror or str(error)
    return None


def _writable_again(folder: Path) -> str:
    if sys.platform == "win32":
        return "Give this user the right to write there, or set state-dir to another folder."
    return (
        "Give it to the user that runs awsync, or set state-dir to another folder:\n"
        f"  mkdir -p {folder} && chown -R USER {folder} && chmod u+rwx {folder}"
    )


def _folder(folder: Path) -> Finding:
    """Titles of windows stand in the ledger: nobody else is to read them."""
    files = [path for name in _FILES if (path := folder / name).exists()]
    open_ones = [path for path in (folder, *files) if _others_may(path)]
    if not open_ones:
        return _AREA.ok("folder", f"{folder} can be written, and is closed to others.")
    what = f"Other users may read {', '.join(map(str, open_ones))}: titles of windows stand there."
    commands = [f"  chmod {'700' if path == folder else '600'} {path}" for path in open_ones]
    return _AREA.warning("folder", what, "\n".join(["Close it:", *commands]))


def _others_may(path: Path) -> bool:
    return sys.platform != "win32" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _space(folder: Path, free: int) -> Finding:
    room = f"{free / _MIB:,.0f} MiB" if free < _GIB else f"{free / _GIB:,.0f} GiB"
    what = f"{room} are free for {folder}."
    remedy = "Make room on that disk, or set state-dir to a folder on another one."
    if free < _TOO_LITTLE:
        return _AREA.failed("disk space", what, remedy)
    return _AREA.warning("disk space", what, remedy) if free < _LITTLE else _AREA.ok("disk space", what)


def _open(path: Path) -> _Opened | str:
    """Reads without writing; returns why that is impossible where it is."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        return str(error)
    return _Opened(version, "" if rows == [("ok",)] else str(rows[0][0]))


def _database(path: Path, opened: _Opened | str) -> Finding:
    damage = opened if isinstance(opened, str) else opened.damage
    if damage:
        remedy = (
            "Move it away; the next pass begins anew from ActivityWatch, and a sample that the store has"
            f" already is the same sample again:\n  mv {path} {path}.broken"
        )
        return _AREA.failed("database", f"{path} is damaged: {damage.splitlines()[0]}.", remedy)
    assert isinstance(opened, _Opened)
    if opened.version > SCHEMA_VERSION:
        what = f"{path} is of a newer awsync (schema {opened.version}, this one knows {SCHEMA_VERSION})."
        return _AREA.failed("database", what, "Update this awsync, or set state-dir to another folder.")
    if opened.version < SCHEMA_VERSION:
        what = f"{path} is of an older awsync (schema {opened.version}); the next pass brings it up to date."
        return _AREA.ok("database", what)
    return _AREA.ok("database", f"{path} is whole (schema {opened.version}).")


def _set_aside(walk: Walk) -> Finding:
    """What waits with a reason is no failure of today; why it waits is the store's matter."""
    ranges = [held for _, _, held in walk.set_aside]
    if not ranges:
        return _AREA.ok("set aside", "Nothing is set aside.")
    oldest = min(held.start for held in ranges)
    buckets = amount(len({bucket for _, bucket, _ in walk.set_aside}), "bucket")
    what = (
        f"{amount(len(ranges), 'range')} of {buckets} set aside, the oldest of {clock(oldest)} UTC: "
        f"{ranges[0].reason}."
    )
    return _AREA.warning("set aside", what, "See what it is and why:\n  awsync quarantine list")
