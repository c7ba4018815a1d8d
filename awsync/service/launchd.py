"""launchd: an agent of the user's session on macOS.

NOT RUN: it was written after launchd.plist(5) and launchctl(1), and no macOS was at hand to try it. Tests see
the plist and the commands.

May import: the standard library, errors, service.files, service.manager.
"""

import os
import plistlib
import re
import time
from pathlib import Path

from awsync.errors import ServiceError
from awsync.service.files import held, put, remove
from awsync.service.manager import NOT_FOUND, Job, Ran, Runner, Service

LABEL = "net.activitywatch.awsync"
_PATIENCE = 30.0
_POLL = 0.1
"""Seconds; launchd itself kills what has not ended after 20."""
_PID = re.compile(r"^\s*pid = (\d+)", re.MULTILINE)
_LAST = re.compile(r"^\s*last exit code = (\d+)", re.MULTILINE)
_RUNS = re.compile(r"^\s*runs = (\d+)", re.MULTILINE)


class Launchd:
    """The service as an agent. Every method may raise ServiceError."""

    kind = "launchd agent"

    def __init__(self, runner: Runner, *, home: Path | None = None, uid: int | None = None) -> None:
        home = home or Path.home()
        self._runner = runner
        self._domain = f"gui/{os.getuid() if uid is None else uid}"
        self._target = f"{self._domain}/{LABEL}"
        self._log = home / "Library/Logs/awsync.log"
        self.path = home / f"Library/LaunchAgents/{LABEL}.plist"

    def render(self, job: Job) -> str:
        """The plist. launchd tries again whatever the exit code is, so it waits half a minute before."""
        agent: dict[str, object] = {
            "Label": LABEL,
            "ProgramArguments": list(job.command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Umask": 0o077,
            "StandardOutPath": str(self._log),
            "StandardErrorPath": str(self._log),
        }
        if job.environment:
            agent["EnvironmentVariables"] = dict(job.environment)
        return plistlib.dumps(agent).decode()

    def written(self) -> bool:
        """Whether the plist is there."""
        return held(self.path) is not None

    def look(self) -> Service | None:
        """The service, where the plist is there."""
        text = held(self.path)
        if text is None:
            return None
        ran = self._launchctl("print", self._target)
        loaded = not ran.code
        pid, last, runs = (_number(each, ran.out) for each in (_PID, _LAST, _RUNS))
        failed = loaded and pid is None and bool(last)
        return Service(
            self.kind, self.path, _command(text), enabled=loaded,
            state="running" if pid else "failed" if failed else "stopped",
            pid=pid, restarts=None if runs is None else max(0, runs - 1), outlives=False,
            why=f"exit code {last}" if failed else "",
        )  # fmt: skip

    def install(self, job: Job) -> tuple[str, ...]:
        """Writes the plist where it differs, and loads it; loading starts it."""
        content = self.render(job).encode()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        loaded = self._loaded()
        did = put(self.path, content)
        if loaded and did != "Already installed":
            self._unload()
            loaded = False
        if not loaded:
            self._demand("enable", self._target)
            self._demand("bootstrap", self._domain, str(self.path))
        else:
            self._demand("kickstart", self._target)
        return (f"{did}: {self.path}",)

    def uninstall(self) -> tuple[str, ...]:
        """Unloads it, and removes the plist; the log stays."""
        if not self.written():
            return ()
        if self._loaded():
            self._unload()
        remove(self.path)
        return (f"Removed: {self.path}",)

    def start(self) -> None:
        """Lets it run."""
        if self._loaded():
            self._demand("kickstart", self._target)
        else:
            self._demand("bootstrap", self._domain, str(self.path))

    def stop(self) -> None:
        """Ends it; it is loaded again with the next login."""
        if self._loaded():
            self._unload()

    def restart(self) -> None:
        """Ends it, and starts it again."""
        if self._loaded():
            self._demand("kickstart", "-k", self._target)
        else:
            self._demand("bootstrap", self._domain, str(self.path))

    def logs(self, lines: int, *, follow: bool) -> tuple[str, ...]:
        """The file to which it writes."""
        return ("tail", "-n", str(lines), *(("-F",) if follow else ()), str(self._log))

    def _loaded(self) -> bool:
        return not self._launchctl("print", self._target).code

    def _unload(self) -> None:
        """Ends it, and waits until it is gone: while it ends, launchd loads nothing of its name."""
        self._demand("bootout", self._target)
        for _ in range(round(_PATIENCE / _POLL)):
            if not self._loaded():
                return
            time.sleep(_POLL)
        raise ServiceError(f"It has not ended within {_PATIENCE:.0f} s.", "Wait a moment, and try again.")

    def _launchctl(self, *words: str) -> Ran:
        return self._runner(("launchctl", *words))

    def _demand(self, *words: str) -> None:
        ran = self._launchctl(*words)
        if ran.code == NOT_FOUND:
            raise ServiceError("launchctl is not found.", "Let what starts programs here run:\n  awsync sync")
        if ran.code:
            raise ServiceError(
                f"launchctl {words[0]}: {ran.words}",
                "An agent needs a session of its user at the screen; log in there, and try again.",
            )


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(found[1]) if found else None


def _command(plist: bytes) -> tuple[str, ...]:
    try:
        return tuple(map(str, plistlib.loads(plist)["ProgramArguments"]))
    except (plistlib.InvalidFileException, KeyError, TypeError, ValueError):
        return ()
