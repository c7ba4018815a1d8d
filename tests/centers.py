"""A centre as an administrator has it: laid out by the command, started with the lines that it prints.

The programs come from the variables that `.ci/stores` sets, else from PATH; a test without its program is
skipped, or fails where servers are required.
"""

import json
import os
import shlex
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from typer.testing import CliRunner

from awsync.cli.main import app
from awsync.demo.aw_server import free_port, stop_process
from tests.servers import MISSING, STOP_SECONDS, StoreName, require_binary, wait_until

_VARIABLES = {
    "promtool": "AWSYNC_TEST_PROMTOOL",
    "vmalert": "AWSYNC_TEST_VMALERT",
    "caddy": "AWSYNC_TEST_CADDY",
    "caddy-2.6": "AWSYNC_TEST_CADDY_26",
    "docker-compose": "AWSYNC_TEST_COMPOSE",
    "systemd-analyze": "",
}


def require_program(name: str) -> str:
    """The path of a program that stands beside a store."""
    variable = _VARIABLES[name]
    found = os.environ.get(variable) or shutil.which(name)
    if found is not None:
        return found
    message = f"{MISSING}{name}: set {variable}, or run .ci/stores" if variable else f"{MISSING}{name}"
    if os.environ.get("AWSYNC_TEST_REQUIRE_SERVERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def lay_out(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """`awsync center --json` into the folder `centre` below this one; returns what it says.

    Not as a process of its own: one is half a second, and no test lays out but once.
    """
    done = CliRunner().invoke(app, ["center", str(folder / "centre"), "--json", *arguments])
    assert done.exit_code == code, done.output
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def fates(said: Mapping[str, Any]) -> dict[str, str]:
    """What became of each file."""
    return {each["path"]: each["fate"] for each in said["files"]}


class Centre:
    """The store of a centre in a folder, and what stands beside it; `with Centre(...) as centre:` runs it.

    `changes` are made in every file of rules before it starts: a text and the one in its place, so that
    a test need not wait as long as a person would.
    """

    def __init__(
        self, folder: Path, store: StoreName, *arguments: str, changes: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder / "centre"
        self.port, self.front_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.front_url = f"https://localhost:{self.front_port}"
        kind = "victoria-metrics" if store == "victoria-metrics" else "prometheus"
        given = ("--store", kind, "--listen", f"127.0.0.1:{self.port}")
        self.said = lay_out(folder, *given, "--domain", f"localhost:{self.front_port}", *arguments)
        self.binaries = {kind: str(require_binary(store))}
        self.client = httpx.Client(timeout=30, trust_env=False)
        self._processes: list[subprocess.Popen[bytes]] = []
        for path in (self.folder / "rules").glob("awsync-*.yml"):
            text = path.read_text()
            for old, new in (changes or {}).items():
                text = text.replace(old, new)
            path.write_text(text)

    def __enter__(self) -> Self:
        self._start_store()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        while self._processes:
            stop_process(self._processes.pop(), STOP_SECONDS)

    def restart(self) -> None:
        """The store anew, with what lies in its folder."""
        stop_process(self._store, STOP_SECONDS)
        self._start_store()

    def _start_store(self) -> None:
        self._store = self.start(self.said["by-hand"][0])
        wait_until(lambda: self._answers(f"{self.url}/-/ready"), "the store is ready")

    @property
    def certificate(self) -> Path:
        """What devices trust; there once the front has run."""
        return self.folder / "front-data/caddy/pki/authorities/local/root.crt"

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """One of the lines that are printed, in the folder; its program is the one under test."""
        words = shlex.split(command)
        environment = dict(os.environ) | {"HOME": str(self.folder)}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            environment[name] = str(self.folder / value)
        program, *arguments = words
        with (self.folder / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(
                [self.binaries.get(program) or require_program(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def start_front(self, program: str = "caddy") -> subprocess.Popen[bytes]:
        """Caddy, once its certificate is there."""
        self.binaries["caddy"] = require_program(program)
        process = self.start(self.said["by-hand"][-1])
        wait_until(self.certificate.exists, "the front has a certificate")
        wait_until(lambda: self._answers(self.front_url, self.certificate), "the front answers")
        return process

    def query(self, promql: str, at: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query; `at` is in seconds since the epoch."""
        parameters = {"query": promql} | ({} if at is None else {"time": repr(at)})
        answer = self.client.get(f"{self.url}/api/v1/query", params=parameters | {"nocache": "1"})
        assert answer.is_success, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def sums(self, promql: str, label: str, at: float) -> dict[str, float]:
        """The values of a query by one label."""
        return {each["metric"].get(label, ""): float(each["value"][1]) for each in self.query(promql, at)}

    def alerts(self) -> dict[str, dict[str, Any]]:
        """What Prometheus itself says of its alerts, by their name."""
        answer = self.client.get(f"{self.url}/api/v1/alerts").raise_for_status()
        return {each["labels"]["alertname"]: each for each in answer.json()["data"]["alerts"]}

    def flush(self) -> None:
        """Makes what VictoriaMetrics took visible."""
        if "victoria-metrics" in self.binaries:
            self.client.get(f"{self.url}/internal/force_flush").raise_for_status()

    def trusting(self) -> httpx.Client:
        """A client of the front, as strict as a device."""
        verify = ssl.create_default_context(cafile=self.certificate)
        return httpx.Client(base_url=self.front_url, verify=verify, trust_env=False)

    def _answers(self, url: str, certificate: Path | None = None) -> bool:
        verify = ssl.create_default_context(cafile=certificate) if certificate else False
        try:
            with httpx.Client(verify=verify, trust_env=False) as client:
                return client.get(url).status_code in (200, 401)
        except httpx.HTTPError:
            return False


def device(folder: Path, centre: Centre, name: str, aw_url: str, *more: str) -> Path:
    """The folder of a device that was set up with the lines that are printed for it."""
    home = folder / name
    home.mkdir()
    shutil.copy(centre.folder / centre.said["devices"][name]["token"], home / "store-token")
    shutil.copy(centre.certificate, home / "centre-ca.pem")
    lines: Sequence[str] = centre.said["devices"][name]["config"]
    ours = [f'aw-url = "{aw_url}"', 'state-dir = "state"', f'user-id = "{name}"', *more]
    (home / "config.toml").write_text("\n".join([*lines, *ours]) + "\n")
    (home / "config.toml").chmod(0o600)
    return home
