"""The doctor on the one writer: does it work, was it stopped, has it fallen silent.

A lock of a process that ended is free, whatever stands in the database: the system took it back. What keeps
others out is a process that lives and does nothing.

May import: the standard library, and of awsync database, events, journal, words, doctor.findings.
"""

import os
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from awsync.database import Database, Writer
from awsync.doctor.findings import Area, Finding, Walk
from awsync.events import NextPass, Paused
from awsync.journal import Journal
from awsync.timeline import MICROSECONDS
from awsync.words import clock, span

_QUIET = 15 * 60 * MICROSECONDS
"""A writer that works says something within a minute or so: a page, a retry, the next pass."""


class _Process(Struct, frozen=True):
    """A process as the system shows it; `state` is its letter: T is stopped."""

    state: str
    command: str


class Heard(Struct, frozen=True):
    """What the journal tells of whoever runs; moments are microseconds since the epoch."""

    at: int | None = None
    paused: bool = False
    next_pass: int | None = None


def heard(folder: Path) -> Heard:
    """The last word of an awsync on this state, and when it meant to begin its next pass."""
    if not (folder / "journal.db").exists():
        return Heard()
    with Journal(folder) as journal:
        last = journal.recent(1)
        planned = [said.event for said in journal.of_types([NextPass.__name__], 1)]
    if not last:
        return Heard()
    next_pass = next((event.at for event in planned if isinstance(event, NextPass)), None)
    return Heard(last[0].at, isinstance(last[0].event, Paused), next_pass)


def lock_finding(area: Area, walk: Walk, database: Database) -> Finding:
    """Whether the one writer works, or nobody writes; notes it for those who come later."""
    writer = database.writer()
    if database.holder() is None:
        walk.working = False
        if writer is None:
            return area.ok("lock", "Free: no awsync writes now.")
        return area.ok(
            "lock",
            f"Free: {writer.command} (pid {writer.pid}) did not end in order, which loses nothing;"
            " the next pass goes on.",
        )
    walk.working = True
    if writer is None:
        path = walk.settings.state_dir / "lock"
        remedy = f"If it stays so, see who it is and end that process:\n  fuser -v {path}"
        return area.warning("lock", "Held by a process that has not said who it is.", remedy)
    who = f"{writer.command} (pid {writer.pid}, since {clock(writer.since)} UTC{_last_pass(walk)})"
    process = _process(writer.pid)
    if process is None:
        what = f"Held by {who}, which is no process that can be seen here: another container or computer?"
        return area.warning("lock", what, "Ask for awsync's state where that process runs.")
    if process.state.startswith("T") and "awsync" in process.command:
        walk.working = None
        return area.failed(
            "lock", f"Held by {who}, which is stopped: nothing is synced.", _let_go(writer.pid)
        )
    silent = _silent_for(walk, writer)
    if silent is not None:
        walk.working = None
        what = f"Held by {who}, which has said nothing for {span(silent)}: it hangs."
        return area.failed("lock", what, _end(writer.pid))
    return area.ok("lock", f"Held by {who}, which works.")


def _last_pass(walk: Walk) -> str:
    done = next((record.finished for record in walk.passes if record.finished is not None), None)
    return "" if done is None else f", last pass {clock(done)} UTC"


def _let_go(pid: int) -> str:
    """A stopped process takes no notice of SIGTERM."""
    return (
        f"Let it go on (CONT) or end it (KILL); what is not confirmed is sent again, so nothing is lost:\n"
        f"  kill -CONT {pid}\n  kill -KILL {pid}"
    )


def _end(pid: int) -> str:
    if sys.platform == "win32":
        return f"End it; what is not confirmed is sent again, so nothing is lost:\n  taskkill /F /PID {pid}"
    return f"End it; what is not confirmed is sent again, so nothing is lost:\n  kill -KILL {pid}"


def _silent_for(walk: Walk, writer: Writer) -> float | None:
    """Seconds for which the writer should have spoken and did not; None where it did, or is paused."""
    told = heard(walk.settings.state_dir)
    if told.at is None or told.paused:
        return None
    expected = max(writer.since, told.at, told.next_pass or 0)
    silent = walk.wiring.clock() - expected
    return silent / MICROSECONDS if silent > _QUIET else None


def _process(pid: int) -> _Process | None:
    """The process as the system shows it; None where there is none."""
    if sys.platform == "win32":
        return _Process("", "awsync")
    proc = Path("/proc", str(pid))
    try:
        if Path("/proc/self/stat").exists():
            state = (proc / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            return _Process(state, (proc / "cmdline").read_bytes().decode(errors="replace"))
        os.kill(pid, 0)
        told = subprocess.run(
            ["ps", "-o", "stat=,command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
        state, _, command = told.stdout.strip().partition(" ")
    except PermissionError:
        return _Process("", "")
    except (OSError, IndexError, subprocess.SubprocessError):
        return None
    return _Process(state, command)
