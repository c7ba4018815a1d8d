"""Tones: whatever the theme, a text can be read, and no meaning is lost where there are no colours."""

import re
from itertools import product
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Fault, Receiver
from awsync.tui import themes, tones
from awsync.tui.cells import Tone
from tests.test_tui_trouble import configure, fill
from tests.tmux import console, require_tmux

READABLE = 4.5
"""The contrast that WCAG 2.1 (1.4.3) wants of text."""
TEXTS = (Tone.PLAIN, Tone.DIM, Tone.GOOD, Tone.BUSY, Tone.WARN, Tone.BAD, Tone.ACCENT, Tone.KEY)
_COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def variables(theme: Theme) -> dict[str, str]:
    return {**theme.to_color_system().generate(), **theme.variables}


def contrast(one: Color, other: Color) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", themes.THEMES, ids=lambda theme: theme.name)
def test_every_tone_can_be_read(theme: Theme) -> None:
    """Each tone stands out from every ground it may lie on: page, header, dialog and cursor."""
    known = variables(theme)
    styles = tones.styles(known, terminal=False)
    weak = []
    for tone, ground in product(TEXTS, ("background", "panel", "surface", "cursor")):
        colour = styles[tone].color
        assert colour is not None
        found = contrast(Color.from_rich_color(colour), Color.parse(known[ground]))
        if found < READABLE:
            weak.append(f"{tone} on {ground}: {found:.2f}")
    for tone in (Tone.CHOSEN, Tone.TROUBLE):
        front, back = styles[tone].color, styles[tone].bgcolor
        assert front is not None
        assert back is not None
        found = contrast(Color.from_rich_color(front), Color.from_rich_color(back))
        if found < READABLE:
            weak.append(f"{tone}: {found:.2f}")
    assert weak == []


def test_the_terminals_palette_needs_no_grey() -> None:
    """With the terminal's colours nothing is drawn on a ground of ours, and what is chosen is reversed."""
    known = dict.fromkeys((*variables(themes.THEMES[0]), "dim", "busy"), "ansi_default")
    styles = tones.styles(known, terminal=True)
    assert all(style.bgcolor is None for style in styles.values())
    assert [tone for tone, style in styles.items() if style.reverse] == [Tone.CHOSEN, Tone.TROUBLE]


def test_no_color_sends_no_colour(aw: AwServer, tmp_path: Path) -> None:
    """Under NO_COLOR the states are still told apart, by sign and word, and not one colour is sent."""
    require_tmux()
    fill(aw)
    with Receiver() as store:
        store.fail(*[Fault(status=503)] * 50)
        config = configure(tmp_path, aw, store)
        with console("--config", str(config), folder=tmp_path, NO_COLOR="1") as terminal:
            terminal.until("✗ store")
            terminal.until("● on")
            assert _COLOUR.findall(terminal.drawn()) == []
