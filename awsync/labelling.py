"""What gives the buckets of one source their labels: who looks at events asks here, so that all agree.

Whether an event leaves, and what of it, is decided by rules, categories and the level of privacy, each before
the labels are made. The category is that of the event as the watcher wrote it.

May import: the standard library, msgspec, activitywatch, categories, errors, planning, series, settings.
"""

import hashlib
from collections.abc import Callable

import msgspec

from awsync.activitywatch import ActivityWatch, Bucket
from awsync.categories import Rules, rules_from, rules_of
from awsync.errors import SourceError, UncategorizedError
from awsync.planning import host_label
from awsync.series import Data, Edit, Edited, Labeller, Labels
from awsync.settings import Settings, SourceSettings

Categoriser = Callable[[Data], str]
"""The category of an event's data as they are at the source; may raise CategoryError."""
_AFK = "afkstatus"


class Labelling:
    """Makes the labellers of one source's buckets; a new one is made for each pass.

    ActivityWatch is asked for its categories when the first bucket needs them.
    """

    def __init__(self, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> None:
        self._aw = aw
        self._source = source
        self._settings = settings
        self._rules: Rules | None = None

    async def of(self, bucket: Bucket) -> Labeller:
        """What gives the events of a bucket their labels. Raises SourceError."""
        rules = None if bucket.type == _AFK else await self.categories()
        return self._labeller(bucket, Edited if rules is None else _edit(rules.category))

    async def categories(self) -> Rules | None:
        """The rules by which events get a category, asked for once; None where they get none.

        Raises UncategorizedError.
        """
        wanted = self._settings.categories
        if wanted == "off":
            return None
        if self._rules is None:
            self._rules = await self._of_source() if wanted == "activitywatch" else rules_from(wanted)
        return self._rules

    async def made_of(self) -> dict[str, str]:
        """What decides the labels, by its name, each as a hash that is another one where that changed.

        Raises UncategorizedError.
        """
        rules = await self.categories()
        parts: dict[str, object] = {
            "categories": rules and rules.description,
            "rules": self._settings.rules,
            "privacy": self._source.privacy,
        }
        return {name: _hash(part) for name, part in parts.items()}

    def identity(self, bucket: Bucket) -> Labels:
        """The labels that every series of a bucket has."""
        return self._labeller(bucket, Edited).identity

    async def _of_source(self) -> Rules:
        try:
            return rules_of(await self._aw.settings())
        except SourceError as error:
            raise UncategorizedError(
                f"The categories cannot be read: {error.message}",
                f'{error.remedy} Nothing leaves without its category; categories = "off" does without them.',
            ) from error

    def _labeller(self, bucket: Bucket, edit: Edit) -> Labeller:
        host = host_label(bucket, self._settings.hosts)
        return Labeller(
            user=self._source.user_id, host=host, bucket=bucket.id, client=bucket.client, edit=edit
        )


def _hash(part: object) -> str:
    text = msgspec.json.encode(part, order="deterministic")
    return hashlib.blake2s(text, digest_size=8).hexdigest()


def _edit(categorise: Categoriser) -> Edit:
    return lambda data: Edited(data, categorise(data))
