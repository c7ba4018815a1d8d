"""What somebody wants to be otherwise: in config.toml where it holds there, else for this run only.

May import: everything but the front ends, agent and sides.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec.structs import replace

from awsync.config import Watched, set_value
from awsync.config.keys import CRON
from awsync.config.write import read_text, write_text
from awsync.config.write_rules import add_rule, remove_rule
from awsync.control import Command, Request
from awsync.errors import ConfigError
from awsync.exclusions import Edit, Globs, effective_globs, exclude, globs_of, include, write
from awsync.planning import matching
from awsync.schedule import Schedule
from awsync.settings import Settings
from awsync.survey import BucketReport
from awsync.words import amount

_STRONGER = "the environment or a flag is stronger than config.toml."


class Wanted:
    """Changes of the settings; `obey` has the engine take one for this run, and says how that went.

    Methods return the sentence to show.
    """

    def __init__(self, watched: Watched, obey: Callable[[Command], Awaitable[str]]) -> None:
        self._watched = watched
        self._obey = obey

    async def exclude(self, settings: Settings, buckets: Sequence[BucketReport]) -> str:
        """Leaves buckets out; `settings` are those that hold now."""
        return await self._change(settings, buckets, lambda globs: exclude(globs, buckets), excluded=True)

    async def include(
        self, settings: Settings, buckets: Sequence[BucketReport], everything: Iterable[BucketReport]
    ) -> str:
        """Takes buckets in again, among `everything` that there is."""
        known = list(everything)
        return await self._change(
            settings, buckets, lambda globs: include(globs, buckets, known), excluded=False
        )

    async def schedule(self, settings: Settings, expr: str) -> str:
        """Syncs at other times. Raises ValueError with the reason for an expression that is none."""
        words = Schedule.of(replace(settings, cron=expr)).describe()
        why = self._write_cron(expr)
        if not why:
            return f"The schedule is now {words}."
        told = await self._obey(Command(request=Request.CRON, text=expr))
        return f"The schedule is now {words}. For this run only: {why}" + told

    async def add_rule(self, text: str) -> str:
        """Puts a rule at the end of config.toml; raises ConfigError, with the file as it was."""
        path = self._watched.path
        before = read_text(path)
        add_rule(path, text)
        try:
            self._watched.again()
        except ConfigError:
            write_text(path, before)
            raise
        return f"The rule is in {path}; it holds for what is sent from now on."

    async def remove_rule(self, text: str) -> str:
        """Takes a rule away that `add_rule` wrote; raises ConfigError."""
        remove_rule(self._watched.path, text)
        return "The rule is gone again."

    async def _change(
        self,
        settings: Settings,
        buckets: Sequence[BucketReport],
        edit: Callable[[Globs], Edit],
        *,
        excluded: bool,
    ) -> str:
        written, why = self._write_globs(buckets, edit, excluded=excluded)
        if written is not None:
            return _sentence(buckets, written, excluded=excluded)
        before = effective_globs(settings)
        held = edit(before)
        told = await self._hold_globs(before, held.globs)
        return _sentence(buckets, held, excluded=excluded) + f" For this run only: {why}" + told

    def _write_globs(
        self, buckets: Sequence[BucketReport], edit: Callable[[Globs], Edit], *, excluded: bool
    ) -> tuple[Edit | None, str]:
        """The edit as it was written to config.toml, or why it cannot hold there."""
        path = self._watched.path
        if not path.exists():
            return None, f"there is no {path}."
        try:
            before = globs_of(path)
            edited = edit(before)
            if not excluded and edited.globs == before and not edited.stuck:
                return None, f"{path} does not exclude it."
            write(path, before, edited.globs)
            after = effective_globs(self._watched.again())
        except ConfigError as error:
            return None, str(error)
        holds = all(
            _is_excluded(after, found) == (excluded or (found.source, found.bucket) in edited.stuck)
            for found in buckets
        )
        return (edited, "") if holds else (None, _STRONGER)

    async def _hold_globs(self, before: Globs, wanted: Globs) -> str:
        told = ""
        for source, globs in before.items():
            after = wanted[source]
            for text in [each for each in after if each not in globs]:
                told = await self._obey(Command(request=Request.EXCLUDE, source=source, text=text))
            for text in [each for each in globs if each not in after]:
                told = await self._obey(Command(request=Request.INCLUDE, source=source, text=text))
        return told

    def _write_cron(self, expr: str) -> str:
        """Why it cannot hold in config.toml; empty where it does."""
        path = self._watched.path
        if not path.exists():
            return f"there is no {path}."
        try:
            set_value(path, CRON.name, expr)
            holds = self._watched.again().cron == expr
        except ConfigError as error:
            return str(error)
        return "" if holds else _STRONGER


def _is_excluded(globs: Globs, found: BucketReport) -> bool:
    return any(matching(globs.get(found.source, ()), found.watcher, found.bucket))


def _sentence(buckets: Sequence[BucketReport], edit: Edit, *, excluded: bool) -> str:
    stuck = [found for found in buckets if (found.source, found.bucket) in edit.stuck]
    if stuck:
        first = stuck[0]
        pattern = edit.stuck[first.source, first.bucket]
        return f'{first.bucket} stays excluded by "{pattern}", which covers others too; edit config.toml.'
    names = buckets[0].bucket if len(buckets) == 1 else amount(len(buckets), "watcher")
    return f"{names} {'excluded' if excluded else 'included again'}."
