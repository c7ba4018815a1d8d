"""Plan: what each label costs at the store, which one had best go, and a key that takes it away.

It only reads; a label goes by a rule in config.toml, which `u` takes back.

May import: of awsync control, costs, words, tui what it shows.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from awsync.control import Agent
from awsync.costs.bill import Bill, Cut, costs
from awsync.costs.said import Reading, Weighed
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.check import CheckPage
from awsync.tui.grid import Grid, Record
from awsync.tui.pages import PLAN
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.text import plain
from awsync.words import amount, size

SPANS = (30, 90, 365, 7)
"""Days that are read; the first is done in a moment."""
_COLUMNS = (
    Column("watcher", "watcher", 18, 30),
    Column("label", "label", 10, 24),
    Column("values", "values", 7, 7, rank=2, right=True),
    Column("series", "series", 9, 9, right=True),
    Column("without", "without it", 10, 10, right=True),
    Column("year", "a year", 9, 9, rank=1, right=True),
    Column("year_without", "without it", 10, 10, rank=1, right=True),
    Column("saved", "samples less", 12, 12, rank=3, right=True),
)
_NO_KEY = "awsync gives this label itself: no rule takes it away."


class Cuts:
    """The labels, the costliest first, with the rule that takes one away and what its watcher costs."""

    def __init__(self) -> None:
        self.grid = Grid(_COLUMNS, id="cuts", title="Plan", empty="Reading ActivityWatch ...")
        self.book = Book(id="cut", title="Without it")
        self._days = SPANS[0]
        self._bill = Bill()
        self._doing = ""
        self._first: tuple[str, str] | None = None

    def longer(self) -> None:
        """Another length of time."""
        self._days = SPANS[(SPANS.index(self._days) + 1) % len(SPANS)]

    async def ask(self, agent: Agent) -> AsyncGenerator[Cut, None]:
        """Reads so many days."""
        self._bill = Bill()
        async with aclosing(agent.plan(days=self._days)) as found:
            async for said in found:
                self._bill.apply(said)
                if isinstance(said, Reading):
                    self._doing = f"» {plain(said.bucket)} {said.share:.0%}"
                    self._show_titles(self._doing)
                elif isinstance(said, Weighed):
                    for cut in self._bill.cuts():
                        yield cut

    def key_of(self, found: Cut, before: int) -> tuple[str, str]:
        """A label is told of again when another bucket of its watcher is read."""
        return found.watcher, found.label

    def show(self, found: Mapping[tuple[str, str], Cut], *, checking: bool, anew: bool) -> None:
        """Shows the labels; at the costliest the cursor stays until somebody moves it."""
        cuts = self._bill.cuts()
        at_first = self.grid.cursor_key == self._first
        self.grid.show([_record(cut) for cut in cuts], empty="" if checking else "No label.")
        self._first = (cuts[0].watcher, cuts[0].label) if cuts else None
        if at_first:
            self.grid.go_to(self._first)
        failed = "✗ not all could be read" if self._bill.unread else ""
        self._show_titles(self._doing if checking else failed)

    def lines(self, found: Cut, cells: int) -> list[TextLine]:
        """What would remain, and the rule; then what the buckets of the watcher cost."""
        head = f"{plain(found.label)} of {plain(found.watcher)}"
        lines: list[TextLine] = [[(head, Tone.STRONG)], *paragraph(_remains(found), cells), []]
        if found.key is None:
            lines += paragraph(_NO_KEY, cells, Tone.DIM)
        else:
            lines.append(
                [
                    ("At the end of config.toml", Tone.HEADING),
                    ("   space", Tone.KEY),
                    (" writes it", Tone.DIM),
                ]
            )
            lines += [[(plain(line), Tone.PLAIN)] for line in found.lines.splitlines()]
        lines += [[], [("What its buckets cost", Tone.HEADING)]]
        for each in self._bill.buckets:
            if found.watcher in (each.watcher, each.bucket):
                lines += paragraph(f"{each.bucket}: {_cost(each)}", cells)
        for failure in self._bill.unread:
            lines += paragraph(f"✗ {failure.where}: {failure.reason} {failure.remedy}", cells, Tone.BAD)
        return lines

    def as_text(self, found: Cut) -> str:
        """A label in a sentence."""
        return f"{found.watcher} {found.label}: {_remains(found)}"

    def _show_titles(self, doing: str) -> None:
        total = self._bill.total()
        series = "?" if total.year.series is None else f"{total.year.series:,}"
        disk = ", ".join(f"{size(taken)} {engine}" for engine, taken in total.year.bytes.items())
        whole = f"a year: {series} series, {disk}"
        self.grid.set_titles(f"Plan {self._days} days", doing, whole if self._bill.buckets else "")


class PlanPage(CheckPage[tuple[str, str], Cut]):
    """The labels above all that is said of the one under the cursor."""

    NAME = PLAN
    CHECKS = frozenset({"read", "longer"})

    def __init__(self) -> None:
        self._cuts = Cuts()
        super().__init__(self._cuts)

    def why_not(self, action: str) -> str | None:
        """Without a line there is nothing to switch off, and not every label is a key of an event."""
        if action == "cut":
            if self.chosen is None:
                return "Nothing is listed."
            return _NO_KEY if self.chosen.key is None else None
        return super().why_not(action)

    def copied(self) -> str:
        """The rule that takes the label away."""
        found = self.chosen
        return "" if found is None else found.lines if found.key is not None else self._cuts.as_text(found)

    def action_cut(self) -> None:
        """Takes the label away by a rule."""
        if self.chosen is None or self.chosen.key is None:
            return
        text = self.chosen.lines

        async def work(agent: Agent) -> str:
            sentence = await agent.add_rule(text)
            self.call_later(self.begin)
            return sentence

        async def back(agent: Agent) -> str:
            sentence = await agent.remove_rule(text)
            self.call_later(self.begin)
            return sentence

        self.console.perform(work, undo=back)

    def action_read(self) -> None:
        """Reads once more."""
        self.begin()

    def action_longer(self) -> None:
        """Reads another length of time."""
        self._cuts.longer()
        self.begin()


def _record(cut: Cut) -> Record:
    tone = Tone.DIM if not cut.saved else Tone.PLAIN
    cells = (
        Cell(plain(cut.watcher), tone),
        Cell(plain(cut.label), tone),
        Cell(f"{cut.values:,}", tone),
        Cell(f"{cut.series:,}", tone),
        Cell(f"{cut.series_without:,}", Tone.STRONG if cut.saved else tone),
        Cell("?" if cut.year is None else f"{cut.year:,}", tone),
        Cell("?" if cut.year_without is None else f"{cut.year_without:,}", tone),
        Cell(f"{cut.samples - cut.samples_without:,}", tone),
    )
    return Record((cut.watcher, cut.label), cells)


def _remains(cut: Cut) -> str:
    return (
        f"{amount(cut.values, 'value')}; without it {cut.series:,} -> {cut.series_without:,} series, "
        f"{cut.samples:,} -> {cut.samples_without:,} samples."
    )


def _cost(each: Weighed) -> str:
    cost = costs([each])
    month = "?" if cost.month.series is None else f"{cost.month.series:,}"
    year = "?" if cost.year.series is None else f"{cost.year.series:,}"
    return (
        f"{cost.seen.series:,} series and {amount(cost.seen.samples, 'sample')} "
        f"in {amount(each.weight.days, 'day')}; "
        f"{month} series a month, {year} a year; {amount(cost.day.samples, 'sample')} a day, "
        f"{cost.year.samples:,} a year."
    )
