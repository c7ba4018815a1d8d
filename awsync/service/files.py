"""A file of the system's, written in one step and only where it differs.

May import: the standard library, errors.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from awsync.errors import ServiceError

_RIGHTS = "See that you may write there; below /etc that takes root (sudo)."


def put(path: Path, content: bytes, *, mode: int = 0o644) -> str:
    """Writes the file; says what that did: "Installed", "Replaced" or "Already installed".

    Raises ServiceError where the file cannot be written.
    """
    before = held(path)
    if before == content:
        return "Already installed"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            fresh.chmod(mode)
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror or error}.", _RIGHTS) from error
    return "Installed" if before is None else "Replaced"


def held(path: Path) -> bytes | None:
    """What the file holds; None where it is not there. Raises ServiceError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ServiceError(f"{path} cannot be read: {error.strerror or error}.", _RIGHTS) from error


def remove(path: Path) -> None:
    """Takes the file away. Raises ServiceError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"{path} cannot be removed: {error.strerror or error}.", _RIGHTS) from error
