"""`just long-history`: two years of a person go to a real Prometheus, and sync goes on behind them.

An aw-server is filled with the whole history, `awsync backfill` writes it to files, promtool makes blocks of
them in the data folder of a Prometheus that runs, and `awsync sync` brings the last days. Every hour of every
bucket is then compared with ActivityWatch's own export. Prints Markdown.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import utc_now
from tests.servers import Store, require_binary

DAYS = 730
EVENTS = 700_000
WINDOW = "3d"


@dataclass(frozen=True)
class Run:
    """A finished process: seconds, CPU seconds and peak memory in MiB of it and its children, its stdout."""

    wall: float
    cpu: float
    memory: float
    output: str


def run(*command: str, folder: Path, code: int = 0) -> Run:
    """Runs a command to its end and asks the operating system what it cost."""
    output, errors = folder / "output", folder / "errors"
    begun = time.perf_counter()
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder, env=_environment())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    assert process.returncode == code, f"{command}: {process.returncode}\n{errors.read_text()[-2000:]}"
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output.read_text())


def _environment() -> dict[str, str]:
    promtool = Path(os.environ["AWSYNC_TEST_PROMTOOL"]).parent
    return {**os.environ, "PATH": os.pathsep.join([str(promtool), os.environ["PATH"]])}


def fill(aw: AwServer) -> int:
    """Two years of one person at one machine; returns the number of events."""
    end, person = utc_now() - timedelta(minutes=10), Person("machine", seed=0)
    for bucket in person.buckets:
        created = end - timedelta(days=DAYS)
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=created)
    total = sum(
        aw.insert(bucket_id, [event.to_json() for event in found])
        for history in person.history(DAYS, end)
        for bucket_id, found in history.items()
    )
    assert total >= EVENTS
    return total


def size(folder: Path) -> float:
    """MiB of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def compare(aw: AwServer, store: Store, summary: dict[str, Any]) -> int:
    """Every closed hour of every bucket against the export; returns how many there are."""
    hours = 0
    positions = {each["bucket"]: _microseconds(each["position"]) for each in summary["buckets"]}
    last = max(positions.values()) // HOUR_US * HOUR_US
    spans = 8  # one answer of the store holds 11,000 points
    width = (DAYS + 2) * 24 * HOUR_US // spans // HOUR_US * HOUR_US
    found: dict[str, dict[int, float]] = {bucket: {} for bucket in positions}
    for number in range(spans + 1):
        end = last - number * width
        for bucket, values in stored_hours(store, end - width + HOUR_US, end).items():
            found[bucket] |= values
    for bucket, position in positions.items():
        wanted = closed_hours(aw, bucket, position)
        stored = {hour: value for hour, value in found[bucket].items() if hour <= position}
        assert_equal_hours(wanted, stored, bucket)
        hours += len(wanted)
    return hours


def _microseconds(moment: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(moment).timestamp() * 1_000_000)


def measure() -> dict[str, Any]:
    """All of it, once."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        events = fill(aw)
        store = stack.enter_context(
            Store(
                "prometheus-3.5", require_binary("prometheus-3.5"), folder / "store",
                out_of_order=WINDOW, scrape=True,
            )
        )  # fmt: skip
        settings = [
            "--aw-url", aw.url, "--prometheus-url", store.url, "--state-dir", str(folder / "state"),
        ]  # fmt: skip
        command = [sys.executable, "-m", "awsync"]
        files = folder / "history"
        written = run(*command, "backfill", str(files), *settings, folder=folder)
        imports, done = written.output.splitlines()
        blocks = run("sh", "-c", imports, folder=folder)
        shown = _until_done([*command, *shlex.split(done)[1:]], folder)
        sync = run(*command, "sync", "--once", "--json", *settings, folder=folder)
        summary = json.loads(sync.output)
        hours = compare(aw, store, summary)
        manifest = json.loads((files / "manifest.json").read_text())
        return {
            "events": events,
            "samples / series in the files": f"{manifest['samples']:,} / {manifest['series']:,}",
            "files, and their size": f"{len(manifest['files'])}, {size(files):.0f} MiB",
            "awsync backfill: time / CPU": f"{written.wall:.0f} s / {written.cpu:.0f} s",
            "awsync backfill: peak memory": f"{written.memory:.0f} MiB",
            "promtool, all files: time": f"{blocks.wall:.0f} s",
            "promtool: peak memory": f"{blocks.memory:.0f} MiB",
            "until the running Prometheus shows the blocks": f"{shown.waited:.0f} s",
            "awsync backfill --done: time / memory": f"{shown.run.wall:.0f} s / {shown.run.memory:.0f} MiB",
            "awsync sync --once behind it: time / memory": f"{sync.wall:.1f} s / {sync.memory:.0f} MiB",
            "data folder of Prometheus": f"{size(folder / 'store' / 'data'):.0f} MiB",
            "hours that equal ActivityWatch's to the millisecond": f"{hours:,}",
        }


@dataclass(frozen=True)
class Shown:
    """How long the store took to show the blocks, and the command that saw them."""

    waited: float
    run: Run


def _until_done(command: list[str], folder: Path) -> Shown:
    begun = time.perf_counter()
    while True:
        waited = time.perf_counter() - begun
        try:
            return Shown(waited, run(*command, folder=folder))
        except AssertionError as error:
            if waited > 180 or "not to be seen" not in str(error):
                raise
            time.sleep(3)


def main() -> None:
    """Prints the table."""
    print("| two years | |\n| --- | ---: |")  # noqa: T201
    for name, value in measure().items():
        print(f"| {name} | {value if isinstance(value, str) else f'{value:,}'} |")  # noqa: T201


if __name__ == "__main__":
    main()
