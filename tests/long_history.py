"""`just long-history`: two years of a person go to a real Prometheus, and sync goes on behind them.

An aw-server is filled with all but the last day, `awsync backfill` writes it to files, promtool makes blocks
of them in the data folder of a Prometheus that runs, and `awsync sync` brings the rest. Then the watchers
go on for a day, heartbeat by heartbeat, and a second `awsync sync` follows them. `awsync verify` has to find
that both sides agree, and every hour of every bucket is compared with ActivityWatch's own export beside it.
Prints Markdown.
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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from tests.history import HOUR_US, assert_equal_hours, closed_hours, stored_hours
from tests.passes import utc_now
from tests.servers import Store, require_binary, wait_until

DAYS = 730
EVENTS = 700_000
WINDOW = "3d"
LIVE = timedelta(days=1)
SETTLE = "36h"
"""Longer than LIVE, so that a slot closes by the events behind it, as it does live, and not by the clock."""


@dataclass(frozen=True)
class Run:
    """A finished process: seconds, CPU seconds and peak memory in MiB of it and its children, its stdout."""

    wall: float
    cpu: float
    memory: float
    output: str

    @property
    def cost(self) -> str:
        """All three, for the table."""
        return f"{self.wall:.1f} s / {self.cpu:.1f} s / {self.memory:.0f} MiB"


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


def fill(aw: AwServer, person: Person, end: datetime) -> int:
    """All days of one person at one machine but the last; returns the number of events."""
    for bucket in person.buckets:
        created = end - timedelta(days=DAYS)
        aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=created)
    total = sum(
        aw.insert(bucket_id, [event.to_json() for event in found])
        for history in person.history(DAYS - LIVE.days, end)
        for bucket_id, found in history.items()
    )
    assert total >= EVENTS
    return total


def go_on(aw: AwServer, person: Person, since: datetime, until: datetime) -> int:
    """The watchers go on; returns the number of their heartbeats."""
    beats = person.heartbeats(since, until)
    for beat in beats:
        aw.heartbeat(beat.bucket.id, beat.event.to_json(), pulsetime=0)
    return len(beats)


def size(folder: Path) -> float:
    """MiB of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def until_shown(store: Store, data: Path) -> float:
    """Waits until a Prometheus that runs has loaded every block of its folder; returns the seconds."""
    begun = time.perf_counter()
    wait_until(
        lambda: store.metric("prometheus_tsdb_blocks_loaded") == len(list(data.glob("*/meta.json"))),
        "Prometheus to load the blocks",
        180,
    )
    return time.perf_counter() - begun


def wanted_hours(aw: AwServer, summary: dict[str, Any]) -> dict[str, dict[int, float]]:
    """Seconds by bucket and closed hour, from ActivityWatch's export; a last hour is none before its end."""
    return {
        each["bucket"]: closed_hours(aw, each["bucket"], _microseconds(each["position"]))
        for each in summary["buckets"]
    }


def compare(wanted: dict[str, dict[int, float]], store: Store, summary: dict[str, Any]) -> int:
    """Every closed hour of every bucket against the store; returns how many there are."""
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
        stored = {hour: value for hour, value in found[bucket].items() if hour <= position}
        assert_equal_hours(wanted[bucket], stored, bucket)
    return sum(map(len, wanted.values()))


def check_verified(
    verified: dict[str, Any], wanted: dict[str, dict[int, float]], summary: dict[str, Any]
) -> int:
    """That verify compared all of the two years, and that all agrees; returns how many days it compared."""
    assert verified["ok"], verified["differences"][:5]
    assert not any(verified[what] for what in ("differences", "skipped", "unread", "kept_from"))
    positions = {each["bucket"]: _microseconds(each["position"]) for each in summary["buckets"]}
    assert {each["bucket"] for each in verified["buckets"]} == wanted.keys() == positions.keys()
    for each in verified["buckets"]:
        hours, position = wanted[each["bucket"]], positions[each["bucket"]]
        assert _microseconds(each["from"]) <= min(hours) - HOUR_US, each
        assert _microseconds(each["to"]) >= position, each
        days = {(hour - HOUR_US) // (24 * HOUR_US) for hour in hours}
        assert len(days) <= each["agree"] == each["periods"] <= len(days) + 1, (each, len(days))
        for said in (each["activitywatch_seconds"], each["store_seconds"]):
            # Verify counts slots, so that it may be up to an hour further.
            assert -0.001 * len(hours) < said - sum(hours.values()) < 3600, each
    return sum(each["agree"] for each in verified["buckets"])


def check_continued(before: dict[str, Any], after: dict[str, Any]) -> None:
    """That the second pass went on from where the first one stood, and had nothing to mend behind that."""
    assert before["complete"]
    assert after["complete"]
    assert before["totals"]["samples"] > 0
    assert after["totals"]["corrections"] == after["totals"]["set_aside"] == 0
    stood = {each["bucket"]: each["position"] for each in before["buckets"]}
    for each in after["buckets"]:
        moved = _microseconds(each["position"]) - _microseconds(stood[each["bucket"]])
        assert moved > LIVE.total_seconds() * 1_000_000 // 4, each
        assert each["samples"] > 0, each


def _microseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1_000_000)


def measure() -> dict[str, Any]:
    """All of it, once."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        person, end = Person("machine", seed=0), utc_now() - timedelta(minutes=10)
        events = fill(aw, person, end - LIVE)
        _tell("filled")
        store = stack.enter_context(
            Store(
                "prometheus-3.5", require_binary("prometheus-3.5"), folder / "store",
                out_of_order=WINDOW, scrape=True,
            )
        )  # fmt: skip
        settings = [
            "--aw-url", aw.url, "--prometheus-url", store.url, "--state-dir", str(folder / "state"),
            "--settle", SETTLE,
        ]  # fmt: skip
        command = [sys.executable, "-m", "awsync"]
        files = folder / "history"
        written = run(*command, "backfill", str(files), *settings, folder=folder)
        _tell(f"backfill {written.wall:.1f} s")
        imports, done = written.output.splitlines()
        blocks = run("sh", "-c", imports, folder=folder)
        waited = until_shown(store, folder / "store" / "data")
        checked = run(*command, *shlex.split(done)[1:], folder=folder)
        _tell(f"done {checked.wall:.1f} s")
        syncing = [*command, "sync", "--once", "--json", *settings]
        sync = run(*syncing, folder=folder)
        beats = go_on(aw, person, end - LIVE, end)
        _tell(f"{beats} heartbeats")
        live = run(*syncing, folder=folder)
        summary = json.loads(live.output)
        first = json.loads(sync.output)
        check_continued(first, summary)
        verify = run(
            *command, "verify", "--since", f"{DAYS}d", "--by", "day", "--json", *settings, folder=folder
        )
        _tell(f"verify {verify.wall:.1f} s")
        wanted = wanted_hours(aw, summary)
        days = check_verified(json.loads(verify.output), wanted, summary)
        hours = compare(wanted, store, summary)
        manifest = json.loads((files / "manifest.json").read_text())
        return {
            "events / heartbeats of the last day": f"{events:,} / {beats:,}",
            "samples / series in the files": f"{manifest['samples']:,} / {manifest['series']:,}",
            "files, and their size": f"{len(manifest['files'])}, {size(files):.0f} MiB",
            "awsync backfill: time / CPU / peak memory": written.cost,
            "promtool, all files": blocks.cost,
            "until the running Prometheus shows the blocks": f"{waited:.0f} s",
            "awsync backfill --done": checked.cost,
            "awsync sync --once behind it": sync.cost,
            "awsync sync --once a day later": live.cost,
            "samples of the two": f"{first['totals']['samples']:,}, {summary['totals']['samples']:,}",
            f"awsync verify --since {DAYS}d --by day": verify.cost,
            "days of buckets that verify compared, and that agree": f"{days:,}",
            "hours that equal ActivityWatch's to the millisecond": f"{hours:,}",
            "data folder of Prometheus": f"{size(folder / 'store' / 'data'):.0f} MiB",
        }


def _tell(text: str) -> None:
    print(f"{utc_now():%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: T201


def main() -> None:
    """Prints the table."""
    print("| two years | |\n| --- | ---: |")  # noqa: T201
    for name, value in measure().items():
        print(f"| {name} | {value if isinstance(value, str) else f'{value:,}'} |")  # noqa: T201


if __name__ == "__main__":
    main()
