"""From the table of actions to bindings of textual.

May import: textual, actions.
"""

from textual.binding import Binding

from awsync.tui.actions import of


def bindings(place: str) -> list[Binding]:
    """The bindings of a page, or of what holds everywhere."""
    return [
        Binding(
            key,
            action.name,
            action.footer or action.title,
            show=bool(action.footer) and number == 0,
            key_display=action.shown_keys.split(" ")[number],
            tooltip=action.help,
            id=action.id if number == 0 else f"{action.id}.{number}",
        )
        for action in of(place)
        for number, key in enumerate(action.keys.split(","))
    ]
