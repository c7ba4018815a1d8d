"""A secret for each device: a file that goes to the device, and the line by which the front knows it.

The files in tokens/ are the truth: who deletes one and lays out the centre again has taken it back.

May import: the standard library, errors, center.plan.
"""

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from awsync.center.plan import can_be_device
from awsync.errors import UsageError

FOLDER = "tokens"
_SUFFIX = ".token"
_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")


def path_of(folder: Path, device: str) -> Path:
    """Where the token of a device lies."""
    return folder / FOLDER / f"{device}{_SUFFIX}"


def make(folder: Path, devices: Iterable[str]) -> list[Path]:
    """Makes the tokens that are not there yet; returns their files. One that is there stays."""
    made: list[Path] = []
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for device in devices:
        path = path_of(folder, device)
        if write_secret(path, secrets.token_urlsafe(_BYTES) + "\n"):
            made.append(path)
    return made


def known(folder: Path) -> dict[str, str]:
    """Every device with its token; raises UsageError for a file that holds none, or names no device."""
    found: dict[str, str] = {}
    for path in sorted((folder / FOLDER).glob(f"*{_SUFFIX}")):
        device = path.name.removesuffix(_SUFFIX)
        if not can_be_device(device):
            remedy = "Rename it with letters, digits, dots and dashes: anna-laptop.token."
            raise UsageError(f"{path} is not named after a device.", remedy)
        token = path.read_text(encoding="utf-8").strip()
        if not _TOKEN.fullmatch(token):
            raise UsageError(f"{path} holds no token.", "Delete it, and give its device a new one.")
        found[device] = token
    return found


def front_lines(tokens: Mapping[str, str]) -> str:
    """The lines of the front's map: what a device says, and who it is."""
    lines = [f'"Bearer {token}" "{device}"' for device, token in tokens.items()]
    return "\n".join(["# Made by `awsync center` from the files in tokens/.", *lines, ""])


def write_secret(path: Path, text: str) -> bool:
    """Writes a file that only its owner reads; False where it is there already, and stays as it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return True
