"""The devices of `just fleet`: each a person with an ActivityWatch server of its own, and one agent a store.

An agent is an `awsync sync` process with a folder of its own: config.toml, state, log. What a process costs
is read from /proc, so this runs on Linux only.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from awsync.demo.aw_server import AwServer, stop_process
from awsync.demo.days import Person
from tests.commands import awsync, environment
from tests.servers import wait_until

DAYS = 3
"""The days of the history: two whole ones, and today until now."""
SETTLE = timedelta(minutes=4)
"""As short as it may be here: that somebody went away is told after three minutes."""
FIRST_PASS_SECONDS = 300.0
_AWAKE = timedelta(minutes=20)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a process has cost until now: CPU seconds, memory now and at its peak in MiB."""

    cpu: float
    memory: float
    peak: float


def usage(pid: int | None) -> Usage:
    """Of a process that runs."""
    assert pid is not None
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory, peak = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, memory, peak)


class Agent:
    """One `awsync sync` process, from one ActivityWatch to one store."""

    def __init__(self, folder: Path, device: str, user: str, aw_url: str, store_url: str) -> None:
        self.folder = folder
        self.first: Usage | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"
        folder.mkdir(parents=True)
        lines = (
            f'aw-url = "{aw_url}"\nprometheus-url = "{store_url}"\nuser-id = "{user}"\n'
            f'state-dir = "{folder / "state"}"\ncron = "* * * * *"\nresolution = "1m"\n'
            f'settle = "{SETTLE.seconds}s"\n[hosts]\n"{socket.gethostname()}" = "{device}"\n'
        )
        (folder / "config.toml").write_text(lines)
        (folder / "config.toml").chmod(0o600)

    @property
    def usage(self) -> Usage:
        """What it has cost since it began."""
        assert self._process is not None
        return usage(self._process.pid)

    @property
    def log(self) -> str:
        """What it said."""
        return self._log.read_text()

    def start(self) -> None:
        """Starts it, and waits until its first pass is complete."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awsync", "sync"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment(self.folder),
                start_new_session=True,
            )
        wait_until(
            lambda: "Pass complete" in self.log, f"a first pass, see {self._log}", seconds=FIRST_PASS_SECONDS
        )
        self.first = self.usage

    def stop(self) -> int:
        """Ends it as a service manager does; returns its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        stop_process(process, 20)
        return process.returncode

    def verified(self) -> dict[str, Any]:
        """What `awsync verify` says of each hour, with its exit code as `code`."""
        done = awsync("verify", "--json", "--by", "hour", "--since", f"{DAYS + 1}d", folder=self.folder)
        if done.returncode not in (0, 1):
            return {"code": done.returncode, "said": done.stderr, "buckets": [], "differences": []}
        return {**json.loads(done.stdout), "code": done.returncode}


class Device:
    """A person, the ActivityWatch server with what the person did, and the agents; `stores` are addresses."""

    def __init__(self, folder: Path, number: int, stores: Mapping[str, str]) -> None:
        self.name = f"device-{number:03}"
        self.aw = AwServer(folder / "activitywatch")
        self.agents: dict[str, Agent] = {}
        self.events = 0
        self._folder = folder
        self._number = number
        self._stores = stores
        self._told: datetime | None = None

    def start(self) -> None:
        """Starts the server with its history, and then the agents; from then on it wants to be told more."""
        self.aw.start()
        begun = datetime.now(UTC)
        # Nobody sleeps while this runs, whatever time of the day it is.
        self.person = Person(self.name, seed=self._number, awake_from=begun - _AWAKE)
        for bucket in self.person.buckets:
            created = begun - timedelta(days=DAYS)
            self.aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=created)
        self.events = sum(
            self.aw.insert(bucket, [event.to_json() for event in events])
            for day in self.person.history(DAYS, begun)
            for bucket, events in day.items()
        )
        self._told = begun
        for store, url in self._stores.items():
            agent = Agent(self._folder / store, self.name, f"user-{self._number:03}", self.aw.url, url)
            self.agents[store] = agent
            agent.start()

    def beat(self) -> int:
        """The watchers tell what was done until now; returns the number of heartbeats."""
        if self._told is None:
            return 0
        now = datetime.now(UTC)
        beats = self.person.heartbeats(self._told, now)
        for beat in beats:
            self.aw.heartbeat(beat.bucket.id, beat.event.to_json(), pulsetime=0)
        self._told = now
        return len(beats)

    def stop(self) -> list[int]:
        """Ends agents and server; returns the exit codes of the agents."""
        codes = [agent.stop() for agent in self.agents.values()]
        self.aw.stop()
        return codes
