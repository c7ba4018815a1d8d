"""Windows: a task at the logon of the user, in the Task Scheduler.

A task and no service: ActivityWatch runs while its user is logged on, and so may awsync. A service would need
an administrator to install it, and the password of the user to read his files; a task needs neither. It has
no window (pythonw) and so no place to write to: cli.logged gives it a file.

NOT RUN: it was written after the documentation of schtasks, of the Task Scheduler's schema and of the
PowerShell module ScheduledTasks, and no Windows was at hand to try it. Tests see the XML and the commands.

May import: the standard library, msgspec, platformdirs, errors, service.files, service.manager, service.task.
"""

import getpass
import os
from pathlib import Path

import msgspec
import platformdirs

from awsync.errors import ServiceError
from awsync.service import task
from awsync.service.files import held, put, remove
from awsync.service.manager import NOT_FOUND, Job, Ran, Runner, Running, Service

NAME = "awsync"
_STATES: dict[int, Running] = {1: "stopped", 2: "starting", 3: "stopped", 4: "running"}
"""The numbers of TaskState: disabled, queued, ready, running; its words are in the system's language."""
_NEVER_RAN = 267011
_ENDED = 267014
"""SCHED_S_TASK_TERMINATED: somebody ended it."""
_ASK = (
    f"$t = Get-ScheduledTask -TaskName '{NAME}' -TaskPath '\\'; $i = $t | Get-ScheduledTaskInfo; "
    "@{state = [int]$t.State; last = [long]$i.LastTaskResult} | ConvertTo-Json -Compress"
)


class _Asked(msgspec.Struct, frozen=True):
    """What PowerShell says of the task."""

    state: int
    last: int = 0


class Windows:
    """The service as a task. Every method may raise ServiceError."""

    kind = "Windows task at logon"

    def __init__(self, runner: Runner, *, folder: Path | None = None, account: str | None = None) -> None:
        self._runner = runner
        folder = folder or Path(platformdirs.user_data_dir("awsync", appauthor=False))
        self._log = folder / "awsync.log"
        self._account = account or _account()
        self.path = folder / "awsync-task.xml"

    def render(self, job: Job) -> str:
        """The XML; what awsync says goes to its file."""
        program = _windowless(job.command[0])
        words = list(job.command[1:])
        # `-m awsync` becomes `-m awsync.cli.logged FILE`.
        at = words.index("awsync")
        words[at : at + 1] = ["awsync.cli.logged", str(self._log)]
        return task.render(job, account=self._account, program=program, arguments=tuple(words))

    def written(self) -> bool:
        """Whether the task was made from a file that is there."""
        return held(self.path) is not None

    def look(self) -> Service | None:
        """The service, where the Task Scheduler knows it."""
        ran = self._runner(("schtasks", "/Query", "/TN", NAME, "/XML", "ONE"))
        if ran.code:
            return None
        command = task.command_of(ran.out)
        known = self._runner(("powershell", "-NoProfile", "-NonInteractive", "-Command", _ASK))
        try:
            asked = msgspec.json.decode(known.out, type=_Asked) if not known.code else _Asked(0)
        except msgspec.MsgspecError:
            asked = _Asked(0)
        state = _STATES.get(asked.state, "unknown")
        failed = state == "stopped" and asked.last not in (0, _NEVER_RAN, _ENDED)
        return Service(
            self.kind, self.path, command, enabled=asked.state != 1, outlives=False,
            state="failed" if failed else state, why=f"result {asked.last:#x}" if failed else "",
        )  # fmt: skip

    def install(self, job: Job) -> tuple[str, ...]:
        """Makes the task where it differs, and runs it."""
        content = b"\xff\xfe" + self.render(job).replace("\n", "\r\n").encode("utf-16-le")
        before = self.look()
        job.state_dir.mkdir(parents=True, exist_ok=True)
        did = put(self.path, content)
        if did != "Already installed" or before is None:
            if before is not None and before.state == "running":
                self._schtasks("/End", "/TN", NAME)
            self._demand("/Create", "/TN", NAME, "/XML", str(self.path), "/F")
        elif not before.enabled:
            self._demand("/Change", "/TN", NAME, "/ENABLE")
        self._demand("/Run", "/TN", NAME)
        return (f"{did}: the task {NAME}, from {self.path}",)

    def uninstall(self) -> tuple[str, ...]:
        """Ends and deletes the task; the log stays."""
        known = not self._schtasks("/Query", "/TN", NAME).code
        if known:
            self._schtasks("/End", "/TN", NAME)
            self._demand("/Delete", "/TN", NAME, "/F")
        if not known and not self.written():
            return ()
        remove(self.path)
        return (f"Removed: the task {NAME}",)

    def start(self) -> None:
        """Lets it run, and lets Windows look after it again."""
        self._demand("/Change", "/TN", NAME, "/ENABLE")
        self._demand("/Run", "/TN", NAME)

    def stop(self) -> None:
        """Ends it, for good: a task that is looked after every five minutes would be back."""
        self._demand("/Change", "/TN", NAME, "/DISABLE")
        self._schtasks("/End", "/TN", NAME)

    def restart(self) -> None:
        """Ends it, and starts it again."""
        self._schtasks("/End", "/TN", NAME)
        self.start()

    def logs(self, lines: int, *, follow: bool) -> tuple[str, ...]:
        """The file to which it writes."""
        quoted = str(self._log).replace("'", "''")
        show = f"Get-Content -LiteralPath '{quoted}' -Encoding UTF8 -Tail {lines}{' -Wait' if follow else ''}"
        return ("powershell", "-NoProfile", "-Command", show)

    def _schtasks(self, *words: str) -> Ran:
        return self._runner(("schtasks", *words))

    def _demand(self, *words: str) -> None:
        ran = self._schtasks(*words)
        if ran.code == NOT_FOUND:
            raise ServiceError("schtasks is not found.", "Let what starts programs here run:\n  awsync sync")
        if ran.code:
            raise ServiceError(
                f"schtasks {words[0]}: {ran.words}",
                f"See the task {NAME} in the Task Scheduler (taskschd.msc); it needs no administrator.",
            )


def _windowless(program: str) -> str:
    """The Python without a window, where it stands beside the other."""
    beside = Path(program).with_name("pythonw.exe")
    return str(beside) if beside.exists() else program


def _account() -> str:
    domain = os.environ.get("USERDOMAIN")
    name = getpass.getuser()
    return f"{domain}\\{name}" if domain else name
