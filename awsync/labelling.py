"""What gives the buckets of one source their labels: who looks at events asks here, so that all agree.

Whether an event leaves, and what of it, is decided by rules, categories and the level of privacy, each before
the labels are made.

May import: activitywatch, planning, rules, series, settings.
"""

from typing import Self

from msgspec.structs import replace

from awsync.activitywatch import ActivityWatch, Bucket
from awsync.planning import host_label
from awsync.rules.edits import RuleBook
from awsync.rules.steps import Step, composed
from awsync.series import Edit, Edited, Labeller, Labels
from awsync.settings import Privacy, Settings, SourceSettings


class Labelling:
    """Makes the labellers of one source's buckets; a new one is made for each pass."""

    def __init__(self, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> None:
        self._aw = aw
        self._source = source
        self._settings = settings
        self._rules = RuleBook(settings.rules, settings.pseudonym_key)

    @classmethod
    def local(cls, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> Self:
        """For what stays on this machine: every event with all that ActivityWatch has of it."""
        return cls(aw, replace(source, privacy=Privacy("full")), replace(settings, rules=()))

    async def of(self, bucket: Bucket) -> Labeller:
        """What gives the events of a bucket their labels. Raises SourceError."""
        return self._labeller(bucket, composed(await self.steps(bucket)))

    async def steps(self, bucket: Bucket) -> tuple[Step, ...]:
        """What is done to the events of a bucket before they have labels, in order. Raises SourceError."""
        return self._rules.steps(self._source.privacy, bucket.client, bucket.id, self._host(bucket))

    def identity(self, bucket: Bucket) -> Labels:
        """The labels that every series of a bucket has."""
        return self._labeller(bucket, Edited).identity

    def _labeller(self, bucket: Bucket, edit: Edit) -> Labeller:
        host = self._host(bucket)
        return Labeller(
            user=self._source.user_id, host=host, bucket=bucket.id, client=bucket.client, edit=edit
        )

    def _host(self, bucket: Bucket) -> str:
        return host_label(bucket, self._settings.hosts)
