"""How many different things there were, and on which day each was first seen, in bounded memory.

May import: the standard library.
"""

from collections import Counter
from collections.abc import Mapping

MOST = 100_000


class Distinct:
    """Counts different hashes: exactly up to `most` of them, and within half a percent or so above.

    Above it only those are kept whose last bits are zero, which are a known share of all.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._mask = 0
        self._first: dict[int, int] = {}

    def add(self, hashed: int, day: int) -> bool:
        """Counts a hash; days come in their order. Whether it was seen for the first time, and is kept."""
        if hashed & self._mask or hashed in self._first:
            return False
        self._first[hashed] = day
        while len(self._first) > self._most:
            self._mask = 2 * self._mask + 1
            self._first = {kept: seen for kept, seen in self._first.items() if not kept & self._mask}
        return True

    def copy(self) -> "Distinct":
        """One that has seen the same."""
        other = Distinct(self._most)
        other._mask, other._first = self._mask, dict(self._first)
        return other

    @property
    def exact(self) -> bool:
        """Whether nothing was left out of the count."""
        return not self._mask

    def __len__(self) -> int:
        return len(self._first) * (self._mask + 1)

    def by_day(self) -> Mapping[int, int]:
        """How many were first seen on each day."""
        return {day: new * (self._mask + 1) for day, new in sorted(Counter(self._first.values()).items())}
