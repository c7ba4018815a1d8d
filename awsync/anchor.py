"""The anchor: one sample of now, which a Prometheus that nothing else feeds gets before it gets history.

Where the head of a Prometheus holds nothing of the present time, history itself moves the head on: hours of
it are written to blocks, and their memory is cut, while the next hours arrive. Then Prometheus now and then
loses samples that it has confirmed; and one whose head is cut just as its first file of chunks is made panics
inside a write ("expected newly cut file to have sequence:offset ..."), keeps a lock for ever, and answers no
write of that series before it is restarted (measured; prometheus/prometheus#10291, #11618). Behind an anchor
history is what it is, out of order, and takes a way that nothing cuts meanwhile.

It needs the out-of-order window: without one, a sample of now would shut all history out.

May import: the standard library, series, timeline, and of remote_write store.
"""

from awsync.remote_write.store import StoreFacts
from awsync.series import Sample
from awsync.timeline import MILLISECOND

METRIC = "awsync_anchor"
_PRESENT_MS = 60 * 60_000
"""Of a head that ends no earlier than that, history makes no block: it has to reach over three hours."""


def is_needed(facts: StoreFacts, now_ms: int) -> bool:
    """Whether a store is a Prometheus that takes history, and holds nothing of the present time."""
    shown = facts.engine == "Prometheus" and facts.series is not None
    return shown and bool(facts.out_of_order_window) and not holds_the_present(facts, now_ms)


def holds_the_present(facts: StoreFacts, now_ms: int) -> bool:
    """Whether the newest sample of a Prometheus is of the last hour."""
    return facts.head_max_ms is not None and facts.head_max_ms >= now_ms - _PRESENT_MS


def sample(now: int) -> Sample:
    """The anchor, at a moment in microseconds since the epoch."""
    return Sample((("__name__", METRIC),), now // MILLISECOND, 1.0)
