"""Text that is safe and fits: titles come from strangers, a cell has a width.

May import: the standard library, rich.cells, words.
"""

import re
from collections.abc import Sequence

from rich.cells import cell_len, split_graphemes

from awsync.words import roughly, span

_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def plain(text: str) -> str:
    """The text on one line with nothing in it that moves a cursor or turns the direction of writing.

    Control characters become their pictures. Marks that only join or dress other characters are left out:
    terminals do not agree about the width of what they join.
    """
    return text if text.isascii() and text.isprintable() else _ODD.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0xA0 or 0xD800 <= code <= 0xDFFF:
        return "�"
    return " " if code in (0x2028, 0x2029) else ""


def width(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """The text in exactly so many cells: cut with an ellipsis, or filled with spaces."""
    if (taken := width(text)) > cells:
        text = clip(text, cells)
        taken = width(text)
    gap = " " * (cells - taken)
    return gap + text if right else text + gap


def clip(text: str, cells: int) -> str:
    """The text in at most so many cells; an ellipsis stands for what is cut."""
    if width(text) <= cells:
        return text
    if cells < 1:
        return ""
    return _head(text, cells - 1) + "…"


def _head(text: str, cells: int) -> str:
    """The longest beginning of the text that takes at most so many cells."""
    if text.isascii():
        return text[:cells]
    kept, taken = 0, 0
    for _, end, size in split_graphemes(text)[0]:
        if taken + size > cells:
            break
        kept, taken = end, taken + size
    return text[:kept]


def wrap(text: str, cells: int) -> list[str]:
    """The text in lines of at most so many cells, broken at spaces where there are any."""
    lines: list[str] = []
    rest = text
    while width(rest) > cells:
        head = _head(rest, cells)
        # A line that ends where a word does needs no earlier break.
        at = len(head) if rest[len(head) :].startswith(" ") else head.rfind(" ")
        if at < cells // 2:
            at = max(len(head), 1)
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*lines, rest]


def sparkline(amounts: Sequence[float], full: float) -> str:
    """One bar for each amount; the highest stands for `full`, a point for nothing."""
    return "".join(
        _NONE if amount <= 0 else _BARS[min(int(amount / full * len(_BARS)), len(_BARS) - 1)]
        for amount in amounts
    )


def bar(share: float, cells: int) -> str:
    """A bar as long as a share of so many cells, in eighths of a cell."""
    eighths = round(max(0.0, min(share, 1.0)) * cells * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("" if rest == 0 else "▏▎▍▌▋▊▉"[rest - 1])


def behind(microseconds: int) -> str:
    """A lag in words: `2 min behind`."""
    return "up to date" if microseconds < 1_000_000 else f"{roughly(microseconds / 1e6)} behind"


def ago(microseconds: int) -> str:
    """How long ago: `12 s ago`, `in 3 min 20 s`."""
    if microseconds < 0:
        return f"in {span(-microseconds / 1e6)}"
    return "just now" if microseconds < 1_000_000 else f"{roughly(microseconds / 1e6)} ago"


def short(number: int) -> str:
    """A count in at most six characters: `12,345`, `124k`, `3.4M`."""
    if number < 100_000:
        return f"{number:,}"
    return f"{number / 1e6:.1f}M" if number >= 1_000_000 else f"{number // 1000}k"
