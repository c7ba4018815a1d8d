"""What verify finds, as the console shows it: each bucket with how it stands, anew whenever that changes.

May import: control, settings, state, verify.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from awsync.control import Agreement, Disagreement
from awsync.engine import Wiring
from awsync.settings import Settings
from awsync.state import State
from awsync.timeline import DAY, MICROSECONDS
from awsync.verify import (
    Begun,
    By,
    Compared,
    Difference,
    Question,
    Reached,
    Said,
    Skipped,
    Unread,
    verify,
)

MOST = 500
"""Differences of a bucket that are shown; the others are counted."""


async def agreements(
    settings: Settings, state: State, *, days: int, wiring: Wiring
) -> AsyncGenerator[Agreement, None]:
    """Every bucket, as it is begun, goes on and is done; raises AwsyncError."""
    question = Question(wiring.clock() - days * DAY, By.DAY)
    current = Agreement(source="", bucket="", state="comparing")
    begun = Begun("", "", 0, 0)
    async with aclosing(verify(settings, state, question, wiring=wiring)) as found:
        async for said in found:
            if isinstance(said, Begun):
                begun = said
                current = Agreement(source=said.source, bucket=said.bucket, state="comparing")
            elif isinstance(said, Difference):
                current = _with(current, said)
                continue
            shown = _shown(current, begun, said)
            if shown is not None:
                yield shown


def _shown(current: Agreement, begun: Begun, said: Said) -> Agreement | None:
    match said:
        case Begun():
            return current
        case Reached():
            share = (said.until - begun.start) / max(begun.end - begun.start, 1)
            return replace(current, words=f"{share:.0%}")
        case Compared():
            return replace(
                current,
                state="agrees" if said.ok else "differs",
                periods=said.periods,
                agree=said.agree,
                expected=said.expected / MICROSECONDS,
                held=said.held / MICROSECONDS,
            )
        case Skipped():
            return Agreement(source=said.source, bucket=said.bucket, state="skipped", words=said.why)
        case Unread():
            words = f"{said.reason} {said.remedy}".rstrip()
            return Agreement(source=said.source, bucket=said.bucket or "", state="failed", words=words)
    return None


def _with(current: Agreement, found: Difference) -> Agreement:
    if len(current.differences) >= MOST:
        return replace(current, left_out=current.left_out + 1)
    one = Disagreement(
        start=found.start,
        series=found.series,
        expected=found.expected / MICROSECONDS,
        held=found.held / MICROSECONDS,
        why=found.why.value,
        words=found.why.words,
    )
    return replace(current, differences=(*current.differences, one))
