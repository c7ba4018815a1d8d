"""Puts the files of a centre into its folder, and nothing over what somebody changed there.

What was written is remembered by its hash in a file of the folder, with the plan, so that nobody has to
repeat the choices the next time.

May import: the standard library, msgspec, errors, and the other modules of center.
"""

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from awsync.center import tokens
from awsync.center.layout import DASHBOARDS, PRIVATE, File, files_of
from awsync.center.plan import Plan
from awsync.errors import AwsyncError, UsageError

MEMORY = ".awsync-center.json"
SECRETS = ".env"
OLD = ".old"


class Fate(StrEnum):
    """What became of a file; `behind`: somebody changed it, and it is not what would be written now."""

    NEW = "new"
    SAME = "same"
    UPDATED = "updated"
    KEPT = "kept"
    BEHIND = "behind"
    REPLACED = "replaced"
    REMOVED = "removed"


class Memory(Struct, frozen=True):
    """The plan of a folder, and the hash of each file as it was written."""

    plan: Plan
    files: dict[str, str]


class Laid(Struct, frozen=True):
    """A file of the folder and what became of it."""

    path: str
    fate: Fate


def remembered(folder: Path) -> Memory | None:
    """What was laid out in the folder; None where nothing was. Raises UsageError where that is unreadable."""
    path = folder / MEMORY
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise UsageError(f"{folder} is not a folder.", "Choose another name.") from None
    except (OSError, msgspec.MsgspecError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {words}.", "Choose another folder.") from error


def lay_out(folder: Path, plan: Plan, devices: Iterable[str], *, force: bool) -> list[Laid]:
    """Writes what is missing or out of date; with `force` also over changes, which stay beside as *.old.

    Raises UsageError for a folder that units cannot name, AwsyncError where it cannot be written.
    """
    folder = folder.resolve()
    if not re.fullmatch(r"[A-Za-z0-9/._+-]+", str(folder)):
        raise UsageError(f"{folder} has characters that units do not take.", "Choose a plain name.")
    try:
        return _lay_out(folder, plan, devices, force=force)
    except OSError as error:
        raise AwsyncError(
            f"{error.filename or folder} cannot be written: {error.strerror}.",
            "Choose a folder that you may write to, with room on its disk.",
        ) from error


def _lay_out(folder: Path, plan: Plan, devices: Iterable[str], *, force: bool) -> list[Laid]:
    before = remembered(folder)
    hashes = dict(before.files) if before is not None else {}
    _make(folder / DASHBOARDS)
    laid = [
        Laid(str(path.relative_to(folder)), Fate.NEW)
        for path in (*tokens.make(folder, devices), *_password(folder))
    ]
    files = files_of(plan, folder, tokens.known(folder))
    for file in files:
        fate = _put(folder, file, hashes.get(file.path), force=force)
        laid.append(Laid(file.path, fate))
        if fate not in (Fate.KEPT, Fate.BEHIND):
            hashes[file.path] = _hash(file.text)
    for path in sorted(hashes.keys() - {file.path for file in files}):
        fate = _take_away(folder / path, hashes.pop(path))
        laid.append(Laid(path, fate))
    _write(folder / MEMORY, msgspec.json.encode(Memory(plan, hashes)).decode(), PRIVATE)
    return laid


def _put(folder: Path, file: File, known: str | None, *, force: bool) -> Fate:
    path = folder / file.path
    try:
        there = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        _make(path.parent)
        _write(path, file.text, file.mode)
        return Fate.NEW
    if there == file.text:
        return Fate.SAME
    if _hash(there) != known:
        if not force:
            return Fate.KEPT if _hash(file.text) == known else Fate.BEHIND
        path.rename(_free(path.with_name(path.name + OLD)))
    _write(path, file.text, file.mode)
    return Fate.UPDATED if _hash(there) == known else Fate.REPLACED


def _free(path: Path) -> Path:
    """The path itself, or one with a number where that is taken: what was put aside before stays too."""
    taken = 1
    free = path
    while free.exists():
        taken += 1
        free = path.with_name(f"{path.name}.{taken}")
    return free


def _take_away(path: Path, known: str) -> Fate:
    """A file that the plan has no more, as after a change of the store."""
    if path.exists() and _hash(path.read_text(encoding="utf-8", errors="surrogateescape")) != known:
        return Fate.KEPT
    path.unlink(missing_ok=True)
    return Fate.REMOVED


def _password(folder: Path) -> list[Path]:
    """Grafana's first password, where docker compose looks for it; never made anew."""
    path = folder / SECRETS
    made = tokens.write_secret(path, f"GRAFANA_ADMIN_PASSWORD={secrets.token_urlsafe(18)}\n")
    return [path] if made else []


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _make(folder: Path) -> None:
    """A folder that containers and units may look into, whatever the umask."""
    for parent in reversed((folder, *folder.parents)):
        if not parent.exists():
            parent.mkdir()
            parent.chmod(0o755)


def _write(path: Path, text: str, mode: int) -> None:
    """The whole file or nothing; nobody reads a private one meanwhile."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(unfinished).chmod(mode)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
