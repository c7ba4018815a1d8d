"""Leaving watchers out and taking them in again: what that means for the globs in config.toml.

A bucket is left out by a glob that is its own id. It is taken in again by removing the globs that match
it, as long as they leave no other bucket out that nobody spoke of.

May import: the standard library, msgspec, config, planning, settings, survey.
"""

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from awsync.config import set_value
from awsync.config.keys import EXCLUDED
from awsync.config.lines import read_toml
from awsync.config.source_keys import SOURCE_NAME, SOURCE_TABLE
from awsync.planning import matching
from awsync.settings import Settings
from awsync.survey import BucketReport

Globs = Mapping[str | None, Sequence[str]]
"""excluded-watchers by the name of their [[source]] table; None is the top level, which is for all."""


class Edit(Struct, frozen=True):
    """The globs as they are to become, and the buckets that stay as they are, with the glob to blame."""

    globs: Globs
    stuck: Mapping[tuple[str, str], str] = field(default_factory=dict)


def globs_of(path: Path) -> Globs:
    """What config.toml says. Raises ConfigError where it cannot be read."""
    data = read_toml(path).data
    found: dict[str | None, Sequence[str]] = {None: _texts(data.get(EXCLUDED.name))}
    tables = data.get(SOURCE_TABLE)
    for table in tables if isinstance(tables, list) else []:
        found[str(table[SOURCE_NAME.name])] = _texts(table.get(EXCLUDED.name))
    return found


def effective_globs(settings: Settings) -> Globs:
    """What holds now, wherever it came from."""
    return {source.name: source.excluded_watchers for source in settings.sources}


def exclude(globs: Globs, buckets: Iterable[BucketReport]) -> Edit:
    """Adds the id of each bucket that is not left out yet."""
    edited = dict(globs)
    for bucket in buckets:
        applying = [each for where in (None, bucket.source) for each in edited.get(where, ())]
        if not any(matching(applying, bucket.watcher, bucket.bucket)):
            where = bucket.source if bucket.source in edited else None
            edited[where] = (*edited.get(where, ()), glob.escape(bucket.bucket))
    return Edit(edited)


def include(globs: Globs, buckets: Sequence[BucketReport], everything: Iterable[BucketReport]) -> Edit:
    """Removes the globs that match only these buckets among `everything` that there is."""
    chosen = {(bucket.source, bucket.bucket) for bucket in buckets}
    edited = dict(globs)
    stuck: dict[tuple[str, str], str] = {}
    known = list(everything)
    for bucket in buckets:
        for where in (None, bucket.source):
            for each in matching(edited.get(where, ()), bucket.watcher, bucket.bucket):
                others = (
                    other
                    for other in known
                    if where in (None, other.source) and any(matching([each], other.watcher, other.bucket))
                )
                if all((other.source, other.bucket) in chosen for other in others):
                    edited[where] = [kept for kept in edited[where] if kept != each]
                else:
                    stuck[bucket.source, bucket.bucket] = each
    return Edit(edited, stuck)


def write(path: Path, before: Globs, after: Globs) -> None:
    """Writes what differs into config.toml. Raises ConfigError."""
    for where, globs in after.items():
        if list(globs) != list(before.get(where, ())):
            set_value(path, EXCLUDED.name, list(globs), where)


class ForThisRun(Struct, frozen=True):
    """Changes that are not in config.toml; they end with the process. Pairs are (source, glob)."""

    excluded: frozenset[tuple[str, str]] = frozenset()
    included: frozenset[tuple[str, str]] = frozenset()
    cron: str | None = None

    def exclude(self, source: str, pattern: str) -> "ForThisRun":
        """With one more glob for a source."""
        pair = {(source, pattern)}
        return replace(self, excluded=self.excluded | pair, included=self.included - pair)

    def include(self, source: str, pattern: str) -> "ForThisRun":
        """With one glob of a source that does not count."""
        pair = {(source, pattern)}
        return replace(self, excluded=self.excluded - pair, included=self.included | pair)

    def after(self, before: Settings, now: Settings) -> "ForThisRun":
        """What is left of these changes once config.toml changed: the later wish counts."""
        return ForThisRun(
            excluded=self.excluded if effective_globs(before) == effective_globs(now) else frozenset(),
            included=self.included if effective_globs(before) == effective_globs(now) else frozenset(),
            cron=self.cron if before.cron == now.cron else None,
        )

    def over(self, settings: Settings) -> Settings:
        """The settings with these changes."""
        sources = tuple(
            replace(
                source,
                excluded_watchers=(
                    *(each for each in source.excluded_watchers if (source.name, each) not in self.included),
                    *sorted(each for name, each in self.excluded if name == source.name),
                ),
            )
            for source in settings.sources
        )
        return replace(settings, sources=sources, cron=self.cron or settings.cron)


def _texts(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
