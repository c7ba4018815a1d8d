"""What awsync asks of systemd, and makes of its answers; also where there is none."""

import os
import pwd
from pathlib import Path

import pytest

from awsync.errors import ServiceError
from awsync.service.manager import Job, Ran
from awsync.service.systemd import Systemd, _make_private, linger
from tests.services import Fake, a_job

NO_BUS = Ran(1, err="Failed to connect to bus: No medium found\n")
ACTIVE = "ActiveState=active\nSubState=running\nMainPID=77\nNRestarts=1\nUnitFileState=enabled\n"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """What shall run."""
    return a_job(tmp_path)


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
