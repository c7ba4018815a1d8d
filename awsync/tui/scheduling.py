"""Changing the cron: it is checked while it is typed, and can be taken back.

May import: of awsync splay, tui app (its type), dialogs, schedule.
"""

from typing import TYPE_CHECKING

from awsync.tui import schedule

if TYPE_CHECKING:
    from awsync.tui.app import Console

_QUESTION = "When do passes run? Five fields: minute, hour, day of the month, month, day of the week."


def ask(console: "Console") -> None:
    """Asks for another cron."""
    from awsync.splay import splay_of
    from awsync.tui.dialogs import Ask, Checked

    held = schedule.in_force(console.agent)
    before = "" if held is None else held.expr
    splay = None if console.agent is None else splay_of(console.agent.settings)

    def answered(expr: str | None) -> None:
        if expr is not None and expr.strip() != before:
            console.perform(
                lambda agent: agent.set_cron(" ".join(expr.split())),
                undo=lambda agent: agent.set_cron(before),
            )

    def check(text: str) -> Checked:
        return Checked(*schedule.check(text, console.now(), splay))

    console.push_screen(Ask("Schedule", _QUESTION, before, check, rows=schedule.NEXT_RUNS + 2), answered)
