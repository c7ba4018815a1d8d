"""Hours and days: what time is cut into where ActivityWatch and the store are compared.

An hour is one of the UTC clock. A day is a local one of this machine, made of whole UTC hours: an hour is a
border of slots whatever the resolution was, and half of one would look like a difference.

May import: the standard library, timeline.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from awsync.timeline import HOUR, MICROSECONDS, floor_to


class By(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"


class Periods:
    """The periods of one kind; `zone` is this machine's where it is None."""

    def __init__(self, by: By, zone: tzinfo | None = None) -> None:
        self._by = by
        self._zone = zone
        self._days: dict[date, int] = {}
        self._hours: dict[int, int] = {}

    def start_of(self, moment: int) -> int:
        """The start of the period that holds a moment."""
        hour = floor_to(moment, HOUR)
        if self._by is By.HOUR:
            return hour
        start = self._hours.get(hour)
        if start is None:
            start = self._hours[hour] = self._day_of(hour)
        return start

    def of_slot(self, slot_end: int) -> int:
        """The start of the period that holds a slot."""
        return self.start_of(slot_end - 1)

    def end_of(self, start: int) -> int:
        """The end of the period that begins at `start`."""
        if self._by is By.HOUR:
            return start + HOUR
        # A day has 23 to 25 hours.
        return self.start_of(start + 26 * HOUR)

    def _day_of(self, hour: int) -> int:
        day = datetime.fromtimestamp(hour // MICROSECONDS, UTC).astimezone(self._zone).date()
        after = self._midnight(day + timedelta(days=1))
        return after if hour >= after else self._midnight(day)

    def _midnight(self, day: date) -> int:
        """The full UTC hour in which a local day begins."""
        found = self._days.get(day)
        if found is None:
            begin = datetime(day.year, day.month, day.day, tzinfo=self._zone)
            found = floor_to(int(begin.timestamp()) * MICROSECONDS, HOUR)
            self._days[day] = found
        return found
