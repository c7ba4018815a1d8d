r"""A text with groups of what was found: `\1`, `\g<1>`, `\g<name>`, and `\\` for the sign itself.

Where several expressions were found, their groups are counted through, in the order they are written.

May import: the standard library.
"""

import re
from collections.abc import Mapping, Sequence

_TOKEN = re.compile(r"\\(?:(?P<number>[0-9]{1,2})|g<(?P<name>[^<>]*)>|(?P<other>.|$))", re.DOTALL)


class Template:
    """A text to be filled; `whole` says that there is an expression at all.

    Raises ValueError where it names a group that does not exist.
    """

    def __init__(self, text: str, count: int, names: Mapping[str, int], *, whole: bool = True) -> None:
        self._parts: list[str | int] = []
        at = 0
        for token in _TOKEN.finditer(text):
            self._parts.append(text[at : token.start()])
            self._parts.append(_part(token, count if whole else -1, names))
            at = token.end()
        self._parts.append(text[at:])

    def fill(self, groups: Sequence[str | None]) -> str:
        """The text; `groups[0]` is the whole of what was found first, a group that took no part is empty."""
        return "".join(part if isinstance(part, str) else groups[part] or "" for part in self._parts)


def _part(token: re.Match[str], count: int, names: Mapping[str, int]) -> str | int:
    if token["other"] is not None:
        if token["other"] == "\\":
            return "\\"
        raise ValueError(
            f'"{token[0]}" means nothing: write \\\\ for a backslash, \\1 or \\g<name> for a group'
        )
    written = token["number"] or token["name"]
    if written.isdecimal():
        number = int(written)
        if number <= count:
            return number
        raise ValueError(f"{token[0]} names group {number}, but {_amount(count)}")
    if written in names:
        return names[written]
    known = f": {', '.join(names)}" if names else ""
    raise ValueError(f'{token[0]} names a group "{written}", which does not exist{known}')


def _amount(count: int) -> str:
    if count <= 0:
        return "the expression has no group"
    return f"there {'is' if count == 1 else 'are'} only {count}"
