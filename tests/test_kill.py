"""Killed at any moment of a long backfill, again and again: the store still ends up equal to ActivityWatch.

A kill comes after a random time, at a random change of the state database, or at a random point of a
request to the store: as it arrives, as it was passed on, or as its answer was. The kills are spread over the
backfill: while it is ahead of them they come before anything is confirmed, else a moment later.
"""

import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.timeline import DAY, HOUR
from tests.commands import awsync, start_awsync
from tests.conftest import StartStore
from tests.history import assert_equal_hours, closed_hours, stored_hours
from tests.passes import utc_now
from tests.servers import Store, StoreName

EVENTS = 50_000
LIST = 5_000
STEP = 0.3
"""More of the backfill than one run that is killed has ever moved: the last kill must still find work."""
LONGEST = 20.0
"""Seconds after which a process is killed that did not come so far."""
PERSONS = [Person(f"laptop-{number}", seed=number) for number in range(4)]
BUCKETS = [bucket for person in PERSONS for bucket in person.buckets]


class Relay:
    """Passes on what goes to a store, and tells of the points of each write request as they come.

    A request that arrives when its sender is killed for it goes no further.
    """

    POINTS = ("arrived", "passed on", "answered")

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: Callable[[str], bool] = lambda _: False
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._port))
                writes = threading.Event()
                for source, target, is_request in ((ours, theirs, True), (theirs, ours, False)):
                    thread = threading.Thread(
                        target=self._pass_on, args=(source, target, writes, is_request), daemon=True
                    )
                    self._threads.append(thread)
                    thread.start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, writes: threading.Event, is_request: bool
    ) -> None:
        with suppress(OSError), source:
            while data := source.recv(1 << 16):
                begins = is_request and data.startswith(b"POST /api/v1/write")
                ends = not is_request and writes.is_set()
                if begins:
                    writes.set()
                    if self.heard("arrived"):
                        break
                # A dead client cannot be answered; what the store does with a request is its own.
                target.sendall(data)
                if begins:
                    self.heard("passed on")
                if ends:
                    writes.clear()
                    self.heard("answered")
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def aw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """Fifty thousand events of four persons' days, inserted in long lists."""
    until = utc_now() - timedelta(minutes=10)
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for person in PERSONS:
        total = 0
        for day in person.history(90, until):
            for bucket, found in day.items():
                events[bucket] += [event.to_json() for event in found]
                total += len(found)
            if total >= EVENTS / len(PERSONS):
                break
    with AwServer(tmp_path_factory.mktemp("aw")) as server:
        for each in BUCKETS:
            server.create_bucket(each.id, each.client, each.type, each.hostname)
            held = events[each.id]
            for number in range(0, len(held), LIST):
                server.insert(each.id, held[number : number + LIST])
        yield server


class _Shot:
    """One run of awsync that is going to be killed."""

    def __init__(self, process: "subprocess.Popen[str]", aim: tuple[int, str]) -> None:
        self.answered = 0
        self._process = process
        self._aim = aim
        self._arrived = 0
        self._done = threading.Event()

    def heard(self, point: str) -> bool:
        """Counts the write requests, and kills where it was to; returns whether it did."""
        self._arrived += point == "arrived"
        self.answered += point == "answered"
        hit = (self._arrived, point) == self._aim
        if hit:
            self._process.kill()
            self._done.set()
        return hit

    def wait(self, seconds: float) -> bool:
        """Waits for the kill; True where it was, or the process ended by itself."""
        deadline = time.monotonic() + seconds
        while not self._done.wait(min(seconds, 0.05)) and self._process.poll() is None:
            if time.monotonic() >= deadline:
                return False
        return True

    def fire(self) -> bool:
        """Kills in any case; returns whether it was not too late."""
        self._process.kill()
        self._process.communicate()
        return self._process.returncode == -signal.SIGKILL


class Backfill:
    """A backfill that is killed again and again, and then left alone."""

    def __init__(self, aw: AwServer, relay: Relay, folder: Path, seed: int) -> None:
        self._relay = relay
        self._folder = folder
        self._random = random.Random(seed)
        self._arguments = (
            "sync", "--once", "--aw-url", aw.url, "--prometheus-url", f"http://127.0.0.1:{relay.port}",
            "--state-dir", str(folder / "state"),
        )  # fmt: skip
        self.path = folder / "state" / "state.db"
        self.ends = {each.id: _end(aw, each.id) for each in BUCKETS}
        self.kills: dict[str, int] = defaultdict(int)

    def kill(self, *, patient: bool) -> None:
        """Starts awsync and kills it somewhere; a patient kill comes when something was committed.

        The first write request of a run carries no samples.
        """
        what = self._random.choice(("state", "request") if patient else ("time", "time", "state", "request"))
        aim = (2, "arrived")
        if patient:
            aim = self._random.choice([(2, "passed on"), (2, "answered"), (3, "arrived"), (3, "passed on")])
        elif what == "request":
            aim = self._random.choice([*((1, point) for point in Relay.POINTS), aim, aim])
        shot = _Shot(start_awsync(*self._arguments, folder=self._folder), aim)
        self._relay.heard = shot.heard
        if what == "state":
            self._wait_for_changes(shot, after=1 if patient else 0, changes=self._random.randint(1, 8))
        else:
            shot.wait(self._random.uniform(0.05, 1.6) if what == "time" else LONGEST)
        self.kills[what] += shot.fire()
        self._relay.heard = lambda _: False

    def _wait_for_changes(self, shot: _Shot, *, after: int, changes: int) -> None:
        """Waits for a change of the log after so many requests with samples, or for so many without any."""
        log = self.path.with_name("state.db-wal")
        seen = _signature(log)
        while changes > 0 and not shot.wait(0.0005):
            if (now := _signature(log)) == seen:
                continue
            seen, changes = now, changes - 1
            if after and shot.answered > after:
                return
            changes = max(changes, after)

    def check(self) -> float:
        """Checks a copy of the state as the kill left it; returns how much of the backfill is done."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self.path.parent.glob("state.db*"):
            assert "damaged" not in path.name
            shutil.copy(path, copy)
        if not (copy / "state.db").exists():
            return 0.0
        with closing(sqlite3.connect(copy / "state.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not connection.execute("PRAGMA user_version").fetchone()[0]:
                return 0.0
            assert connection.execute("SELECT count(*) FROM set_aside").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
            rows = connection.execute("SELECT bucket, began, position FROM checkpoint").fetchall()
        shares: list[float] = [
            min(1.0, (position - began) / (self.ends[bucket] - began)) for bucket, began, position in rows
            if position is not None
        ]  # fmt: skip
        return sum(shares) / len(self.ends)

    def finish(self) -> None:
        """One run that nobody disturbs."""
        done = awsync(*self._arguments, folder=self._folder)
        assert done.returncode == 0, done.stderr

    def positions(self) -> dict[str, int]:
        """How far each bucket has come."""
        with closing(sqlite3.connect(self.path)) as connection:
            positions: dict[str, int] = dict(
                connection.execute("SELECT bucket, position FROM checkpoint").fetchall()
            )
        return positions


def _end(aw: AwServer, bucket: str) -> int:
    newest = aw.events(bucket)[0]
    return _microseconds(newest["timestamp"]) + round(float(newest["duration"]) * 1_000_000)


def _microseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "dedup", "kills"), [("prometheus-3.5", None, 100), ("victoria-metrics", "1ms", 10)]
)
def test_killed_again_and_again(
    aw: AwServer, start_store: StartStore, tmp_path: Path, name: StoreName, dedup: str | None, kills: int
) -> None:
    """Nothing is lost, doubled or set aside, and the state is whole after each kill."""
    seed = int(os.environ.get("AWSYNC_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"AWSYNC_TEST_SEED={seed}")  # noqa: T201 pytest shows it with a failure
    store = start_store(name, dedup=dedup)
    with ExitStack() as stack:
        relay = stack.enter_context(Relay(store.port))
        backfill = Backfill(aw, relay, tmp_path, seed)
        begun, done, worked = time.monotonic(), 0.0, 0
        for number in range(kills):
            backfill.kill(patient=done + STEP < number / kills)
            before, done = done, backfill.check()
            worked += done > before
        backfill.finish()
    print(f"{dict(backfill.kills)} in {time.monotonic() - begun:.0f} s; {done:.0%} done, {worked} moved it")  # noqa: T201
    assert worked, "no kill came after something was confirmed"
    assert sum(backfill.kills.values()) >= kills * 0.95, f"ended by itself too often, {done:.0%} done"
    _assert_equal(aw, store, backfill.positions())


def _assert_equal(aw: AwServer, store: Store, positions: dict[str, int]) -> None:
    first = min(_microseconds(aw.events(each.id)[-1]["timestamp"]) for each in BUCKETS) // HOUR * HOUR
    end = min(positions.values()) // HOUR * HOUR
    found: dict[str, dict[int, float]] = defaultdict(dict)
    # A store bears the question for some weeks at once.
    for begin in range(first, end, 14 * DAY):
        for bucket, hours in stored_hours(store, begin + HOUR, min(begin + 14 * DAY, end)).items():
            found[bucket].update(hours)
    for bucket in positions:
        wanted = closed_hours(aw, bucket, end)
        assert wanted
        assert_equal_hours(wanted, found[bucket], bucket)
