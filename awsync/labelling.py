"""What gives the buckets of one source their labels: who looks at events asks here, so that all agree.

Whether an event leaves, and what of it, is decided by rules, categories and the level of privacy, each before
the labels are made. The category is that of the event as the watcher wrote it.

May import: the standard library, msgspec, activitywatch, categories, errors, planning, rules, series,
settings, usercode.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.client import ActivityWatch
from awsync.categories import Rules, rules_from, rules_of
from awsync.errors import SourceError, UncategorizedError
from awsync.planning import host_label
from awsync.rules.edits import RuleBook
from awsync.rules.levels import in_force
from awsync.rules.steps import Step, composed
from awsync.series import CATEGORY, Data, Edit, Edited, Labeller, Labels
from awsync.settings import Privacy, Settings, SourceSettings
from awsync.usercode import UserCode

Categoriser = Callable[[Data], str]
"""The category of an event's data as they are at the source; may raise CategoryError."""
_AFK = "afkstatus"


class Labelling:
    """Makes the labellers of one source's buckets; a new one is made for each pass, and left at its end.

    ActivityWatch is asked for its categories when the first bucket needs them.
    """

    def __init__(self, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> None:
        self._aw = aw
        self._source = source
        self._settings = settings
        self._code = UserCode()
        self._book = RuleBook(settings.rules, settings.pseudonym_key, self._code.run)
        self._rules: Rules | None = None

    @classmethod
    def local(cls, aw: ActivityWatch, source: SourceSettings, settings: Settings) -> Self:
        """For what stays on this machine: every event with all that ActivityWatch has of it."""
        return cls(aw, replace(source, privacy=Privacy("full")), replace(settings, rules=()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._code.close()

    async def of(self, bucket: Bucket) -> Labeller:
        """What gives the events of a bucket their labels. Raises SourceError."""
        return self._labeller(bucket, composed(await self.steps(bucket)))

    async def steps(self, bucket: Bucket) -> tuple[Step, ...]:
        """What is done to the events of a bucket before they have labels, in order. Raises SourceError."""
        categories = None if bucket.type == _AFK else await self.categories()
        steps = self._book.steps(self._source.privacy, bucket.client, bucket.id, self._host(bucket))
        return steps if categories is None else (_categorising(categories.category), *steps)

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
            "privacy": (self._source.privacy, self._rules_of_levels()),
            "pseudonyms": self._settings.pseudonym_key,
        }
        return {name: _hash(part) for name, part in parts.items()}

    def identity(self, bucket: Bucket) -> Labels:
        """The labels that every series of a bucket has."""
        return self._labeller(bucket, Edited).identity

    def _rules_of_levels(self) -> Mapping[str, Sequence[str]]:
        levels = in_force(self._source.privacy)
        return {name: [rule.name for rule in level.rules] for name, level in levels.items()}

    async def _of_source(self) -> Rules:
        try:
            return rules_of(await self._aw.settings())
        except SourceError as error:
            raise UncategorizedError(
                f"The categories cannot be read: {error.message}",
                f'{error.remedy} Nothing leaves without its category; categories = "off" does without them.',
            ) from error

    def _labeller(self, bucket: Bucket, edit: Edit) -> Labeller:
        host = self._host(bucket)
        return Labeller(
            user=self._source.user_id, host=host, bucket=bucket.id, client=bucket.client, edit=edit
        )

    def _host(self, bucket: Bucket) -> str:
        return host_label(bucket, self._settings.hosts)


def _categorising(categorise: Categoriser) -> Step:
    return Step(CATEGORY, lambda edited: edited._replace(category=categorise(edited.data)))


def _hash(part: object) -> str:
    text = msgspec.json.encode(part, order="deterministic")
    return hashlib.blake2s(text, digest_size=8).hexdigest()
