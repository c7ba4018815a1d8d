"""A real Prometheus of our own, as a store for the demo: its own folder, a loopback port, ready to receive.

May import: errors, httpx, demo.aw_server and the standard library.
"""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from awsync.demo.aw_server import ended_within, free_port
from awsync.errors import AwsyncError

READY_SECONDS = 30.0
_POLL_SECONDS = 0.05
_CONFIG = """\
global:
  scrape_interval: 15s
storage:
  tsdb:
    out_of_order_time_window: 60d
"""


# Prometheus ends when the standard input of this does, so that it never outlives a demo that was killed.
_KEEP = """
import subprocess, sys, threading
store = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def follow_parent():
    sys.stdin.read()
    store.terminate()
    try:
        store.wait(5)
    except subprocess.TimeoutExpired:
        store.kill()
threading.Thread(target=follow_parent, daemon=True).start()
sys.exit(store.wait())
"""


def found() -> Path | None:
    """The Prometheus on PATH, if there is one."""
    path = shutil.which("prometheus")
    return None if path is None else Path(path)


class Prometheus:
    """One Prometheus; `with Prometheus(binary, folder) as store:` starts and stops it."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready, again with the same data at the same address."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "prometheus.yml"
        config.write_text(_CONFIG)
        log_file = self._folder / "prometheus.log"
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-c", _KEEP),
                    str(self._binary),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    "--storage.tsdb.retention.time=1y",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--web.enable-remote-write-receiver",
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/-/ready", trust_env=False).is_success:
                    return
            if ended_within(self._process, _POLL_SECONDS):
                break
        self.stop()
        raise AwsyncError(f"{self._binary} did not become ready.", f"Read {log_file}.")

    def stop(self) -> None:
        """Stop it; its data stays in the folder."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()  # closes its standard input

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def write_url(self) -> str:
        """Where to send."""
        return f"{self.url}/api/v1/write"

    def totals(self, by: str, days: int) -> dict[str, float]:
        """Seconds in the window bucket of the last `days` days, summed by a label."""
        query = f"sum by ({by}) (sum_over_time(aw_watcher_window_seconds[{days}d]))"
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False).json()
        return {row["metric"].get(by, ""): float(row["value"][1]) for row in answer["data"]["result"]}
