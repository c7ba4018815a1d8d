"""Why a key that works everywhere does nothing now.

May import: of awsync tui app (its type).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awsync.tui.app import Console

_STARTING = "awsync is still starting."


def why_not(console: "Console", action: str) -> str | None:
    """The reason as a sentence; None where the key works."""
    if (reason := console.forbidden(action)) is not None:
        return reason
    agent = console.agent
    if action == "refresh" and agent is None:
        return _STARTING
    if action == "undo" and not console.commands.undoable:
        return "There is nothing to undo."
    if action in {"sync_now", "pause", "schedule"}:
        if agent is None:
            return _STARTING
        if agent.service_ended:
            return "The observed service has ended: T lets this console sync."
    if action == "take_over" and (agent is None or not agent.service_ended):
        return "There is nothing to take over: a sync runs."
    return None
