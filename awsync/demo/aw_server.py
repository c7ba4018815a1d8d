"""A real aw-server (Python) of our own: for the demo and for the tests, never the user's.

It runs as a child process with every folder of ActivityWatch moved below one given folder, so neither
its data nor its settings meet those of an ActivityWatch that is installed here. Nothing of aw_server is
imported into this process: it configures logging and folders at import.

May import: errors, httpx and the standard library.
"""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from awsync.errors import AwsyncError

READY_SECONDS = 60.0
STOP_SECONDS = 5.0
CHUNK = 5000
"""Events of one POST: aw-server takes about 9,000 a second, so that a request stays below a second."""

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.02
_PORT_TRIES = 5

# The folders of platformdirs are replaced in the child rather than HOME and XDG_*: Windows reads neither.
# The child ends when its standard input does, so that it never outlives a parent that was killed.
_LAUNCH = """
import os, sys, threading
from pathlib import Path
import platformdirs
root = Path(sys.argv.pop(1))
for kind in ("data", "config", "cache", "log"):
    path = root / kind
    setattr(platformdirs, f"user_{kind}_dir", lambda *_, path=path, **__: str(path))
    setattr(platformdirs, f"user_{kind}_path", lambda *_, path=path, **__: path)
def follow_parent():
    while os.read(0, 1):
        pass
    os._exit(0)
threading.Thread(target=follow_parent, daemon=True).start()
import aw_server
aw_server.main()
"""


class AwServer:
    """One aw-server on the loopback address; `with AwServer(folder) as server:` starts and stops it.

    All methods raise AwsyncError when the server cannot be started or refuses what it is given.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        """`folder` keeps data and log of this server; `port` 0 takes a free one at the first start."""
        self.folder = folder
        self.port = port
        self.log_file = folder / "aw-server.log"
        self._process: subprocess.Popen[bytes] | None = None
        # aw-server closes each connection, and so do we: nobody closes the client.
        self._client = httpx.Client(
            timeout=60, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
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
        return f"http://{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it and wait until it answers; a free port that someone else took first is exchanged."""
        if self._process is not None:
            return
        if find_spec("aw_server") is None:
            message = "The demo's ActivityWatch server is not installed."
            raise AwsyncError(message, "Install it with: pip install 'awsync[demo]'")
        self.folder.mkdir(parents=True, exist_ok=True)
        for port in (self.port,) if self.port else (free_port() for _ in range(_PORT_TRIES)):
            if self._answers(self._launch(port)):
                self.port = port
                return
            self.stop()
        raise AwsyncError(
            f"aw-server in {self.folder} did not start; its last words: {_last_words(self.log_file)}",
            f"Read {self.log_file}.",
        )

    def stop(self) -> None:
        """Stop it: a polite request first, force after 5 s. Its data stays in the folder."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes its standard input
            stop_process(process, STOP_SECONDS)

    def restart(self) -> None:
        """Stop and start it again: the same data at the same address."""
        self.stop()
        self.start()

    def create_bucket(
        self, bucket: str, client: str, kind: str, hostname: str, *, created: datetime | None = None
    ) -> None:
        """Create a bucket of type `kind`, now or as if at `created`; one that exists stays as it is."""
        body = {"client": client, "type": kind, "hostname": hostname}
        if created is None:
            self._call("POST", _bucket_path(bucket), body)
        else:
            whole = body | {"id": bucket, "created": created.isoformat()}
            self._call("POST", "/import", {"buckets": {bucket: {**whole, "events": []}}})

    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket and its events."""
        self._call("DELETE", _bucket_path(bucket), params={"force": "1"})

    def insert(self, bucket: str, events: Iterable[Mapping[str, Any]]) -> int:
        """Insert events in ActivityWatch's JSON shape, however many, and return their number."""
        count = 0
        remaining = iter(events)
        while chunk := list(itertools.islice(remaining, CHUNK)):
            self._call("POST", f"{_bucket_path(bucket)}/events", chunk)
            count += len(chunk)
        return count

    def heartbeat(self, bucket: str, event: Mapping[str, Any], pulsetime: float) -> None:
        """Send what a watcher sends: the event grows if its data is the same and the gap <= `pulsetime` s."""
        params = {"pulsetime": str(pulsetime)}
        self._call("POST", f"{_bucket_path(bucket)}/heartbeat", event, params=params)

    def delete_event(self, bucket: str, event_id: int) -> None:
        """Delete one event."""
        self._call("DELETE", f"{_bucket_path(bucket)}/events/{event_id}")

    def events(self, bucket: str) -> list[dict[str, Any]]:
        """All events of a bucket as the server tells them, newest first."""
        answer: list[dict[str, Any]] = self._call("GET", f"{_bucket_path(bucket)}/events").json()
        return answer

    def export(self, bucket: str) -> dict[str, Any]:
        """The bucket with its events, whole and unclipped."""
        answer: dict[str, Any] = self._call("GET", f"{_bucket_path(bucket)}/export").json()
        exported: dict[str, Any] = answer["buckets"][bucket]
        return exported

    def _launch(self, port: int) -> str:
        """Start the child and return the address at which it will answer."""
        arguments = ["--host", _HOST, "--port", str(port), "--storage", "peewee"]
        environment = dict(os.environ)
        for name in ("AW_PROFILE", "LOG_LEVEL"):
            environment.pop(name, None)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, str(self.folder.resolve()), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops its server in order.
            )
        return f"http://{_HOST}:{port}"

    def _answers(self, url: str) -> bool:
        """True as soon as this very server answers; False when it ended, as it does on a taken port."""
        assert self._process is not None
        for _ in range(int(READY_SECONDS / _POLL_SECONDS)):
            if self._is_ours(url):
                return True
            if ended_within(self._process, _POLL_SECONDS):
                return False
        self.stop()
        raise AwsyncError(
            f"aw-server did not answer at {url} within {READY_SECONDS:.0f} s.", f"Read {self.log_file}."
        )

    def _is_ours(self, url: str) -> bool:
        """True when the server at `url` is the one of this folder, and not a stranger's."""
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, OSError):
            told = self._client.get(f"{url}/api/0/info", timeout=1).json()["device_id"]
            return bool(told == (self.folder / "data" / "aw-server" / "device_id").read_text())
        return False

    def _call(
        self, method: str, path: str, body: object = None, params: dict[str, str] | None = None
    ) -> httpx.Response:
        url = f"{self.url}/api/0{path}"
        try:
            # Pure ASCII, so that even half an emoji gets through, as watchers send it.
            content = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"}
            answer = self._client.request(method, url, content=content, headers=headers, params=params)
        except httpx.HTTPError as error:
            raise AwsyncError(f"{method} {url}: {error}.", f"Read {self.log_file}.") from error
        if not answer.is_success and answer.status_code != httpx.codes.NOT_MODIFIED:
            words = answer.text.strip()[:200]
            raise AwsyncError(f"{method} {url}: {answer.status_code} {words}.", f"Read {self.log_file}.")
        return answer


def free_port() -> int:
    """A port of the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait up to `seconds` and tell whether the process has ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop_process(process: subprocess.Popen[bytes], grace: float) -> None:
    """End a child process: SIGTERM, and SIGKILL after `grace` seconds."""
    process.terminate()
    if not ended_within(process, grace):
        process.kill()
        process.wait()


def _bucket_path(bucket: str) -> str:
    return f"/buckets/{quote(bucket, safe='')}"


def _last_words(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return " / ".join(lines[-3:]) or "none"
