"""The service under a systemd that really runs: installed, looked at, killed, restarted, taken away."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from tests.doctors import fill
from tests.machines import HOME, ROOT, UID, USER, Machine, booted
from tests.servers import wait_until

CONFIG = HOME / ".config/awsync/config.toml"
STATE = HOME / ".local/state/awsync"
UNIT = HOME / ".config/systemd/user/awsync.service"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A computer with a systemd, on which nobody is logged in yet."""
    with booted() as machine:
        yield machine


@pytest.fixture(scope="module")
def store() -> Iterator[Receiver]:
    """A store that takes samples of any age."""
    with Receiver() as store:
        yield store


def _settings(aw: AwServer, store: Receiver, user_id: str = "user") -> str:
    return f'aw-url = "{aw.url}"\nprometheus-url = "{store.url}"\nuser-id = "{user_id}"\n'


def _arrived(store: Receiver, user_id: str = "user") -> int:
    """How many samples of that user's activity the store has."""
    return sum(
        len(points)
        for labels, points in store.samples().items()
        if ("user", user_id) in labels and dict(labels)["__name__"].startswith("aw_")
    )


def _lingering(machine: Machine) -> None:
    """The user's manager lives, with nobody logged in."""
    assert machine.root("loginctl", "enable-linger", USER).returncode == 0
    socket = f"/run/user/{UID}/systemd/private"
    wait_until(lambda: machine.user("test", "-S", socket).returncode == 0, "the manager lives")


def _drop_in(machine: Machine, path: Path, whose: str = USER) -> None:
    """Lines for a unit beside its own: the code under test, and less patience."""
    text = f"[Service]\nRestartSec=100ms\nEnvironment=PYTHONPATH={ROOT}\n"
    machine.write(Path(f"{path}.d/test.conf"), text, whose=whose)


_PROGRAM = """\
import json, sys

for line in sys.stdin:
    try:
        open("/home/anna/written", "w")
    except OSError:
        app = "walled in"
    else:
        app = "free"
    print(json.dumps({"data": {"app": app}}), flush=True)
"""


def test_the_life_of_a_user_service(machine: Machine, aw: AwServer, store: Receiver) -> None:
    """From no manager to a service that delivers behind its walls, survives SIGKILL, and leaves no trace."""
    fill(aw)
    machine.write(HOME / "rule.py", _PROGRAM)
    rule = (
        f"[[rule]]\nname = 'r'\nwatchers = ['*window*']\ncommand = ['{sys.executable}', '{HOME}/rule.py']\n"
    )
    machine.write(CONFIG, _settings(aw, store) + rule)
    refused = machine.awsync("service", "install")
    assert refused.returncode == 1
    assert f"No systemd manager of the user {USER} can be reached" in refused.stderr
    assert machine.user("test", "-e", str(UNIT)).returncode == 1

    # What the sentence says to do, and its effect; the runtime folder is found without its variable.
    _lingering(machine)
    _drop_in(machine, UNIT)
    installed = machine.awsync("service", "install")
    assert installed.returncode == 0, installed.stderr
    assert installed.stdout.startswith(f"Installed: {UNIT}.\nIt runs (pid ")
    assert "It goes on after logout" in installed.stdout
    again = machine.awsync("service", "install")
    assert again.stdout.startswith(f"Already installed: {UNIT}.\n")

    wait_until(lambda: _arrived(store) > 20, "it delivers")
    series = map(dict, store.samples())
    window = {each["app"] for each in series if each["__name__"] == "aw_watcher_window_seconds"}
    assert window == {"walled in"}
    status = machine.status()
    assert (status["state"], status["enabled"], status["outlives"]) == ("running", True, True)
    assert status["writes"] == str(STATE)
    _check_walls(machine, status["pid"])
    wait_until(lambda: "Pass complete" in machine.awsync("service", "logs").stdout, "the journal has it")
    doctor = json.loads(machine.awsync("doctor", "--json").stdout)
    findings = {found["step"]: found for found in doctor["findings"] if found["area"] == "Service"}
    assert findings["service"]["what"] == "The systemd user unit runs, and goes on after logout."
    assert findings["running"]["state"] == "ok"

    machine.root("kill", "-KILL", str(status["pid"]))
    wait_until(lambda: machine.status()["pid"] not in (None, status["pid"]), "it is started again")
    assert machine.status()["restarts"] == 1

    stopped = machine.awsync("service", "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert machine.status()["state"] == "stopped"
    assert machine.awsync("service", "status").returncode == 1
    assert machine.awsync("service", "start").returncode == 0
    before = machine.status()["pid"]
    assert machine.awsync("service", "restart").returncode == 0
    assert machine.status()["pid"] not in (None, before)

    gone = machine.awsync("service", "uninstall")
    assert gone.stdout.startswith(f"Removed: {UNIT}.\nYour drop-ins stay: {UNIT}.d.\n"), gone.stderr
    assert machine.status() == {"installed": False}
    left = machine.user("find", str(UNIT.parent), "-type", "f,l").stdout.split()
    assert left == [f"{UNIT}.d/test.conf"]
    own = {"XDG_RUNTIME_DIR": f"/run/user/{UID}"}
    shown = machine.user("systemctl", "--user", "show", "awsync", "-p", "LoadState", **own)
    assert shown.stdout == "LoadState=not-found\n"
    assert "Nothing is to be done" in machine.awsync("service", "uninstall").stdout


def _check_walls(machine: Machine, pid: object) -> None:
    """The kernel's word for what the unit asks: one folder to write to, no new rights, a filter of calls."""
    process = machine.root("cat", f"/proc/{pid}/status").stdout
    status = dict(line.split(":\t", 1) for line in process.splitlines() if ":\t" in line)
    assert (status["NoNewPrivs"], status["Seccomp"], status["Umask"]) == ("1", "2", "0077")
    mounts = machine.root("cat", f"/proc/{pid}/mountinfo").stdout
    writable = dict(re.findall(r"^\S+ \S+ \S+ \S+ (\S+) (r[ow])", mounts, re.MULTILINE))
    assert (writable["/"], writable[str(STATE)], writable["/tmp"]) == ("ro", "rw", "rw")


def test_settings_that_the_service_cannot_use(machine: Machine, aw: AwServer, store: Receiver) -> None:
    """A service that ends with code 2 is left at rest, and status says why."""
    machine.root("loginctl", "enable-linger", USER)
    wait_until(
        lambda: machine.user("test", "-S", f"/run/user/{UID}/systemd/private").returncode == 0, "it lives"
    )
    machine.write(CONFIG, _settings(aw, store))
    _drop_in(machine, UNIT)
    assert machine.awsync("service", "install").returncode == 0
    machine.write(CONFIG, 'crom = "@hourly"\n')
    machine.awsync("service", "restart")
    wait_until(lambda: machine.status()["state"] == "failed", "it gave up")
    assert machine.status()["why"] == "exit-code, status 2"
    assert "crom" in machine.awsync("service", "logs").stdout
    assert machine.awsync("service", "uninstall").returncode == 0


def test_a_manual_awsync_is_in_the_way(machine: Machine, aw: AwServer, store: Receiver) -> None:
    """Where another awsync works on the state, install says so instead of installing what cannot start."""
    fill(aw)
    machine.user("rm", "-rf", str(STATE))
    machine.write(CONFIG, _settings(aw, store, "by hand"))
    machine.user("rm", "-rf", str(STATE))
    machine.user("sh", "-c", f"{sys.executable} -m awsync sync >/dev/null 2>&1 & echo $! > pid")
    try:
        wait_until(lambda: _arrived(store, "by hand") > 20, "it works")
        refused = machine.awsync("service", "install")
        assert refused.returncode == 3
        assert "End that one" in refused.stderr
        assert machine.status() == {"installed": False}
    finally:
        machine.user("sh", "-c", "kill $(cat pid)")


@pytest.mark.parametrize("account", [USER, ""])
def test_a_system_service(machine: Machine, aw: AwServer, store: Receiver, account: str) -> None:
    """As root: one that runs as a user and one that runs as nobody else deliver, and go again."""
    fill(aw)
    user_id = account or "everybody"
    machine.write(CONFIG, _settings(aw, store, user_id))
    machine.write(Path("/etc/awsync/config.toml"), _settings(aw, store, user_id), whose="root")
    _drop_in(machine, Path("/etc/systemd/system/awsync.service"), "root")
    machine.user("rm", "-rf", str(STATE))
    whose = ("--user", account) if account else ()
    words = (sys.executable, "-m", "awsync", "service")
    installed = machine.root(*words, "install", "--system", *whose)
    assert installed.returncode == 0, installed.stderr + machine.root(*words, "logs").stdout
    wait_until(lambda: _arrived(store, user_id) > 20, "it delivers")
    status = machine.root(*words, "status")
    assert "systemd system unit" in status.stdout
    pid = machine.root("systemctl", "show", "awsync", "-p", "MainPID", "--value").stdout.strip()
    owner = machine.root("stat", "-c", "%u", f"/proc/{pid}").stdout.strip()
    assert owner == str(UID) if account else int(owner) > 60_000
    process = machine.root("cat", f"/proc/{pid}/status").stdout
    assert re.search(r"CapBnd:\s+0{16}$", process, re.MULTILINE)
    folder = STATE if account else Path("/var/lib/awsync")
    assert machine.root("stat", "-L", "-c", "%a", str(folder)).stdout.strip() in ("700", "755")
    gone = machine.root(*words, "uninstall", "--system")
    assert gone.stdout.startswith("Removed: /etc/systemd/system/awsync.service.\n"), gone.stderr
