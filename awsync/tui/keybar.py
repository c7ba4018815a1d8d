"""The keys at the bottom of the screen, from the bindings in force; a key that is off is dim.

May import: textual, rich, and of tui cells, text, tones.
"""

from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from awsync.tui.cells import Tone
from awsync.tui.text import clip
from awsync.tui.tones import drawn, style


class KeyBar(Widget):
    """One line: key, word, key, word."""

    def on_mount(self) -> None:
        """Follows the bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draws the line."""
        word = style(self, Tone.PLAIN)
        key = style(self, Tone.KEY) + Style(reverse=self.app.native_ansi_color or None)
        off = style(self, Tone.OFF)
        segments = [Segment(" ", word)]
        left = self.size.width - 1
        for active in self.screen.active_bindings.values():
            if not active.binding.show:
                continue
            shown = active.binding.key_display or active.binding.key
            about = f" {active.binding.description}  "
            if len(shown) + len(about) > left:
                about = clip(about, max(left - len(shown), 0))
            segments += [
                Segment(shown, key if active.enabled else off),
                Segment(about, word if active.enabled else off),
            ]
            left -= len(shown) + len(about)
            if left <= 0:
                break
        return drawn(self, segments, self.size.width)
