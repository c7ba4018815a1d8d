"""The unit of a service: what it says, that systemd takes it, and what it is checked against before."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsync.errors import ConfigError, UsageError
from awsync.service import job, unit
from awsync.service.manager import Job
from tests.commands import awsync
from tests.servers import MISSING

JOB = Job(
    ("/usr/bin/python3", "-P", "-m", "awsync", "sync", "--config", "/home/anna/my config.toml"),
    Path("/home/anna/my config.toml"),
    Path("/home/anna/.local/state/awsync"),
    {"XDG_STATE_HOME": "/home/anna/.local/state"},
)
MINE = unit.render(JOB, system=False)
OF_ANNA = unit.render(Job(JOB.command, JOB.config, JOB.state_dir, account="root"), system=True)
OF_NOBODY = unit.render(Job(JOB.command, JOB.config, unit.DYNAMIC_STATE), system=True)
OPEN = unit.render(JOB, system=False, namespaces=False)
UNITS = {"user": MINE, "open user": OPEN, "system": OF_ANNA, "dynamic": OF_NOBODY}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say of any form of the unit."""
    done = _analyze(name, tmp_path, "verify")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "exposure"), [("user", 20), ("open user", 40), ("system", 20), ("dynamic", 15)]
)
def test_exposure(name: str, exposure: int, tmp_path: Path) -> None:
    """`systemd-analyze security` counts no more tenths against it; every unit is one of root's to it."""
    done = _analyze(name, tmp_path, "security", "--offline=true", f"--threshold={exposure}", "--no-pager")
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def _analyze(name: str, folder: Path, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip(f"{MISSING}systemd-analyze")
    path = folder / unit.NAME
    path.write_text(UNITS[name])
    whose = ["--user"] if "user" in name and verb == "verify" else []
    # Its own manager for checking wants a folder for what runs.
    return subprocess.run(
        ["env", f"XDG_RUNTIME_DIR={folder}", "systemd-analyze", *whose, verb, *words, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_unit_says_what_it_must() -> None:
    """It starts again after a failure that may pass, keeps to its folder, and knows where its folders are."""
    for line in (
        'ExecStart=/usr/bin/python3 -P -m awsync sync --config "/home/anna/my config.toml"',
        "Environment=XDG_STATE_HOME=/home/anna/.local/state",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "ProtectHome=read-only",
        "ReadWritePaths=/home/anna/.local/state/awsync",
        "WantedBy=default.target",
    ):
        assert line in MINE.splitlines()
    assert "User=root" in OF_ANNA.splitlines()
    assert {"DynamicUser=yes", "StateDirectory=awsync"} <= set(OF_NOBODY.splitlines())
    assert "ReadWritePaths" not in OF_NOBODY


def test_a_folder_that_a_private_tmp_would_hide() -> None:
    """An awsync that lives below /tmp keeps the /tmp of all: its own would not hold it."""
    assert "PrivateTmp=yes" in MINE
    below = Job(JOB.command, Path("/tmp/config.toml"), JOB.state_dir)
    assert "PrivateTmp" not in unit.render(below, system=False)


_paths = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="\x00"), min_size=1)


@given(st.lists(_paths.filter(str.isprintable), min_size=1), _paths.filter(str.isprintable))
def test_what_is_written_is_read_back(words: list[str], folder: str) -> None:
    """Spaces, quotes, %, $ and backslashes in a path come out of a unit as they went in."""
    command = (f"/{words[0]}", *words[1:])
    state = Path("/", folder)
    text = unit.render(Job(command, Path("/c"), state), system=False)
    assert unit.command_of(text) == command
    assert unit.writes_of(text) == state


def test_a_path_with_a_line_break() -> None:
    """What would begin another line of the unit is refused."""
    with pytest.raises(UsageError, match="cannot name"):
        unit.render(Job(("/bin/x\nUser=root",), Path("/c"), Path("/s")), system=False)


def test_a_config_that_does_not_load(tmp_path: Path) -> None:
    """Install refuses settings with which the service would end at once: exit code 2, and what to do."""
    missing = awsync("service", "install", "--print", folder=tmp_path)
    assert missing.returncode == 2
    assert "awsync config init" in missing.stderr
    path = tmp_path / "config.toml"
    path.write_text('prometheus-url = "http://localhost:1"\ncrom = "@hourly"\n')
    wrong = awsync("service", "install", "--print", folder=tmp_path)
    assert wrong.returncode == 2
    assert "crom" in wrong.stderr
    assert "install again" in wrong.stderr


def test_a_setting_that_only_this_shell_knows(tmp_path: Path) -> None:
    """A service sees no variables: what stands in them alone is asked for, by name."""
    path = tmp_path / "config.toml"
    path.write_text('cron = "@hourly"\n')
    environ = {"PROMETHEUS_URL": "http://localhost:1"}
    with pytest.raises(ConfigError, match="PROMETHEUS_URL"):
        job.job({}, environ, tmp_path)
    path.write_text('prometheus-url = "http://localhost:1"\n')
    assert job.job({}, environ, tmp_path).config == path


def test_print_changes_nothing(tmp_path: Path) -> None:
    """`install --print` shows the unit of this awsync with the whole path of config.toml, no more."""
    (tmp_path / "config.toml").write_text('prometheus-url = "http://localhost:1"\nstate-dir = "state"\n')
    before = sorted(tmp_path.rglob("*"))
    printed = awsync("service", "install", "--print", "--config", "config.toml", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert unit.command_of(printed.stdout)[1:] == (
        "-P", "-m", "awsync", "sync", "--config", str(tmp_path / "config.toml"),
    )  # fmt: skip
    assert f"XDG_STATE_HOME={tmp_path / 'st'}" in printed.stdout
    assert unit.writes_of(printed.stdout) == tmp_path / "state"
    assert sorted(tmp_path.rglob("*")) == before


def test_an_account_that_there_is_not() -> None:
    """A service cannot run as a user that the computer does not know."""
    with pytest.raises(UsageError, match='no user "nobody-of-that-name"'):
        job.job_of_the_computer({}, "nobody-of-that-name", {})
