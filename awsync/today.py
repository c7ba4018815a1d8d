"""What the time was spent on, straight from ActivityWatch, counted as a pass counts it; no store, no state.

May import: everything below the engine.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta

import httpx
from msgspec import Struct
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.counting import BucketCounter
from awsync.errors import SourceError
from awsync.labelling import Labelling
from awsync.neighbours import Neighbours
from awsync.planning import host_label, left_out
from awsync.presence import PresenceReader
from awsync.records import Neighbour
from awsync.roll_call import Present, roll_call
from awsync.series import Labeller
from awsync.settings import Settings
from awsync.since import beginning
from awsync.timeline import MINUTE
from awsync.totals import NOTHING, By, Failure, Report, Sums, report, value

SILENCE = timedelta(seconds=15)
"""Somebody waits for the answer."""
_MICROSECOND = timedelta(microseconds=1)
_WINDOW, _AFK, _TAB = "currentwindow", "afkstatus", "web.tab.current"
_START_OF_DAY = "startOfDay"


class _Asked(Struct, frozen=True):
    """One source, what of it failed, and how it was counted."""

    sums: Sums
    failures: Sequence[Failure]
    notes: Sequence[str] = ()


async def today(
    settings: Settings,
    by: By,
    since: str | None = None,
    *,
    now: int,
    remembered: Iterable[Neighbour] = (),
    transport: httpx.AsyncBaseTransport | None = None,
) -> Report:
    """The time since a moment (None: today) by app or something else; raises UsageError for a bad `since`.

    A source that cannot be read is told in the report, and stops no other.
    """
    async with roll_call(settings.sources, remembered, transport=transport, silence=SILENCE) as called:
        kept = await asyncio.gather(*map(_settings, called.sources))
        begins = next((text for each in kept if isinstance(text := each.get(_START_OF_DAY), str)), "")
        start = beginning(since, now, begins)
        if by is By.CATEGORY and settings.categories == "off":
            # What does not leave the machine may be looked at here.
            settings = replace(settings, categories="activitywatch")
        counting = _Counting(settings, called.neighbours, by, start, now)
        asked = await asyncio.gather(*map(counting.ask, called.sources))
    failures = [failure for each in asked for failure in each.failures]
    notes = list(dict.fromkeys(note for each in asked for note in each.notes))
    return report(by, start, now, [each.sums for each in asked], notes, failures)


async def _settings(present: Present) -> Mapping[str, object]:
    """What a server keeps for the web page; a report does without."""
    if present.error is not None:
        return {}
    try:
        return await present.aw.settings()
    except SourceError:
        return {}


class _Counting(Struct, frozen=True):
    """What is counted: [start, end) of every bucket that is synced."""

    settings: Settings
    among: Neighbours
    by: By
    start: int
    end: int

    async def ask(self, present: Present) -> _Asked:
        """Counts a source; one bucket that fails stops no other."""
        sums = Sums(lambda labels: value(labels, self.by) or NOTHING)
        source, error = present.source, present.error
        if error is not None:
            return _Asked(sums, [Failure(source.name, error.message, error.remedy)])
        failures: list[Failure] = []
        notes: Sequence[str] = ()
        presence = PresenceReader(present.aw, source, self.settings.hosts, present.buckets)
        with Labelling.local(present.aw, source, self.settings) as labelling:
            for bucket in sorted(filter(self._counts, present.buckets), key=PresenceReader.rank):
                if left_out(bucket, source, self.among) is not None:
                    continue
                try:
                    labels = await labelling.of(bucket)
                    await self._count(present, bucket, labels, presence, sums)
                    notes = await self._notes(labelling)
                except SourceError as failed:
                    failures.append(Failure(f"{source.name}/{bucket.id}", failed.message, failed.remedy))
        return _Asked(sums, failures, notes)

    async def _notes(self, labelling: Labelling) -> Sequence[str]:
        rules = await labelling.categories() if self.by is By.CATEGORY else None
        if rules is None:
            return []
        notes = []
        if not rules.saved:
            notes.append("No categories are saved in ActivityWatch: its web page's own are taken.")
        if rules.broken:
            notes.append(f"Rules that cannot be read are left out: {', '.join(sorted(rules.broken))}.")
        return notes

    def _counts(self, bucket: Bucket) -> bool:
        wanted = {_AFK, _TAB if self.by is By.DOMAIN else _WINDOW}
        return bucket.type in wanted and (bucket.newest or 0) > self.start

    async def _count(
        self, present: Present, bucket: Bucket, labels: Labeller, presence: PresenceReader, sums: Sums
    ) -> None:
        host = host_label(bucket, self.settings.hosts)
        counter = BucketCounter(present.aw, bucket, labels, MINUTE, presence=presence)
        async with aclosing(counter.pages(self.start, self.end)) as pages:
            async for page in pages:
                if bucket.type == _AFK:
                    sums.add_afk(host, bucket.id, page.amounts)
                else:
                    await asyncio.to_thread(sums.add, host, page.amounts)
