"""After the import: the store is asked whether it holds everything, and then the state is told.

May import: everything below the engine, and of the engine its Wiring.
"""

from collections.abc import Callable

from awsync.backfill.manifest import Manifest, Part, Piece
from awsync.backfill.writing import knowing
from awsync.budget import Budget
from awsync.engine import Wiring
from awsync.errors import AwsyncError, UsageError
from awsync.knowledge import Knowledge
from awsync.ledger import all_entries, from_store
from awsync.settings import Settings
from awsync.state import State
from awsync.timeline import DAY, MICROSECONDS, MILLISECOND
from awsync.words import amount, clock

_SPAN = 7 * DAY
"""What one answer of the store may hold."""


async def finish(
    settings: Settings,
    state: State,
    manifest: Manifest,
    tell: Callable[[str], None],
    wiring: Wiring | None = None,
) -> None:
    """Brings the state into agreement with an import; raises AwsyncError where it is not to be seen.

    Nothing is changed unless everything is there.
    """
    wiring = wiring or Wiring()
    if manifest.sink != state.sink:
        raise UsageError(
            f"That backfill is for {manifest.sink}, and the settings name {state.sink}.",
            "Give the settings with which it was written.",
        )
    budgets = [_budget(settings, state, part) for part in manifest.parts]
    async with knowing(settings, wiring) as knowledge:
        await knowledge.flush()
        for part, budget in zip(manifest.parts, budgets, strict=True):
            for piece in part.pieces:
                await _check(knowledge, manifest, part, piece, budget)
            tell(f"{part.source}/{part.bucket}: the store holds all of it.")
    for part, budget in zip(manifest.parts, budgets, strict=True):
        pieces = [(piece.start, piece.end) for piece in part.pieces]
        state.settle_backfill(part.source, part.bucket, pieces, budget.decisions, wiring.clock())


def _budget(settings: Settings, state: State, part: Part) -> Budget:
    return Budget(settings.series_budget, part.identity, state.admissions(part.source, part.bucket))


async def _check(knowledge: Knowledge, manifest: Manifest, part: Part, piece: Piece, budget: Budget) -> None:
    """Raises AwsyncError unless the store holds exactly what a piece amounts to; the budget learns of it."""
    samples = microseconds = 0
    for start in range(piece.start, piece.end, _SPAN):
        end = min(start + _SPAN, piece.end)
        series = await knowledge.series(part.identity, start // MILLISECOND, end // MILLISECOND)
        if series is None:
            raise AwsyncError(
                f"{manifest.sink} does not answer queries: nobody can tell whether the import is there.",
                "Name where the store answers queries in query-url, and credentials that may read.",
            )
        held = from_store(series, start, end, manifest.resolution)
        budget.fold({}, held)
        found = list(all_entries(held))
        samples += len(found)
        microseconds += sum(entry.microseconds for entry in found)
    if (samples, microseconds) != (piece.samples, piece.microseconds):
        raise _disagreement(part, piece, samples, microseconds)


def _disagreement(part: Part, piece: Piece, samples: int, microseconds: int) -> AwsyncError:
    where = f"{part.source}/{part.bucket} from {clock(piece.start)} to {clock(piece.end)} UTC"
    has, wants = (
        f"{amount(count, 'sample')} with {total / MICROSECONDS:,.3f} s"
        for count, total in ((samples, microseconds), (piece.samples, piece.microseconds))
    )
    if samples > piece.samples:
        remedy = (
            "It was written to meanwhile: write the backfill again, into a new folder, which then holds what"
            " is still missing."
        )
    else:
        remedy = (
            "Import every file. Prometheus shows new blocks within a minute, and deletes at once those"
            " that are older than its retention."
        )
    return AwsyncError(
        f"The import is not to be seen: the store holds {has} of {where}, and it should hold {wants}."
        " Nothing was changed.",
        remedy,
    )
