"""A systemd that really runs, in namespaces of its own, with a user whose services go on without a login."""

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers import MISSING, wait_until

ROOT = Path(__file__).parent.parent
USER, UID = "anna", 4711
HOME = Path("/home") / USER
_NEEDED = ("unshare", "nsenter", "setpriv", "pivot_root", "loginctl", "journalctl", "dbus-daemon")


class Machine:
    """Runs commands beside a systemd, as root or as the user."""

    def __init__(self, pid: int) -> None:
        self._enter = ["nsenter", "--target", str(pid), "--mount", "--pid", "--uts", "--ipc", "--cgroup"]

    def root(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """A command of root's; `text` is its input."""
        return self._run(["env", "-i", f"PATH={os.environ['PATH']}", f"PYTHONPATH={ROOT}", *command], text)

    def user(self, *command: str, text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """A command of the user's; `more` are variables."""
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(HOME), "USER": USER, **more}
        who = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all"]
        variables = [f"{name}={value}" for name, value in own.items()]
        return self._run([*who, "env", "-i", "-C", str(HOME), *variables, *command], text)

    def awsync(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """awsync as the user."""
        return self.user(sys.executable, "-m", "awsync", *words, **more)

    def status(self, *words: str) -> dict[str, object]:
        """What `awsync service status --json` says."""
        told: dict[str, object] = json.loads(self.awsync("service", "status", "--json", *words).stdout)
        return told

    def write(self, path: Path, text: str, *, whose: str = USER) -> None:
        """A file of the user's, or root's."""
        run = self.user if whose == USER else self.root
        run("mkdir", "-p", str(path.parent))
        assert run("tee", str(path), text=text).returncode == 0

    def _run(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._enter, "timeout", "50", *command],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def booted() -> Iterator[Machine]:
    """A machine that is up; skips the test where none can be."""
    cgroup = _cgroup()
    lent = [str(path) for path in {ROOT, Path(sys.prefix), Path(sys.base_prefix)}]
    spaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
    outer = os.readlink("/proc/self/ns/mnt")
    script = str(Path(__file__).with_name("machine.sh"))
    boot = ["unshare", *spaces, "sh", script, outer, USER, str(UID), *lent]
    started = subprocess.Popen(
        ["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs && exec "$@"', "sh", *boot],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield _up(started)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        wait_until(lambda: not (cgroup / "cgroup.events").read_text().startswith("populated 1"), "it ended")
        for folder in sorted(cgroup.rglob("*/"), reverse=True):
            folder.rmdir()
        cgroup.rmdir()


def _none(why: str) -> NoReturn:
    pytest.skip(f"{MISSING}systemd-in-namespaces: {why}")


def _cgroup() -> Path:
    if sys.platform != "linux" or os.geteuid() != 0 or not Path("/lib/systemd/systemd").exists():
        _none("that needs Linux, root and systemd")
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        _none(f"{', '.join(missing)} not found")
    if not list(Path("/lib").glob("*/security/pam_systemd.so")):
        _none("libpam-systemd is not installed")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    place = next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)
    if place is None:
        _none("there is no cgroup2")
    mine = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    cgroup = place / mine.removeprefix("0::").lstrip("/") / f"awsync-{uuid.uuid4().hex[:8]}"
    try:
        cgroup.mkdir()
    except OSError as error:
        _none(str(error))
    return cgroup


def _up(started: subprocess.Popen[str]) -> Machine:
    """The machine, once its systemd has come up."""
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children")

    def first() -> int:
        return int((children.read_text().split() or ["0"])[0]) if started.poll() is None else 0

    def works() -> bool:
        if started.poll() is not None:
            return True
        done = Machine(first()).root("systemctl", "is-system-running") if first() else None
        return done is not None and done.stdout.strip() in ("running", "degraded")

    wait_until(works, "systemd came up")
    if started.poll() is not None:
        assert started.stderr is not None
        _none(started.stderr.read().strip())
    return Machine(first())
