"""`awsync doctor`: every step from ActivityWatch to the store, and what to do about the broken ones.

May import: typer, cli, errors; at call time config, doctor, rich.
"""

import asyncio
import shutil
import textwrap
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from awsync.cli.flags import settings_flags
from awsync.cli.output import document, on_terminal, say
from awsync.errors import ConfigError
from awsync.words import amount

if TYPE_CHECKING:
    from awsync.doctor import Finding
    from awsync.settings import Settings

_SIGNS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}
_TONES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_INDENT = 2
_STEP_WIDTH = 15
_NARROW = 60


@settings_flags
def doctor(
    flags: dict[str, object],
    probe: Annotated[
        bool, typer.Option("--probe", help="Also send one sample (awsync_probe) and query it back.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The findings as JSON on stdout.")] = False,
) -> None:
    """Check every step from ActivityWatch to the store, and say how to mend what is wrong."""
    from awsync.config import load
    from awsync.doctor import settings_broken, settings_findings

    show = _Show(as_json=json)
    try:
        loaded = load(flags)
    except ConfigError as error:
        show.all(settings_broken(error))
        show.end()
        raise typer.Exit(error.exit_code) from None
    show.all(settings_findings(loaded))
    asyncio.run(_examine(loaded.settings, show.one, probe=probe))
    show.end()
    raise typer.Exit(1 if show.count("failed") else 0)


async def _examine(settings: "Settings", tell: Callable[["Finding"], None], *, probe: bool) -> None:
    from awsync.doctor import examine

    async for finding in examine(settings, probe=probe):
        tell(finding)


class _Show:
    """Prints findings as they come, or all of them as one document."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._found: list[Finding] = []
        self._paint = _painter()

    def count(self, state: str) -> int:
        """How many findings are so."""
        return sum(finding.state == state for finding in self._found)

    def all(self, findings: Iterable["Finding"]) -> None:
        """Several at once."""
        for finding in findings:
            self.one(finding)

    def one(self, finding: "Finding") -> None:
        """One finding, below the heading of its area."""
        before = self._found[-1].area if self._found else None
        self._found.append(finding)
        if self._as_json:
            return
        if finding.area != before:
            if before is not None:
                say()
            say(self._paint(finding.area, "bold"))
        self._line(finding)

    def end(self) -> None:
        """The verdict, which stands last: nearest to the eyes."""
        if self._as_json:
            failed = self.count("failed")
            document({"ok": not failed, "findings": [asdict(finding) for finding in self._found]})
            return
        say()
        say(self._verdict())

    def _line(self, finding: "Finding") -> None:
        tone = _TONES[finding.state]
        head = f"{_SIGNS[finding.state]} {finding.state}"
        start = f"{' ' * _INDENT}{self._paint(f'{head:10}', tone)}{finding.step:{_STEP_WIDTH}} "
        margin = _INDENT + 10 + _STEP_WIDTH + 1
        lines = [line for part in finding.what.splitlines() for line in _wrapped(part, margin)]
        quiet = "dim" if finding.state == "skipped" else ""
        say(start + self._paint(lines[0] if lines else "", quiet))
        for line in lines[1:]:
            say(" " * margin + self._paint(line, quiet))
        for part in finding.remedy.splitlines():
            # What is to be copied keeps its line.
            for line in [part] if part.startswith("  ") else _wrapped(part, margin):
                say(" " * margin + self._paint(line, "bold" if part.startswith("  ") else "cyan"))

    def _verdict(self) -> str:
        failed, doubtful = self.count("failed"), self.count("warning")
        warned = f"{amount(doubtful, 'warning')}." if doubtful else ""
        if not failed:
            return self._paint("Everything works.", "bold green") + (f" {warned}" if warned else "")
        broken = [f"{found.area}, {found.step}" for found in self._found if found.state == "failed"]
        words = f"Not everything works: {'; '.join(broken)}."
        return self._paint(words, "bold red") + (f" {warned}" if warned else "")


def _wrapped(text: str, margin: int) -> list[str]:
    """The text in lines that fit beside the margin of a terminal; on a pipe one line is one line."""
    if not on_terminal():
        return [text]
    width = shutil.get_terminal_size().columns - margin
    return textwrap.wrap(text, max(width, _NARROW - margin), break_long_words=False, break_on_hyphens=False)


def _painter() -> Callable[[str, str], str]:
    """Colours where a terminal has them; NO_COLOR is heeded."""
    if not on_terminal():
        return lambda text, tone: text
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)

    def paint(text: str, tone: str) -> str:
        with console.capture() as captured:
            console.print(Text(text, style=tone), end="", soft_wrap=True)
        return captured.get()

    return paint
