"""Who has answered in a pass, and what is known of those who have not: the sources run side by side.

May import: the standard library, activitywatch (its types), neighbours, records, settings, state.
"""

import asyncio
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket, Info
from awsync.neighbours import Neighbours, introduced, neighbours_of, twin
from awsync.settings import SourceSettings
from awsync.state import State

PATIENCE = 3.0
"""Seconds that one source waits for what another one says of itself: a dead one delays nobody for long."""


class Meeting:
    """The sources of one pass. `silent` are those that were waited for in vain; it outlives the pass.

    Nobody waits for a silent one again: what is not known of it is decided as neighbours.py says.
    """

    def __init__(
        self,
        sources: Sequence[SourceSettings],
        running: Iterable[SourceSettings],
        state: State,
        silent: set[str],
        now: int,
    ) -> None:
        self._sources = sources
        self._state = state
        self._silent = silent
        self._now = now
        self._known = {each.source: each for each in state.neighbours()}
        self._told = {source.name: asyncio.Event() for source in running}
        self._listed = {source.name: asyncio.Event() for source in running}

    @property
    def neighbours(self) -> Neighbours:
        """All that is known now."""
        return neighbours_of(self._sources, self._known.values())

    def told(self, source: SourceSettings, info: Info) -> None:
        """A source told who it is; its buckets are not known yet, or as they were."""
        before = self.neighbours.known.get(source.name)
        if before is None or (before.device, before.hostname) != (info.device_id, info.hostname):
            self._known[source.name] = introduced(source, info, (), before, self._now)
        self._silent.discard(source.name)
        self._told[source.name].set()

    def listed(self, source: SourceSettings, info: Info, buckets: Iterable[Bucket]) -> None:
        """A source told all its buckets; what is new about it is remembered. Raises StateError."""
        now_known = introduced(source, info, buckets, self.neighbours.known.get(source.name), self._now)
        self._known[source.name] = now_known
        if now_known not in self._state.neighbours():
            self._state.remember(now_known)
        self._listed[source.name].set()

    def gone(self, source: SourceSettings) -> None:
        """A source says nothing more in this pass."""
        self._told[source.name].set()
        self._listed[source.name].set()

    async def twin(self, source: SourceSettings) -> str | None:
        """The source before this one that serves the same device, once it has told. Raises StateError.

        It is so from then on: another order of the settings does not move a device to another source.
        """
        names = [each.name for each in self._sources]
        known = self.neighbours.known
        strangers = [name for name in names[: names.index(source.name)] if name not in known]
        await self._wait({name: self._told[name] for name in strangers if name in self._told})
        other = twin(source.name, self.neighbours)
        if other is not None:
            self._keep_behind(source.name, other)
        return other

    async def listings(self, source: SourceSettings) -> None:
        """Waits for what the other sources have: it decides about the copies of this one."""
        await self._wait({name: event for name, event in self._listed.items() if name != source.name})

    def _keep_behind(self, name: str, other: str) -> None:
        own, first = self._known[name], self._known[other]
        if own.since <= first.since:
            self._known[name] = replace(own, since=first.since + 1)
            self._state.remember(self._known[name])

    async def _wait(self, expected: dict[str, asyncio.Event]) -> None:
        waits = {name: event for name, event in expected.items() if name not in self._silent}
        try:
            async with asyncio.timeout(PATIENCE):
                for event in waits.values():
                    await event.wait()
        except TimeoutError:
            self._silent.update(name for name, event in waits.items() if not event.is_set())
