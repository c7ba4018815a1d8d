"""How a tone looks in the theme in force: one place for every widget that draws its lines itself.

Meaning is in glyphs and words; colour only helps. In the terminal's own palette, and so under NO_COLOR,
no grey is used: weight and reverse video carry the tones.

May import: textual, rich, of tui app (its type), cells.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from awsync.tui.cells import Tone

if TYPE_CHECKING:
    from awsync.tui.app import Console

_COLOURS = {
    Tone.PLAIN: "foreground",
    Tone.STRONG: "foreground",
    Tone.DIM: "dim",
    Tone.HEADING: "dim",
    Tone.OFF: "dim",
    Tone.GOOD: "success",
    Tone.BUSY: "busy",
    Tone.WARN: "warning",
    Tone.BAD: "error",
    Tone.ACCENT: "primary",
    Tone.KEY: "accent",
    Tone.CHOSEN: "background",
    Tone.TROUBLE: "trouble-text",
}
_GROUNDS = {Tone.CHOSEN: "accent", Tone.TROUBLE: "trouble", Tone.CURSOR: "cursor"}
_BOLD = frozenset({Tone.STRONG, Tone.HEADING, Tone.BAD, Tone.KEY, Tone.CHOSEN})
_FAINT = frozenset({Tone.OFF})

_BOLD_IN_TERMINAL = _BOLD | {Tone.WARN, Tone.TROUBLE, Tone.CURSOR}
_FAINT_IN_TERMINAL = frozenset({Tone.DIM, Tone.HEADING, Tone.OFF})
_REVERSE_IN_TERMINAL = frozenset({Tone.CHOSEN, Tone.TROUBLE})


def styles(variables: Mapping[str, str], *, terminal: bool) -> Mapping[Tone, Style]:
    """A style for each tone, from the variables of a theme; `terminal` is the terminal's own palette."""
    if terminal:
        return {
            tone: Style(
                color=None if tone in _REVERSE_IN_TERMINAL else _colour(variables, _COLOURS, tone),
                bold=tone in _BOLD_IN_TERMINAL or None,
                dim=tone in _FAINT_IN_TERMINAL or None,
                reverse=tone in _REVERSE_IN_TERMINAL or None,
            )
            for tone in Tone
        }
    return {
        tone: Style(
            color=_colour(variables, _COLOURS, tone),
            bgcolor=_colour(variables, _GROUNDS, tone),
            bold=tone in _BOLD or None,
            dim=tone in _FAINT or None,
        )
        for tone in Tone
    }


def style(widget: Widget, tone: Tone) -> Style:
    """How a tone looks now."""
    return cast("Console", widget.app).appearance.styles[tone]


def cursor(widget: Widget) -> Style:
    """What lies over a line under the cursor; stronger while its list has the focus."""
    focused = widget.has_focus
    if widget.app.native_ansi_color:
        return Style(reverse=focused, bold=True)
    return style(widget, Tone.CURSOR) + Style(bold=focused or None)


def drawn(widget: Widget, segments: Iterable[Segment], cells: int, over: Style | None = None) -> Strip:
    """A line of so many cells on the widget's own ground; `over` fills what the segments leave."""
    return Strip(segments).adjust_cell_length(cells, over).apply_style(widget.rich_style)


def _colour(variables: Mapping[str, str], names: Mapping[Tone, str], tone: Tone) -> RichColor | None:
    name = names.get(tone)
    return None if name is None else Color.parse(variables[name]).rich_color
