"""Real stores for the tests: Prometheus 2.42, 2.53 and 3.5, VictoriaMetrics and vmagent, each on loopback.

A store has its own data folder and a free port, and answers when `start` returns. Where the binary of a
store comes from: the environment variable named in `STORES`, else PATH, else the test is skipped, or fails
when AWSYNC_TEST_REQUIRE_SERVERS=1 (`.ci/stores DIR` fetches them all).
"""

import functools
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack

import httpx
import pytest

from awsync.demo.aw_server import ended_within, free_port, stop_process

Kind = Literal["prometheus", "victoria-metrics", "vmagent"]
StoreName = Literal["prometheus-3.5", "prometheus-2.53", "prometheus-2.42", "victoria-metrics", "vmagent"]

MISSING = "not on this machine: "
"""How every reason begins for which a test is skipped, so that one line can tell them all."""
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_PORT_TRIES = 5


class Build(NamedTuple):
    """How to find the binary of a store; `version` is what its --version must say, empty for anything."""

    kind: Kind
    variable: str
    program: str
    version: str


STORES: dict[StoreName, Build] = {
    "prometheus-3.5": Build("prometheus", "AWSYNC_TEST_PROMETHEUS_35", "prometheus", r"3\."),
    "prometheus-2.53": Build("prometheus", "AWSYNC_TEST_PROMETHEUS_253", "prometheus", r"2\.53\."),
    "prometheus-2.42": Build("prometheus", "AWSYNC_TEST_PROMETHEUS_242", "prometheus", r"2\.42\."),
    "victoria-metrics": Build("victoria-metrics", "AWSYNC_TEST_VICTORIA_METRICS", "victoria-metrics", ""),
    "vmagent": Build("vmagent", "AWSYNC_TEST_VMAGENT", "vmagent", ""),
}


class Options(TypedDict, total=False):
    """How a store is set up; what is left out is as in `DEFAULTS`, what a kind does not know is ignored.

    `scrape` makes the store scrape itself every second, so that the newest sample of its head is of now, as
    in any real Prometheus, which takes 5 s to begin with it. `dedup` is VictoriaMetrics'
    -dedup.minScrapeInterval. `flags` go last on the command line; those of vmagent, which holds nothing, name
    the store behind it (-remoteWrite.url).
    """

    receiver: bool
    out_of_order: str | None
    retention: str
    scrape: bool
    dedup: str | None
    flags: Sequence[str]


DEFAULTS = Options(receiver=True, out_of_order="2y", retention="10y", scrape=False, dedup=None, flags=())


class Store:
    """One store with a data folder of its own; `with Store(...) as store:` starts and stops it."""

    def __init__(self, name: StoreName, binary: Path, folder: Path, **options: Unpack[Options]) -> None:
        self.name = name
        self.kind: Kind = STORES[name].kind
        self.folder = folder
        self.options: Options = {**DEFAULTS, **options}
        self.port = 0
        self.log_file = folder / "store.log"
        self._binary = binary
        self._config_file = folder / "prometheus.yml"
        self._process: subprocess.Popen[bytes] | None = None
        # Connections are not kept, for nobody closes the client.
        self._client = httpx.Client(
            timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._client.close()

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def write_url(self) -> str:
        """Where remote write goes."""
        return f"{self.url}/api/v1/write"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        """False after stop or kill."""
        return self._process is not None

    def start(self) -> None:
        """Start it, at the same address as before if it ran, and wait until it is ready."""
        if self._process is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        chosen = self.port
        for _ in range(1 if chosen else _PORT_TRIES):
            self.port = chosen or free_port()
            self._write_config()
            self._launch()
            if self._becomes_ready():
                break
            self.stop()
        else:
            pytest.fail(f"{self.name} did not start: {self.log_file.read_text()[-2000:]}")
        if self.options["scrape"]:
            wait_until(self._has_scraped, f"{self.name} has scraped itself")

    def stop(self) -> None:
        """Stop it in order; the data stays."""
        self._end(STOP_SECONDS)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
        self._end(STOP_SECONDS)

    def wipe(self) -> None:
        """Start it anew at the same address with nothing in it."""
        self.stop()
        shutil.rmtree(self.folder)
        self.start()

    def restart(self, **changes: Unpack[Options]) -> None:
        """Stop and start it with the same data and address."""
        self.stop()
        self.options = {**self.options, **changes}
        self.start()

    def reload(self, **changes: Unpack[Options]) -> None:
        """Change `out_of_order` or `scrape`, which Prometheus reads from its configuration, while it runs."""
        assert self._process is not None
        assert self.kind == "prometheus", "VictoriaMetrics has no configuration to reload"
        stamp = "prometheus_config_last_reload_success_timestamp_seconds"
        before = self.metric(stamp)
        self.options = {**self.options, **changes}
        self._write_config()
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.metric(stamp) != before, f"{self.name} has read its configuration again")

    def query(self, promql: str, at: datetime | float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query at a moment (or seconds since the epoch; None: now)."""
        parameters = {"query": promql}
        if at is not None:
            parameters["time"] = repr(at.timestamp() if isinstance(at, datetime) else at)
        answer = self._client.get(f"{self.url}/api/v1/query", params=parameters)
        assert answer.is_success, f"{promql}: {answer.status_code} {answer.text}"
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def flush(self) -> None:
        """Make what was written visible to queries: at once in Prometheus, after a second or so in VM."""
        if self.kind == "victoria-metrics":
            self._client.get(f"{self.url}/internal/force_flush").raise_for_status()

    def metric(self, name: str) -> float:
        """A metric of the store's own /metrics, summed over its labels; 0 where it is missing."""
        lines = self._client.get(f"{self.url}/metrics").text.splitlines()
        pattern = re.compile(rf"{re.escape(name)}(?:\{{.*\}})? (\S+)")
        return sum(float(found[1]) for line in lines if (found := pattern.fullmatch(line)))

    def _launch(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def _arguments(self) -> Sequence[str]:
        options, address, data = self.options, f"127.0.0.1:{self.port}", self.folder / "data"
        if self.kind == "prometheus":
            return [
                f"--config.file={self._config_file}",
                f"--storage.tsdb.path={data}",
                f"--storage.tsdb.retention.time={options['retention']}",
                f"--web.listen-address={address}",
                *(["--web.enable-remote-write-receiver"] if options["receiver"] else []),
                *options["flags"],
            ]
        if self.kind == "vmagent":
            return [f"-remoteWrite.tmpDataPath={data}", f"-httpListenAddr={address}", *options["flags"]]
        return [
            f"-storageDataPath={data}",
            f"-httpListenAddr={address}",
            f"-retentionPeriod={options['retention']}",
            # By default queries hide the newest 30 s, and a cache may answer before late samples.
            "-search.latencyOffset=0s",
            "-search.disableCache",
            "-memory.allowedBytes=256MB",
            *(["-selfScrapeInterval=1s"] if options["scrape"] else []),
            *([f"-dedup.minScrapeInterval={options['dedup']}"] if options["dedup"] else []),
            *options["flags"],
        ]

    def _write_config(self) -> None:
        lines = ["global: {scrape_interval: 1s, scrape_timeout: 1s}"]
        if self.options["out_of_order"] is not None:
            lines.append(f"storage: {{tsdb: {{out_of_order_time_window: {self.options['out_of_order']}}}}}")
        if self.options["scrape"]:
            target = f"{{targets: ['127.0.0.1:{self.port}']}}"
            lines.append(f"scrape_configs: [{{job_name: self, static_configs: [{target}]}}]")
        self._config_file.write_text("\n".join(lines) + "\n")

    def _becomes_ready(self) -> bool:
        """False when the process ended, as on a taken port."""
        assert self._process is not None
        for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
            if self._is_ready():
                return True
            if ended_within(self._process, _POLL_SECONDS):
                return False
        pytest.fail(f"{self.name} is not ready after {READY_SECONDS} s: {self.log_file.read_text()[-2000:]}")

    def _is_ready(self) -> bool:
        """True when this very store is ready, and not a stranger at the same port."""
        flags = "/api/v1/status/flags" if self.kind == "prometheus" else "/flags"
        try:
            if not self._client.get(f"{self.url}/-/ready").is_success:
                return False
            return str(self.folder / "data") in self._client.get(f"{self.url}{flags}").text
        except httpx.HTTPError:
            return False

    def _has_scraped(self) -> bool:
        metric = "up" if self.kind == "prometheus" else "vm_app_uptime_seconds"
        self.flush()
        return bool(self.query(metric))

    def _end(self, grace: float) -> None:
        process, self._process = self._process, None
        if process is not None:
            stop_process(process, grace)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition, looking every 20 ms, and fail the test with `what` when it stays false."""
    pause = threading.Event()
    for _ in range(int(seconds / _POLL_SECONDS)):
        if condition():
            return
        pause.wait(_POLL_SECONDS)
    pytest.fail(f"not within {seconds:.0f} s: {what}")


@functools.cache
def find_binary(name: StoreName) -> Path | None:
    """The binary of a store: from its variable, else from PATH when the version printed is the right one."""
    build = STORES[name]
    if given := os.environ.get(build.variable):
        path = Path(given)
        assert path.is_file(), f"{build.variable}={given}: there is no such file"
        return path
    found = shutil.which(build.program)
    if found is None:
        return None
    if not build.version:
        return Path(found)
    printed = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return Path(found) if re.search(rf"version {build.version}", printed) else None


def require_binary(name: StoreName) -> Path:
    """The binary of a store; without it the test is skipped, or fails where servers are required."""
    binary = find_binary(name)
    if binary is not None:
        return binary
    message = f"{MISSING}{name}: set {STORES[name].variable}, or run .ci/stores"
    if os.environ.get("AWSYNC_TEST_REQUIRE_SERVERS") == "1":
        pytest.fail(message)
    pytest.skip(message)
