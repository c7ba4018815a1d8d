"""The agent's own series: they go with each pass to the store that the data goes to.

A laptop cannot be scraped, and these let whoever looks at the store notice that one went quiet. They are of
the moment: what does not arrive is not repeated, and nothing of it is kept in the ledger.

May import: the standard library, errors, events, identity, link, remote_write, series, settings, state,
timeline and the other modules of telemetry; families when it sends.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from awsync.errors import StateError
from awsync.events import Event, OwnSeriesRefused
from awsync.identity import identity_of
from awsync.link import Link
from awsync.remote_write.client import Delivered, Rejected, Retry, StoreReached
from awsync.remote_write.wire import Metadata, MetricKind
from awsync.series import Sample
from awsync.settings import Settings
from awsync.state import State, passes
from awsync.telemetry.figures import Figures
from awsync.timeline import MILLISECOND

PATIENCE = 10.0
"""Seconds that a pass may take longer for them."""


class OwnSeries:
    """Folds what it hears and sends it. That the store refuses them is said once, until it takes them again.

    `clock` gives microseconds since the epoch.
    """

    def __init__(
        self,
        figures: Figures,
        clock: Callable[[], int],
        *,
        hostname: Callable[[], str] = socket.gethostname,
        patience: float = PATIENCE,
    ) -> None:
        self.figures = figures
        self.clock = clock
        self._hostname = hostname
        self._patience = patience
        self._refused = False
        self._last_ms = 0

    def hear(self, event: Event) -> None:
        """Takes in what the engine says."""
        self.figures.apply(event)

    async def send(self, link: Link, settings: Settings, *, nothing_waits: bool) -> OwnSeriesRefused | None:
        """Sends them over the link of a pass, unless the store takes nothing; returns what is to be said.

        `nothing_waits` is false after a pass that left something due: then they only go where they do not
        make the store refuse that for its age.
        """
        if not settings.push_metrics or link.parked:
            return None
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._send(link, settings, nothing_waits=nothing_waits)
        except TimeoutError:
            answer = Retry(f"The store did not answer in {self._patience:.0f} s.")
        if answer is None:
            return None
        before, self._refused = self._refused, not isinstance(answer, Delivered)
        if before or isinstance(answer, Delivered):
            return None
        if isinstance(answer, Retry):
            return OwnSeriesRefused(
                sink=link.sink, reason=answer.reason, remedy="The next pass sends them anew."
            )
        return OwnSeriesRefused(sink=link.sink, reason=answer.words, remedy=answer.remedy)

    async def _send(
        self, link: Link, settings: Settings, *, nothing_waits: bool
    ) -> Delivered | Retry | Rejected | None:
        """The answer of the store; None where nothing was sent."""
        client = link.client
        if client.protocol is None:
            reached = await client.open()
            if not isinstance(reached, StoreReached):
                return reached
        if not nothing_waits:
            if link.knowledge.facts.engine == "unknown":
                await link.knowledge.ask()
            if not link.knowledge.takes_late:
                return None
        stamp_ms = (self.clock() - link.ahead) // MILLISECOND
        if stamp_ms == self._last_ms:
            return None
        self._last_ms = stamp_ms
        samples, metadata = self._samples(settings, stamp_ms)
        return await client.send(samples, metadata=metadata)

    def _samples(self, settings: Settings, stamp_ms: int) -> tuple[list[Sample], dict[str, Metadata]]:
        from awsync.telemetry.families import OwnCollector

        identity = identity_of(settings, self._hostname())
        samples: list[Sample] = []
        metadata: dict[str, Metadata] = {}
        for family in OwnCollector(self.figures, self.clock).collect():
            for sample in family.samples:
                labels = sorted([("__name__", sample.name), *identity, *sample.labels.items()])
                samples.append(Sample(tuple(labels), stamp_ms, float(sample.value)))
                name = family.name if family.type == "summary" else ""
                metadata[sample.name] = Metadata(
                    cast(MetricKind, family.type), family.documentation, family=name
                )
        return samples, metadata


def begun(state: State, clock: Callable[[], int]) -> OwnSeries:
    """Those of a process that begins: what is known of the passes before it goes on."""
    figures = Figures(clock())
    # A damaged state is met again by the pass, where it can be mended.
    with suppress(StateError):
        figures.samples = sum(each.samples for each in state.checkpoints())
        figures.last_success = passes.last_complete(state.database, state.sink) or 0
    return OwnSeries(figures, clock)
