"""What a month and a year bring, judged by how it grew so far.

Series grow ever more slowly: of the titles of a second month many were there in the first. So a power of
time is laid through what was seen after half of the time and after all of it.

May import: the standard library, msgspec.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

MONTH, YEAR = 30, 365


class Growth(Struct, frozen=True):
    """How many different things there were within `days` days; `by_day` are the new ones of each day.

    `exact` is whether none was estimated.
    """

    total: int
    days: int
    by_day: Mapping[int, int]
    exact: bool = True

    def after(self, days: int) -> int | None:
        """How many there are after so many days; None where less than two days were seen."""
        if days <= self.days:
            return self._seen(days)
        if self.days < 2:
            return None if self.total else 0
        half = self.days // 2
        before = self._seen(half)
        if not before:
            return self.total * days // self.days
        power = min(math.log(self.total / before) / math.log(self.days / half), 1.0)
        return round(self.total * math.pow(days / self.days, power))

    def _seen(self, days: int) -> int:
        return sum(new for day, new in self.by_day.items() if day < days)


def together(growths: Sequence[Growth], days: int) -> int | None:
    """The sum of what several come to; None where one of them cannot be told."""
    found = [growth.after(days) for growth in growths]
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None
