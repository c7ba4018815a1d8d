"""Cron: what is accepted, when it comes next, and how it is told in words."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsync.schedule import Schedule, local_zone
from awsync.splay import Splay

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "every hour"),
        ("17 * * * *", "at minute 17 of every hour"),
        ("*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ("5-10 * * * *", "at minutes 5 to 10 of every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("17 */6 * * *", "every 6 hours, at minute 17"),
        ("15 3 * * *", "at 03:15 every day"),
        ("0 0,12 * * *", "at 00:00 and 12:00 every day"),
        ("0 9-17 * * mon-fri", "every hour from 09:00 to 17:00, Monday to Friday"),
        ("*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59, Monday to Friday"),
        ("*/10 3 * * *", "every 10 minutes from 03:00 to 03:59"),
        ("*/5 9-12,14-17 * * *", "every 5 minutes of the hours 9 to 12 and 14 to 17"),
        ("* 1,2 * * *", "every minute of the hours 1 and 2"),
        ("1,5,7 2-5 * * *", "at minutes 1, 5 and 7 of the hours 2 to 5"),
        ("0 0 * * 5-7", "at 00:00, Friday to Sunday"),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday"),
        ("0 0 1 1,7 *", "at 00:00 on day 1 of the month in January and July"),
        ("0 12 * jan *", "at 12:00 every day in January"),
        ("*/5 * * 6-8 *", "every 5 minutes, in June to August"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 0 1,l * *", "at 00:00 on day 1 of the month and on the last day of the month"),
        ("0 0 15W * *", "at 00:00 on the working day nearest to day 15 of the month"),
        ("0 0 * * 5#2", "at 00:00 on the second Friday of the month"),
        ("0 0 * * L5", "at 00:00 on the last Friday of the month"),
        ("0 0 13 * 5#2", 'at 00:00 on the days that "0 0 13 * 5#2" means'),
        ("@hourly", "every hour"),
        ("@weekly", "at 00:00 on Sunday"),
        ("@yearly", "at 00:00 on day 1 of the month in January"),
    ],
)
def test_a_schedule_says_when_it_runs(expr: str, words: str) -> None:
    """The console and `awsync sync` tell the schedule in words that mean the same as the expression."""
    assert Schedule(expr, UTC).describe() == words


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("", "has 0 fields, not five"),
        ("every 5m", "has 2 fields, not five"),
        ("*/5 * * * * *", "has 6 fields, .* seconds are not supported"),
        ("60 * * * *", 'the minute "60" is not understood: use 0 to 59'),
        ("* 24 * * *", 'the hour "24"'),
        ("* * 0 * *", 'the day of the month "0"'),
        ("* * * 13 *", 'the month "13"'),
        ("* * * * 8", 'the day of the week "8"'),
        ("*/0 * * * *", 'the minute "\\*/0"'),
        ("*/90 * * * *", "a step that is longer than the field"),
        ("1,,2 * * * *", 'the minute "1,,2"'),
        ("r * * * *", 'the minute "r" is not understood'),
        ("H/5 * * * *", 'the minute "H/5" is not understood'),
        ("0 0 \uff15 * *", 'the day of the month "\uff15"'),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30 2 1", "never comes"),
        ("0 0 1 * sun#5", "never comes"),
        ("@reboot", "is not an alias: use one of @hourly"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_field(expr: str, message: str) -> None:
    """A bad cron is found when the settings are read, and the message names the field that is wrong."""
    with pytest.raises(ValueError, match=message):
        Schedule(expr, UTC)


def test_aliases_and_spaces_are_accepted() -> None:
    """What crontab accepts in spelling is accepted here: aliases in any case, any run of blanks."""
    start = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
    assert Schedule("@Daily", UTC).next_after(start) == datetime(2026, 5, 5, tzinfo=UTC)
    assert Schedule("  0\t0  * * *", UTC).expr == "0 0 * * *"


@pytest.mark.parametrize(
    ("expr", "start", "expected"),
    [
        ("*/30 * * * *", "2026-03-29T01:30+01:00", ["03:00+02:00", "03:30+02:00"]),
        ("*/30 * * * *", "2026-10-25T02:30+02:00", ["02:00+01:00", "02:30+01:00", "03:00+01:00"]),
        ("30 2 * * *", "2026-03-28T12:00+01:00", ["03:00+02:00", "02:30+02:00"]),
        ("30 2 * * *", "2026-10-25T00:00+02:00", ["02:30+02:00", "02:30+01:00"]),
    ],
)
def test_summer_time_neither_doubles_nor_drops_a_run(expr: str, start: str, expected: list[str]) -> None:
    """Intervals keep their pace when the clock is changed; a daily run happens once on both nights."""
    runs = Schedule(expr, BERLIN).upcoming(len(expected), datetime.fromisoformat(start))
    assert [run.isoformat(timespec="minutes")[11:] for run in runs] == expected
    if expr == "30 2 * * *":
        assert len({run.date() for run in runs}) == len(runs)


def test_runs_are_in_the_zone_of_the_schedule() -> None:
    """A time given in another zone is understood, and the answer is in local time."""
    run = Schedule("0 9 * * *", BERLIN).next_after(datetime(2026, 7, 1, 6, 0, tzinfo=UTC))
    assert run == datetime(2026, 7, 1, 9, 0, tzinfo=BERLIN)
    assert run.utcoffset() == timedelta(hours=2)


def test_a_naive_time_is_refused() -> None:
    """A time without a zone would silently be taken for another one."""
    with pytest.raises(ValueError, match="time zone"):
        Schedule("0 9 * * *", UTC).next_after(datetime(2026, 7, 1))  # noqa: DTZ001


def test_the_local_zone_knows_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ decides the zone, with winter and summer; a TZ that names none does not stop the program."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    offsets = [datetime(2026, month, 1, tzinfo=local_zone()).utcoffset() for month in (1, 7)]
    assert offsets == [timedelta(hours=1), timedelta(hours=2)]
    monkeypatch.setenv("TZ", "Nowhere/Never")
    assert datetime(2026, 1, 1, tzinfo=local_zone()).utcoffset() is not None


def _matches(expr: str, moment: datetime) -> bool:
    """A second, slow reading of cron for the simple forms that the strategies below make."""
    values = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7)
    hits = [
        _hit(text, value, RANGES[at])
        for at, (text, value) in enumerate(zip(expr.split(), values, strict=True))
    ]
    day, weekday = expr.split()[2], expr.split()[4]
    right_day = hits[2] or hits[4] if day != "*" and weekday != "*" else hits[2] and hits[4]
    return hits[0] and hits[1] and hits[3] and right_day


def _hit(text: str, value: int, span: tuple[int, int]) -> bool:
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?", part)
        assert match
        low, high = span if match[1] == "*" else (int(match[1]), int(match[2] or match[1]))
        if low <= value <= high and (value - low) % int(match[3] or 1) == 0:
            return True
    return False


def _fields(low: int, high: int) -> st.SearchStrategy[str]:
    # A field that comes to "every value" counts as "*" in croniter, so none is made here that does.
    number = st.integers(low, high)
    ranges = (
        st.tuples(number, number)
        .filter(lambda pair: pair[0] < pair[1] and pair != (low, high))
        .map(lambda pair: f"{pair[0]}-{pair[1]}")
    )
    steps = st.integers(2, max(2, (high - low) // 2)).map(lambda step: f"*/{step}")
    lists = st.lists(number, min_size=1, max_size=3, unique=True).map(lambda each: ",".join(map(str, each)))
    return st.one_of(st.just("*"), ranges, steps, lists)


def _possible(expr: str) -> bool:
    try:
        Schedule(expr, UTC)
    except ValueError:
        return False
    return True


expressions = st.tuples(*(_fields(low, high) for low, high in RANGES)).map(" ".join).filter(_possible)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(deadline=None)
@given(expressions, moments)
def test_the_next_run_is_the_first_minute_that_matches(expr: str, start: datetime) -> None:
    """No run is skipped and none is invented: a slow reading of the expression finds the same minute."""
    found = Schedule(expr, UTC).next_after(start)
    assert found > start
    assert _matches(expr, found)
    minute = start.replace(second=0, microsecond=0) + MINUTE
    last = min(found, start + timedelta(hours=12))
    while minute < last:
        assert not _matches(expr, minute)
        minute += MINUTE


@settings(deadline=None)
@given(expressions, moments)
def test_upcoming_runs_ascend_and_every_expression_has_words(expr: str, start: datetime) -> None:
    """Whatever is accepted has a future in strict order, and a sentence."""
    schedule = Schedule(expr, BERLIN)
    runs = schedule.upcoming(4, start)
    # Two times of one zone compare by the wall clock, which goes back in autumn.
    instants = [run.astimezone(UTC) for run in runs]
    assert instants == sorted(set(instants))
    assert all(run.tzinfo is BERLIN and run.second == 0 for run in runs)
    assert re.match(r"(every|at) ", schedule.describe())


splays = st.builds(Splay, st.timedeltas(timedelta(0), timedelta(days=2)), st.integers(0, 2**32 - 1))
CHANGES = [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
about_changes = st.builds(
    lambda change, way: change + way,
    st.sampled_from(CHANGES),
    st.timedeltas(timedelta(hours=-30), timedelta(hours=30)),
)


@settings(deadline=None)
@given(expressions, about_changes | moments, splays)
def test_every_run_of_the_cron_is_moved_by_the_same(expr: str, start: datetime, splay: Splay) -> None:
    """No run is lost or doubled, also where the clock is changed, and the part is below the splay."""
    plain, moved = Schedule(expr, BERLIN), Schedule(expr, BERLIN, splay)
    assert timedelta(0) <= moved.later < max(splay.longest, timedelta(microseconds=1))
    assert moved.later % timedelta(seconds=1) == timedelta(0)
    assert moved.later == Schedule(expr, UTC, splay).later
    runs = [run.astimezone(UTC) + moved.later for run in plain.upcoming(4, start)]
    assert [run.astimezone(UTC) for run in moved.upcoming(4, start + moved.later)] == runs
    before = plain.last_until(start).astimezone(UTC) + moved.later
    assert moved.last_until(start + moved.later).astimezone(UTC) == before
