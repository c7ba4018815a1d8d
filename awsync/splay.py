"""How much later than the cron a device begins, for a store feels a fleet that begins in one second.

The part is the device's own and never drawn anew: its passes stay evenly apart, and two listings agree.

May import: the standard library, msgspec, identity, settings.
"""

import hashlib
import json
import socket
from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from awsync.identity import identity_of
from awsync.settings import Settings

_SECOND = timedelta(seconds=1)
_PLACE_BITS = 32


class Splay(Struct, frozen=True):
    """A time over which a fleet spreads its passes, and the place of a device in it (0 to 2^32 - 1)."""

    longest: timedelta = timedelta(0)
    place: int = 0

    def delay(self, gap: timedelta) -> timedelta:
        """The device's part in whole seconds, below `longest` and below the `gap` between two runs."""
        seconds = -(-min(self.longest, gap) // _SECOND)
        return _SECOND * (self.place * seconds >> _PLACE_BITS)


PUNCTUAL = Splay()
"""Runs come when the cron says."""


def splay_of(settings: Settings, hostname: Callable[[], str] = socket.gethostname) -> Splay:
    """The splay of this agent, the same in each of its processes."""
    if not settings.splay:
        return PUNCTUAL
    identity = json.dumps(list(identity_of(settings, hostname())))
    digest = hashlib.sha256(identity.encode()).digest()
    return Splay(settings.splay, int.from_bytes(digest[: _PLACE_BITS // 8]))
