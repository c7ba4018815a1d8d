"""The sources of a console and the buckets that they had when they last answered.

May import: everything but cli, demo, tui and agent.
"""

from collections.abc import Iterator
from contextlib import suppress

import httpx

from awsync.attachment import Attachment
from awsync.errors import SourceError, StateError
from awsync.records import Neighbour
from awsync.settings import SourceSettings
from awsync.survey import BucketReport, SourceReport, survey


class KnownSources:
    """What is known of the sources; `neighbours` are those that the state remembers."""

    def __init__(self, attached: Attachment, transport: httpx.AsyncBaseTransport | None) -> None:
        self._attached = attached
        self._transport = transport
        self._reports: dict[str, SourceReport] = {}
        self.neighbours: list[Neighbour] = []

    async def survey(self) -> list[SourceReport]:
        """What each source has now."""
        with suppress(StateError):
            self.neighbours = self._attached.state.neighbours()
        reports = await survey(self._attached.settings, self.neighbours, transport=self._transport)
        # A server that is down still has the buckets it had: they can be excluded and rewound meanwhile.
        answered = {report.source: report for report in reports if report.error is None}
        self._reports = {
            report.source: answered.get(report.source) or self._reports.get(report.source, report)
            for report in reports
        }
        return reports

    def source(self, name: str) -> SourceSettings:
        """The settings of a source; raises SourceError where there is none of that name."""
        for source in self._attached.settings.sources:
            if source.name == name:
                return source
        raise SourceError(
            f'The settings have no source "{name}" any more.', "Leave this page: what it shows is gone."
        )

    async def bucket(self, source: str, bucket: str) -> BucketReport:
        """A bucket, looked for anew where it is not known; raises SourceError where there is none."""
        for again in (False, True):
            if again:
                await self.survey()
            known = self._reports.get(source)
            for found in known.buckets if known is not None else ():
                if found.bucket == bucket:
                    return found
        raise SourceError(f'{source} has no bucket "{bucket}" now.', "Is its ActivityWatch running?")

    def buckets(self) -> Iterator[BucketReport]:
        """Every bucket that is known."""
        for report in self._reports.values():
            yield from report.buckets
