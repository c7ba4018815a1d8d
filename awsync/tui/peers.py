"""The two sides of a sync as they were last heard of: the ActivityWatch servers and the store.

May import: the standard library, msgspec.
"""

from msgspec import Struct


class Peer(Struct):
    """A server that answers or does not; `trouble` is empty where all is well.

    `skew` is how many seconds its clock is ahead of this machine's, None where it does not tell.
    `since` is the moment from which on it has answered without a break, or has not; None while it was not
    asked.
    """

    trouble: str = ""
    since: int | None = None
    skew: float | None = None

    def answered(self, at: int) -> None:
        """It does what it should."""
        if self.trouble or self.since is None:
            self.since = at
        self.trouble = ""

    def failed(self, words: str, at: int) -> None:
        """It does not; the words may become others while it goes on."""
        if not self.trouble or self.since is None:
            self.since = at
        self.trouble = words

    def forget(self) -> None:
        """Nothing is known of it any more."""
        self.trouble, self.since = "", None


class SourceFact(Peer):
    """An ActivityWatch server."""

    name: str = ""
    url: str = ""
    version: str = ""
    hostname: str = ""
    buckets: int = 0


class StoreFact(Peer):
    """The store; `retry_at` is the moment of the next try, `parked` that this pass makes none."""

    sink: str = ""
    engine: str = ""
    version: str = ""
    protocol: str = ""
    retry_at: int | None = None
    parked: bool = False

    def answered(self, at: int) -> None:
        """It takes what is sent; no try is waited for."""
        Peer.answered(self, at)
        self.retry_at, self.parked = None, False
