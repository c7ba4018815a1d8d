"""What awsync asks of the managers of services, and makes of their answers; also where there is none."""

import os
import plistlib
import pwd
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from awsync.errors import ServiceError, UsageError
from awsync.service import manager
from awsync.service.launchd import LABEL, Launchd
from awsync.service.manager import Job, Manager, Ran
from awsync.service.systemd import Systemd, _make_private, linger
from awsync.service.task import NAMESPACE
from awsync.service.windows import Windows
from tests.commands import awsync, environment

NO_BUS = Ran(1, err="Failed to connect to bus: No medium found\n")
ACTIVE = "ActiveState=active\nSubState=running\nMainPID=77\nNRestarts=1\nUnitFileState=enabled\n"


class Fake:
    """Answers commands by what they contain, the first match counts, and remembers them."""

    def __init__(self, answers: Mapping[str, Ran | Callable[[], Ran]]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def __call__(self, command: Sequence[str]) -> Ran:
        """Runs nothing."""
        line = " ".join(command)
        self.asked.append(line)
        answer = next((found for words, found in self.answers.items() if words in line), Ran(0))
        return answer if isinstance(answer, Ran) else answer()

    def changes(self) -> list[str]:
        """The commands that change something, since the last time."""
        quiet = (" show", " print", "/Query", "powershell", "systemd-run")
        done = [line for line in self.asked if not any(word in line for word in quiet)]
        self.asked.clear()
        return done


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """What shall run."""
    words = (sys.executable, "-P", "-m", "awsync", "sync", "--config", str(tmp_path / "config.toml"))
    return Job(words, tmp_path / "config.toml", tmp_path / "state")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the user's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "cfg"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_systemd_is_asked_for_what_is_missing_only(home: Path, job: Job) -> None:
    """The first install enables and starts, the second does nothing, a changed one starts again."""
    fake = Fake({"show awsync.service": Ran(0, "ActiveState=inactive\n")})
    systemd = Systemd(fake, system=False)
    assert systemd.path == home / "cfg/systemd/user/awsync.service"
    assert systemd.look() is None
    assert systemd.install(job) == (f"Installed: {systemd.path}",)
    assert fake.changes() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable awsync.service",
        "systemctl --user start awsync.service",
    ]
    assert job.state_dir.stat().st_mode & 0o777 == 0o700
    fake.answers["show awsync.service"] = Ran(0, ACTIVE)
    assert systemd.install(job) == (f"Already installed: {systemd.path}",)
    assert fake.changes() == []
    other = Job((*job.command, "--verbose"), job.config, job.state_dir)
    assert systemd.install(other) == (f"Replaced: {systemd.path}",)
    assert fake.changes() == ["systemctl --user daemon-reload", "systemctl --user restart awsync.service"]
    assert systemd.uninstall() == (f"Removed: {systemd.path}",)
    assert not systemd.path.exists()
    assert systemd.uninstall() == ()


def test_a_kernel_without_namespaces_for_users(home: Path, job: Job) -> None:
    """Where the manager cannot wall it in, the unit does without what would fail, and install says so."""
    fake = Fake({"systemd-run": Ran(217), "show awsync.service": Ran(0, ACTIVE)})
    done = Systemd(fake, system=False).install(job)
    assert "can write wherever you can" in done[1]
    text = (home / "cfg/systemd/user/awsync.service").read_text()
    assert "PrivateUsers" not in text
    assert "CapabilityBoundingSet" not in text
    assert "NoNewPrivileges=yes" in text


def test_what_systemd_shows(home: Path, job: Job) -> None:
    """State, process and restarts are read from its properties; a failure has its reason."""
    fake = Fake({"show awsync.service": Ran(0, ACTIVE), "show-user": Ran(0, "no\n")})
    systemd = Systemd(fake, system=False)
    systemd.install(job)
    running = systemd.look()
    assert running is not None
    assert (running.state, running.pid, running.restarts, running.enabled) == ("running", 77, 1, True)
    assert (running.command, running.writes, running.outlives) == (job.command, job.state_dir, False)
    waits = "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=1\n"
    fake.answers["show awsync.service"] = Ran(0, waits)
    failed = systemd.look()
    assert failed is not None
    assert (failed.state, failed.why) == ("failed", "exit-code, status 1")
    fake.answers["show awsync.service"] = NO_BUS
    unknown = systemd.look()
    assert unknown is not None
    assert (unknown.state, unknown.why) == ("unknown", "Failed to connect to bus: No medium found")


def test_no_manager_of_the_user(home: Path, job: Job) -> None:
    """Where none can be reached nothing is written, and the ways out are named; a unit goes all the same."""
    fake = Fake({"systemctl": NO_BUS})
    systemd = Systemd(fake, system=False, runs=home)
    with pytest.raises(ServiceError) as refused:
        systemd.install(job)
    for words in (
        "No systemd manager of the user",
        "enable-linger",
        "XDG_RUNTIME_DIR=/run/user/",
        "--system",
    ):
        assert words in str(refused.value)
    assert not systemd.path.exists()
    systemd.path.parent.mkdir(parents=True)
    systemd.path.write_text(systemd.render(job))
    assert systemd.uninstall() == (f"Removed: {systemd.path}",)
    assert not systemd.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
@pytest.mark.parametrize("link", [".local/state/awsync", ".local/state"])
def test_root_gives_nothing_away_that_lies_outside_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    """A link in somebody's home does not make a folder of the system theirs; what root made there is."""
    (tmp_path / "etc/awsync").mkdir(parents=True)
    given: list[Path] = []
    monkeypatch.setattr(os, "chown", lambda path, *_, **__: given.append(path))
    for home, wanted in (("eve", []), ("anna", ["state/awsync", "state", ""])):
        entry = pwd.struct_passwd(("x", "x", 7, 7, "", str(tmp_path / home), ""))
        monkeypatch.setattr(pwd, "getpwnam", lambda _, entry=entry: entry)
        if home == "eve":
            (tmp_path / home / link).parent.mkdir(parents=True)
            (tmp_path / home / link).symlink_to(tmp_path / "etc")
        state = tmp_path / home / ".local/state/awsync"
        _make_private(Job((), tmp_path / "config.toml", state, account="x"))
        assert given == [tmp_path / home / ".local" / each for each in wanted]


def test_systemd_that_runs_nothing_here(home: Path, job: Job) -> None:
    """In a container that has its programs no login would help: what starts things there is to run it."""
    with pytest.raises(ServiceError, match=r"systemd does not run this computer .*\n  awsync sync"):
        Systemd(Fake({"systemctl": NO_BUS}), system=False, runs=home / "nowhere").install(job)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Ran(127, err="systemctl: not found"), "There is no systemd here"),
        (Ran(1, err="Job for awsync.service failed because ... exit-code\n"), "awsync service logs"),
    ],
)
def test_what_systemd_refuses(home: Path, job: Job, answer: Ran, words: str) -> None:
    """Its own words come with what to do next."""
    systemd = Systemd(Fake({"" if answer.code == 127 else "start": answer}), system=False)
    with pytest.raises(ServiceError, match=words):
        systemd.install(job)


def test_lingering() -> None:
    """One who lingers is left alone; a refusal names the command that root gives."""
    assert "already" in linger(Fake({"show-user": Ran(0, "yes\n")}))
    nobody = Ran(1, err="Failed to get user: User ID 1 is not logged in or lingering\n")
    fake = Fake({"show-user": nobody})
    assert "from now on" in linger(fake)
    assert fake.changes()[0].startswith("loginctl enable-linger ")
    with pytest.raises(ServiceError, match="sudo loginctl enable-linger"):
        linger(Fake({"show-user": nobody, "enable-linger": Ran(1, err="Access denied\n")}))


def test_launchd_gets_an_agent(tmp_path: Path, job: Job) -> None:
    """The plist has the keys of launchd.plist(5) with their types; twice is the same as once."""
    fake = Fake({"launchctl print": Ran(113, err="Could not find service")})
    launchd = Launchd(fake, home=tmp_path, uid=501)
    assert launchd.install(job) == (f"Installed: {launchd.path}",)
    assert fake.changes() == [
        f"launchctl enable gui/501/{LABEL}",
        f"launchctl bootstrap gui/501 {launchd.path}",
    ]
    plist = plistlib.loads(launchd.path.read_bytes())
    assert plist["ProgramArguments"] == list(job.command)
    assert (plist["RunAtLoad"], plist["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert {type(plist[name]) for name in ("Umask", "ThrottleInterval")} == {int}
    log = tmp_path / "Library/Logs/awsync.log"
    assert plist["StandardErrorPath"] == str(log)
    assert launchd.logs(9, follow=True) == ("tail", "-n", "9", "-F", str(log))
    fake.answers["launchctl print"] = Ran(0, "\tstate = running\n\tpid = 88\n\truns = 3\n")
    assert launchd.install(job) == (f"Already installed: {launchd.path}",)
    assert fake.changes() == [f"launchctl kickstart gui/501/{LABEL}"]
    service = launchd.look()
    assert service is not None
    assert (service.state, service.pid, service.restarts, service.command) == ("running", 88, 2, job.command)

    def bootout() -> Ran:
        ending = [Ran(0), Ran(0)]
        fake.answers["launchctl print"] = lambda: ending.pop() if ending else Ran(113)
        return Ran(0)

    fake.answers["launchctl bootout"] = bootout
    launchd.restart()
    assert fake.changes() == [f"launchctl kickstart -k gui/501/{LABEL}"]
    other = Job((*job.command, "--verbose"), job.config, job.state_dir)
    assert launchd.install(other) == (f"Replaced: {launchd.path}",)
    gone = fake.asked.index(f"launchctl bootout gui/501/{LABEL}")
    words = [line.split()[1] for line in fake.asked[gone:]]
    assert words == ["bootout", "print", "print", "print", "enable", "bootstrap"], "it waits for the end"
    fake.asked.clear()
    fake.answers["launchctl print"] = Ran(0)
    launchd.stop()
    launchd.uninstall()
    assert fake.changes() == [f"launchctl bootout gui/501/{LABEL}"]
    assert launchd.look() is None
    assert launchd.uninstall() == ()


_TASK = {
    "Task": ["RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"],
    "RegistrationInfo": ["Date", "Author", "Version", "Description", "Documentation", "URI"],
    "Triggers": ["LogonTrigger"],
    "LogonTrigger": [
        "Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "UserId", "Delay",
    ],
    "Repetition": ["Interval", "Duration", "StopAtDurationEnd"],
    "Principals": ["Principal"],
    "Principal": ["UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"],
    "Settings": [
        "MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries",
        "AllowHardTerminate", "StartWhenAvailable", "RunOnlyIfNetworkAvailable", "IdleSettings",
        "AllowStartOnDemand", "Enabled", "Hidden", "RunOnlyIfIdle", "WakeToRun", "ExecutionTimeLimit",
        "Priority", "RestartOnFailure",
    ],
    "RestartOnFailure": ["Interval", "Count"],
    "Actions": ["Exec"],
    "Exec": ["Command", "Arguments", "WorkingDirectory"],
}  # fmt: skip
"""The documented schema of the Task Scheduler 1.2, of the types that are used: their elements, in order."""


def test_the_task_follows_its_schema(tmp_path: Path, job: Job) -> None:
    """Every element is one of its type and stands in its order; numbers are within their bounds."""
    windows = Windows(Fake({}), folder=tmp_path, account=r"PC\anna")
    xml = windows.render(job)
    assert xml.startswith('<?xml version="1.0" encoding="UTF-16"?>\n')
    task = ElementTree.fromstring(xml.encode("utf-16"))  # noqa: S314 our own
    assert task.get("version") == "1.2"

    def check(element: ElementTree.Element) -> None:
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        assert element.tag == f"{{{NAMESPACE}}}{name}"
        known = _TASK.get(name)
        children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        if known is None:
            assert not children
            assert (element.text or "").strip(), name
            return
        assert children == [each for each in known if each in children], name
        assert len(set(children)) == len(children)
        for child in element:
            check(child)

    check(task)

    def text(path: str) -> str:
        return task.findtext("/".join(f"{{{NAMESPACE}}}{each}" for each in path.split("/")), "")

    assert 1 <= int(text("Settings/RestartOnFailure/Count")) <= 255
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Principals/Principal/LogonType") in ("InteractiveToken", "S4U", "Password")
    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    principal, actions = (task.find(f".//{{{NAMESPACE}}}{name}") for name in ("Principal", "Actions"))
    assert principal is not None
    assert actions is not None
    assert principal.get("id") == actions.get("Context")


def test_windows_gets_a_task(tmp_path: Path, job: Job) -> None:
    """schtasks is given the file in UTF-16; the task writes to a file, and one that was stopped stays so."""
    fake = Fake({"/Query": Ran(1, err="ERROR: The system cannot find the file specified.")})
    windows = Windows(fake, folder=tmp_path / "data", account=r"PC\anna")
    assert windows.install(job) == (f"Installed: the task awsync, from {windows.path}",)
    assert fake.changes() == [
        f"schtasks /Create /TN awsync /XML {windows.path} /F",
        "schtasks /Run /TN awsync",
    ]
    content = windows.path.read_bytes()
    assert content.startswith(b"\xff\xfe")
    xml = content.decode("utf-16")
    assert f"awsync.cli.logged {tmp_path / 'data' / 'awsync.log'} sync --config" in xml
    fake.answers = {"/XML ONE": Ran(0, xml), "powershell": Ran(0, '{"state":4,"last":267009}\n')}
    service = windows.look()
    assert service is not None
    assert (service.state, service.enabled, service.command[0]) == ("running", True, sys.executable)
    assert windows.install(job)[0].startswith("Already installed")
    assert fake.changes() == ["schtasks /Run /TN awsync"]
    fake.answers["powershell"] = Ran(0, '{"state":3,"last":1}\n')
    failed = windows.look()
    assert failed is not None
    assert (failed.state, failed.why) == ("failed", "result 0x1")
    windows.stop()
    windows.start()
    windows.uninstall()
    assert fake.changes() == [
        "schtasks /Change /TN awsync /DISABLE",
        "schtasks /End /TN awsync",
        "schtasks /Change /TN awsync /ENABLE",
        "schtasks /Run /TN awsync",
        "schtasks /End /TN awsync",
        "schtasks /Delete /TN awsync /F",
    ]
    assert "-Tail 5 -Wait" in " ".join(windows.logs(5, follow=True))


def test_a_task_without_a_screen_writes_to_its_file(tmp_path: Path) -> None:
    """With stdout and stderr closed, as under pythonw, all that is said stands in the file."""
    log = tmp_path / "logs" / "awsync.log"
    script = f"import runpy, sys; sys.stdout = sys.stderr = None; sys.argv = ['', {str(log)!r}, 'sync'];"
    script += "runpy.run_module('awsync.cli.logged', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
    assert "prometheus-url" in log.read_text()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_one_of_the_whole_computer_is_for_systemd(platform: str) -> None:
    """On other systems --system is refused, with the reason."""
    with pytest.raises(UsageError, match="--system is for systemd"):
        manager(system=True, platform=platform)
    own: Manager = manager(platform=platform)
    assert own.kind in ("launchd agent", "Windows task at logon")
    with pytest.raises(UsageError, match="awsync sync"):
        manager(platform="freebsd14")


def test_without_a_service(tmp_path: Path) -> None:
    """Status says that there is none, uninstall has nothing to do, and start says how to get one."""
    status = awsync("service", "status", folder=tmp_path)
    assert (status.returncode, status.stdout) == (
        1,
        "No service is installed. awsync service install makes one.\n",
    )
    assert awsync("service", "status", "--json", folder=tmp_path).stdout == '{\n  "installed": false\n}\n'
    gone = awsync("service", "uninstall", folder=tmp_path)
    assert (gone.returncode, gone.stdout) == (0, "No service is installed. Nothing is to be done.\n")
    for verb in ("start", "stop", "restart", "logs"):
        done = awsync("service", verb, folder=tmp_path)
        assert done.returncode == 2
        assert "awsync service install" in done.stderr
