"""The sentences of awsync.events.store.

May import: words, awsync.events.store, describing.
"""

from awsync.events.sentences.describing import describe
from awsync.events.store import OwnSeriesRefused, RetryScheduled, StoreParked, StoreReached
from awsync.words import clock


def _of(sink: str, reason: str) -> str:
    """The reason with the store it is about, named once."""
    return reason if sink in reason else f"{sink}: {reason}"


@describe.register
def _(event: StoreReached) -> str:
    floor = f", takes samples from {clock(event.accepts_from)} on" if event.accepts_from is not None else ""
    store = "" if event.engine == "unknown" else f"{event.engine} {event.version}".strip()
    names = " before ".join(filter(None, [event.relay, store]))
    name = f"is {names}" if names else "answers"
    lost = " It hands on nothing that is older than its own start: history is lost there."
    return f"{event.sink} {name}, remote write {event.protocol}{floor}.{lost if event.forgetful else ''}"


@describe.register
def _(event: StoreParked) -> str:
    return f"{_of(event.sink, event.reason)} {event.remedy}".rstrip()


@describe.register
def _(event: RetryScheduled) -> str:
    reason = _of(event.sink, event.reason)
    return f"{reason} Next try in {event.delay:.1f} s (attempt {event.attempt})."


@describe.register
def _(event: OwnSeriesRefused) -> str:
    reason = _of(event.sink, event.reason)
    return f"awsync's own metrics did not arrive: {reason} {event.remedy}".rstrip()
