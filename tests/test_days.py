"""The made-up days are coherent, reproducible, and the same whether they are read or lived."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.demo.recorded import Bucket, Day, Event

MONDAY = date(2026, 11, 16)
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def person() -> Person:
    return Person("laptop", seed=7)


@pytest.fixture(scope="module")
def four_weeks(person: Person) -> list[Day]:
    """Four weeks from a Monday."""
    return [person.day(MONDAY + timedelta(days=day)) for day in range(28)]


def _is_inside(inner: Event, outer: list[Event]) -> bool:
    return any(e.timestamp_us <= inner.timestamp_us and inner.end_us <= e.end_us for e in outer)


def _seconds(events: Iterator[Event]) -> float:
    return sum(event.duration_us for event in events) / 1e6


def test_no_bucket_overlaps_itself(four_weeks: list[Day]) -> None:
    """An ordinary bucket that overlapped itself would make every total of the demo wrong."""
    for day in four_weeks:
        for events in day.values():
            for before, after in itertools.pairwise(events):
                assert before.end_us <= after.timestamp_us
            assert all(event.duration_us > 0 for event in events)


def test_starts_are_whole_milliseconds(four_weeks: list[Day]) -> None:
    """Aw-server cuts starts to milliseconds: others would come back as something else."""
    assert all(
        event.timestamp_us % 1000 == 0 for day in four_weeks for events in day.values() for event in events
    )


def test_some_durations_have_microseconds(four_weeks: list[Day], person: Person) -> None:
    """Real durations are not round, and rounding them is a fault that only such durations show."""
    assert any(event.duration_us % 1000 for event in four_weeks[0][person.window.id])


def test_tabs_and_files_lie_inside_the_windows_of_their_programs(
    four_weeks: list[Day], person: Person
) -> None:
    """The audible-tab rule and the editor panels make sense only if the focus agrees."""
    programs = {"firefox": person.firefox, "google-chrome": person.chrome, "code": person.editor}
    for day in four_weeks[:5]:
        for app, bucket in programs.items():
            focused = [event for event in day[person.window.id] if event.data["app"] == app]
            assert day[bucket.id], f"{bucket.id} is empty"
            assert all(_is_inside(event, focused) for event in day[bucket.id])


def test_somebody_is_there_most_of_the_window_time(four_weeks: list[Day], person: Person) -> None:
    """Windows left open in a break give the AFK split work, but they are the exception."""
    windows = sum(_seconds(iter(day[person.window.id])) for day in four_weeks)
    present = sum(
        _seconds(event for event in day[person.afk.id] if event.data["status"] == "not-afk")
        for day in four_weeks
    )
    assert 0.75 < present / windows < 1


def test_a_video_plays_while_nobody_touches_the_machine(four_weeks: list[Day], person: Person) -> None:
    """ActivityWatch counts an audible tab as active: the demo must hold such a case."""
    away = [e for day in four_weeks for e in day[person.afk.id] if e.data["status"] == "afk"]
    browsers = (person.firefox.id, person.chrome.id)
    audible = [e for day in four_weeks for b in browsers for e in day[b] if e.data["audible"]]
    assert any(event.duration_us > 600_000_000 and _is_inside(event, away) for event in audible)


def test_a_working_day_looks_like_one(four_weeks: list[Day], person: Person) -> None:
    """Charts of the demo should look like a person: when the day begins, how much it holds."""
    for day in four_weeks[:3]:
        begin = datetime.fromtimestamp(day[person.afk.id][0].timestamp_us / 1e6, UTC)
        assert 7.5 < begin.hour + begin.minute / 60 < 9.5
        assert 1300 < sum(map(len, day.values())) < 2700
        assert 60 <= len({event.data["title"] for event in day[person.window.id]}) <= 150


def test_weekends_are_lighter(four_weeks: list[Day], person: Person) -> None:
    """A week that shows no weekend is not believable."""
    windows = [len(day[person.window.id]) for day in four_weeks]
    workdays = [count for number, count in enumerate(windows) if number % 7 < 5]
    weekends = [count for number, count in enumerate(windows) if number % 7 >= 5]
    assert sum(weekends) / len(weekends) < 0.5 * sum(workdays) / len(workdays)


def test_a_day_does_not_depend_on_what_was_read_before() -> None:
    """Years can be read day by day only if each day is planned by itself."""
    first, second = Person("laptop", seed=7), Person("laptop", seed=7)
    list(first.history(30, NOON))
    assert first.day(MONDAY) == second.day(MONDAY)


def test_seed_and_host_make_different_people() -> None:
    """Two devices of the demo must not live the same day."""
    days = [Person("laptop", seed=1), Person("laptop", seed=2), Person("desk", seed=1)]
    begins = {person.day(MONDAY)[person.window.id][0].timestamp_us for person in days}
    assert len(begins) == 3


def test_history_ends_at_its_end(person: Person) -> None:
    """An event in the future poisons a Prometheus 2."""
    *_, last = person.history(3, NOON)
    end_us = int(NOON.timestamp()) * 1_000_000
    assert max(event.end_us for events in last.values() for event in events) == end_us


def test_the_day_follows_the_zone_of_the_person() -> None:
    """Somebody in Auckland begins at half past eight there."""
    zone = ZoneInfo("Pacific/Auckland")
    person = Person("laptop", zone=zone)
    begin = datetime.fromtimestamp(person.day(MONDAY)[person.afk.id][0].timestamp_us / 1e6, zone)
    assert begin.date() == MONDAY
    assert 7 < begin.hour < 10


def test_awake_from_gives_something_to_show_at_night() -> None:
    """A demo started on a Sunday at 3 in the morning must produce activity at once, and go on."""
    start = datetime(2026, 11, 22, 3, 0, 0, 500, tzinfo=UTC)
    person = Person("laptop", awake_from=start)
    for hour in range(30):
        beats = person.heartbeats(start + timedelta(hours=hour), start + timedelta(hours=hour + 1))
        assert any(beat.bucket == person.window for beat in beats)
    early = person.heartbeats(start, start + timedelta(seconds=2))
    assert {beat.bucket for beat in early} >= {person.window, person.afk}


def _lived(person: Person, server: AwServer, since: datetime, until: datetime) -> None:
    steps = itertools.cycle(
        [timedelta(minutes=7, seconds=1.234), timedelta(seconds=50), timedelta(minutes=2)]
    )
    while since < until:
        following = min(since + next(steps), until)
        for beat in person.heartbeats(since, following):
            server.heartbeat(beat.bucket.id, beat.event.to_json(), pulsetime=0)
        since = following


def _told(server: AwServer, bucket: Bucket) -> list[tuple[str, float, object]]:
    events = sorted(server.events(bucket.id), key=lambda event: str(event["timestamp"]))
    return [(event["timestamp"][:23], event["duration"], event["data"]) for event in events]


def test_history_and_heartbeats_make_the_plan(aw: AwServer) -> None:
    """What a real aw-server holds after history and live steps is the plan, to the microsecond."""
    person = Person("laptop", seed=7)
    switch, until = NOON, NOON + timedelta(hours=2)
    for bucket in person.buckets:
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname)
    for day in person.history(1, switch):
        for bucket_id, events in day.items():
            aw.insert(bucket_id, (event.to_json() for event in events))
    _lived(person, aw, switch, until)

    (expected,) = person.history(1, until)
    for bucket in person.buckets:
        plan = [event.to_json() for event in expected[bucket.id]]
        assert _told(aw, bucket) == [(e["timestamp"][:23], e["duration"], e["data"]) for e in plan]
