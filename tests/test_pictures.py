"""The pictures of README.md and docs/: all there, each in both forms, and none that asks another server."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "screenshots"
DRAWN = sorted(FOLDER.glob("*.svg"))


def test_the_pages_name_pictures_that_exist() -> None:
    """A picture that is renamed or dropped leaves no hole in a page."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"screenshots/([\w.-]+)", text))
    assert "console.png" in named
    assert named <= {path.name for path in FOLDER.iterdir()}


def test_every_picture_is_there_as_svg_and_as_png() -> None:
    """Both forms come from one run: none is left over from another."""
    assert DRAWN
    assert {path.stem for path in DRAWN} == {path.stem for path in FOLDER.glob("*.png")}
    assert {path.suffix for path in FOLDER.iterdir()} == {".svg", ".png"}


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_asks_no_other_server(path: Path) -> None:
    """Whoever looks at a picture tells nobody: no font, image or style sheet comes from elsewhere."""
    text = path.read_text(encoding="utf-8")
    assert "@font-face" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert set(re.findall(r'\bxmlns\S*="([^"]+)"', text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(image|script|foreignObject)\b|\b(href|src)=", text)
