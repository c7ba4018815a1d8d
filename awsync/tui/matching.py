"""What a typed filter matches, the same in every list.

May import: the standard library.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words that must all be found, in any case; a word that begins with `!` must not be found."""

    text: str = ""
    _wanted: tuple[str, ...] = field(init=False)
    _unwanted: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        words = self.text.casefold().split()
        object.__setattr__(self, "_wanted", tuple(word for word in words if not word.startswith("!")))
        unwanted = (word[1:] for word in words if word.startswith("!"))
        object.__setattr__(self, "_unwanted", tuple(word for word in unwanted if word))

    def __bool__(self) -> bool:
        return bool(self._wanted or self._unwanted)

    def matches(self, text: str) -> bool:
        """Whether a text passes the filter; an empty filter lets everything pass."""
        folded = text.casefold()
        return all(word in folded for word in self._wanted) and not any(
            word in folded for word in self._unwanted
        )
