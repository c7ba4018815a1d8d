"""Doctor: every step from ActivityWatch to the store as it is found, and what to do about the broken ones.

May import: textual, and of awsync control, errors, events, words, tui what it shows.
"""

from contextlib import aclosing
from textwrap import dedent

from textual.app import ComposeResult

from awsync.control import Finding
from awsync.errors import AwsyncError
from awsync.events import Level
from awsync.tui.cells import Cell, Column, Tone
from awsync.tui.grid import Grid, Record
from awsync.tui.page import Page
from awsync.tui.pages import DOCTOR
from awsync.tui.paper import Book, TextLine, paragraph
from awsync.tui.rows import Surroundings
from awsync.tui.state import Board
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


class DoctorPage(Page):
    """The findings above the whole of the one under the cursor, which goes to the first trouble by itself."""

    NAME = DOCTOR

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid(_COLUMNS, id="findings", title="Doctor", empty="Looking ...")
        self.remedy = Book(id="remedy", title="Finding")
        self._found: list[Finding] = []
        self._began = self._looking = False
        self._put = 0

    def body(self) -> ComposeResult:
        """The steps above what is said of one."""
        yield self.grid
        yield self.remedy

    def on_mount(self) -> None:
        """The steps have the focus."""
        self.grid.focus()

    def update_board(self, board: Board, around: Surroundings) -> None:
        """The first examination begins when there is an engine to ask."""
        if not self._began and self.console.connected:
            self._examine(probe=False)

    def why_not(self, action: str) -> str | None:
        """Nothing can be examined before there are settings."""
        if action in {"examine", "probe"} and not self.console.connected:
            return "awsync is still starting."
        return None

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Another step is looked at."""
        self._show_one()

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        self.call_after_refresh(self._show_one)

    def copied(self) -> str:
        """What the remedy gives to be taken as it is, else its words, else what was found."""
        finding = self._chosen
        if finding is None:
            return ""
        lines = [line for line in finding.remedy.splitlines() if line.startswith(_LITERAL)]
        return dedent("\n".join(lines)) or finding.remedy or finding.what

    def exported(self) -> tuple[str, str]:
        """All findings with their remedies."""
        return "txt", "".join(f"{_as_text(finding)}\n" for finding in self._found)

    def action_examine(self) -> None:
        """Looks once more."""
        self._examine(probe=False)

    def action_probe(self) -> None:
        """Looks once more and writes a sample, after a question."""
        from awsync.tui.dialogs import Choice, Confirm

        def answered(answer: str | None) -> None:
            if answer == "probe":
                self._examine(probe=True)

        question = (
            f"Send one sample of the series awsync_probe to {plain(self.console.board.store.sink)} and query "
            "it back?\n\nIt stays in the store, and counts for nothing."
        )
        choices = (Choice("no", "Cancel", "c"), Choice("probe", "Send it", "s"))
        self.console.push_screen(Confirm("Probe the store", question, choices), answered)

    @property
    def _chosen(self) -> Finding | None:
        key = self.grid.cursor_key
        return self._found[key] if isinstance(key, int) and key < len(self._found) else None

    def _examine(self, *, probe: bool) -> None:
        self._began = True
        self.run_worker(self._walk(probe=probe), group="doctor", exclusive=True)

    async def _walk(self, *, probe: bool) -> None:
        agent = self.console.agent
        if agent is None:
            return
        self._found, self._looking, self._put = [], True, 0
        self._show()
        try:
            async with aclosing(agent.examine(probe=probe)) as findings:
                async for finding in findings:
                    self._found.append(finding)
                    self._show()
        except AwsyncError as error:
            self.console.say(str(error), Level.ERROR)
        self._looking = False
        self._show()

    def _show(self) -> None:
        self.grid.show([_record(number, finding) for number, finding in enumerate(self._found)])
        if self._found and self.grid.cursor_key == self._put:
            self._put = _first_to_read(self._found)
            self.grid.go_to(self._put)
        doing = "» looking on" if self._looking else _verdict(self._found)
        self.grid.set_titles(f"Doctor {len(self._found)}", doing)
        self._show_one()

    def _show_one(self) -> None:
        finding, cells = self._chosen, self.remedy.room
        self.remedy.show([] if finding is None or cells < 1 else _lines(finding, cells))


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


def _lines(finding: Finding, cells: int) -> list[TextLine]:
    """The whole of a finding; what is to be taken as it is keeps its lines."""
    head: TextLine = [
        (f"{_SIGNS[finding.state]} {finding.state}", _TONES[finding.state]),
        (f"  {finding.area}, {finding.step}", Tone.STRONG),
    ]
    lines = [head, *paragraph(finding.what, cells)]
    if finding.remedy:
        lines += [[], [("What to do", Tone.HEADING), ("   y", Tone.KEY), (" copies it", Tone.DIM)]]
        for line in finding.remedy.splitlines():
            lines += paragraph(line, cells, Tone.STRONG if line.startswith(_LITERAL) else Tone.PLAIN)
    return lines


def _as_text(finding: Finding) -> str:
    head = f"{_SIGNS[finding.state]} {finding.state:8} {finding.area}, {finding.step}: {finding.what}"
    return "\n".join([head, *(f"    {line}" for line in finding.remedy.splitlines())])
