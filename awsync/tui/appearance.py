"""The theme of a console: the one it begins with, the next one, and how tones look in it.

May import: the standard library, rich, events, and of tui app (its type), cells, themes, tones.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.style import Style

from awsync.events import Level
from awsync.tui import themes, tones
from awsync.tui.cells import Tone

if TYPE_CHECKING:
    from awsync.tui.app import Console


def colourless() -> bool:
    """Whether the environment wants no colours."""
    return "NO_COLOR" in os.environ


class Appearance:
    """How one console looks; made with it, for the environment's theme is that of its first picture."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._styled = ""
        self._styles: Mapping[Tone, Style] = {}
        for theme in themes.THEMES:
            console.register_theme(theme)
        wanted = os.environ.get("TEXTUAL_THEME", themes.OWN)
        plain = colourless() or wanted not in console.available_themes
        console.theme = themes.TERMINAL if plain else wanted
        # One of ours that the environment names was unknown when the style sheet was made.
        console.stylesheet.set_variables(console.get_css_variables())

    @property
    def styles(self) -> Mapping[Tone, Style]:
        """How each tone looks in the theme in force."""
        console = self._console
        if self._styled != console.theme:
            self._styled = console.theme
            self._styles = tones.styles(console.get_css_variables(), terminal=console.native_ansi_color)
        return self._styles

    def next_theme(self) -> None:
        """The next theme of ours."""
        console = self._console
        if console.no_color:
            console.say("NO_COLOR is set: there are no colours to change.", Level.WARNING, log=False)
            return
        at = themes.CYCLE.index(console.theme) if console.theme in themes.CYCLE else -1
        console.theme = themes.CYCLE[(at + 1) % len(themes.CYCLE)]
        console.say(f"Theme: {themes.WORDS[console.theme]}.", log=False)
