"""The doctor at awsync's own state: the folder, the space, the database, who holds the lock.

It looks without touching: a folder or a database that is not there is not made, an older one not brought up
to date. The writer's lock is tried, never kept.

May import: the standard library, and of awsync errors, remote_write.connection, schema, sqlite_file,
state, words, doctor.
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

from awsync.doctor.findings import PATIENCE, Area, Finding, Walk
from awsync.doctor.writer import lock_finding
from awsync.errors import StateDamagedError, StateError
from awsync.remote_write.connection import shown_url
from awsync.schema import SCHEMA_VERSION, schema_of
from awsync.sqlite_file import check, check_log, is_damage, kept_files
from awsync.state import State as SyncState
from awsync.words import amount, clock

_AREA = Area("State")
_MIB = 1024 * 1024
_GIB = 1024 * _MIB
_LITTLE = 100 * _MIB
_TOO_LITTLE = 10 * _MIB
_OURS = ("state.db*", "journal.db*", "lock")
_REST = ("database", "lock", "set aside")


async def look_at_state(walk: Walk) -> AsyncGenerator[Finding, None]:
    """The state of the settings' store, and who works on it."""
    folder = walk.settings.state_dir
    parent = _existing(folder)
    if parent != folder:
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
    if opened != SCHEMA_VERSION:
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
        walk.set_aside, walk.quarantined = state.set_aside(), state.quarantine()
        walk.passes = state.passes(1)
        yield lock_finding(_AREA, walk, state.database)
    yield _set_aside(walk)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that can be seen; Path.exists raises for one that is closed."""
    return next(path for path in (folder, *folder.parents) if os.path.exists(path))


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
    files = sorted(path for pattern in _OURS for path in folder.glob(pattern))
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


def _open(path: Path) -> int | StateError:
    """The schema of a database that is whole; else what is wrong with it. Reads, and writes nothing."""
    try:
        check_log(path)
        location = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(location, uri=True, timeout=PATIENCE.total_seconds())) as connection:
            version = schema_of(connection)
            check(connection)
    except (OSError, sqlite3.Error) as error:
        if is_damage(error):
            return StateDamagedError(str(path), str(error))
        return StateError(f"{path} cannot be read ({error}).", f"Check its rights:\n  ls -l {path}")
    return version


def _database(path: Path, opened: int | StateError) -> Finding:
    if isinstance(opened, StateDamagedError):
        remedy = (
            "A pass puts it aside and begins anew from ActivityWatch and the store; nothing is sent twice:\n"
            "  awsync sync --once"
        )
        return _AREA.failed("database", opened.message, remedy)
    if isinstance(opened, StateError):
        return _AREA.failed("database", opened.message, opened.remedy)
    if opened > SCHEMA_VERSION:
        what = f"{path} is of a newer awsync (schema {opened}, this one knows {SCHEMA_VERSION})."
        return _AREA.failed("database", what, "Update this awsync, or set state-dir to another folder.")
    if opened < SCHEMA_VERSION:
        what = f"{path} is of an older awsync (schema {opened}); the next pass brings it up to date."
        return _AREA.ok("database", what)
    kept = kept_files(path)
    beside = f" {amount(len(kept), 'damaged one')} kept beside it." if kept else ""
    return _AREA.ok("database", f"{path} is whole (schema {opened}).{beside}")


def _set_aside(walk: Walk) -> Finding:
    """What waits with a reason is no failure of today; why it waits is the store's matter."""
    ranges, samples = walk.set_aside, walk.quarantined
    if not ranges and not samples:
        return _AREA.ok("set aside", "Nothing is set aside.")
    parts = []
    if ranges:
        oldest = clock(min(held.start for _, _, held in ranges))
        parts.append(f"{amount(len(ranges), 'range')} from {oldest} UTC on, older than the store takes")
    if samples:
        parts.append(f"{amount(len(samples), 'sample')} refused for another reason")
    remedy = "See what it is, and why:\n  awsync quarantine list"
    return _AREA.warning("set aside", f"Set aside: {'; '.join(parts)}.", remedy)
