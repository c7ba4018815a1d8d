"""The doctor's proof: one sample of a series of its own is sent, and queried back.

Stores answer 2xx to much that they drop (FACTS B1): only a query tells that it arrived.

May import: the standard library, and of awsync remote_write, series, settings, timeline, words, and
doctor.findings.
"""

import asyncio
import time

from awsync.doctor.findings import Area, Finding, Walk
from awsync.remote_write.client import Client, Delivered, Rejected
from awsync.remote_write.queries import QueryError, held
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings
from awsync.timeline import MILLISECOND
from awsync.words import span

METRIC = "awsync_probe"
_STEP = "probe"
_SHOWN_WITHIN = 30.0
"""Seconds; VictoriaMetrics 1.145 shows a new sample after one to three, its very first one after ten."""
_POLL = 0.25


async def probe_finding(
    area: Area, walk: Walk, client: Client, store: StoreSettings, ahead: float
) -> Finding:
    """Sends the sample and waits for it; `ahead` is how many seconds the store's clock is ahead."""
    now_ms = walk.wiring.clock() // MILLISECOND
    # A store whose clock is behind would have to take a sample of its future.
    sample = Sample(_labels(walk), now_ms + min(0, round(ahead * 1000)), 1.0)
    verdict = await client.send([sample])
    if isinstance(verdict, Rejected):
        return area.failed(_STEP, f"The probe sample was refused: {verdict.words}", verdict.remedy)
    if not isinstance(verdict, Delivered):
        reason = getattr(verdict, "reason", "the store answered something else")
        return area.failed(_STEP, f"The probe sample was not taken: {reason}", "Try again.")
    if store.asked_url is None:
        what = (
            "The probe sample was taken, and cannot be queried back: the write address does not tell where."
        )
        return area.warning(_STEP, what, f"Ask the store for the series yourself: {METRIC}.")
    return await _queried_back(area, client, store, sample)


async def _queried_back(area: Area, client: Client, store: StoreSettings, sample: Sample) -> Finding:
    began = time.monotonic()
    while True:
        try:
            found = await held(client.http, store, sample.labels, sample.timestamp_ms, sample.timestamp_ms)
        except QueryError as error:
            return area.failed(_STEP, f"The probe sample was taken; then: {error.message}", error.remedy)
        waited = time.monotonic() - began
        if sample.value in found.get(sample.labels, {}).get(sample.timestamp_ms, ()):
            return area.ok(_STEP, f"A sample of {METRIC} arrived, and could be queried after {waited:.1f} s.")
        if waited > _SHOWN_WITHIN:
            what = f"The probe sample was taken, and is not there after {span(waited)}: the store drops it."
            remedy = "The store's own log says why; see its limits, and what relabels or filters before it."
            return area.failed(_STEP, what, remedy)
        await asyncio.sleep(_POLL)


def _labels(walk: Walk) -> Labels:
    user, host = walk.settings.sources[0].user_id, walk.wiring.hostname()
    pairs = {"__name__": METRIC, "user": user, "host": host}
    return tuple(sorted((name, value) for name, value in pairs.items() if value))
