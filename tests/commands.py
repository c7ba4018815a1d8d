"""Runs the command line as a user does: as a process of its own, with an empty home folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_OURS = ("AWSYNC_", "PROMETHEUS", "ACTIVITY_WATCH", "CRON", "EXCLUDED_WATCHERS", "MIN_DATA", "USER_ID")
_TERMINAL = ("COLUMNS", "LINES")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The machine's environment without anything that speaks to awsync, and a home in `folder`.

    A terminal has the size that it is made with.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS) and name not in _TERMINAL
    }
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "cfg"), "XDG_STATE_HOME": str(folder / "st")}
    return {**clean, **home, **more}


def awsync(
    *arguments: str, folder: Path, before: Callable[[], None] | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """One command to its end; `more` are environment variables, `before` runs in the new process."""
    return subprocess.run(
        [sys.executable, "-m", "awsync", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env=environment(folder, **more),
        preexec_fn=before,
    )


def start_awsync(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """A command that goes on; the caller ends it. What it says comes through its stderr."""
    return subprocess.Popen(
        [sys.executable, "-m", "awsync", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(folder),
        preexec_fn=_heed_ctrl_c,
    )


@contextmanager
def running_service(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `awsync sync` that has done its first pass."""
    process = start_awsync("sync", folder=folder)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if "Next pass at" in line:
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def _heed_ctrl_c() -> None:
    """A shell lets what it starts behind itself ignore Ctrl-C, and a process hands that on to its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
