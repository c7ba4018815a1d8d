"""Pages that are labelled later, because what a pass reads next tells whether somebody was there.

The tabs of a browser are active where its window had the focus, and the windows are active where a tab was
heard: whoever of the two is read first would have to ask for the other. So the pages of browsers wait until
those of the windows have been read as well, within bounds.

May import: planning, preparing, presence.
"""

from collections.abc import Iterator

from awsync.preparing import Read
from awsync.presence import PresenceReader

WAITING_EVENTS = 40_000
"""So many events wait at most; a longer history asks ActivityWatch for what it cannot wait for."""


class WaitingRoom:
    """Pages of one source in the order in which they came, and for each bucket in that in which they go."""

    def __init__(self, presence: PresenceReader) -> None:
        self._presence = presence
        self._pages: list[Read] = []

    def enter(self, page: Read) -> None:
        """A page was read."""
        self._pages.append(page)

    def called(self) -> Read | None:
        """The next page that waits for nothing any more, or for which there is no room."""
        full = sum(page.laid.events for page in self._pages) > WAITING_EVENTS
        behind: set[str] = set()
        for at, page in enumerate(self._pages):
            bucket = page.stretch.bucket
            waits = bucket.id in behind or self._presence.waits(bucket, page.laid.start, page.laid.end)
            if full or not waits:
                return self._pages.pop(at)
            behind.add(bucket.id)
        return None

    def leave(self, bucket: str) -> None:
        """The pages of a bucket go: one before them failed."""
        self._pages = [page for page in self._pages if page.stretch.bucket.id != bucket]

    def rest(self) -> Iterator[Read]:
        """Every page that still waits; nothing more will be read."""
        while self._pages:
            yield self._pages.pop(0)
