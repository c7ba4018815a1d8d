"""The days of a made-up person, as ActivityWatch's watchers would have recorded them.

Everything follows from a seed: a day is planned by itself, whatever was asked before, so that years can be
read day by day in the memory of one day, and what the watchers send live continues the same plan.

The buckets are coherent: a tab is recorded only while its browser has the focus, a file only while the
editor has it, and no bucket overlaps itself. Starts are whole milliseconds as aw-server keeps them.

May import: recorded, spans, titles and the standard library.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from random import Random
from typing import Any

from awsync.demo import titles
from awsync.demo.recorded import (
    MILLISECOND,
    MINUTE,
    SECOND,
    Bucket,
    Day,
    Event,
    Heartbeat,
    ceil_ms,
    floor_ms,
    us_of,
    whole_ms,
)
from awsync.demo.spans import Span, broken_by_breaks, free_day, working_day

AFK_TIMEOUT_US = 180 * SECOND
"""aw-watcher-afk decides in arrears: who touches nothing for 3 minutes was away since the last touch."""


class Person:
    """A person with a machine, reproducible from `seed`.

    `zone` is where the person gets up and goes to bed. From `awake_from` on the person works without a
    night, with short breaks only: a demo has something to show at any hour.
    """

    def __init__(
        self, hostname: str, *, seed: int = 1, zone: tzinfo = UTC, awake_from: datetime | None = None
    ) -> None:
        self.hostname = hostname
        self._seed = seed
        self._zone = zone
        self._awake_from_us = None if awake_from is None else us_of(awake_from)
        self._latest: tuple[date, Day] | None = None
        self.window = self._bucket("aw-watcher-window", "currentwindow")
        self.afk = self._bucket("aw-watcher-afk", "afkstatus")
        self.firefox = self._bucket("aw-watcher-web", "web.tab.current", "firefox")
        self.chrome = self._bucket("aw-watcher-web", "web.tab.current", "chrome")
        self.editor = self._bucket("aw-watcher-vscode", "app.editor.activity")
        self.buckets = (self.window, self.afk, self.firefox, self.chrome, self.editor)

    def history(self, days: int, end: datetime) -> Iterator[Day]:
        """The last `days` days before `end`, oldest first; what still lasts at `end` is cut there."""
        end_us = floor_ms(us_of(end))
        last = end.astimezone(self._zone).date()
        for back in range(days - 1, -1, -1):
            plan = self.day(last - timedelta(days=back))
            yield {bucket: tuple(_known_at(end_us, events)) for bucket, events in plan.items()}

    def heartbeats(self, since: datetime, until: datetime) -> list[Heartbeat]:
        """What the watchers send in (since, until], oldest first.

        Called again and again with `since` the `until` before, it continues history(..., end=since); merged
        by aw-server the result is the plan, however long the steps are.
        """
        since_us, until_us = floor_ms(us_of(since)), floor_ms(us_of(until))
        first, last = since.astimezone(self._zone).date(), until.astimezone(self._zone).date()
        beats: list[Heartbeat] = []
        for offset in range((last - first).days + 1):
            plan = self.day(first + timedelta(days=offset))
            for bucket in self.buckets:
                beats += (Heartbeat(bucket, event) for event in _grown(plan[bucket.id], since_us, until_us))
        return sorted(beats, key=lambda beat: beat.event.timestamp_us)

    def day(self, day: date) -> Day:
        """The whole plan of a day of the person's zone, past or future; no event leaves its day."""
        if self._latest is None or self._latest[0] != day:
            self._latest = (day, self._plan(day))
        return self._latest[1]

    def _bucket(self, client: str, kind: str, browser: str = "") -> Bucket:
        name = f"{client}-{browser}" if browser else client
        return Bucket(f"{name}_{self.hostname}", client, kind, self.hostname)

    def _plan(self, day: date) -> Day:
        random = Random(f"{self._seed} {self.hostname} {day}")
        spans = self._spans(day, random)
        desk = _Desk(random, self)
        for number, span in enumerate(spans):
            # A span has its own source of chance: to cut it short changes nothing before the cut.
            following = spans[number + 1].start_us if number + 1 < len(spans) else span.end_us
            desk.sit(span, following, Random(f"{self._seed} {self.hostname} {day} {number}"))
        desk.record[self.afk.id] = _presence(spans)
        return {bucket: tuple(events) for bucket, events in desk.record.items()}

    def _spans(self, day: date, random: Random) -> list[Span]:
        midnight = us_of(datetime.combine(day, time(), self._zone))
        next_midnight = us_of(datetime.combine(day + timedelta(days=1), time(), self._zone))
        workday = day.weekday() < 5 and random.random() > 0.04
        spans = list(working_day(midnight, random) if workday else free_day(midnight, random))
        if self._awake_from_us is None or next_midnight <= self._awake_from_us:
            return spans
        awake = max(midnight, floor_ms(self._awake_from_us))
        before = [Span(s.start_us, min(s.end_us, awake), s.mode) for s in spans if s.start_us < awake]
        return [*before, *broken_by_breaks(awake, next_midnight - SECOND, random)]


def _presence(spans: list[Span]) -> list[Event]:
    """The AFK bucket: not-afk while somebody is there, afk between, nothing after the last span."""
    active = [span for span in spans if span.mode != "video"]
    if not active:
        return []
    events: list[Event] = []
    returns = [span.start_us for span in active[1:]] + [max(span.end_us for span in spans)]
    for span, back in zip(active, returns, strict=True):
        events.append(Event(span.start_us, span.end_us - span.start_us, {"status": "not-afk"}))
        away = span.end_us + MILLISECOND
        if back > away:
            events.append(Event(away, back - away, {"status": "afk"}))
    return events


class _Desk:
    """One day at the machine: what is open today, and what the watchers have recorded so far."""

    def __init__(self, random: Random, person: Person) -> None:
        self.record: dict[str, list[Event]] = {bucket.id: [] for bucket in person.buckets}
        self._person = person
        self._projects = random.sample(titles.PROJECTS, 2)
        self._files = {p.name: random.sample(p.files, min(len(p.files), 9)) for p in self._projects}
        self._pages = random.sample(titles.WORK_PAGES, 16)
        self._leisure = random.sample(titles.LEISURE_PAGES, 9)
        self._mails = random.sample(titles.MAILS, 6)
        self._channels = random.sample(titles.CHANNELS, 5)
        self._documents = random.sample(titles.DOCUMENTS, 3)
        self._meetings = random.sample(titles.MEETINGS, 2)

    def sit(self, span: Span, following: int, random: Random) -> None:
        """Fill a span; sometimes the last window stays open through a short break, until `following`."""
        now = span.start_us
        while now < span.end_us:
            now = self._look(now, span, random)
        windows = self.record[self._person.window.id]
        if following - span.end_us < 20 * MINUTE and random.random() < 0.5:
            last = windows[-1]
            windows[-1] = Event(last.timestamp_us, following - last.timestamp_us, last.data)

    def _look(self, now: int, span: Span, random: Random) -> int:
        """Look at one thing; returns when the next one begins."""
        if span.mode == "video":
            return self._browse(now, span.end_us, random.choice(titles.VIDEOS), span.end_us - now, random)
        seconds = min(random.lognormvariate(2.5, 1.0), 600)
        length = int(seconds * SECOND)
        what = random.random()
        if span.mode == "leisure":
            if what < 0.8:
                return self._browse(now, span.end_us, random.choice(self._leisure), length, random)
            return self._window(now, span.end_us, length, "thunderbird", random.choice(self._mails), random)
        if what < 0.40:
            return self._edit(now, span.end_us, length, random)
        if what < 0.72:
            page = random.choice(self._pages if random.random() < 0.9 else self._leisure)
            return self._browse(now, span.end_us, page, length, random)
        app, title, length = self._other_app(what, length, random)
        return self._window(now, span.end_us, length, app, title, random)

    def _other_app(self, what: float, length: int, random: Random) -> tuple[str, str, int]:
        if what < 0.84:
            project = random.choice(self._projects)
            return "gnome-terminal", f"{random.choice(titles.COMMANDS)} - {project.name}", length
        if what < 0.92:
            return "slack", random.choice(self._channels), length
        if what < 0.973:
            return "thunderbird", random.choice(self._mails), length
        if what < 0.998:
            return "libreoffice", random.choice(self._documents), length
        return "zoom", random.choice(self._meetings), whole_ms(random.uniform(12, 40) * MINUTE)

    def _window(self, now: int, limit: int, length: int, app: str, title: str, random: Random) -> int:
        end = min(now + length, limit)
        event = Event(now, end - now, {"app": app, "title": title})
        self.record[self._person.window.id].append(event)
        # The watcher polls once a second: between two windows it sees nothing for part of that.
        return ceil_ms(end + int(random.uniform(0, 1) * SECOND))

    def _browse(self, now: int, limit: int, page: titles.Page, length: int, random: Random) -> int:
        firefox = random.random() < 0.75
        app, suffix = ("firefox", "Mozilla Firefox") if firefox else ("google-chrome", "Google Chrome")
        bucket = self._person.firefox if firefox else self._person.chrome
        following = self._window(now, limit, length, app, f"{page.title} - {suffix}", random)
        tab = {
            "url": page.url,
            "title": page.title,
            "audible": page.audible,
            "incognito": False,
            "tabCount": random.randint(3, 24),
        }
        self._inside_last_window(bucket, tab, random)
        return following

    def _edit(self, now: int, limit: int, length: int, random: Random) -> int:
        project = random.choice(self._projects)
        file = random.choice(self._files[project.name])
        title = f"{file.rsplit('/', 1)[-1]} - {project.name} - Visual Studio Code"
        following = self._window(now, limit, length * 3 // 2, "code", title, random)
        folder = f"{titles.HOME}/{project.name}"
        data = {"file": f"{folder}/{file}", "project": folder, "language": project.language}
        self._inside_last_window(self._person.editor, data, random)
        return following

    def _inside_last_window(self, bucket: Bucket, data: Mapping[str, Any], random: Random) -> None:
        window = self.record[self._person.window.id][-1]
        start = ceil_ms(window.timestamp_us + int(random.uniform(0, 0.4) * SECOND))
        if start < window.end_us:
            self.record[bucket.id].append(Event(start, window.end_us - start, data))


def _known_at(end_us: int, events: tuple[Event, ...]) -> Iterator[Event]:
    """What the watcher has told at `end_us`."""
    for event in events:
        if _known_from(event) < end_us:
            yield Event(event.timestamp_us, min(event.duration_us, end_us - event.timestamp_us), event.data)


def _grown(events: tuple[Event, ...], since_us: int, until_us: int) -> Iterator[Event]:
    """The part of each event that became known in (since, until]."""
    for event in events:
        known = _known_from(event)
        if known >= until_us or (known < since_us and event.end_us <= since_us):
            continue
        start = event.timestamp_us if since_us <= known else max(since_us, event.timestamp_us)
        yield Event(start, min(event.end_us, until_us) - start, event.data)


def _known_from(event: Event) -> int:
    """When the watcher can first tell of an event: afk only after the timeout."""
    return event.timestamp_us + (AFK_TIMEOUT_US if event.data.get("status") == "afk" else 0)
