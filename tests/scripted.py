"""An agent for tests of the screens: it says what it is told, and writes down what is asked of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from awsync.config import Loaded
from awsync.config.tried import harmless
from awsync.control import Activity, Agreement, BucketDetail, LabelTime, Move, Said
from awsync.costs.said import Said as Planned
from awsync.doctor import Finding
from awsync.errors import AwsyncError
from awsync.events import Event
from awsync.ledger import Entry, Mark, Quarantined, Range
from awsync.preview import Preview
from awsync.records import Aside, Checkpoint, PassRecord
from awsync.sent import Report as Sent
from awsync.settings import Settings, SourceSettings, StoreSettings
from awsync.survey import BucketReport, SourceReport
from awsync.timeline import Event as ActivityEvent
from awsync.totals import By, Report

NOW = 1_793_577_600_000_000
SETTINGS = Settings(
    sources=(SourceSettings("laptop", "http://localhost:5600", "anna"),),
    store=StoreSettings("http://localhost:9090/api/v1/write", "http://localhost:9090"),
    cron="*/5 * * * *",
    min_data=5,
    series_budget=1_000,
    resolution=timedelta(minutes=5),
    settle=timedelta(minutes=5),
    lookback=timedelta(hours=24),
    initial_history=None,
    hosts={},
    state_dir=Path("state"),
)


NOTHING_LEAVES = Preview("laptop", "", "", NOW - 10**9, NOW, (), ())
NOTHING_SPENT = Report(By.APP, NOW - 10**9, NOW)
NOTHING_SENT = Sent("http://localhost:9090", NOW - 10**9, NOW)


def report(bucket: str, watcher: str = "aw-watcher-window", excluded: str | None = None) -> BucketReport:
    """A bucket that has something new."""
    return BucketReport(
        source="laptop", bucket=bucket, watcher=watcher, type="currentwindow", host="pc", events=1234,
        newest=NOW - 60_000_000, why_not=None if excluded is None else f'excluded by "{excluded}"',
        excluded_by=excluded,
    )  # fmt: skip


@dataclass
class ScriptedAgent:
    """Implements control.Agent; `asked` are the commands in order.

    `reports` replace the survey, `findings` are the doctor's, `ranges` and `samples` are set
    aside, `ahead` is the store's clock, `report` what the time was spent on, `left` what
    has left the machine, each of `refusals` makes a command fail, `held` makes commands wait.
    """

    buckets: Sequence[BucketReport] = (
        report("aw-watcher-window_pc"),
        report("aw-watcher-afk_pc", "aw-watcher-afk"),
        report("aw-watcher-web-firefox_pc", "aw-watcher-web"),
    )
    script: Sequence[Event] = ()
    observing: int | None = None
    service_ended: bool = False
    paused: bool = False
    settings: Settings = SETTINGS
    sink: str = "http://localhost:9090"
    asked: list[tuple[object, ...]] = field(default_factory=list)
    closed: bool = False
    reports: Sequence[SourceReport] | None = None
    refusals: list[AwsyncError] = field(default_factory=list)
    held: asyncio.Event | None = None
    findings: Sequence[Finding] = ()
    agreements: Sequence[Agreement] = ()
    planned: Sequence[Planned] = ()
    previewed: Preview = NOTHING_LEAVES
    ranges: Sequence[tuple[str, str, Range]] = ()
    samples: Sequence[Quarantined] = ()
    ahead: float | None = 0.0
    report: Report = NOTHING_SPENT
    left: Sent = NOTHING_SENT
    told: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    def say(self, *events: Event) -> None:
        """Says more, while the console runs."""
        for event in events:
            self.told.put_nowait(event)

    async def _obey(self, *command: object) -> None:
        """Writes a command down; waits while it is held, and refuses what is to be refused."""
        self.asked.append(command)
        if self.held is not None:
            await self.held.wait()
        if self.refusals:
            raise self.refusals.pop(0)

    @property
    def loaded(self) -> Loaded:
        """No file."""
        return Loaded(self.settings, {}, None, ())

    async def events(self) -> AsyncIterator[Said]:
        """What the script says, and then silence."""
        for number, event in enumerate(self.script):
            yield Said(number, NOW, event)
        while True:
            yield Said(0, NOW, await self.told.get())
            self.told.task_done()

    async def survey(self) -> list[SourceReport]:
        """The buckets."""
        if self.reports is not None:
            return list(self.reports)
        return [SourceReport("laptop", "http://localhost:5600", "v0.13.2", self.buckets)]

    async def activity(self, source: str, bucket: str) -> Activity:
        """A day with an evening."""
        return Activity(hours=(*[0.0] * 12, *[1800.0] * 12), today_seconds=21_600.0, today_events=321)

    async def detail(self, source: str, bucket: str) -> BucketDetail:
        """Two events, one of them with hostile text."""
        data = '{"app":"x","title":"[red]bold[/] \\u202eevil \U0001f468\u200d\U0001f469 \x1b[31m"}'
        labels = (("__name__", "m"), ("active", "false"), ("title", "[red]bold[/]"))
        return BucketDetail(
            source=source, bucket=bucket, start=NOW - 10**9, end=NOW,
            events=[ActivityEvent(1, NOW - 10**8, 5 * 10**6, data.encode())],
            entries=[Entry(labels, NOW, 0, 5_000_000)],
            series=1, folded=2, top=[LabelTime(label="app", value="x", seconds=5.0)], values=[("app", 1)],
            checkpoint=Checkpoint(source, bucket, position=NOW),
            history=[Move(at=NOW, position=NOW, samples=1, what="delivered")],
        )  # fmt: skip

    async def examine(self, *, probe: bool) -> AsyncGenerator[Finding, None]:
        """The findings of the script, one at a time; waits while it is held."""
        self.asked.append(("examine", probe))
        for finding in self.findings:
            if self.held is not None:
                await self.held.wait()
            yield finding

    async def verify(self, *, days: int) -> AsyncGenerator[Agreement, None]:
        """The agreements of the script."""
        self.asked.append(("verify", days))
        for agreement in self.agreements:
            yield agreement

    async def today(self, by: By, since: str | None) -> Report:
        """The report of the script, told apart by anything."""
        await self._obey("today", by, since)
        return replace(self.report, by=by)

    async def preview(self, source: str, bucket: str, *, hours: int, rule: str) -> Preview:
        """The script's examples; with a rule those that it would leave."""
        if rule.strip():
            harmless(rule, "tried")
        self.asked.append(("preview", source, bucket, hours, rule))
        return replace(self.previewed, bucket=bucket)

    async def plan(self, *, days: int) -> AsyncGenerator[Planned, None]:
        """What the script's buckets cost."""
        self.asked.append(("plan", days))
        for each in self.planned:
            yield each

    async def add_rule(self, text: str) -> str:
        """Writes it down."""
        await self._obey("add_rule", text)
        return "The rule is there."

    async def remove_rule(self, text: str) -> str:
        """Writes it down."""
        await self._obey("remove_rule", text)
        return "The rule is gone again."

    async def sent(self, *, days: int) -> Sent:
        """What the script says has left."""
        await self._obey("sent", days)
        return self.left

    async def skew(self) -> float | None:
        """That of the script."""
        return self.ahead

    def checkpoints(self) -> list[Checkpoint]:
        """All up to date."""
        return [Checkpoint(b.source, b.bucket, position=NOW - 60_000_000, samples=99) for b in self.buckets]

    def passes(self, limit: int) -> list[PassRecord]:
        """One complete pass."""
        return [PassRecord(NOW - 10**7, NOW - 9 * 10**6, 1.0, complete=True)]

    def set_aside(self) -> list[tuple[str, str, Range]]:
        """The ranges of the script."""
        return list(self.ranges)

    def quarantine(self) -> list[Quarantined]:
        """The samples of the script."""
        return list(self.samples)

    def aside_counts(self) -> Mapping[tuple[str, str], Aside]:
        """Counted."""
        ranges = Counter((source, bucket) for source, bucket, _ in self.ranges)
        samples = Counter((held.source, held.bucket) for held in self.samples)
        return {key: Aside(ranges[key], samples[key]) for key in ranges | samples}

    def series(self) -> Mapping[tuple[str, str], int]:
        """Seven of each."""
        return {(b.source, b.bucket): 7 for b in self.buckets}

    async def sync_now(self, source: str | None = None, bucket: str | None = None) -> str:
        """Writes it down."""
        await self._obey("sync now", source, bucket)
        return "A pass begins."

    async def pause(self) -> str:
        """Pauses."""
        await self._obey("pause")
        self.paused = True
        return "Paused."

    async def resume(self) -> str:
        """Goes on."""
        await self._obey("resume")
        self.paused = False
        return "Resumed."

    async def set_excluded(
        self, buckets: Sequence[tuple[str, str]], *, excluded: bool, skip_gap: bool = False
    ) -> str:
        """Changes the survey too."""
        await self._obey("exclude" if excluded else "include", *buckets, skip_gap)
        self.buckets = [
            replace(
                b,
                excluded_by=b.bucket if excluded else None,
                why_not=f'excluded by "{b.bucket}"' if excluded else None,
            )
            if (b.source, b.bucket) in buckets
            else b
            for b in self.buckets
        ]
        return "Done."

    async def set_cron(self, expr: str) -> str:
        """Another schedule."""
        await self._obey("cron", expr)
        self.settings = replace(self.settings, cron=expr)
        return "Schedule changed."

    async def rewind(self, source: str, bucket: str, position: int | None) -> str:
        """Writes it down."""
        await self._obey("rewind", source, bucket, position)
        return "Rewound."

    async def retry_aside(self, ids: Sequence[str]) -> str:
        """Marks them."""
        await self._obey("retry aside", *ids)
        self.ranges = [
            (source, bucket, replace(held, mark=Mark.RETRY) if f"r{held.id}" in ids else held)
            for source, bucket, held in self.ranges
        ]
        self.samples = [
            replace(held, mark=Mark.RETRY) if f"s{held.id}" in ids else held for held in self.samples
        ]
        return "To be tried again."

    async def drop_aside(self, ids: Sequence[str]) -> str:
        """Takes them away."""
        await self._obey("drop aside", *ids)
        self.ranges = [each for each in self.ranges if f"r{each[2].id}" not in ids]
        self.samples = [held for held in self.samples if f"s{held.id}" not in ids]
        return "Given up."

    async def take_over(self) -> str:
        """Syncs here."""
        await self._obey("take over")
        self.service_ended = False
        return "This console syncs now."

    async def close(self) -> None:
        """Ends."""
        self.closed = True
