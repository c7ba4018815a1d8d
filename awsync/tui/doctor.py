"""Doctor: every step from ActivityWatch to the store as it is found, and what to do about the broken ones.

May import: of awsync control, words, tui what it shows.
"""

from collections.abc import AsyncGenerator, Mapping
from textwrap import dedent

from awsync.control import Agent, Finding
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.check import CheckPage
from awsync.tui.grid import Grid, Record
from awsync.tui.pages import DOCTOR
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.text import plain
from awsync.words import amount

_SIGNS = {"failed": "✗", "warning": "!", "ok": "✓", "skipped": "-"}
_TONES = {"failed": Tone.BAD, "warning": Tone.WARN, "ok": Tone.GOOD, "skipped": Tone.DIM}
_LITERAL = "  "
"""How the lines of a remedy begin that are to be taken as they are: a command, lines of a file."""
_PROBE = "probe"
"""The step that writes; the others only look."""
_COLUMNS = (
    Column("state", "state", 9, 9),
    Column("area", "where", 13, 20, rank=1),
    Column("step", "step", 14, 14),
    Column("what", "what was found", 20, 300),
)


class Examination:
    """The findings, and the whole of one; the cursor goes to the first trouble by itself."""

    def __init__(self) -> None:
        self.grid = Grid(_COLUMNS, id="findings", title="Doctor", empty="Looking ...")
        self.book = Book(id="remedy", title="Finding")
        self._put = 0

    def ask(self, agent: Agent) -> AsyncGenerator[Finding, None]:
        """Looks, and writes nothing."""
        return agent.examine(probe=False)

    def key_of(self, found: Finding, before: int) -> int:
        """The steps are in the order in which they were taken."""
        return before

    def show(self, found: Mapping[int, Finding], *, checking: bool, anew: bool) -> None:
        """Shows the steps."""
        if anew:
            self._put = 0
        self.grid.show([_record(number, finding) for number, finding in found.items()])
        findings = list(found.values())
        if findings and self.grid.cursor_key == self._put:
            self._put = _first_to_read(findings)
            self.grid.go_to(self._put)
        self.grid.set_titles(f"Doctor {len(findings)}", "» looking on" if checking else _verdict(findings))

    def lines(self, found: Finding, cells: int) -> list[TextLine]:
        """The whole of a finding; what is to be taken as it is keeps its lines."""
        head: TextLine = [
            (f"{_SIGNS[found.state]} {found.state}", _TONES[found.state]),
            (f"  {found.area}, {found.step}", Tone.STRONG),
        ]
        lines = [head, *paragraph(found.what, cells)]
        if found.remedy:
            lines += [[], [("What to do", Tone.HEADING), ("   y", Tone.KEY), (" copies it", Tone.DIM)]]
            for line in found.remedy.splitlines():
                lines += paragraph(line, cells, Tone.STRONG if line.startswith(_LITERAL) else Tone.PLAIN)
        return lines

    def as_text(self, found: Finding) -> str:
        """A finding with its remedy."""
        head = f"{_SIGNS[found.state]} {found.state:8} {found.area}, {found.step}: {found.what}"
        return "\n".join([head, *(f"    {line}" for line in found.remedy.splitlines())])


class DoctorPage(CheckPage[int, Finding]):
    """The findings above the whole of the one under the cursor."""

    NAME = DOCTOR
    CHECKS = frozenset({"examine", "probe"})

    def __init__(self) -> None:
        super().__init__(Examination())

    def copied(self) -> str:
        """What the remedy gives to be taken as it is, else its words, else what was found."""
        finding = self.chosen
        if finding is None:
            return ""
        lines = [line for line in finding.remedy.splitlines() if line.startswith(_LITERAL)]
        return dedent("\n".join(lines)) or finding.remedy or finding.what

    def action_examine(self) -> None:
        """Looks once more."""
        self.begin()

    def action_probe(self) -> None:
        """Looks once more and writes a sample, after a question."""
        from awsync.tui.dialogs import Choice, Confirm

        def answered(answer: str | None) -> None:
            if answer == "probe":
                self.run_check(lambda agent: agent.examine(probe=True))

        question = (
            f"Send one sample of the series awsync_probe to {plain(self.console.board.store.sink)} and query "
            "it back?\n\nIt stays in the store, and counts for nothing."
        )
        choices = (Choice("no", "Cancel", "c"), Choice("probe", "Send it", "s"))
        self.console.push_screen(Confirm("Probe the store", question, choices), answered)


def _first_to_read(found: list[Finding]) -> int:
    """The first that failed, else the probe, for it was asked for, else the first warning, else the first."""
    failed = [number for number, finding in enumerate(found) if finding.state == "failed"]
    probed = [number for number, finding in enumerate(found) if finding.step == _PROBE]
    warned = [number for number, finding in enumerate(found) if finding.state == "warning"]
    return next(iter([*failed, *probed, *warned]), 0)


def _verdict(found: list[Finding]) -> str:
    states = [str(finding.state) for finding in found]
    if not {"failed", "warning"} & set(states):
        return "✓ everything works" if states else ""
    counted = {"failed": "{} failed", "warning": "", "ok": "{} ok", "skipped": "{} skipped"}
    return "  ".join(
        f"{_SIGNS[state]} {words.format(states.count(state)) or amount(states.count(state), 'warning')}"
        for state, words in counted.items()
        if state in states
    )


def _record(number: int, finding: Finding) -> Record:
    tone = _TONES[finding.state]
    quiet = Tone.DIM if finding.state == "skipped" else Tone.PLAIN
    cells = (
        Cell(f"{_SIGNS[finding.state]} {finding.state}", tone),
        Cell(finding.area, quiet),
        Cell(finding.step, Tone.DIM if quiet is Tone.DIM else Tone.STRONG),
        Cell(" ".join(finding.what.split()), quiet),
    )
    return Record(number, cells)
