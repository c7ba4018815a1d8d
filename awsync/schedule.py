"""When to run: cron expressions, their next instants, and a sentence that says what they mean.

The one module that knows croniter, so that another library is a change of one file.
May import: croniter, dateutil (which croniter brings), the standard library, settings, splay, words.
"""

import itertools
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter
from dateutil.tz import tzlocal  # type: ignore[import-untyped]

from awsync.settings import Settings
from awsync.splay import PUNCTUAL, Splay, splay_of
from awsync.words import span

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", "l": "last"}
_FEW = 6
"""Up to this many single times of day are named one by one."""

_LEAP_DAY = datetime(2028, 2, 29, tzinfo=UTC)

_Values = list[int | str]


class Schedule:
    """A cron expression of five fields (or an alias such as `@hourly`) in one time zone.

    Raises ValueError whose text names the field that is wrong and what it may hold. Without `tz` the
    zone is that of the computer, so `0 9 * * *` means nine o'clock by the clock on its wall. `later` is
    what the splay adds to each run of the cron; a splay longer than the time between two runs counts as that.
    """

    def __init__(self, expr: str, tz: tzinfo | None = None, splay: Splay = PUNCTUAL) -> None:
        self.expr = " ".join(expr.split())
        self.tz = tz or local_zone()
        _check_shape(self.expr)
        expanded: tuple[list[_Values], dict[int, set[int | str]]]
        try:
            expanded = croniter.expand(self.expr, strict=True)
        except CroniterError as error:
            raise ValueError(f'"{self.expr}" never comes: no month named in it has such a day') from error
        self._fields, self._nth = expanded
        self.later = splay.delay(self._gap())
        try:
            self.next_after(_LEAP_DAY)
        except CroniterError as error:
            raise ValueError(f'"{self.expr}" never comes: no month has such a day') from error

    @classmethod
    def of(cls, settings: Settings) -> "Schedule":
        """Return the schedule of the planned passes of this agent."""
        return cls(settings.cron, splay=splay_of(settings))

    def next_after(self, moment: datetime) -> datetime:
        """Return the first run strictly after `moment` (aware), in this schedule's zone.

        A time that the clock skips in spring runs when the clock goes on; one that it shows twice in
        autumn runs once if the expression names hours, while `*/5 * * * *` keeps its pace through both.
        """
        if moment.tzinfo is None:
            raise ValueError("next_after needs a datetime with a time zone")
        ticks = croniter(self.expr, self._moved(moment, -self.later))
        while True:
            candidate: datetime = ticks.get_next(datetime)
            if self._fields[1] == ["*"] or not _shown_before(candidate):
                return self._moved(candidate, self.later)

    def last_until(self, moment: datetime) -> datetime:
        """Return the last run that is not after `moment` (aware); to the hour where a clock is put back."""
        ticks = croniter(self.expr, self._moved(moment, timedelta(microseconds=1) - self.later))
        return self._moved(ticks.get_prev(datetime), self.later)

    def upcoming(self, count: int, after: datetime | None = None) -> list[datetime]:
        """Return the next `count` runs, ascending; `after` is now unless given."""
        moment = after or datetime.now(self.tz)
        runs: list[datetime] = []
        for _ in range(count):
            moment = self.next_after(moment)
            runs.append(moment)
        return runs

    def describe(self) -> str:
        """Say in words when this runs: "at 03:15 every day", "every 5 minutes, 2 min 13 s later"."""
        words = self._cron_words()
        return f"{words}, {span(self.later.total_seconds())} later" if self.later else words

    def _moved(self, moment: datetime, by: timedelta) -> datetime:
        # Not by the clock on the wall: it may be changed in between.
        return (moment.astimezone(UTC) + by).astimezone(self.tz)

    def _gap(self) -> timedelta:
        """Return the shortest time between two runs as the clock on the wall shows it, a day at most."""
        minutes, hours = _full(self._fields[0], 60), _full(self._fields[1], 24)
        times = [60 * hour + minute for hour, minute in itertools.product(hours, minutes)]
        pairs = itertools.pairwise([*times, times[0] + 24 * 60])
        return timedelta(minutes=min(after - before for before, after in pairs))

    def _cron_words(self) -> str:
        time, named = _time_words(self._fields[0], self._fields[1])
        day = self._day_words()
        if not named:
            return f"{time}, {day}" if day else time
        if not day or day.startswith("in "):
            return f"{time} every day {day}".rstrip()
        return f"{time} {day}" if day.startswith("on ") else f"{time}, {day}"

    def _day_words(self) -> str:
        days, months, weekdays = self._fields[2:5]
        parts = [words for words in (self._month_day_words(days), self._weekday_words(weekdays)) if words]
        if len(parts) == 2 and self._nth:
            return f'on the days that "{self.expr}" means'
        words = " or ".join(parts)
        if months != ["*"]:
            words = f"{words} in {_names(months, _MONTHS, first=1)}".lstrip()
        return words

    def _month_day_words(self, days: _Values) -> str:
        if days == ["*"]:
            return ""
        written = self.expr.split()[2] if not self.expr.startswith("@") else ""
        if "w" in written.lower():
            return f"on the working day nearest to day {days[0]} of the month"
        numbers = [day for day in days if isinstance(day, int)]
        parts = []
        if numbers:
            parts.append(f"on {'day' if len(numbers) == 1 else 'days'} {_numbers(numbers)} of the month")
        if "l" in days:
            parts.append("on the last day of the month")
        return " and ".join(parts)

    def _weekday_words(self, weekdays: _Values) -> str:
        if self._nth:
            pairs = [
                f"{_ORDINALS[nth]} {_WEEKDAYS[day]}"
                for day, which in sorted(self._nth.items())
                for nth in sorted(which, key=str)
            ]
            return f"on the {_list(pairs)} of the month"
        if weekdays == ["*"]:
            return ""
        # The week of a reader begins on Monday, so that "5-7" reads Friday to Sunday.
        monday_first = sorted((int(day) - 1) % 7 for day in weekdays)
        names = _WEEKDAYS[1:] + _WEEKDAYS[:1]
        if _is_run(monday_first):
            return f"{names[monday_first[0]]} to {names[monday_first[-1]]}"
        return f"on {_list([names[day] for day in monday_first])}"


def local_zone() -> tzinfo:
    """Return the computer's time zone with all its past and future rules where it tells its name."""
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        target = str(Path("/etc/localtime").resolve(strict=True))
        if "zoneinfo/" in target:
            return ZoneInfo(target.rpartition("zoneinfo/")[2])
        with Path(target).open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, KeyError):
        zone: tzinfo = tzlocal()
        return zone


def _check_shape(expr: str) -> None:
    """Raise ValueError where the expression is not an alias or five fields that each make sense."""
    if expr.startswith("@"):
        if expr.lower() not in _ALIASES:
            raise ValueError(f'"{expr}" is not an alias: use one of {", ".join(_ALIASES)}, or five fields')
        return
    fields = expr.split(" ") if expr else []
    if len(fields) != len(_FIELDS):
        hint = "; seconds are not supported" if len(fields) == 6 else ""
        raise ValueError(
            f'"{expr}" has {len(fields)} {"field" if len(fields) == 1 else "fields"}, not five '
            f'(minute, hour, day of the month, month, day of the week{hint}): such as "*/5 * * * *"'
        )
    for index, text in enumerate(fields):
        _check_field(index, text)


def _check_field(index: int, text: str) -> None:
    name, low, high = _FIELDS[index]
    alone = " ".join(text if place == index else "*" for place in range(len(_FIELDS)))
    # croniter takes "r" and "h" for a random or hashed value: a schedule must be the same after a restart.
    random = re.search(r"(^|,)[rh]($|[,(/])", text, re.IGNORECASE)
    steps = [int(step) for step in re.findall(r"/(\d+)", text, re.ASCII)]
    try:
        croniter.expand(alone)
    except (CroniterError, ValueError) as error:
        reason: Exception | None = error
    else:
        reason = None
    if reason or random:
        raise ValueError(
            f'the {name} "{text}" is not understood: use {low} to {high}, *, a step such as */2, '
            "a range such as 2-5 or a list such as 2,4"
        ) from reason
    if any(step > high for step in steps):
        raise ValueError(f'the {name} "{text}" has a step that is longer than the field ({low} to {high})')


def _shown_before(moment: datetime) -> bool:
    """Tell whether the clock has shown this wall time once already (the hour after summer time ends)."""
    return bool(moment.fold) and moment.replace(fold=0).utcoffset() != moment.utcoffset()


def _time_words(minutes: _Values, hours: _Values) -> tuple[str, bool]:
    """Return the words for the time of day, and whether they name single times of the day."""
    minute_list = _full(minutes, 60)
    hour_list = _full(hours, 24)
    step = _step(minute_list, 60)
    if len(hour_list) == 24:
        if step:
            return ("every minute" if step == 1 else f"every {step} minutes"), False
        if minute_list == [0]:
            return "every hour", False
        word = "minute" if len(minute_list) == 1 else "minutes"
        return f"at {word} {_numbers(minute_list)} of every hour", False
    hour_step = _step(hour_list, 24)
    if len(minute_list) == 1 and hour_step and len(hour_list) > 2:
        behind = f", at minute {minute_list[0]}" if minute_list != [0] else ""
        return f"every {hour_step} hours{behind}", False
    if len(minute_list) == 1 and _is_run(hour_list):
        first, last = hour_list[0], hour_list[-1]
        return f"every hour from {_clock(first, minute_list[0])} to {_clock(last, minute_list[0])}", False
    if step and (_is_run(hour_list) or len(hour_list) == 1):
        pace = "every minute" if step == 1 else f"every {step} minutes"
        return f"{pace} from {hour_list[0]:02}:00 to {hour_list[-1]:02}:59", False
    if len(minute_list) * len(hour_list) <= _FEW:
        times = [_clock(hour, minute) for hour, minute in itertools.product(hour_list, minute_list)]
        return f"at {_list(times)}", True
    pace = f"every {step} minutes" if step and step > 1 else f"at minutes {_numbers(minute_list)}"
    return f"{'every minute' if step == 1 else pace} of the hours {_numbers(hour_list)}", False


def _full(values: _Values, size: int) -> list[int]:
    return list(range(size)) if values == ["*"] else sorted(int(value) for value in values)


def _step(values: Sequence[int], size: int) -> int | None:
    """Return the even pace of values that start at 0 and close the circle, None where there is none."""
    if len(values) < 2 or values[0] != 0 or size % len(values):
        return None
    step = size // len(values)
    return step if list(values) == list(range(0, size, step)) else None


def _is_run(values: Sequence[int]) -> bool:
    return len(values) > 2 and list(values) == list(range(values[0], values[-1] + 1))


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _numbers(values: Sequence[int]) -> str:
    """Write numbers as a list in which three or more neighbours become one range."""
    parts: list[str] = []
    for _, pairs in itertools.groupby(enumerate(values), key=lambda pair: pair[1] - pair[0]):
        run = [value for _, value in pairs]
        parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(value) for value in run]
    return _list(parts)


def _names(values: _Values, names: Sequence[str], first: int) -> str:
    numbers = sorted(int(value) - first for value in values)
    if _is_run(numbers):
        return f"{names[numbers[0]]} to {names[numbers[-1]]}"
    return _list([names[number] for number in numbers])


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
