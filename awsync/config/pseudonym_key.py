"""The key of pseudonyms: whoever has it can try which text stands behind one, so nobody else may read it.

May import: the standard library, filelock, settings.
"""

import os
import secrets
import stat
import tempfile
from pathlib import Path

import filelock

from awsync.settings import Secret

FILE_NAME = "pseudonym-key"
_SHORTEST = 16
_LARGEST = 4_096


def pseudonym_key(named: Path | None, state_dir: Path) -> tuple[Path, Secret]:
    """Where the key is, and the key; where none is named it is made once in the state folder.

    Raises ValueError that says what to mend.
    """
    path = named or state_dir / FILE_NAME
    try:
        if named is None:
            _make(path)
        return path, _read(path)
    except FileNotFoundError:
        raise ValueError(
            f"points to {path}, which does not exist: copy the key there, or make one with "
            f"`(umask 077; openssl rand -hex 32 > {path})`"
        ) from None
    except OSError as error:
        raise ValueError(f"points to {path}, which cannot be used: {error.strerror or error}") from error


def _make(path: Path) -> None:
    """Puts a new key in place, unless one is there: it is whole before it has its name."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes it for its owner alone.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _place(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _place(fresh: Path, path: Path) -> None:
    """Gives a file its name; who comes second leaves the name to the first."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    except OSError:
        # FAT and some network folders know no links, and a rename would take the place of another's key.
        with filelock.FileLock(path.with_name(f"{path.name}.lock"), mode=0o600):
            if not path.exists():
                fresh.replace(path)


def _read(path: Path) -> Secret:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
        mode = os.fstat(file.fileno()).st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"points to {path}, which others may read or write: chmod 600 {path}")
    try:
        key = raw.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"points to {path}, which is not text in UTF-8") from None
    if len(raw) > _LARGEST or not key.isprintable():
        raise ValueError(f"points to {path}, which holds more than one line: it must be the key alone")
    if len(key) < _SHORTEST:
        raise ValueError(
            f"points to {path}, whose key is shorter than {_SHORTEST} characters: make a longer one"
        )
    return Secret(key)
