"""The doctor on what runs by itself: is there an awsync, what did its last pass do, when does the next begin.

May import: the standard library, and of awsync words, doctor.findings, doctor.unit, doctor.writer.
"""

import asyncio
from collections.abc import AsyncGenerator
from textwrap import shorten

from awsync.doctor.findings import Area, Finding, Walk
from awsync.doctor.unit import installed
from awsync.doctor.writer import heard
from awsync.words import amount, clock

_AREA = Area("Service")
_FAULT_LENGTH = 160


async def look_at_service(walk: Walk) -> AsyncGenerator[Finding, None]:
    """Whether something syncs by itself, what starts it, and how that went."""
    yield await asyncio.to_thread(installed, _AREA, walk)
    if walk.checkpoints is None:
        for finding in _AREA.skipped("The state cannot be read", "running", "last pass"):
            yield finding
        return
    if walk.working is None:
        for finding in _AREA.skipped("What holds the lock does not work", "running"):
            yield finding
    elif walk.working:
        yield _running(walk)
    else:
        what = "Nothing syncs by itself: no awsync is at work on this state."
        yield _AREA.warning("running", what, "Start one that goes on:\n  awsync sync")
    yield _last_pass(walk)


def _running(walk: Walk) -> Finding:
    told = heard(walk.settings.state_dir)
    if told.paused:
        what = "An awsync runs, and somebody paused it."
        return _AREA.warning("running", what, "Resume it in the console (key p):\n  awsync tui")
    if told.next_pass is not None and told.next_pass > walk.wiring.clock():
        return _AREA.ok("running", f"An awsync runs; its next pass begins {clock(told.next_pass)} UTC.")
    return _AREA.ok("running", "An awsync runs; a pass is under way.")


def _last_pass(walk: Walk) -> Finding:
    step = "last pass"
    if not walk.passes:
        return next(_AREA.skipped("No pass has run for this store yet", step))
    record = walk.passes[0]
    if record.finished is None:
        what = f"It began {clock(record.started)} UTC and has not finished."
        return _AREA.ok(step, what)
    if record.complete:
        samples = amount(record.totals.samples, "sample")
        return _AREA.ok(step, f"Complete, {clock(record.finished)} UTC: {samples} delivered.")
    faults = record.totals.faults
    first = shorten(faults[0], _FAULT_LENGTH, placeholder=" …") if faults else "Something was left due."
    others = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    what = f"Incomplete, {clock(record.finished)} UTC. {first}{others}"
    return _AREA.warning(step, what, "Mend what failed above, and let it try again:\n  awsync sync --once")
