"""A newcomer's walk: what README.md says to type is typed, from the first command to the last, and works.

The installation is not repeated here: `.ci/run` does it, from the wheel.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from awsync.demo.aw_server import AwServer, free_port
from tests.commands import environment
from tests.doctors import fill
from tests.servers import require_binary, wait_until

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The part of README.md below a heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def program(path: Path, *lines: str) -> None:
    """A program that a newcomer has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)


@pytest.mark.servers
def test_each_command_works_as_it_is_written(aw: AwServer, tmp_path: Path) -> None:
    """With an empty home and an ActivityWatch every command ends well, and the query answers."""
    prometheus = require_binary("prometheus-3.5")
    store, look = re.findall(r"```sh\n(.*?)```", section("With your own data"), re.DOTALL)
    (team,) = re.findall(r"```sh\n(.*?)```", section("For a team"), re.DOTALL)
    (query,) = re.findall(r"^`(sum by .*)`$", section("With your own data"), re.MULTILINE)
    port = free_port()
    program(tmp_path / ".venv/bin/awsync", f'exec "{sys.executable}" -m awsync "$@"')
    elsewhere = f"s/^--web.listen-address=127.0.0.1:9090$/--web.listen-address=127.0.0.1:{port}/"
    program(
        tmp_path / "bin/prometheus",
        f'for each; do shift; set -- "$@" "$(echo "$each" | sed {elsewhere})"; done',
        f'exec "{prometheus}" "$@" 2>log',
    )
    url = f"http://127.0.0.1:{port}"
    fill(aw)
    environ = environment(
        tmp_path,
        PYTHONPATH=str(ROOT),
        PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        ACTIVITY_WATCH_URL=aw.url,
        PROMETHEUS_URL=url,
    )
    started = subprocess.Popen(
        ["bash", "-ec", f"{store}\nwait"], cwd=tmp_path, env=environ, start_new_session=True
    )
    try:
        wait_until(lambda: _ready(url), "the store that README.md starts")
        done = subprocess.run(
            ["bash", "-exc", look + team],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr.count("+ .venv/bin/awsync ") == (look + team).count(".venv/bin/awsync ")
        assert "Everything works." in done.stdout
        answer = httpx.get(f"{url}/api/v1/query", params={"query": query}).json()
        hours = {row["metric"]["app"]: float(row["value"][1]) for row in answer["data"]["result"]}
        # Twenty minutes, but for what may not be closed yet.
        assert hours == {"x": pytest.approx(20 / 60, abs=0.1)}
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_the_installation_is_what_ci_does() -> None:
    """The first command installs the extra that the demo needs, which CI installs from the wheel."""
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert "pip install -q '.[demo]'" in first[1]
    assert "awsync demo" in first[1]
    assert '[demo]"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
