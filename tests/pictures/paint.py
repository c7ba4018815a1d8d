"""A screen of the console as SVG and PNG.

The PNG is drawn from the SVG by resvg with the Fira Code of a package, so that no font of the machine and no
browser has a part in it.
"""

import io
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console as RichConsole
from rich.segment import Segment, Segments
from rich.style import Style
from textual.app import App

FOLDER = Path(__file__).parent.parent.parent / "screenshots"
CELL_PIXELS = 11
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.S)


def paint(name: str, app: App[int]) -> None:
    """Writes screenshots/NAME.svg and its PNG."""
    drawn = _drawn(name, app)
    FOLDER.mkdir(exist_ok=True)
    sys.stderr.write(f"{name}\n")
    (FOLDER / f"{name}.svg").write_text(drawn, encoding="utf-8")
    (FOLDER / f"{name}.png").write_bytes(_png(drawn, app.size.width * CELL_PIXELS))


def _drawn(name: str, app: App[int]) -> str:
    width, height = app.size
    console = RichConsole(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert update is not None
    segments = console.render(update)
    console.print(Segments([_colourless(each) for each in segments] if app.no_color else segments))
    # The picture asks no other server for its font: any monospaced one will do.
    svg = _FONT_FACE.sub("", console.export_svg(title="awsync", unique_id=name))
    svg = re.sub(r"<!--.*?-->\s*", "", svg)
    # Rich counts 0.61 of the font's size for a cell, Fira Code has 0.6: bars would show gaps.
    return svg.replace("font-size: 20px;", "font-size: 20.334px;")


def _colourless(segment: Segment) -> Segment:
    """What a terminal is sent under NO_COLOR: weight and reverse video, in its own two colours."""
    style = segment.style or Style()
    kept = Style(bold=style.bold, dim=style.dim, reverse=style.reverse, italic=style.italic)
    return Segment(segment.text, kept, segment.control)


def _png(svg: str, width: int) -> bytes:
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True, font_files=[_font()])
    )


def _font() -> str:
    found = find_spec("fontpkg_fira_code")
    if found is None or found.origin is None:
        raise SystemExit("Fira Code is not installed. Install it with: pip install -e '.[dev]'")
    return str(next((Path(found.origin).parent / "files").glob("*.ttf")))
