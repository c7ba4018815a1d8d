"""ActivityWatch's own flood as the tests' oracle: aw_transform, told in our terms.

aw-core cuts every start to milliseconds, also the middles of gaps that it works out, so that it loses up to
a millisecond beside each gap it closes; aw-server-rust does not. Here it is kept from that, so that
equality can be asked for to the microsecond.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import aw_core.models
from aw_core import Event as AwEvent
from aw_transform import flood

from awsync.timeline import Event, Span

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@contextmanager
def to_the_microsecond() -> Iterator[None]:
    """aw-core keeps whole moments, and does not warn of overlaps."""
    logging.getLogger("aw_transform.flood").setLevel(logging.ERROR)
    with mock.patch.object(aw_core.models, "_timestamp_parse", lambda moment: moment):
        yield


def to_aw(events: Iterable[Event]) -> list[AwEvent]:
    """Events as aw-server returns them: newest first, and of equal starts the later id first.

    What ends before it begins is left out, as awsync leaves it out: aw-server's windows hide it or not,
    depending on where they are cut, so that no answer of ActivityWatch about it is the right one.
    """
    newest_first = sorted(events, key=lambda event: (event.start, event.id), reverse=True)
    return [
        AwEvent(
            id=event.id,
            timestamp=EPOCH + timedelta(microseconds=event.start),
            duration=timedelta(microseconds=event.end - event.start),
            data={"text": event.data.decode()},
        )
        for event in newest_first
        if event.start <= event.end
    ]


def from_aw(events: Iterable[AwEvent]) -> list[Span]:
    """What aw_transform returned, as spans."""
    spans = []
    for event in events:
        start = (event.timestamp - EPOCH) // _MICROSECOND
        spans.append(Span(start, start + event.duration // _MICROSECOND, event.data["text"].encode()))
    return spans


def flooded(events: Sequence[Event], start: int, end: int) -> list[Span]:
    """What ActivityWatch's flood makes of a whole history, cut to [start, end)."""
    with to_the_microsecond():
        spans = from_aw(flood(to_aw(events)))
    cut = [span._replace(start=max(span.start, start), end=min(span.end, end)) for span in spans]
    return [span for span in cut if span.start < span.end]
