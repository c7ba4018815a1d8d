"""Asks every source at once who it is and what buckets it has, for whatever looks at them outside a pass.

May import: the standard library, activitywatch, neighbours, records, settings.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx
from msgspec import Struct

from awsync.activitywatch.answers import Bucket, Info
from awsync.activitywatch.client import SILENCE, ActivityWatch
from awsync.errors import SourceError
from awsync.neighbours import Neighbours, introduced, neighbours_of
from awsync.records import Neighbour
from awsync.settings import SourceSettings


class Present(Struct, frozen=True):
    """A source that was asked, with its open client; `error` is why it did not answer.

    `skew` is how many seconds its clock is ahead of this machine's; None where it does not tell.
    """

    source: SourceSettings
    aw: ActivityWatch
    info: Info
    buckets: Sequence[Bucket] = ()
    error: SourceError | None = None
    skew: float | None = None


class RollCall(Struct, frozen=True):
    """The sources in the order of the settings, and what is known of them together."""

    sources: Sequence[Present]
    neighbours: Neighbours


@asynccontextmanager
async def roll_call(
    sources: Sequence[SourceSettings],
    remembered: Iterable[Neighbour] = (),
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    silence: timedelta = SILENCE,
) -> AsyncIterator[RollCall]:
    """What the sources say; `remembered` is what those said before that do not answer now.

    One that is silent for `silence` does not answer.
    """
    async with AsyncExitStack() as clients:
        opened = [
            (
                source,
                await clients.enter_async_context(
                    ActivityWatch(source, transport=transport, timeout=silence)
                ),
            )
            for source in sources
        ]
        present = await asyncio.gather(*(_ask(source, aw) for source, aw in opened))
        before = neighbours_of(sources, remembered).known
        answered = [
            introduced(each.source, each.info, each.buckets, before.get(each.source.name), _LATEST)
            for each in present
            if each.error is None
        ]
        yield RollCall(present, neighbours_of(sources, [*before.values(), *answered]))


_LATEST = 2**62
"""Since when a source is known that nobody remembers: after all others."""


async def _ask(source: SourceSettings, aw: ActivityWatch) -> Present:
    try:
        info, buckets = await aw.info(), await aw.buckets()
    except SourceError as error:
        return Present(source, aw, Info(hostname="", version=""), error=error)
    return Present(source, aw, info, buckets, skew=aw.skew)
