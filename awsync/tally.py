"""Counts what a pass did, from the events that say it.

May import: the standard library, events.
"""

from collections.abc import Mapping

from awsync.events import (
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CorrectionSent,
    Event,
    PageRead,
    SamplesSetAside,
    SeriesFolded,
    SourceFailed,
    SourceReached,
    StoreParked,
    Totals,
    describe,
)

_ONES: Mapping[type, str] = {
    SourceReached: "sources_reached",
    BucketFound: "buckets",
    BucketSkipped: "skipped",
}


class Tally:
    """Folds the events of one pass; `complete` while nothing failed and nothing was set aside."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._faults: list[str] = []
        self._series: set[int] = set()

    @property
    def complete(self) -> bool:
        """Whether all that was due is delivered so far."""
        return not self._faults

    def add_series(self, fingerprints: frozenset[int]) -> None:
        """Notes the hashes of the series that samples were delivered for."""
        self._series |= fingerprints

    def add_reads(self, requests: int) -> None:
        """Notes how many requests a source was asked."""
        self._add("reads", requests)

    def totals(self, *, held_ranges: int = 0, held_samples: int = 0) -> Totals:
        """The numbers for PassFinished, with all that is set aside at the end of the pass."""
        return Totals(
            **self._counts,
            series=len(self._series),
            held_ranges=held_ranges,
            held_samples=held_samples,
            faults=tuple(self._faults),
        )

    def apply(self, event: Event) -> None:
        """Counts one event."""
        match event:
            case SourceFailed():
                self._add("sources_failed", 1 if event.bucket is None else 0)
            case PageRead():
                self._add("events", event.events)
            case BatchDelivered():
                self._add("requests", 1)
                self._add("bytes", event.bytes)
                self._add("samples", event.samples)
            case CorrectionSent():
                self._add("corrections", event.samples)
            case SeriesFolded():
                self._add("folded", event.sets)
            case SamplesSetAside():
                self._add("set_aside", event.samples)
            case _:
                pass
        if (name := _ONES.get(type(event))) is not None:
            self._add(name, 1)
        if isinstance(event, SourceFailed | StoreParked | SamplesSetAside):
            self._faults.append(describe(event))

    def _add(self, name: str, number: int) -> None:
        self._counts[name] = self._counts.get(name, 0) + number
