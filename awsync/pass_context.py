"""What all sources of one pass share.

May import: types of activitywatch, delivery, events, link, meeting, planning, series, settings, state, tally,
timeline.
"""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from awsync.delivery import Delivery
from awsync.errors import SourceError
from awsync.events import Event, SourceFailed
from awsync.link import Link
from awsync.meeting import Meeting
from awsync.settings import Settings
from awsync.state import State
from awsync.tally import Tally
from awsync.timeline import HOUR, floor_to

MICROSECOND = timedelta(microseconds=1)


class PassContext(Struct, frozen=True):
    """What all sources of one pass share.

    `newest` is the newest event that is known from earlier passes, where it lies before `now`: a clock that
    is ahead must not make the ledger forget what was sent lately. `unwatched` has the end of the newest event
    of AFK watchers that are known to be silent, by source and host; it outlives the pass. `whole` is false
    where the pass is over one bucket only.
    """

    settings: Settings
    state: State
    link: Link
    delivery: Delivery
    emit: Callable[[Event], None]
    tally: Tally
    meeting: Meeting
    unwatched: dict[tuple[str, str], int]
    now: int
    newest: int
    look_back: bool
    whole: bool = True

    @property
    def resolution(self) -> int:
        """Length of a slot in microseconds."""
        return self.settings.resolution // MICROSECOND

    @property
    def keep_from(self) -> int:
        """Slots that end after this stay in the ledger."""
        return floor_to(self.newest - self.settings.lookback // MICROSECOND, HOUR)

    def fail(self, source: str, bucket: str | None, error: SourceError) -> None:
        """Says that a source, or one bucket of it, could not be read."""
        self.emit(SourceFailed(source=source, bucket=bucket, reason=error.message, remedy=error.remedy))
