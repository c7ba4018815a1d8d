"""`just bench`: one awsync pass against the least that any program could do, on real servers.

The floor is a bare HTTP client that reads the same events and throws them away: once in one request a
bucket, which costs the server memory without bound, and once in one request a bucket and week. Floors and
pass are timed by themselves, without the start of Python; CPU and memory are those of the whole process, as
the operating system counts them. Prints Markdown.
"""

import argparse
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
ROUNDS = 5

_FLOOR = """
import sys, time, httpx
from datetime import datetime, timedelta, UTC
base, weeks, now = sys.argv[1], int(sys.argv[2]), datetime.now(UTC)
begun = time.perf_counter()
with httpx.Client(timeout=600, trust_env=False) as client:
    for bucket in client.get(f"{base}/api/0/buckets/").json():
        url = f"{base}/api/0/buckets/{bucket}/events"
        if weeks == 0:
            client.get(url)
        for week in range(weeks, 0, -1):
            start, end = (now - timedelta(weeks=number) for number in (week, week - 1))
            client.get(url, params={"start": start.isoformat(), "end": end.isoformat()})
print(time.perf_counter() - begun)
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


def floor(aw: AwServer, folder: Path, *, weeks: int = 0) -> float:
    """Seconds for the same events read and thrown away, whole or week by week."""
    return float(run(sys.executable, "-c", _FLOOR, aw.url, str(weeks), folder=folder).output)


def sync(aw: AwServer, store: Store, folder: Path, state: str) -> Run:
    """One `awsync sync --once`."""
    return run(
        sys.executable, "-m", "awsync", "sync", "--once", "--json", "--aw-url", aw.url,
        "--prometheus-url", store.url, "--state-dir", str(folder / state), folder=folder,
    )  # fmt: skip


def fill(aw: AwServer, events: int) -> tuple[int, int]:
    """At least so many events of a person's days; returns their number, and the weeks they cover."""
    person, now = Person("bench"), utc_now() - timedelta(minutes=10)
    week = sum(len(found) for history in person.history(7, now) for found in history.values())
    days, total = round(7 * events / week * 1.4), 0
    for bucket in person.buckets:
        # As old as its first event, like a bucket that a watcher filled.
        created = now - timedelta(days=days)
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=created)
    for history in person.history(days, now):
        for bucket_id, found in history.items():
            total += aw.insert(bucket_id, [event.to_json() for event in found])
        if total >= events:
            break
    return total, days // 7 + 1


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
    floors: list[float] = []
    weekly: list[float] = []
    passes: list[Run] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        held, weeks = fill(aw, events)
        for number in range(ROUNDS):
            binary = require_binary("prometheus-3.5")
            with Store("prometheus-3.5", binary, folder / f"store{number}", scrape=True) as store:
                floors.append(floor(aw, folder))
                weekly.append(floor(aw, folder, weeks=weeks))
                passes.append(sync(aw, store, folder, f"state{number}"))
                series, samples = of_store(store)
    totals = json.loads(passes[-1].output)["totals"]
    taken = [float(json.loads(run.output)["elapsed_seconds"]) for run in passes]
    assert totals["events"] >= held
    return {
        "events": held,
        "floor in one request a bucket, s": _median(floors),
        "floor in one request a week, s": _median(weekly),
        "pass, s": _median(taken),
        "ratio to the first floor": _median([p / f for p, f in zip(taken, floors, strict=True)]),
        "ratio to the second floor": _median([p / f for p, f in zip(taken, weekly, strict=True)]),
        "whole process, s": _median([run.wall for run in passes]),
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
    """Prints the two tables; `--size` times passes over so many events only, and may be given again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="events of a pass; may be given again")
    sizes = [bench_size(events) for events in parser.parse_args().size or SIZES]
    _print(sizes)
    smallest, largest = (sizes[at]["peak memory, MiB"] for at in (0, -1))
    print(f"\nPeak memory of the last over the first: {largest / smallest:.2f}")  # noqa: T201
    print("\nAn idle pass:\n")  # noqa: T201
    _print([bench_idle()])


def _print(columns: list[dict[str, Any]]) -> None:
    print("| figure |" + "".join(" value |" for _ in columns))  # noqa: T201
    print("| --- |" + " ---: |" * len(columns))  # noqa: T201
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:,}" for column in columns) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
