"""A sheet to draw on, as SVG: boxes, lines and text of one width; and how numbers of a unit are written."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from html import escape
from typing import NamedTuple

BACK, PANEL, EDGE, INK, FAINT = "#111217", "#181b1f", "#2c3235", "#d8d9da", "#8e8e8e"
PALETTE = (
    "#73bf69",
    "#5794f2",
    "#f2cc0c",
    "#ff9830",
    "#b877d9",
    "#56d0d6",
    "#f2495c",
    "#8ab8ff",
    "#c0d8ff",
    "#ffa6b0",
    "#96d98d",
    "#deb6f2",
)
NAMED = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "blue": "#5794f2", "transparent": "none"}
FONT = 12
CHARACTER = 0.6
"""How wide a character is, in parts of the font's size."""


class Area(NamedTuple):
    """Where the inside of a panel is."""

    x: float
    y: float
    width: float
    height: float


class Sheet:
    """Shapes in the order in which they are drawn."""

    def __init__(self, width: float, height: float) -> None:
        self._width = width
        self._height = height
        self._shapes: list[str] = []
        self.box(0, 0, width, height, BACK)

    def box(self, x: float, y: float, width: float, height: float, fill: str, edge: str = "none") -> None:
        """A filled rectangle."""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
        self._shapes.append(f'<rect {place} fill="{NAMED.get(fill, fill)}" stroke="{edge}"/>')

    def line(self, points: list[tuple[float, float]], colour: str, width: float = 1) -> None:
        """A line through some points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )

    def dot(self, x: float, y: float, colour: str) -> None:
        """A point that can be seen."""
        self._shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def text(
        self, x: float, y: float, text: str, colour: str = INK, size: float = FONT, anchor: str = "start"
    ) -> None:
        """A line of text on its base line."""
        look = f'font-size="{size}" fill="{NAMED.get(colour, colour)}" text-anchor="{anchor}"'
        self._shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>')

    def legend(self, names: Iterable[str], area: Area) -> None:
        """As many names as there is room for below an area, each with its colour."""
        x, y = area.x, area.y + area.height
        for number, name in enumerate(names):
            if x + len(name) * 7.2 + 24 > area.x + area.width:
                return
            self.box(x, y - 4, 14, 4, PALETTE[number % len(PALETTE)])
            self.text(x + 18, y, name, FAINT)
            x += len(name) * 7.2 + 34

    def svg(self) -> str:
        """The whole."""
        size = f'viewBox="0 0 {self._width:g} {self._height:g}"'
        family = "font-family=\"'Fira Code', monospace\""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {family}>'
        return "\n".join([head, *self._shapes, "</svg>\n"])


def cut(text: str, width: float, size: float = FONT) -> str:
    """As much of a text as there is room for."""
    room = int(width / size / CHARACTER)
    return text if len(text) <= room else text[: max(room - 1, 0)] + "…"


def shade(part: float) -> str:
    """A blue, the stronger the more of 1."""
    rgb = [round(a + (b - a) * min(part, 1)) for a, b in ((34, 87), (40, 148), (54, 242))]
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def written(value: float, unit: str, now: datetime) -> str:
    """A number as Grafana would write it, about."""
    return _UNITS[unit](value, now)


def _duration(value: float, _: datetime) -> str:
    sign, seconds = "-" if round(value) < 0 else "", abs(round(value))
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _seconds(value: float, _: datetime) -> str:
    if value < 90:
        return f"{value:.3g} s"
    return f"{value / 60:.3g} min" if value < 5_400 else f"{value / 3600:.3g} h"


def _moment(value: float, now: datetime) -> str:
    return f"{datetime.fromtimestamp(value / 1000, now.tzinfo):%a %H:%M}"


def _ago(value: float, now: datetime) -> str:
    return f"{_seconds(now.timestamp() - value / 1000, now)} ago" if value else "never"


def _short(value: float, _: datetime) -> str:
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.3g}"


_UNITS: Mapping[str, Callable[[float, datetime], str]] = {
    "dthms": _duration,
    "s": _seconds,
    "time:ddd HH:mm": _moment,
    "dateTimeFromNow": _ago,
    "short": _short,
    "none": lambda value, _: f"{value:.1f}",
    "percentunit": lambda value, _: f"{value:.0%}",
    "decbytes": lambda value, _: f"{value / 1000:.3g} kB" if value >= 1000 else f"{value:.0f} B",
}
