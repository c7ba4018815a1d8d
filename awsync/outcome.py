"""What became of the pages of a source, said: of each page at once, of each bucket what adds up at the end.

May import: budget, events, ledger, pass_context, preparing, records, timeline.
"""

from collections.abc import Sequence

from awsync.budget import Count
from awsync.events import (
    CheckpointMoved,
    CorrectionSent,
    SamplesSetAside,
    SeriesFolded,
    SetAsideDelivered,
    Work,
)
from awsync.ledger import Range, covered
from awsync.pass_context import PassContext
from awsync.preparing import Prepared
from awsync.records import Settled
from awsync.timeline import DAY, MILLISECOND

TOO_OLD = "older than the store takes"
REFUSED = "refused by the store"
REFUSED_REMEDY = "`awsync quarantine list` shows them."


class Outcome:
    """Says what became of the pages of one source within one pass."""

    def __init__(self, source: str, context: PassContext) -> None:
        self._source = source
        self._context = context
        self._set_aside: dict[tuple[str, str], SamplesSetAside] = {}
        self._folded: dict[str, Count] = {}

    def fold(self, prepared: Prepared) -> None:
        """Counts what of a page was beyond the budget of its bucket."""
        for day, sets in prepared.folded.items():
            self._folded.setdefault(prepared.stretch.bucket.id, Count()).add(day, sets)

    def settled(self, prepared: Prepared, page: Settled, before: Sequence[Range]) -> None:
        """Says what became of a page; what was set aside already, and still is, was said then."""
        emit, name = self._context.emit, self._source
        aside = len(prepared.entries) - page.samples - len(page.refused)
        for held in page.asides:
            if not covered(before, held):
                self._note_aside(page.bucket, held.start, held.end, aside, TOO_OLD, held.words)
        for entry, words in page.refused:
            start = entry.slot_end - self._context.resolution
            self._note_aside(page.bucket, start, entry.slot_end, 1, REFUSED, words.partition("\n")[0])
        if page.work is Work.FORWARD:
            emit(CheckpointMoved(source=name, bucket=page.bucket, position=page.end, samples=page.samples))
        elif page.work is Work.SET_ASIDE and page.samples:
            emit(
                SetAsideDelivered(
                    source=name, bucket=page.bucket, start=page.start, end=page.end, samples=page.samples
                )
            )
        elif page.work is Work.LOOK_BACK and page.entries:
            emit(
                CorrectionSent(
                    source=name,
                    bucket=page.bucket,
                    samples=page.samples,
                    microseconds=sum(entry.microseconds for entry in page.entries),
                )
            )

    def say(self) -> None:
        """Says of each bucket what was set aside and what was beyond its budget."""
        for event in self._set_aside.values():
            self._context.emit(event)
        self._say_folded()

    def _say_folded(self) -> None:
        """Says of each bucket once what was beyond its budget."""
        for bucket, count in self._folded.items():
            if count.sets:
                self._context.emit(
                    SeriesFolded(
                        source=self._source,
                        bucket=bucket,
                        since=count.since * DAY,
                        until=count.until * DAY,
                        sets=count.sets,
                        budget=self._context.settings.series_budget,
                    )
                )

    def _note_aside(self, bucket: str, start: int, end: int, samples: int, reason: str, words: str) -> None:
        """Collects what was set aside, so that one sentence a bucket says it at the end."""
        before = self._set_aside.get((bucket, reason))
        start = start if before is None else min(before.start, start)
        too_old = reason == TOO_OLD
        remedy = self._context.link.knowledge.remedy(start // MILLISECOND) if too_old else REFUSED_REMEDY
        self._set_aside[bucket, reason] = SamplesSetAside(
            source=self._source,
            bucket=bucket,
            start=start,
            end=end if before is None else max(before.end, end),
            samples=samples + (0 if before is None else before.samples),
            reason=f"{reason} ({words}).",
            remedy=remedy,
        )
