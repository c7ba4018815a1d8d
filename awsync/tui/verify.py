"""Verify: whether the store says what ActivityWatch says, bucket by bucket, and what differs in one.

It only reads; `awsync verify --repair` mends.

May import: of awsync control, words, tui what it shows.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence

from awsync.control import Agent, Agreement, Disagreement
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.check import CheckPage
from awsync.tui.grid import Grid, Record
from awsync.tui.pages import VERIFY
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.text import plain
from awsync.words import amount, clock

SPANS = (7, 30, 90, 365)
"""Days that are compared; the first is done in a moment."""
_SIGNS = {"agrees": "✓", "differs": "✗", "comparing": "»", "skipped": "-", "failed": "!"}
_TONES = {
    "agrees": Tone.GOOD,
    "differs": Tone.BAD,
    "comparing": Tone.PLAIN,
    "skipped": Tone.DIM,
    "failed": Tone.WARN,
}
_COLUMNS = (
    Column("state", "state", 11, 11),
    Column("bucket", "bucket", 36, 60),
    Column("days", "days", 5, 7, rank=1, right=True),
    Column("expected", "ActivityWatch s", 15, 15, rank=2, right=True),
    Column("held", "store s", 13, 13, rank=2, right=True),
    Column("difference", "difference s", 12, 12, right=True),
    Column("why", "", 10, 60, rank=3),
)
_DATE = len("2026-11-20")
_INDENT = "    "
_NOTHING = "no time in it, and none in the store"
_MEND = "awsync verify --repair"


class Comparison:
    """The buckets, and what differs in one; the cursor goes to the first that differs."""

    def __init__(self) -> None:
        self.grid = Grid(_COLUMNS, id="agreements", title="Verify", empty="Comparing ...")
        self.book = Book(id="differences", title="Differences")
        self._days = SPANS[0]
        self._put: object = None

    def further(self) -> None:
        """More days, and after the most the fewest."""
        self._days = SPANS[(SPANS.index(self._days) + 1) % len(SPANS)]

    def ask(self, agent: Agent) -> AsyncGenerator[Agreement, None]:
        """Compares so many days."""
        return agent.verify(days=self._days)

    def key_of(self, found: Agreement, before: int) -> tuple[str, str]:
        """A bucket is told of several times, as it goes on."""
        return found.source, found.bucket

    def show(self, found: Mapping[tuple[str, str], Agreement], *, checking: bool, anew: bool) -> None:
        """Shows the buckets."""
        if anew:
            self._put = None
        self.grid.show([_record(key, each) for key, each in found.items()])
        trouble = next((key for key, each in found.items() if each.state == "differs"), None)
        if trouble is not None and self._put is None:
            self._put = trouble
            self.grid.go_to(trouble)
        doing = f"» the last {self._days} days" if checking else _verdict([e.state for e in found.values()])
        self.grid.set_titles(f"Verify {self._days} days", doing)

    def lines(self, found: Agreement, cells: int) -> list[TextLine]:
        """What differs, by reason, or why there is nothing to say."""
        head: TextLine = [
            (f"{_SIGNS[found.state]} {found.state}", _TONES[found.state]),
            (f"  {plain('/'.join(filter(None, (found.source, found.bucket))))}", Tone.STRONG),
        ]
        lines = [head, *paragraph(_sums(found), cells)]
        if found.state == "differs":
            lines.append([(_MEND, Tone.STRONG), ("   y", Tone.KEY), (" copies it", Tone.DIM)])
        for why in dict.fromkeys(each.why for each in found.differences):
            those = [each for each in found.differences if each.why == why]
            lines += [[], [(why, Tone.HEADING)], *paragraph(those[0].words, cells, Tone.DIM)]
            for each in those:
                lines += paragraph(_difference(each), cells)
                lines += [
                    [(_INDENT, Tone.PLAIN), *line] for line in paragraph(each.series, cells - len(_INDENT))
                ]
        if found.left_out:
            lines.append([(f"... and {found.left_out:,} more", Tone.DIM)])
        return lines

    def as_text(self, found: Agreement) -> str:
        """A bucket with what differs."""
        told = f"{_SIGNS[found.state]} {found.state:9} {'/'.join(filter(None, (found.source, found.bucket)))}"
        if found.periods:
            told += f"  {found.agree}/{found.periods} days"
        lines = [f"{told}  {found.words}".rstrip()]
        lines += [f"    {each.why}: {_difference(each)}  {each.series}" for each in found.differences]
        return "\n".join(lines)


class VerifyPage(CheckPage[tuple[str, str], Agreement]):
    """The buckets above what differs in the one under the cursor."""

    NAME = VERIFY
    CHECKS = frozenset({"compare", "further"})

    def __init__(self) -> None:
        self._comparison = Comparison()
        super().__init__(self._comparison)

    def copied(self) -> str:
        """What mends the bucket where it differs, else its line."""
        found = self.chosen
        if found is not None and found.state == "differs":
            return _MEND
        return "" if found is None else self._comparison.as_text(found)

    def action_compare(self) -> None:
        """Compares once more."""
        self.begin()

    def action_further(self) -> None:
        """Compares another number of days."""
        self._comparison.further()
        self.begin()


def _verdict(states: Sequence[str]) -> str:
    differ, failed = states.count("differs"), states.count("failed")
    if not differ and not failed:
        return "✓ the store says what ActivityWatch says" if "agrees" in states else ""
    told = [f"✗ {amount(differ, 'bucket')} differ{'s' if differ == 1 else ''}"] if differ else []
    return "  ".join([*told, *([f"! {failed} not read"] if failed else [])])


def _record(key: tuple[str, str], found: Agreement) -> Record:
    tone = _TONES[found.state]
    compared = bool(found.periods) and found.state in {"agrees", "differs"}
    difference = found.held - found.expected
    state = found.words if found.state == "comparing" and found.words else found.state
    cells = (
        Cell(f"{_SIGNS[found.state]} {state}", tone),
        Cell("/".join(filter(None, key)), Tone.DIM if found.state == "skipped" else Tone.PLAIN),
        Cell(f"{found.agree}/{found.periods}" if compared else ""),
        Cell(_seconds(found.expected) if compared else ""),
        Cell(_seconds(found.held) if compared else ""),
        Cell(f"{difference:+,.3f}" if compared and abs(difference) >= 0.0005 else "", tone),
        Cell("" if found.state == "comparing" else _why(found), tone),
    )
    return Record(key, cells)


def _why(found: Agreement) -> str:
    """Why a bucket stands as it does, on one line."""
    if found.state == "agrees" and not found.periods:
        return _NOTHING
    return ", ".join(dict.fromkeys(each.why for each in found.differences)) or found.words


def _sums(found: Agreement) -> str:
    if found.state == "agrees" and not found.periods:
        return f"{_NOTHING}."
    if found.state not in {"agrees", "differs"}:
        return found.words
    both = f"ActivityWatch {_seconds(found.expected)} s, store {_seconds(found.held)} s"
    return f"{found.agree} of {amount(found.periods, 'day')} (UTC) agree: {both}."


def _difference(found: Disagreement) -> str:
    both = f"(ActivityWatch {_seconds(found.expected)} s, store {_seconds(found.held)} s)"
    return f"{clock(found.start)[:_DATE]}  {found.held - found.expected:+,.3f} s  {both}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.3f}"
