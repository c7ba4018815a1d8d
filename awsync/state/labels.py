"""What the labels of each source are made of, and what becomes of the state where that changes.

May import: the standard library, msgspec, database, and of the state aside and checkpoints.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from awsync.database import Database
from awsync.state import aside, checkpoints


class LabelBook(Struct, frozen=True):
    """What decided the labels of one source when it was last synced; every method may raise StateError."""

    database: Database
    sink: str
    source: str

    def made_of(self) -> dict[str, str]:
        """What it was, by name; nothing where that was never noted."""
        rows = self.database.rows(
            "SELECT made_of FROM labelling WHERE sink = ? AND source = ?", (self.sink, self.source)
        )
        found: dict[str, str] = {}
        for (kept,) in rows:
            found |= self.database.decoded(kept, dict[str, str])
        return found

    def change(self, made_of: Mapping[str, str], *, now: int, resolution: int) -> int | None:
        """Notes that the labels are made in another way from now on.

        The look back begins behind what was sent; samples in quarantine, whose labels nobody wants any more,
        become the ranges of their slots. Returns until when something was sent, or None.
        """
        kept = msgspec.json.encode(made_of).decode()
        with self.database.transaction(durable=True) as connection:
            connection.execute("REPLACE INTO labelling VALUES (?, ?, ?)", (self.sink, self.source, kept))
            aside.unlabel(connection, self.sink, self.source, now=now, resolution=resolution)
            return checkpoints.relabel(connection, self.sink, self.source)
