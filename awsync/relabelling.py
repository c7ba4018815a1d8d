"""What becomes of a source whose labels are made in another way than when it was last synced.

What was sent before keeps its labels: the look back would take it for a change of history, so it begins
behind it from then on. Only what somebody asks for is sent again (resync).

May import: events, labelling, pass_context, settings.
"""

from awsync.events import CategoriesLeftOut, LabelsChanged
from awsync.labelling import Labelling
from awsync.pass_context import PassContext
from awsync.settings import SourceSettings


class Relabelling:
    """Notices a change of one source's labels, once in a pass and before anything is sent."""

    def __init__(self, source: SourceSettings, labelling: Labelling, context: PassContext) -> None:
        self._source = source
        self._labelling = labelling
        self._context = context
        self._changed: bool | None = None

    async def changed(self) -> bool:
        """Whether the labels are made in another way than before; the state then knows of it.

        Raises UncategorizedError where ActivityWatch does not tell its categories, and StateError.
        """
        if self._changed is None:
            self._changed = await self._notice()
        return self._changed

    async def _notice(self) -> bool:
        name = self._source.name
        book = self._context.state.labels(name)
        before, now = book.made_of(), await self._labelling.made_of()
        if before == now:
            return False
        sent = book.change(now, now=self._context.now, resolution=self._context.resolution)
        if sent:
            what = tuple(part for part in now if now[part] != before.get(part))
            self._context.emit(LabelsChanged(source=name, what=what, until=sent))
        rules = await self._labelling.categories()
        if rules is not None and rules.broken:
            self._context.emit(CategoriesLeftOut(source=name, categories=tuple(rules.broken)))
        return True
