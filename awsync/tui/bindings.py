"""From the table of actions to bindings of textual.

May import: textual, actions.
"""

from textual.binding import Binding

from awsync.tui.actions import ACTIONS, EVERYWHERE, Action

_OVER_QUESTIONS = "ctrl+q"
"""The key that works wherever the person is; a field takes what can be typed."""


def bindings(place: str) -> list[Binding]:
    """The bindings of a page, or of what holds everywhere."""
    return [
        binding
        for action in ACTIONS
        if place in (*action.where, *action.shown_on)
        for binding in _of_keys(action, place)
    ]


def _of_keys(action: Action, place: str) -> list[Binding]:
    """A binding for each key, so that the footer shows the first one only."""
    elsewhere = place not in action.where
    return [
        Binding(
            key,
            f"app.{action.name}" if elsewhere and EVERYWHERE in action.where else action.name,
            action.footer or action.title,
            show=number == 0 and bool(action.footer) and (not action.shown_on or place in action.shown_on),
            key_display=action.shown_keys.split(" ")[number],
            tooltip=action.help,
            priority=key == _OVER_QUESTIONS,
            id=action.id if number == 0 else f"{action.id}.{number}",
        )
        for number, key in enumerate(action.keys.split(","))
    ]
