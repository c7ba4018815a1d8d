"""systemd: a unit of the user's own manager, or with `system` one of the whole computer.

A user's manager lives from the first login to the last logout, unless the user lingers: then from the start
of the computer to its end.

May import: the standard library, msgspec, errors, service.files, service.manager, service.unit.
"""

import getpass
import os
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from awsync.errors import ServiceError
from awsync.service import unit
from awsync.service.files import held, put, remove
from awsync.service.manager import NOT_FOUND, SYSTEMD_RUNS, Job, Ran, Runner, Running, Service

_SHOWN = (
    "ActiveState", "SubState", "MainPID", "NRestarts", "UnitFileState", "Result", "ExecMainStatus",
    "ActiveEnterTimestampMonotonic", "NeedDaemonReload",
)  # fmt: skip
_NO_MANAGER = ("Failed to connect to bus", "not been booted with systemd", "Failed to get D-Bus connection")
_STATES: dict[str, Running] = {
    "active": "running",
    "reloading": "running",
    "activating": "starting",
    "deactivating": "stopped",
    "inactive": "stopped",
    "failed": "failed",
}


_OPEN = (
    "The kernel gives users no namespaces here, so the service can write wherever you can; one of the whole"
    " computer (--system) is walled in"
)


class Systemd:
    """The service as a unit. Every method may raise ServiceError."""

    def __init__(self, runner: Runner, *, system: bool, runs: Path = SYSTEMD_RUNS) -> None:
        """`runs` is there where systemd started the computer."""
        self._runner = runner
        self._system = system
        self._runs = runs
        self.kind = "systemd system unit" if system else "systemd user unit"
        folder = Path("/etc/systemd/system") if system else _config_home() / "systemd/user"
        self.path = folder / unit.NAME

    def render(self, job: Job) -> str:
        """The unit."""
        return unit.render(job, system=self._system, namespaces=self._namespaces())

    def written(self) -> bool:
        """Whether the unit is there."""
        return held(self.path) is not None

    def look(self) -> Service | None:
        """The service, where the unit is there; its state is unknown where no manager answers."""
        text = held(self.path)
        if text is None:
            return None
        words = text.decode(errors="replace")
        known = Service(
            self.kind, self.path, unit.command_of(words), enabled=False, state="unknown",
            writes=unit.writes_of(words), outlives=True if self._system else None,
        )  # fmt: skip
        ran = self._systemctl("show", unit.NAME, f"--property={','.join(_SHOWN)}")
        if ran.code:
            return replace(known, why=ran.words)
        shown = dict(line.split("=", 1) for line in ran.out.splitlines() if "=" in line)
        outlives = True if self._system else lingers(self._runner)
        return replace(_told(known, shown), outlives=outlives)

    def install(self, job: Job) -> tuple[str, ...]:
        """Writes the unit where it differs, and lets it run."""
        content = self.render(job).encode()
        self._demand("show", "--property=Version")  # before anything is written
        before = self.look()
        _make_private(job)
        did = put(self.path, content)
        if did != "Already installed" or before is None or before.state == "unknown":
            self._demand("daemon-reload")
        if before is None or not before.enabled:
            self._demand("enable", unit.NAME)
        if did == "Replaced" and before is not None and before.state == "running":
            self._demand("restart", unit.NAME)
        elif before is None or before.state != "running":
            self._demand("start", unit.NAME)
        done = f"{did}: {self.path}"
        return (done,) if b"PrivateUsers=yes" in content else (done, _OPEN)

    def uninstall(self) -> tuple[str, ...]:
        """Stops and disables it, and removes the unit."""
        if not self.written():
            return ()
        reached = self._systemctl("disable", "--now", unit.NAME)
        if reached.code and not _no_manager(reached):
            raise self._refused(reached, "disable")
        remove(self.path)
        if reached.code:
            # Without a manager nothing runs; what `enable` had made leads nowhere now.
            (self.path.parent / f"default.target.wants/{unit.NAME}").unlink(missing_ok=True)
        else:
            self._demand("daemon-reload")
            self._systemctl("reset-failed", unit.NAME)
        drop_ins = self.path.with_name(f"{unit.NAME}.d")
        kept = (f"Your drop-ins stay: {drop_ins}",) if drop_ins.exists() else ()
        return (f"Removed: {self.path}", *kept)

    def start(self) -> None:
        """Lets it run."""
        self._demand("start", unit.NAME)

    def stop(self) -> None:
        """Ends it."""
        self._demand("stop", unit.NAME)

    def restart(self) -> None:
        """Ends it, and starts it again."""
        self._demand("restart", unit.NAME)

    def logs(self, lines: int, *, follow: bool) -> tuple[str, ...]:
        """The journal of the unit."""
        whose = ("--unit",) if self._system else ("--user", "--unit")
        more = ("--follow",) if follow else ()
        return ("journalctl", *whose, unit.NAME, "--lines", str(lines), "--no-pager", *more)

    def _namespaces(self) -> bool:
        """Whether a service may have namespaces; a user's only where the kernel grants them to anybody.

        Where no manager can be asked it is taken for granted: nothing is installed there.
        """
        if self._system:
            return True
        asked = (
            "--wait",
            "--quiet",
            "--collect",
            "--property=PrivateUsers=yes",
            "--property=ProtectSystem=strict",
        )
        ran = self._runner((*_where_the_manager_is(), "systemd-run", "--user", *asked, "true"))
        return not ran.code or _no_manager(ran)

    def _systemctl(self, *words: str) -> Ran:
        own = ("systemctl",) if self._system else (*_where_the_manager_is(), "systemctl", "--user")
        return self._runner((*own, *words))

    def _demand(self, *words: str) -> None:
        ran = self._systemctl(*words)
        if ran.code:
            raise self._refused(ran, words[0])

    def _refused(self, ran: Ran, verb: str) -> ServiceError:
        if ran.code == NOT_FOUND:
            return ServiceError(
                "There is no systemd here (systemctl is not found).",
                "Let what starts programs here (the container, cron) run:\n  awsync sync",
            )
        if _no_manager(ran):
            return self._nobody(ran)
        if verb in ("start", "restart", "enable"):
            own = "" if self._system else " --user"
            return ServiceError(
                f"systemd could not {verb} awsync: {ran.words}",
                f"See what it says:\n  awsync service logs\n  systemctl{own} status awsync",
            )
        return ServiceError(
            f"systemctl {verb}: {ran.words}",
            "A service of the whole computer (--system) takes root; another one its own user.",
        )

    def _nobody(self, ran: Ran) -> ServiceError:
        if self._system or not self._runs.exists():
            return ServiceError(
                f"systemd does not run this computer ({ran.words}).",
                "Let what starts programs here (the container, cron) run:\n  awsync sync",
            )
        name = getpass.getuser()
        return ServiceError(
            f"No systemd manager of the user {name} can be reached ({ran.words}).",
            f"It lives while {name} is logged in, which su and sudo do not do. Let it live always:\n"
            f"  sudo loginctl enable-linger {name}\n"
            f"  export XDG_RUNTIME_DIR=/run/user/{os.getuid()}\n"
            "and install again. Or make it a service of the whole computer, as root:\n"
            f"  {sys.executable} -P -m awsync service install --system --user {name}",
        )


def lingers(runner: Runner) -> bool | None:
    """Whether this user's services go on without a login; None where nobody can tell."""
    ran = runner(("loginctl", "show-user", getpass.getuser(), "--property=Linger", "--value"))
    if ran.code:
        return False if "not logged in or lingering" in ran.err else None
    return ran.out.strip() == "yes"


def linger(runner: Runner) -> str:
    """Lets this user's services go on without a login; says so. Raises ServiceError."""
    name = getpass.getuser()
    if lingers(runner):
        return f"{name} lingers already."
    ran = runner(("loginctl", "enable-linger", name))
    if ran.code:
        raise ServiceError(
            f"{name} was not allowed to linger: {ran.words}",
            f"Ask as root:\n  sudo loginctl enable-linger {name}",
        )
    return f"{name} lingers from now on: services run without a login."


def _told(known: Service, shown: dict[str, str]) -> Service:
    state = _STATES.get(shown.get("ActiveState", ""), "unknown")
    if shown.get("SubState") == "auto-restart":
        state = "failed"
    why = ""
    if state == "failed":
        why = f"{shown.get('Result', '?')}, status {shown.get('ExecMainStatus', '?')}"
    return replace(
        known,
        enabled=shown.get("UnitFileState", "").startswith("enabled"),
        state=state,
        pid=int(shown.get("MainPID") or 0) or None,
        since=_moment(shown.get("ActiveEnterTimestampMonotonic")) if state == "running" else None,
        restarts=int(shown.get("NRestarts") or 0),
        why=why,
    )


def _moment(monotonic: str | None) -> int | None:
    """Microseconds of the monotonic clock as a moment: systemd writes others in words and time zones."""
    if not monotonic or monotonic == "0":
        return None
    return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) // 1000 + int(monotonic)


def _no_manager(ran: Ran) -> bool:
    return ran.code == NOT_FOUND or any(words in ran.err for words in _NO_MANAGER)


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _where_the_manager_is() -> tuple[str, ...]:
    """A shell that su opened does not know where the manager's socket is, though it may be there."""
    usual = Path(f"/run/user/{os.getuid()}")
    if os.environ.get("XDG_RUNTIME_DIR") or not (usual / "systemd/private").exists():
        return ()
    return ("env", f"XDG_RUNTIME_DIR={usual}")


def _make_private(job: Job) -> None:
    """The state folder: a unit that names a folder which is not there does not start."""
    if job.state_dir == unit.DYNAMIC_STATE and job.account is None:
        return  # systemd makes it
    try:
        job.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if job.account and os.geteuid() == 0:
            _give(job.state_dir, job.account)
    except OSError as error:
        raise ServiceError(
            f"The state folder {job.state_dir} cannot be made: {error.strerror or error}.",
            "Make it writable, or set another one (state-dir).",
        ) from error


def _give(folder: Path, account: str) -> None:
    """What root made on the way to the state folder belongs to who uses it.

    Whose home it is may have laid links there, and what lies outside of it is not to be given away.
    """
    import pwd

    entry = pwd.getpwnam(account)
    home, folder = Path(entry.pw_dir).resolve(), folder.resolve()
    for each in (folder, *folder.parents):
        if each == home or not each.is_relative_to(home) or each.lstat().st_uid != 0:
            break
        os.chown(each, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
