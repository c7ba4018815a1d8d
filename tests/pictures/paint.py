"""A screen of the console as SVG and PNG.

The PNG is drawn from the SVG by resvg, without a browser, in the Fira Code of a package; the few signs that
it lacks come from DejaVu Sans Mono.
"""

import io
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import resvg_py
from PIL import Image
from rich.console import Console as RichConsole
from rich.segment import Segment, Segments
from rich.style import Style
from textual.app import App

FOLDER = Path(__file__).parent.parent.parent / "screenshots"
CELL_PIXELS = 11
_FONT_FOLDERS = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")))
_SIGNS = re.compile("([✗◌])")
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.S)


def paint(name: str, app: App[int]) -> None:
    """Writes screenshots/NAME.svg and its PNG."""
    write(name, drawn(name, app), app.size.width * CELL_PIXELS)


def write(name: str, svg: str, width: int) -> None:
    """Writes a picture in both forms; `width` is that of the PNG, in pixels."""
    FOLDER.mkdir(exist_ok=True)
    sys.stderr.write(f"{name}\n")
    (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
    (FOLDER / f"{name}.png").write_bytes(_png(svg, width))


def drawn(name: str, app: App[int]) -> str:
    """The screen as it is now, as SVG."""
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
    parts = [part for segment in segments for part in _apart(segment)]
    shown = [_colourless(each) for each in parts] if app.no_color else parts
    console.print(Segments(Segment.simplify(shown)))
    # The picture asks no other server for its font: any monospaced one will do.
    svg = _FONT_FACE.sub("", console.export_svg(title="awsync", unique_id=name))
    svg = re.sub(r"<!--.*?-->\s*", "", svg)
    # Rich counts 0.61 of the font's size for a cell, Fira Code has 0.6: bars would show gaps.
    return svg.replace("font-size: 20px;", "font-size: 20.334px;")


def _apart(segment: Segment) -> Iterable[Segment]:
    """Text with the signs of the other font alone, for a run of text is drawn in one font."""
    style = segment.style or Style()
    for text in _SIGNS.split("" if segment.control else segment.text):
        if text:
            # An attribute that changes nothing keeps it apart from its neighbours.
            yield Segment(text, style + Style(overline=False) if _SIGNS.fullmatch(text) else style)


def _colourless(segment: Segment) -> Segment:
    """What a terminal is sent under NO_COLOR: weight and reverse video, in its own two colours."""
    style = segment.style or Style()
    kept = Style(bold=style.bold, dim=style.dim, reverse=style.reverse, overline=style.overline)
    return Segment(segment.text, kept)


def _png(svg: str, width: int) -> bytes:
    drawn = bytes(
        resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True, font_files=_fonts())
    )
    small = io.BytesIO()
    # A screen has few colours: a palette of them is a third of the size.
    Image.open(io.BytesIO(drawn)).quantize(256, Image.Quantize.FASTOCTREE).save(small, "PNG", optimize=True)
    return small.getvalue()


def _fonts() -> list[str]:
    package = find_spec("fontpkg_fira_code")
    if package is None or package.origin is None:
        raise SystemExit("Fira Code is not installed. Install it with: pip install -e '.[dev]'")
    signs = [font for folder in _FONT_FOLDERS for font in folder.rglob("DejaVuSansMono*.ttf")]
    if not signs:
        raise SystemExit("DejaVu Sans Mono is not installed. On Debian: apt install fonts-dejavu-core")
    return [*map(str, (Path(package.origin).parent / "files").glob("*.ttf")), *map(str, sorted(signs))]
