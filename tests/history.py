"""A month of activity with everything that makes it hard, and what ActivityWatch itself says of it.

The expectation is worked out from the raw export, event by event and hour by hour, without awsync's code.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aw_core import Event as AwEvent
from aw_transform import flood

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from tests.flooded import EPOCH, to_the_microsecond
from tests.servers import Store, wait_until

HOUR_US = 3600 * 1_000_000
SINGLE_FOCUS = {"currentwindow", "afkstatus", "web.tab.current", "app.editor.activity"}

TITLES = (
    "quotes \"double\" and 'single', back\\slash",
    "new\nline, tab\t, and a bell \x07",
    "emoji 🧑‍💻🏳️‍🌈 and combining e\u0301",
    "מימין לשמאל",
    "日本語のタイトル",
    "[bold]markup[/bold] {braces} $dollar %percent",
    "a" * 5000,
    "a" * 4999 + "b",
    "",
    "\u200bzero width\u2028line separator",
    "lone surrogate \ud83d here",
    "null \x00 byte",
)


def fill_days(aw: AwServer, now: datetime, days: int) -> int:
    """Days of a person who works at a laptop: five buckets; returns the number of events."""
    person = Person("laptop", seed=7)
    for bucket in person.buckets:
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname)
    return sum(
        aw.insert(bucket_id, [event.to_json() for event in events])
        for day in person.history(days, now)
        for bucket_id, events in day.items()
    )


def fill_month(aw: AwServer, now: datetime, days: int = 30) -> None:
    """Thirty days of a person, and beside them every odd bucket that the promise has to survive."""
    fill_days(aw, now, days)
    _odd_titles(aw, now)
    _weekend_away(aw, now)
    aw.create_bucket("aw-watcher-tiny_laptop", "aw-watcher-tiny", "currentwindow", "laptop")
    aw.insert(
        "aw-watcher-tiny_laptop", [_event(now - timedelta(hours=i), 60, {"app": "x"}) for i in range(3)]
    )
    aw.create_bucket("aw-watcher-secret_laptop", "aw-watcher-secret", "currentwindow", "laptop")
    aw.insert(
        "aw-watcher-secret_laptop",
        [_event(now - timedelta(hours=h), 60, {"app": "private"}) for h in range(2, 20)],
    )


def _event(start: datetime, seconds: float, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": dict(data)}


def _odd_titles(aw: AwServer, now: datetime) -> None:
    """Titles of every kind, events of no duration, overlaps and equal starts in a single-focus bucket."""
    bucket = "aw-watcher-window_odd"
    aw.create_bucket(bucket, "aw-watcher-window", "currentwindow", "odd")
    start = now.replace(microsecond=0) - timedelta(days=9, minutes=7, seconds=13)
    events = []
    for i in range(400):
        at = start + timedelta(minutes=17 * i, milliseconds=i)
        title = TITLES[i % len(TITLES)]
        events.append(_event(at, 611.123456 + i / 1000, {"app": f"app {i % 5}", "title": title}))
        events.append(_event(at + timedelta(seconds=90), 0, {"app": "nothing", "title": title}))
        if i % 3 == 0:
            events.append(_event(at + timedelta(seconds=300.5), 700, {"app": "overlap", "user": "me"}))
        if i % 7 == 0:
            events.append(_event(at, 30 + i % 2, {"app": "same start"}))
        if i % 11 == 0:
            events.append(_event(at + timedelta(seconds=500), -5, {"app": "negative"}))
    aw.insert(bucket, events)


def _weekend_away(aw: AwServer, now: datetime) -> None:
    """An AFK event of 60 hours: aw-server forgets it 24 h after its start."""
    bucket = "aw-watcher-afk_weekend"
    aw.create_bucket(bucket, "aw-watcher-afk", "afkstatus", "weekend")
    start = now - timedelta(days=12, minutes=3)
    aw.insert(
        bucket,
        [
            _event(start - timedelta(hours=2), 7199.5, {"status": "not-afk"}),
            _event(start, 60 * 3600, {"status": "afk"}),
            *(
                _event(start + timedelta(hours=60, minutes=20 * i), 1200, {"status": "not-afk"})
                for i in range(10)
            ),
        ],
    )


def fill_evenly(aw: AwServer, bucket: str, *, days: int, minutes: int, seconds: float, apps: int) -> None:
    """A bucket of windows with an event every so many minutes up to now, each app after the other."""
    aw.create_bucket(bucket, "aw-watcher-window", "currentwindow", "x")
    begin = datetime.now(UTC) - timedelta(days=days)
    aw.insert(
        bucket,
        [
            {
                "timestamp": (begin + timedelta(minutes=minutes * number)).isoformat(),
                "duration": seconds,
                "data": {"app": f"app {number % apps}"},
            }
            for number in range(days * 24 * 60 // minutes - 2)
        ],
    )


def closed_hours(aw: AwServer, bucket: str, until: int) -> dict[int, float]:
    """Seconds of a bucket by end of hour (microseconds), for hours until `until`, from the export."""
    exported = aw.export(bucket)
    spans = []
    for event in exported["events"]:
        start = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000) * 1000
        spans.append((start, start + round(event["duration"] * 1e6), event["data"]))
    if exported["type"] in SINGLE_FOCUS:
        spans = _seen(spans)
    hours: dict[int, float] = defaultdict(float)
    for start, end, _ in spans:
        hour = start - start % HOUR_US
        while hour < min(end, until):
            inside = min(end, hour + HOUR_US) - max(start, hour)
            if hour + HOUR_US <= until:
                hours[hour + HOUR_US] += inside / 1e6
            hour += HOUR_US
    return dict(hours)


def _seen(spans: Iterable[tuple[int, int, Any]]) -> list[tuple[int, int, Any]]:
    """What ActivityWatch itself shows of events that cannot overlap: aw-core's own flood of them.

    What ends before it begins is left out, and aw-core is kept from cutting moments to milliseconds.
    """
    us = timedelta(microseconds=1)
    events = [
        AwEvent(timestamp=EPOCH + start * us, duration=(end - start) * us, data=data)
        for start, end, data in spans
        if start <= end
    ]
    with to_the_microsecond():
        flooded = flood(events)
    starts = [round((event.timestamp - EPOCH) / us) for event in flooded]
    return [
        (start, start + round(event.duration / us), event.data)
        for start, event in zip(starts, flooded, strict=True)
    ]


def stored_hours(
    store: Store, first: int, last: int, *, user: str | None = None
) -> dict[str, dict[int, float]]:
    """Seconds that the store holds, by bucket and end of hour (microseconds), where they are not zero.

    `user` is for stores that several tests share, each under a name of its own.
    """
    store.flush()
    return hours_at(store.url, first, last, user=user)


def hours_at(url: str, first: int, last: int, *, user: str | None = None) -> dict[str, dict[int, float]]:
    """The same from the address of a store that shows at once what it took.

    A Prometheus that is just moving its head to disk may fail a query for a moment (422).
    """
    whose = "" if user is None else f',user="{user}"'
    query = {
        "query": f'sum by (bucket) (sum_over_time({{__name__=~"aw_.+_seconds"{whose}}}[1h]))',
        "start": str(first // 1_000_000),
        "end": str(last // 1_000_000),
        "step": "3600",
        "nocache": "1",
    }
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(httpx.get(f"{url}/api/v1/query_range", params=query, trust_env=False))
        return answers[-1].status_code != 422

    wait_until(is_answered, "the store answers a query")
    answer = answers[-1]
    assert answer.is_success, answer.text
    return {
        row["metric"]["bucket"]: {round(at) * 1_000_000: float(value) for at, value in row["values"]}
        for row in answer.json()["data"]["result"]
    }


def assert_equal_hours(wanted: Mapping[int, float], found: Mapping[int, float], bucket: str) -> None:
    """Equal to the millisecond, hour by hour."""
    for hour in sorted(wanted.keys() | found.keys()):
        want, have = wanted.get(hour, 0.0), found.get(hour, 0.0)
        at = datetime.fromtimestamp(hour / 1e6, UTC)
        assert abs(want - have) < 0.001, f"{bucket}, hour to {at:%Y-%m-%d %H:%M}: AW {want}, store {have}"
