"""Live progress of a pass on a terminal: what is read, what is delivered, where each bucket stands.

May import: rich, events, summary, words, cli.output.
"""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from awsync.events import (
    BatchDelivered,
    BucketFound,
    CheckpointMoved,
    Event,
    Level,
    PageRead,
    describe,
    level,
)
from awsync.summary import PassSummary
from awsync.words import clock


class Progress:
    """A bar for each bucket that has something due; warnings and errors as lines above."""

    def __init__(self, summary: PassSummary) -> None:
        self._summary = summary
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.fields[name]}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[position]}", markup=False),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def apply(self, event: Event) -> None:
        """Draws the event; the summary has taken it in before."""
        if level(event) in {Level.WARNING, Level.ERROR}:
            self._console.print(f"! {describe(event)}", markup=False, highlight=False)
        if isinstance(event, BucketFound | PageRead | CheckpointMoved):
            self._update(event.source, event.bucket)
        elif isinstance(event, BatchDelivered):
            self._bars.refresh()

    def _update(self, source: str, bucket: str) -> None:
        row = self._summary.row(source, bucket)
        if row.due_from is None or row.due_to is None or row.due_to <= row.due_from:
            return
        key = (source, bucket)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(
                "", total=1.0, name=f"{source}/{bucket}", position="", counts=""
            )
        self._bars.update(
            self._tasks[key],
            completed=row.share,
            position="" if row.position is None else clock(row.position),
            counts=f"{row.events:,} events, {row.samples:,} samples",
        )
