"""What is said of a pass as a whole: its begin, its end with what it did, and clocks that disagree.

May import: the standard library, msgspec.
"""

from msgspec import Struct, field


class PassStarted(Struct, frozen=True, kw_only=True):
    """A pass begins, over every source, or over one bucket only."""

    at: int
    sources: tuple[str, ...]
    sink: str
    bucket: str | None = None


class ClockSkewed(Struct, frozen=True, kw_only=True):
    """The clock of a source or of the store is so many seconds ahead of this machine's (or behind: < 0)."""

    of: str
    seconds: float


class Totals(Struct, frozen=True, kw_only=True):
    """What one pass did; `reads` are requests to ActivityWatch, `requests` those to the store.

    `folded` counts label sets that were beyond a budget. `set_aside` counts samples that this pass set aside;
    `held_ranges` and `held_samples` are all that is set aside at its end.
    """

    sources_reached: int = 0
    sources_failed: int = 0
    buckets: int = 0
    skipped: int = 0
    reads: int = 0
    events: int = 0
    samples: int = 0
    series: int = 0
    bytes: int = 0
    requests: int = 0
    corrections: int = 0
    folded: int = 0
    set_aside: int = 0
    held_ranges: int = 0
    held_samples: int = 0
    faults: tuple[str, ...] = ()


class PassFinished(Struct, frozen=True, kw_only=True):
    """The end of a pass; it is complete when all that was due is delivered.

    `stopped` is for one that was told to stop: what it had not delivered is sent by the next one.
    """

    at: int
    elapsed: float
    complete: bool
    totals: Totals = field(default_factory=Totals)
    stopped: bool = False


PassEvent = PassStarted | ClockSkewed | PassFinished
