"""Pure decisions: which time of a bucket goes out as a file, so that it and what is sent meet at one border.

May import: the standard library, msgspec, ledger, records, timeline, remote_write.store.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from awsync.backfill.manifest import Piece
from awsync.ledger import Mark, Range
from awsync.records import Checkpoint
from awsync.remote_write.store import StoreFacts
from awsync.timeline import DAY, HOUR, MICROSECONDS, MILLISECOND, floor_to

BLOCK = 2 * HOUR
_HEAD = 3 * HOUR
"""So much of the newest time a Prometheus keeps in its head, and loses where a block lies over it."""
_LONGEST_MARGIN = 2 * DAY


class Borders(Struct, frozen=True):
    """Where blocks end, in microseconds: `safe` is the last moment that a block may hold at all.

    `cut` is where history ends that nobody sent yet: a little later than what the store refuses, for that
    border moves on while somebody imports. `floor` is that border, None where the store takes any age or
    does not tell.
    """

    safe: int
    cut: int
    floor: int | None = None

    @property
    def gap(self) -> bool:
        """Whether there is time that is too old to be sent and too new for a block."""
        return self.floor is not None and self.floor > self.cut


def borders(facts: StoreFacts, now: int) -> Borders:
    """The borders for a store; a block of two hours begins at each even hour of UTC."""
    safe = floor_to(now - _HEAD, BLOCK)
    if facts.head_min_ms is not None:
        safe = min(safe, floor_to(facts.head_min_ms * MILLISECOND, BLOCK))
    if facts.engine == "VictoriaMetrics" or facts.out_of_order_window is None:
        return Borders(safe, safe)
    window = max(round(facts.out_of_order_window.total_seconds()) * MICROSECONDS, HOUR)
    floor = max(now, (facts.head_max_ms or 0) * MILLISECOND) - window
    margin = min((safe - floor) // 2, _LONGEST_MARGIN)
    if margin <= 0:
        return Borders(safe, safe, floor)
    return Borders(safe, min(safe, floor_to(floor + margin + BLOCK - 1, BLOCK)), floor)


def pieces(
    checkpoint: Checkpoint,
    aside: Iterable[Range],
    at: Borders,
    *,
    beginning: int,
    since: int | None,
    until: int | None,
    closed: int,
) -> Sequence[Piece]:
    """The stretches of a bucket that go into files, in the order of time; those that touch are one.

    They are what was set aside for its age, and what was never sent and will be too old. `beginning` is
    where the first pass would begin; what lies before the time that a checkpoint covers was left out on
    purpose, and only `since` reaches it. `closed` is the end of the last closed slot.
    """
    held = list(aside)
    wanted = [(each.start, each.end) for each in held if each.mark is not Mark.DROPPED]
    if checkpoint.position is None:
        wanted.append((beginning, at.cut))
    else:
        wanted.append((checkpoint.position, at.cut))
        if since is not None and checkpoint.began is not None:
            wanted.append((max(since, beginning), checkpoint.began))
    first = since or 0
    last = min(at.safe, closed, at.safe if until is None else until)
    clipped = [(max(start, first), min(end, last)) for start, end in wanted]
    for dropped in (each for each in held if each.mark is Mark.DROPPED):
        clipped = [
            (left, right)
            for start, end in clipped
            for left, right in ((start, min(end, dropped.start)), (max(start, dropped.end), end))
        ]
    return _joined(clipped)


def _joined(stretches: Iterable[tuple[int, int]]) -> list[Piece]:
    result: list[Piece] = []
    for start, end in sorted(each for each in stretches if each[0] < each[1]):
        if result and start <= result[-1].end:
            result[-1] = Piece(result[-1].start, max(end, result[-1].end))
        else:
            result.append(Piece(start, end))
    return result
