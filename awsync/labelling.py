"""What gives the buckets of one source their labels: who looks at events asks here, so that all agree.

Whether an event leaves, and what of it, is decided by rules, categories and the level of privacy, each before
the labels are made.

May import: activitywatch, categories, planning, series, settings.
"""

from awsync.activitywatch import ActivityWatch, Bucket
from awsync.planning import host_label
from awsync.series import Labeller, Labels
from awsync.settings import Settings, SourceSettings


class Labelling:
    """Makes the labellers of one source's buckets; a new one is made for each pass.

    ActivityWatch is asked for its categories when the first bucket needs them.
    """

    def __init__(self, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> None:
        self._aw = aw
        self._source = source
        self._settings = settings

    async def of(self, bucket: Bucket) -> Labeller:
        """What gives the events of a bucket their labels. Raises SourceError."""
        return self._labeller(bucket)

    def identity(self, bucket: Bucket) -> Labels:
        """The labels that every series of a bucket has."""
        return self._labeller(bucket).identity

    def _labeller(self, bucket: Bucket) -> Labeller:
        host = host_label(bucket, self._settings.hosts)
        return Labeller(user=self._source.user_id, host=host, bucket=bucket.id, client=bucket.client)
