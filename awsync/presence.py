"""Asks ActivityWatch whether somebody was there, for the label `active`, and as little as that takes.

AFK watchers are read for all the time that is asked about; browsers only where a bucket has time of which
those do not say that somebody was there, and windows only where a tab was audible then. What a pass reads of
them for their own sake is noted on the way. Buckets that the settings leave out are not read.

May import: active, activitywatch, errors, planning, reader, settings, timeline.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Self

from awsync.active import (
    BROWSERS,
    Period,
    Presence,
    apps_of,
    by_watchers,
    chosen,
    common,
    inside,
    near,
    only,
    union,
    with_more,
    without,
)
from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.errors import BucketGoneError
from awsync.planning import host_label, unwanted
from awsync.reader import carry_at, completed, opened, raw_pages, stands_alone
from awsync.settings import SourceSettings
from awsync.timeline import DAY, MINUTE, Carry, Span, floor_to, lay_out

AFK, WINDOW, BROWSER = "afkstatus", "currentwindow", "web.tab.current"
_TOLD_BY: Mapping[str, tuple[str, frozenset[object]]] = {
    BROWSER: ("audible", frozenset({True})),
    WINDOW: ("app", frozenset().union(*BROWSERS.values())),
}
"""Which spans of a bucket tell that somebody was there, by its type: only those are kept in mind."""

_KEPT_SPANS = 200_000
_AT_ONCE = 4
"""So many stretches are asked about at a time: each is a few small questions with slow answers."""
_LEAD = 15 * MINUTE
"""What lies before a stretch is read with it: mostly that tells what else two further questions would."""
_STALE = 10 * MINUTE
_LONGEST = 7 * DAY
"""An event that began before the newest may end later than that; one that lasts a week is none."""


class PresenceReader:
    """When somebody was at the hosts of one source; what was read is remembered, within bounds.

    A new one is made for each pass, so that what changes in ActivityWatch is seen. `hosts` renames hosts.
    """

    def __init__(
        self,
        aw: ActivityWatch,
        source: SourceSettings,
        hosts: Mapping[str, str],
        buckets: Iterable[Bucket] = (),
    ) -> None:
        self._aw = aw
        self._source = source
        self._hosts = hosts
        self._buckets: Sequence[Bucket] = ()
        self._carries: dict[str, tuple[int, Carry]] = {}
        self._noted: dict[str, list[tuple[Period, Sequence[Span]]]] = {}
        self._noted_spans = 0
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.learn(buckets)

    def anew(self) -> Self:
        """One that knows nothing of what was read so far."""
        return type(self)(self._aw, self._source, self._hosts, self._buckets)

    def learn(self, buckets: Iterable[Bucket]) -> None:
        """Which buckets the source has."""
        self._buckets = [bucket for bucket in buckets if unwanted(bucket, self._source) is None]

    def host(self, bucket: Bucket) -> str:
        """The host of a bucket, as it is called in the store."""
        return host_label(bucket, self._hosts)

    @staticmethod
    def rank(bucket: Bucket) -> int:
        """The order in which a pass had best read buckets: those first that tell of the others."""
        return (AFK, BROWSER, WINDOW, bucket.type).index(bucket.type)

    async def of(self, bucket: Bucket, spans: Sequence[Span], start: int, end: int) -> Presence | None:
        """Whether somebody was at the host of a bucket while it had these spans, which are its [start, end).

        None for a bucket that says it itself.
        """
        if bucket.type == AFK:
            return None
        watchers = [await self._spans(each, Period(start, end)) for each in self._of_host(bucket, AFK)]
        presence, unsure = await asyncio.to_thread(_first, watchers, spans)
        return with_more(presence, await self._heard(bucket, unsure)) if unsure else presence

    def note(self, bucket: Bucket, start: int, end: int, spans: Sequence[Span]) -> None:
        """Takes what a bucket holds in [start, end) from who read it anyway: it is not asked again."""
        if bucket.type != AFK and bucket.type not in _TOLD_BY:
            return
        if self._noted_spans > _KEPT_SPANS:
            self._noted.clear()
            self._noted_spans = 0
        noted = self._noted.setdefault(bucket.id, [])
        kept = spans if bucket.type == AFK else only(spans, *_TOLD_BY[bucket.type])
        for missing in without([Period(start, end)], self._seen(bucket)):
            noted.append((missing, inside(kept, missing)))
        self._noted_spans += len(kept)

    def waits(self, bucket: Bucket, start: int, end: int) -> bool:
        """Whether something that tells of a browser's [start, end) was not noted yet.

        A bucket that is no browser is read behind those that tell of it.
        """
        if bucket.type != BROWSER or not apps_of(bucket.id):
            return False
        told_by = [*self._of_host(bucket, BROWSER), *self._of_host(bucket, WINDOW)]
        return any(without([Period(start, end)], self._seen(each)) for each in told_by)

    def closed(self, bucket: Bucket, closed: int, settle: int, until: Callable[[int], int]) -> int:
        """What is closed of a bucket where `closed` is by its own events, and `until` tells by newest ends.

        Its host's AFK watchers have to be as far, and a browser that is in use; one that is not has nothing
        more to say.
        """
        if bucket.type == AFK:
            return closed
        ends = [watcher.newest for watcher in self._of_host(bucket, AFK)]
        closed = min([closed, *(until(end) for end in ends if end is not None)])
        in_use = closed - settle
        browsers = [
            each
            for each in self._of_host(bucket, BROWSER)
            if apps_of(each.id) and (each.newest or 0) > in_use
        ]
        if not browsers:
            return closed
        windows = [each for each in self._of_host(bucket, WINDOW) if (each.newest or 0) > in_use]
        return min([closed, *(until(each.newest or 0) for each in (*browsers, *windows))])

    def silent(self, bucket: Bucket, settle: int) -> Bucket | None:
        """The AFK watcher of a bucket's host, where it says nothing more and the bucket goes on."""
        watchers = [each for each in self._of_host(bucket, AFK) if each.newest is not None]
        if bucket.type == AFK or not watchers:
            return None
        last = max(watchers, key=lambda watcher: watcher.newest or 0)
        return last if (bucket.newest or 0) - (last.newest or 0) > settle + _STALE else None

    def _of_host(self, bucket: Bucket, type_: str) -> list[Bucket]:
        host = self.host(bucket)
        return [each for each in self._buckets if each.type == type_ and self.host(each) == host]

    async def _heard(self, bucket: Bucket, unsure: Sequence[Period]) -> list[Period]:
        """When a tab was audible whose browser had the focus; `bucket` itself is asked first, if it tells."""
        heard: list[Period] = []
        browsers = [each for each in self._of_host(bucket, BROWSER) if apps_of(each.id)]
        for browser in sorted(browsers, key=lambda each: each.id != bucket.id):
            left = without(unsure, union(heard))
            tabs = await self._around(browser, left)
            heard_at = common(chosen(tabs, *_TOLD_BY[BROWSER]), left)
            for window in self._of_host(bucket, WINDOW) if heard_at else []:
                focused = chosen(await self._around(window, heard_at), "app", apps_of(browser.id))
                heard += common(heard_at, focused)
        return heard

    async def _around(self, bucket: Bucket, periods: Sequence[Period]) -> list[Span]:
        """What a bucket tells of some periods; it is cheaper to read what lies between two than to ask twice.

        Pages begin and end with a minute: aw-server (Python) knows nothing finer than a millisecond.
        """
        joined = near(periods, DAY)
        widened = union(Period(floor_to(start, MINUTE), -floor_to(-end, MINUTE)) for start, end in joined)
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._in_turn(bucket, period)) for period in widened]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return [span for each in asked for span in each.result()]

    async def _in_turn(self, bucket: Bucket, period: Period) -> list[Span]:
        async with self._turns:
            return await self._spans(bucket, period)

    def _seen(self, bucket: Bucket) -> list[Period]:
        """The time of which is noted what a bucket tells."""
        return sorted(seen for seen, _ in self._noted.get(bucket.id, ()))

    async def _spans(self, bucket: Bucket, period: Period) -> list[Span]:
        """What is noted of a bucket and what is not; one that was deleted since it was listed has nothing."""
        noted = self._noted.get(bucket.id, ())
        noted = [each for each in noted if each[0].start < period.end and each[0].end > period.start]
        spans = [span for seen, held in noted for span in inside(held, period)]
        for missing in without([period], sorted(seen for seen, _ in noted)):
            if (bucket.newest or 0) + _LONGEST > missing.start:
                with suppress(BucketGoneError):
                    read = await self._read_spans(bucket, *missing)
                    self.note(bucket, missing.start, missing.end, read)
                    spans += read
        return sorted(spans)

    async def _read_spans(self, bucket: Bucket, start: int, end: int) -> list[Span]:
        known, carry = self._carries.get(bucket.id, (None, Carry()))
        begin = start if known == start else start - _LEAD
        spans: list[Span] = []
        async with aclosing(raw_pages(self._aw, bucket.id, begin, end, MINUTE)) as found:
            async for raw in found:
                page = await opened(self._aw, raw)
                if known != start and raw.start == begin:
                    carry = Carry()
                    if not stands_alone(page, start):
                        carry = await carry_at(self._aw, bucket.id, begin, single_focus=True)
                page = await completed(self._aw, bucket.id, page, carry, single_focus=True)
                laid, carry = await asyncio.to_thread(lay_out, page, carry, single_focus=True)
                spans += laid
        self._carries[bucket.id] = end, carry
        return inside(spans, Period(start, end))


def _first(watchers: Sequence[Sequence[Span]], spans: Sequence[Span]) -> tuple[Presence, list[Period]]:
    """What AFK watchers say, and the time of the spans in which they do not say that somebody was there."""
    presence = by_watchers(watchers)
    return presence, union(without(((start, end) for start, end, _ in spans), presence.there))
