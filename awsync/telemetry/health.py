"""Whether an agent that runs also does its work.

May import: the standard library, schedule, timeline, words, telemetry.figures.
"""

from datetime import UTC, datetime

from awsync.schedule import Schedule
from awsync.telemetry.figures import Figures
from awsync.timeline import MICROSECONDS
from awsync.words import clock

RUNS = 3
"""So many runs of the cron may go by without a pass that ends."""


def why_not_ready(figures: Figures, schedule: Schedule, now: int) -> str:
    """A sentence that says why it does not do its work; empty where it does."""
    if figures.paused:
        return "It is paused."
    if figures.broken:
        return "The last pass could not use the state."
    if figures.parked:
        return "The store refuses everything until somebody changes something."
    if figures.last_end is None:
        return "No pass has ended yet."
    moment = datetime.fromtimestamp(figures.last_end / MICROSECONDS, UTC).astimezone()
    for _ in range(RUNS):
        moment = schedule.next_after(moment)
    if now > moment.timestamp() * MICROSECONDS:
        return f"No pass has ended since {clock(figures.last_end)} UTC."
    return ""
