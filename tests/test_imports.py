"""What a command loads: start-up stays fast, and the walls between the parts stand."""

import subprocess
import sys
from pathlib import Path

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver

_LOADED = """
import sys
from awsync.cli.main import main
sys.argv = ["awsync", *{arguments!r}]
code = 0
try:
    main()
except SystemExit as end:
    code = end.code
print("LOADED", code, *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def loaded(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command and the top-level modules that were loaded at its end."""
    script = _LOADED.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED "))
    _, code, *names = line.split()
    return int(code), set(names)


def test_help_loads_neither_textual_nor_httpx() -> None:
    """`awsync --help` and the help of a command start without the heavy libraries."""
    for arguments in (["--help"], ["sync", "--help"], ["doctor", "--help"], ["--version"]):
        code, names = loaded(*arguments)
        assert code == 0
        assert "typer" in names
        heavy = {"textual", "httpx", "croniter", "google", "sqlite3", "prometheus_client"}
        assert not names & heavy, arguments


def test_help_does_not_load_the_service() -> None:
    """`awsync --help` knows the command `service` by its name alone."""
    script = "import sys; from typer.testing import CliRunner; from awsync.cli.main import app;"
    script += "print(CliRunner().invoke(app, ['--help']).exit_code, 'awsync.service' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0 False\n"


def test_a_headless_pass_never_loads_textual(aw: AwServer, tmp_path: Path) -> None:
    """`awsync sync --once` runs to its end without the console's library."""
    with Receiver() as store:
        code, names = loaded(
            "sync", "--once", "--aw-url", aw.url, "--prometheus-url", store.url,
            "--state-dir", str(tmp_path / "state"),
        )  # fmt: skip
    assert code == 0
    assert "httpx" in names
    assert "textual" not in names


def test_the_walls_between_the_parts_stand() -> None:
    """The import contracts of pyproject.toml hold."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
