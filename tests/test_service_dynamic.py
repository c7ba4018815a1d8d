"""What a service with a user of its own cannot read is found before it is installed, and named."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awsync.errors import UsageError
from awsync.service import dynamic, job, unit

SECRET = "prometheus-url = 'http://localhost:1'\nbearer-token-file = 'secrets/token'\n"
PROGRAM = "[[rule]]\nname = 'r'\ncommand = ['python3', '{}']\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may enter, as /etc/awsync; that of pytest is closed to others."""
    monkeypatch.setattr(unit, "_TEMPORARY", ())
    monkeypatch.setattr(dynamic, "OWN", ())
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _file(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def _asked(config: Path) -> str:
    """What install says of it."""
    with pytest.raises(UsageError) as refused:
        job.job_of_the_computer({"config": str(config)}, None, {})
    assert "--user NAME" in str(refused.value)
    return str(refused.value)


def test_what_is_open_to_all_is_taken(folder: Path) -> None:
    """It runs with the state folder that systemd makes for it."""
    _file(folder / "secrets/token", "s3cret")
    config = _file(folder / "config.toml", SECRET + PROGRAM.format("/bin/sh"))
    made = job.job_of_the_computer({"config": str(config)}, None, {})
    assert made.command[-2:] == ("--state-dir", "/var/lib/awsync")


def test_a_file_that_is_not_for_all(folder: Path) -> None:
    """config.toml, and a secret that it points to, with the command that opens it."""
    token = _file(folder / "secrets/token", "s3cret", 0o600)
    config = _file(folder / "config.toml", SECRET)
    assert _asked(config).startswith(f"{token} cannot be read")
    assert f"chmod a+r {token}" in _asked(config)
    config.chmod(0o600)
    assert f"chmod a+r {config}" in _asked(config)


def test_a_folder_that_is_not_for_all(folder: Path) -> None:
    """A file that all may read in a folder that they may not enter: the outermost such folder is named."""
    _file(folder / "etc/secrets/token", "s3cret")
    config = _file(folder / "etc/config.toml", SECRET)
    (folder / "etc/secrets").chmod(0o700)
    assert f"chmod a+x {folder / 'etc/secrets'}" in _asked(config)
    (folder / "etc").chmod(0o700)
    assert f"{folder / 'etc'} is closed to others" in _asked(config)
    folder.chmod(0o700)
    assert _asked(config).endswith(f"chmod a+x {folder}")


def test_a_link_into_a_closed_folder(folder: Path) -> None:
    """Where a link leads to counts, not only where it lies."""
    there = _file(folder / "home/config.toml", "prometheus-url = 'http://localhost:1'\n")
    (folder / "config.toml").symlink_to(there)
    (folder / "home").chmod(0o700)
    assert f"{folder / 'home'} is closed to others" in _asked(folder / "config.toml")


def test_the_program_of_a_rule(folder: Path) -> None:
    """What a rule runs must be within reach too."""
    program = _file(folder / "home/rule.py", "")
    config = _file(folder / "config.toml", SECRET.splitlines()[0] + "\n" + PROGRAM.format(program))
    (folder / "home").chmod(0o700)
    assert _asked(config).startswith(f"{program} cannot be reached")


def test_a_key_of_pseudonyms(folder: Path) -> None:
    """That nobody else may read it is what awsync itself demands, so no chmod is advised."""
    key = _file(folder / "key", "k" * 32, 0o600)
    rule = f"pseudonym-key-file = '{key}'\n[[rule]]\nname = 'p'\npseudonymise = ['title']\n"
    told = _asked(_file(folder / "config.toml", SECRET.splitlines()[0] + "\n" + rule))
    assert told.startswith(f"{key} is a key")
    assert "chmod" not in told


def test_a_tmp_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies below /tmp is not there for such a service."""
    monkeypatch.setattr(unit, "_TEMPORARY", (folder,))
    config = _file(folder / "config.toml", "prometheus-url = 'http://localhost:1'\n")
    assert _asked(config).startswith(f"{config} would not be there")


def test_an_awsync_that_others_cannot_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one below /root: its folder is named."""
    config = _file(folder / "config.toml", "prometheus-url = 'http://localhost:1'\n")
    python = _file(folder / "root/bin/python3", "")
    (folder / "root").chmod(0o700)
    monkeypatch.setattr(dynamic, "OWN", (python,))
    assert f"{folder / 'root'} is closed to others" in _asked(config)
