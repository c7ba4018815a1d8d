"""How it looks: a dark and a light theme of our own, and the terminal's own palette.

May import: textual.
"""

from textual.theme import Theme

OWN = "awsync"
LIGHT = "awsync-light"
TERMINAL = "ansi-dark"

THEMES = (
    Theme(
        name=OWN,
        primary="#5fb3b3",
        secondary="#8a9ba8",
        accent="#f2b263",
        success="#8fc97a",
        warning="#f0c674",
        error="#ff7b72",
        foreground="#d7dee4",
        background="#12181f",
        surface="#171f28",
        panel="#1f2a35",
        variables={
            "dim": "#94a6b5",
            "busy": "#6cb6ff",
            "cursor": "#2a3b4b",
            "line": "#344553",
            "trouble": "#4a1f22",
            "trouble-text": "#ffd9d6",
            "input-cursor-background": "#f2b263",
            "footer-key-foreground": "#f2b263",
        },
    ),
    Theme(
        name=LIGHT,
        primary="#0f6674",
        secondary="#566573",
        accent="#8a4b00",
        success="#1f6f2d",
        warning="#7d5700",
        error="#b3261e",
        foreground="#1d252c",
        background="#fbfaf7",
        surface="#f3f1ec",
        panel="#e7e4dc",
        dark=False,
        variables={
            "dim": "#59636c",
            "busy": "#0b57a4",
            "cursor": "#d5e3ea",
            "line": "#bdb8aa",
            "trouble": "#fbe0dd",
            "trouble-text": "#7a1610",
            "input-cursor-background": "#8a4b00",
            "footer-key-foreground": "#8a4b00",
        },
    ),
)
CYCLE = (OWN, LIGHT, TERMINAL)
WORDS = {OWN: "dark", LIGHT: "light", TERMINAL: "the terminal's own colours"}


def fallbacks(theme: Theme) -> dict[str, str]:
    """What our own variables are in a theme that does not know them."""
    if theme.ansi:
        plain = "ansi_default"
        return {
            "dim": plain,
            "busy": "ansi_cyan",
            "cursor": plain,
            "line": plain,
            "trouble": plain,
            "trouble-text": "ansi_red",
        }
    dark = theme.dark
    return {
        "dim": "#93a1ad" if dark else "#5c6770",
        "busy": "#6cb6ff" if dark else "#0b57a4",
        "cursor": "#3a4b5b" if dark else "#c9d8e0",
        "line": "#45535f" if dark else "#b9c0c5",
        "trouble": "#4a1f22" if dark else "#fbe0dd",
        "trouble-text": "#ffd9d6" if dark else "#7a1610",
    }
