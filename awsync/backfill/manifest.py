"""What a folder of a backfill holds: its manifest.json, written last, so that it tells of whole files.

May import: the standard library, msgspec, errors, series.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from awsync.errors import UsageError
from awsync.series import Labels

MANIFEST = "manifest.json"
SPOOL = "spool.db"
VERSION = 1
_OURS = (".om", ".om.part")


class Piece(Struct, frozen=True):
    """A stretch [start, end) of a bucket's time, in microseconds since the epoch.

    `samples` and `microseconds` are what the store holds of it after the import, with what it held before.
    """

    start: int
    end: int
    samples: int = 0
    microseconds: int = 0


class Part(Struct, frozen=True):
    """One bucket: the labels that all its series have, and its pieces in the order of time."""

    source: str
    bucket: str
    identity: Labels
    pieces: Sequence[Piece]


class File(Struct, frozen=True):
    """One file of the folder; `start` and `end` are the borders of its period, in microseconds."""

    name: str
    start: int
    end: int
    samples: int


class Manifest(Struct, frozen=True):
    """All of a folder. `samples` and `series` are those of the files, `engine` is what imports them."""

    version: int
    sink: str
    engine: str
    created: int
    resolution: int
    samples: int
    series: int
    files: Sequence[File]
    parts: Sequence[Part]

    @property
    def start(self) -> int:
        """The first moment that is covered."""
        return min(part.pieces[0].start for part in self.parts)

    @property
    def end(self) -> int:
        """The end of all that is covered."""
        return max(part.pieces[-1].end for part in self.parts)


def make_ready(folder: Path) -> None:
    """An empty folder, private to its user; what an earlier run left unfinished is removed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be used: {error.strerror}.", "Name a folder to write to."
        ) from error
    unfinished = [path for path in held if path.name.endswith(_OURS) or path.name.startswith(SPOOL)]
    if len(unfinished) < len(held):
        what = "holds a backfill already" if (folder / MANIFEST) in held else "is not empty"
        raise UsageError(f"The folder {folder} {what}.", "Name a new folder.")
    for path in unfinished:
        path.unlink()


def write(folder: Path, manifest: Manifest) -> None:
    """Puts the manifest beside its files."""
    unfinished = folder / f"{MANIFEST}.part"
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text + b"\n")
    os.replace(unfinished, folder / MANIFEST)


def read(folder: Path) -> Manifest:
    """The manifest of a folder; raises UsageError where there is none that can be read."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise UsageError(
            f"There is no {path}: the folder holds no finished backfill.",
            f"Write it: awsync backfill {folder}",
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Write the backfill again.") from error
    if manifest.version != VERSION:
        raise UsageError(f"{path} is of another version of awsync.", "Write the backfill again.")
    return manifest
