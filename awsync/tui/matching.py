"""What a typed filter matches, the same in every list.

May import: the standard library, msgspec.
"""

from msgspec import Struct


class Pattern(Struct, frozen=True):
    """Words that must all be found, in any case; a word that begins with `!` must not be found."""

    text: str = ""

    def __bool__(self) -> bool:
        return any(self._words())

    def matches(self, text: str) -> bool:
        """Whether a text passes the filter; an empty filter lets everything pass."""
        folded = text.casefold()
        wanted, unwanted = self._words()
        return all(word in folded for word in wanted) and not any(word in folded for word in unwanted)

    def _words(self) -> tuple[list[str], list[str]]:
        words = self.text.casefold().split()
        unwanted = [word[1:] for word in words if word.startswith("!")]
        return [word for word in words if not word.startswith("!")], [word for word in unwanted if word]
