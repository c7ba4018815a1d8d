"""What the Dockerfile relies on, tried without a container: its files, its health check, what is written."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from awsync.config import KEYS
from awsync.demo.aw_server import AwServer, free_port
from awsync.demo.receiver import Receiver
from tests.commands import environment, start_awsync
from tests.doctors import fill, write_config
from tests.test_telemetry_endpoint import wait_for

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))

_WATCHED = """
import os, sys
from pathlib import Path
allowed, script = sys.argv[1], sys.argv[2:]
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    elif event in {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "sqlite3.connect"}:
        path, writes = arguments[0], True
    else:
        return
    if not writes or not isinstance(path, (str, bytes, os.PathLike)):
        return
    place = os.fsdecode(path).removeprefix("file:").partition("?")[0]
    if place != os.devnull and not Path(place).absolute().is_relative_to(allowed):
        print(f"WRITTEN {event} {place}", file=sys.stderr)
sys.addaudithook(watch)
from awsync.cli.main import main
sys.argv = ["awsync", *script]
main()
"""


def instructions(name: str) -> list[str]:
    """What stands behind each instruction of this name."""
    return re.findall(rf"^\s*{name} (.*)$", DOCKERFILE, re.MULTILINE)


def test_the_image_is_small_and_not_roots() -> None:
    """Two stages on one pinned slim base; the one that is kept runs without root, and keeps its state."""
    (python,) = instructions("ARG")
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-\w+", python)
    assert instructions("FROM") == ["python:${PYTHON} AS build", "python:${PYTHON}"]
    kept = DOCKERFILE.rpartition("\nFROM ")[2]
    as_root, user, _ = re.split(r"^USER ([1-9]\d*:[1-9]\d*)$", kept, flags=re.MULTILINE)
    assert f"-o {user.partition(':')[0]} " in as_root
    # What is not compiled by then is compiled by every start: nothing can be kept on a read-only root.
    assert "python -m compileall" in as_root
    (volume,) = instructions("VOLUME")
    assert f"AWSYNC_STATE_DIR={volume}" in kept
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["awsync"]
    known = {name for key in KEYS for name in key.env}
    assert set(re.findall(r"\b(AWSYNC_\w+)=", kept)) <= known


def test_what_is_copied_is_there() -> None:
    """Each file that the build wants exists, and .dockerignore lets it through, and nothing else."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    copied = {each for line in instructions("COPY") if "--from" not in line for each in line.split()[:-1]}
    assert copied == let_through
    assert [each for each in copied if not (ROOT / each).exists()] == []
    assert "*" in lines
    assert fnmatch("awsync/cli/__pycache__", next(line for line in lines if "pycache" in line))


def test_the_health_check_tells(aw: AwServer, tmp_path: Path) -> None:
    """It passes beside a service, however its address is written, and fails once that has ended."""
    (options,) = instructions("HEALTHCHECK")
    program, *arguments = json.loads(options.partition("CMD ")[2])
    assert program == "python"
    port = free_port()

    def healthy(listen: str) -> bool:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment(tmp_path, AWSYNC_METRICS_LISTEN=listen),
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    fill(aw)
    with Receiver() as store:
        write_config(tmp_path, aw.url, store.url, f"metrics-listen = {port}")
        process = start_awsync("sync", folder=tmp_path)
        try:
            wait_for(process, "Next pass at")
            assert healthy(f"127.0.0.1:{port}")
            assert healthy(f"0.0.0.0:{port}")
            assert healthy(str(port))
        finally:
            process.terminate()
            process.communicate(timeout=20)
        assert not healthy(str(port))


@pytest.mark.parametrize("command", ["sync --once", "doctor", "status", "preview"])
def test_only_the_state_is_written(command: str, aw: AwServer, tmp_path: Path) -> None:
    """On a read-only root nothing but state-dir can be written: no other place is opened for writing."""
    fill(aw)
    state = tmp_path / "state"
    with Receiver() as store:
        write_config(tmp_path, aw.url, store.url)
        done = subprocess.run(
            [sys.executable, "-c", _WATCHED, str(state), *command.split()],
            cwd=tmp_path,
            env=environment(tmp_path, PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode in {0, 1}, done.stderr
    assert "WRITTEN" not in done.stderr
    assert "Traceback" not in done.stderr
