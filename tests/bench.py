"""`just bench`: one awsync pass against the least that any program could do, on real servers.

The floor is a bare HTTP client that reads the same events, one request a bucket, and throws them away.
Both are whole processes, start-up included, measured by the operating system. Prints Markdown.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from tests.passes import utc_now
from tests.servers import Store, require_binary

SIZES = (50_000, 200_000)
IDLE_BUCKETS = 20
ROUNDS = 3

_FLOOR = """
import sys, httpx
base = sys.argv[1]
with httpx.Client(timeout=600, trust_env=False) as client:
    for bucket in client.get(f"{base}/api/0/buckets/").json():
        client.get(f"{base}/api/0/buckets/{bucket}/events")
"""


@dataclass(frozen=True)
class Run:
    """A finished process: wall and CPU seconds, peak memory in MiB, what it printed."""

    wall: float
    cpu: float
    memory: float
    output: str


def run(*command: str, folder: Path) -> Run:
    """Runs a command to its end and asks the operating system what it cost."""
    output = folder / "output"
    begun = time.perf_counter()
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    assert process.returncode == 0, f"{command}: exit code {process.returncode}"
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read_text())


def floor(aw: AwServer, folder: Path) -> Run:
    """The same events read and thrown away."""
    return run(sys.executable, "-c", _FLOOR, aw.url, folder=folder)


def sync(aw: AwServer, store: Store, folder: Path, state: str) -> Run:
    """One `awsync sync --once`."""
    return run(
        sys.executable, "-m", "awsync", "sync", "--once", "--json", "--aw-url", aw.url,
        "--prometheus-url", store.url, "--state-dir", str(folder / state), folder=folder,
    )  # fmt: skip


def fill(aw: AwServer, events: int) -> int:
    """At least so many events of a person's days."""
    person, now = Person("bench"), utc_now() - timedelta(minutes=10)
    for bucket in person.buckets:
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname)
    week = sum(len(found) for history in person.history(7, now) for found in history.values())
    total = 0
    for history in person.history(round(7 * events / week * 1.4), now):
        for bucket_id, found in history.items():
            total += aw.insert(bucket_id, [event.to_json() for event in found])
        if total >= events:
            break
    return total


def of_store(store: Store) -> tuple[int, int]:
    """Series and samples of awsync in the store."""
    at = utc_now()
    samples = store.query('sum(count_over_time({__name__=~"aw_.+_seconds"}[400d]))', at)
    names = httpx.get(
        f"{store.url}/api/v1/series",
        params={"match[]": '{__name__=~"aw_.+_seconds"}', "start": "0"},
        trust_env=False,
        timeout=60,
    ).json()
    return len(names["data"]), int(float(samples[0]["value"][1]))


def bench_size(events: int) -> dict[str, Any]:
    """Floor and pass in turn over the same server; each pass goes into an empty Prometheus."""
    floors: list[Run] = []
    passes: list[Run] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        held = fill(aw, events)
        for number in range(ROUNDS):
            binary = require_binary("prometheus-3.5")
            with Store("prometheus-3.5", binary, folder / f"store{number}", scrape=True) as store:
                floors.append(floor(aw, folder))
                passes.append(sync(aw, store, folder, f"state{number}"))
                series, samples = of_store(store)
    totals = json.loads(passes[-1].output)["totals"]
    assert totals["events"] >= held
    return {
        "events": held,
        "floor, s": _median([run.wall for run in floors]),
        "pass, s": _median([run.wall for run in passes]),
        "ratio": _median([p.wall / f.wall for p, f in zip(passes, floors, strict=True)]),
        "CPU of awsync, s": _median([run.cpu for run in passes]),
        "peak memory, MiB": _median([run.memory for run in passes]),
        "requests to AW": totals["reads"],
        "requests to the store": totals["requests"],
        "series in the store": series,
        "samples in the store": samples,
    }


def bench_idle() -> dict[str, Any]:
    """A pass with nothing to do over many buckets."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        store = stack.enter_context(
            Store("prometheus-3.5", require_binary("prometheus-3.5"), folder / "store")
        )
        now = utc_now() - timedelta(hours=3)
        for number in range(IDLE_BUCKETS):
            bucket = f"aw-watcher-{number}_bench"
            aw.create_bucket(bucket, f"aw-watcher-{number}", "currentwindow", "bench")
            aw.insert(
                bucket,
                [
                    {
                        "timestamp": (now + timedelta(minutes=i)).isoformat(),
                        "duration": 59.5,
                        "data": {"app": f"app {i % 4}"},
                    }
                    for i in range(60)
                ],
            )
        sync(aw, store, folder, "state")
        idle = [sync(aw, store, folder, "state") for _ in range(ROUNDS)]
    summary = json.loads(idle[-1].output)
    return {
        "buckets": IDLE_BUCKETS,
        "requests to AW": summary["totals"]["reads"],
        "requests to the store": summary["totals"]["requests"],
        "the pass itself, s": summary["elapsed_seconds"],
        "whole process CPU, s": _median([run.cpu for run in idle]),
        "whole process wall, s": _median([run.wall for run in idle]),
    }


def _median(numbers: list[float]) -> float:
    return round(sorted(numbers)[len(numbers) // 2], 2)


def main() -> None:
    """Prints the two tables."""
    sizes = [bench_size(events) for events in SIZES]
    _print(sizes)
    small, large = (size["peak memory, MiB"] for size in sizes)
    print(f"\nPeak memory of the larger over the smaller: {large / small:.2f}")  # noqa: T201
    print("\nAn idle pass:\n")  # noqa: T201
    _print([bench_idle()])


def _print(columns: list[dict[str, Any]]) -> None:
    print("| figure |" + "".join(" value |" for _ in columns))  # noqa: T201
    print("| --- |" + " ---: |" * len(columns))  # noqa: T201
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:,}" for column in columns) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
