"""`just soak`: thousands of passes under faults at random, in accelerated time, over real servers.

A clock of our own runs some minutes a pass, through weeks of a person's activity that are put into a real
ActivityWatch as they come. Now and then everything is left alone until nothing is due, and each hour of each
bucket in a real Prometheus must equal what ActivityWatch says. At the end a table is printed; the exit code
is 1 where there was a difference, memory that grew, or a descriptor that stayed open.

Memory is measured from the moment when the largest piece of work is behind it: a page of a bucket is as large
as it may be, and what the store holds of it was asked for. A few small objects that were made meanwhile and
live on keep much of that memory (Python gives back whole MiB only), so a run that begins with an empty
history would grow with each larger page until there are pages that are full.
"""

import argparse
import asyncio
import ctypes
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.engine import Engine, Wiring
from awsync.errors import StateError
from awsync.events import Event, PassFinished
from awsync.journal import Recorder
from awsync.state import State
from awsync.timeline import HOUR
from tests.history import closed_hours, stored_hours
from tests.passes import make_settings
from tests.servers import Store, require_binary

MINUTE = 60_000_000
BUCKETS = {"window": "currentwindow", "afk": "afkstatus", "web": "web.tab.current"}
WEEKS_BACK = 24
"""How far before now the accelerated time begins; it never comes near now."""
DAYS_BEFORE = 35
"""A history of more than one full page of windows, which is there when the passes begin."""
CHECK_EVERY = 250
FAULTS = 0.35
"""The share of passes that something happens to."""
GROWTH_MIB = 6.0
"""What the second half of the run may add to the memory of the process."""


class Weather(httpx.AsyncBaseTransport):
    """A transport that fails in one of its ways, at one of its next requests."""

    def __init__(self, fault: str, after: int) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._fault = fault
        self._left = after

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the server, or what the weather makes of it."""
        self._left -= 1
        if self._left >= 0 or not self._fault:
            return await self._inner.handle_async_request(request)
        if self._fault == "refused":
            raise httpx.ConnectError("refused by the soak", request=request)
        if self._fault == "answers 503":
            return httpx.Response(503, text="the soak says no", request=request)
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        if self._fault == "half an answer":
            return httpx.Response(answer.status_code, content=body[: len(body) // 2], request=request)
        if self._fault == "503 after it was done":
            return httpx.Response(503, text="the soak says no, too late", request=request)
        raise httpx.ReadError("reset by the soak", request=request)


STORE_FAULTS = ("refused", "answers 503", "503 after it was done", "reset after it was done")
AW_FAULTS = ("refused", "answers 503", "half an answer", "reset after it was done")


class CrashingState(State):
    """A state whose process dies between what the store confirmed and what is written down of it."""

    crash = False

    def commit(self, *pages: Any, **more: Any) -> None:  # noqa: ANN401 whatever State's takes
        """Raises StateError in place of a commit."""
        if self.crash:
            raise StateError("The soak killed it.")
        super().commit(*pages, **more)


@dataclass
class Soak:
    """One run; moments are microseconds since the epoch."""

    aw: AwServer
    store: Store
    folder: Path
    random: random.Random
    now: int
    begun: int = 0
    passes: int = 0
    complete: int = 0
    checks: int = 0
    samples: int = 0
    corrections: int = 0
    difference: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    _edits_from: int = 0

    def __post_init__(self) -> None:
        self.begun = self._edits_from = self.now
        self.settings = make_settings(self.folder, self.aw.url, self.store.url)
        self.recorder = Recorder(self.folder / "state", lambda: self.now)
        self.state = self._open()
        self.engine = Engine(self.settings, self.state, patience=0.0)
        for name, kind in BUCKETS.items():
            self.aw.create_bucket(name, f"aw-watcher-{name}", kind, "soak", created=self._moment(self.now))

    def close(self) -> None:
        """Closes what was opened here."""
        self.state.database.close()
        self.recorder.close()

    async def run(self, until: float, report: Callable[[str], None]) -> None:
        """Passes until a moment of the monotonic clock, or until something is wrong."""
        for _ in range(DAYS_BEFORE):
            self._live_a_day()
        self._edits_from = self.now
        for _ in range(3):
            # Measured: what asking the store for a whole history leaves behind settles in three times.
            await self._pass()
            self._damage()
        await self.check()
        report(self.line())
        while time.monotonic() < until and not self.errors:
            self._live(self.random.randint(2, 12) * MINUTE)
            fault = self.random.choice(EVENTS) if self.random.random() < FAULTS else None
            if fault is None:
                await self._pass()
            else:
                await getattr(self, f"_{fault}")()
            if self.passes % CHECK_EVERY == 0:
                await self.check()
                report(self.line())
        await self.check()

    def line(self) -> str:
        """How it goes, in a line."""
        return (
            f"{self.passes} passes, {(self.now - self.begun) / 86_400e6:.1f} days, "
            f"{self.faults.total()} faults, difference {self.difference:.3f} s, {self.memory[-1]:.0f} MiB"
        )

    async def check(self) -> None:
        """Lets everything settle, and compares each hour of each bucket."""
        for _ in range(4):
            finished = await self._pass(look_back=True)
            if finished is not None and finished.complete:
                break
        else:
            self.errors.append(f"no complete pass without faults: {finished and finished.totals.faults}")
        self.checks += 1
        end = min(self.state.checkpoint("default", name).position or 0 for name in BUCKETS) // HOUR * HOUR
        for name, hour, apart in compared(self.aw.port, self.store.port, self.begun // HOUR * HOUR, end):
            self.errors.append(f"{name}, hour to {self._moment(hour):%m-%d %H:%M}: {apart:.3f} s apart")
            self.difference = max(self.difference, apart)
        if self.state.set_aside() or self.state.quarantine():
            self.errors.append(f"set aside: {self.state.set_aside()} {self.state.quarantine()}")
        gc.collect()
        self.memory.append(_memory())

    def _open(self) -> CrashingState:
        assert self.settings.store is not None
        return CrashingState(self.settings.state_dir, self.settings.store.write_url, write=True)

    async def _pass(
        self, *, look_back: bool = False, store: httpx.AsyncBaseTransport | None = None,
        aw: httpx.AsyncBaseTransport | None = None, cancel_after: float | None = None,
    ) -> PassFinished | None:  # fmt: skip
        self.passes += 1
        self.engine.wiring = Wiring(clock=lambda: self.now, aw_transport=aw, store_transport=store)
        work = asyncio.create_task(self.engine.one_pass(self._say, look_back=look_back))
        if cancel_after is not None:
            await asyncio.wait({work}, timeout=cancel_after)
            work.cancel()
            await asyncio.wait({work})
            return None
        finished = await work
        self.complete += finished.complete
        return finished

    def _say(self, event: Event) -> None:
        self.recorder.record(event)
        if isinstance(event, PassFinished):
            self.samples += event.totals.samples
            self.corrections += event.totals.corrections

    def _live(self, length: int) -> None:
        """A person works, reads or is away for a while, and ActivityWatch notes it."""
        for name, found in self._lived(length).items():
            self.aw.insert(name, found)

    def _live_a_day(self) -> None:
        """The same for a day, noted at once."""
        day: dict[str, list[dict[str, Any]]] = {name: [] for name in BUCKETS}
        until = self.now + 24 * HOUR
        while self.now < until:
            for name, found in self._lived(self.random.randint(2, 12) * MINUTE).items():
                day[name] += found
        for name, found in day.items():
            self.aw.insert(name, found)

    def _lived(self, length: int) -> dict[str, list[dict[str, Any]]]:
        start, self.now = self.now, self.now + length
        events: dict[str, list[dict[str, Any]]] = {name: [] for name in BUCKETS}
        away = self.random.random() < 0.2
        events["afk"].append(self._event(start, length, status="afk" if away else "not-afk"))
        at = start
        while not away and at < self.now:
            spent = min(
                self.random.randint(5, 200) * 1_000_000 + self.random.randint(0, 999) * 1000, self.now - at
            )
            app = f"app {self.random.randint(0, 7)}"
            events["window"].append(
                self._event(at, spent, app=app, title=f"title {self.random.randint(0, 30)}")
            )
            if app == "app 0":
                events["web"].append(
                    self._event(at, spent, url=f"https://{self.random.randint(0, 9)}.example/x")
                )
            at += spent
        return events

    def _event(self, start: int, length: int, **data: str) -> dict[str, Any]:
        return {"timestamp": self._moment(start).isoformat(), "duration": length / 1e6, "data": data}

    @staticmethod
    def _moment(microseconds: int) -> datetime:
        return datetime.fromtimestamp(microseconds // 1000 / 1000, UTC)

    # What may happen to a pass.

    async def _store_fails(self) -> None:
        fault = self.random.choice(STORE_FAULTS)
        self.faults[f"store: {fault}"] += 1
        await self._pass(store=Weather(fault, self.random.randint(0, 6)))

    async def _aw_fails(self) -> None:
        fault = self.random.choice(AW_FAULTS)
        self.faults[f"aw: {fault}"] += 1
        await self._pass(aw=Weather(fault, self.random.randint(0, 6)))

    async def _cancelled(self) -> None:
        self.faults["pass cancelled"] += 1
        await self._pass(cancel_after=self.random.uniform(0, 0.08))

    async def _crashed(self) -> None:
        """Dies before a commit, and starts again."""
        self.state.crash = True
        try:
            await self._pass()
        except StateError:
            self.faults["killed between store and state"] += 1
        self.state.database.close()
        self._reopen()

    def _reopen(self) -> None:
        self.state = self.engine.state = self._open()

    async def _settings_changed(self) -> None:
        self.faults["settings changed"] += 1
        without_web = replace(self.settings.sources[0], excluded_watchers=("*web*",))
        changes: list[dict[str, Any]] = [
            {"settle": timedelta(minutes=self.random.choice((1, 5, 10)))},
            {"lookback": timedelta(hours=self.random.choice((24, 30, 48)))},
            {"min_data": self.random.choice((0, 5))},
            {"sources": (without_web,)},
        ]
        change = self.random.choice(changes)
        self.engine.settings = replace(self.settings, **change)
        await self._pass(look_back="lookback" in change)
        if "sources" in change:
            self.engine.settings = self.settings

    async def _edited(self) -> None:
        """Deletes, shortens or adds events of the last hours."""
        self.faults["history edited"] += 1
        name = self.random.choice(list(BUCKETS))
        since = max(self.now - 12 * HOUR, self._edits_from)
        recent = self._recent(name, self._moment(since))
        for event in self.random.sample(recent, min(3, len(recent))):
            match self.random.randint(0, 2):
                case 0:
                    self.aw.delete_event(name, event["id"])
                case 1:
                    self.aw.insert(name, [{**event, "duration": event["duration"] * self.random.random()}])
                case _:
                    other = {**event, "data": {"app": "late", "status": "afk"}}
                    del other["id"]
                    self.aw.insert(name, [other])
        await self._pass(look_back=self.random.random() < 0.5)

    def _recent(self, bucket: str, since: datetime) -> list[dict[str, Any]]:
        url = f"{self.aw.url}/api/0/buckets/{bucket}/events"
        found = httpx.get(url, params={"limit": "200"}, trust_env=False).json()
        return [each for each in found if each["timestamp"] >= since.isoformat()]

    async def _clock_back(self) -> None:
        self.faults["clock back"] += 1
        true, self.now = self.now, self.now - self.random.choice((MINUTE, HOUR, 24 * HOUR))
        await self._pass()
        self.now = true

    async def _rarely(self) -> None:
        """What costs seconds, or bears no edits that nobody looked at yet."""
        if self.random.random() > 0.15:
            await self._pass()
            return
        what = self.random.choice(list(RARE))
        self.faults[RARE[what]] += 1
        if what == "store":
            self.store.kill()
            await self._pass()
            self.store.start()
        elif what == "aw":
            self.aw.stop()
            await self._pass()
            self.aw.start()
        elif what == "damage":
            self._damage()
        else:
            await self._pass(look_back=True)
            true, self._edits_from = self.now, self.now
            self.now += 72 * HOUR if what == "ahead" else 7 * 24 * HOUR
            await self._pass()
            if what == "ahead":
                self.now = true
        await self._pass()

    def _damage(self) -> None:
        self.state.database.close()
        (self.folder / "state" / "state.db").write_bytes(self.random.randbytes(5000))
        self._reopen()


RARE = {
    "store": "store killed and started again",
    "aw": "ActivityWatch stopped and started again",
    "damage": "state database damaged",
    "ahead": "clock three days ahead",
    "sleep": "a week of sleep",
}
EVENTS = (
    "store_fails", "store_fails", "aw_fails", "aw_fails", "cancelled", "crashed", "settings_changed",
    "edited", "edited", "clock_back", "rarely",
)  # fmt: skip


def compared(aw_port: int, store_port: int, first: int, end: int) -> list[tuple[str, int, float]]:
    """The hours that differ, as (bucket, end, seconds).

    A process of its own reads the whole history, which would else be most of the memory that is watched.
    """
    ports = map(str, (aw_port, store_port, first, end))
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--compare", *ports], capture_output=True, check=True
    )
    return msgspec.json.decode(done.stdout, type=list[tuple[str, int, float]])


def _compare(aw_port: int, store_port: int, first: int, end: int) -> list[tuple[str, int, float]]:
    aw = AwServer(Path(), aw_port)
    store = Store("prometheus-3.5", Path(), Path())
    store.port = store_port
    found = stored_hours(store, first, end)
    apart = []
    for name in BUCKETS:
        wanted, have = closed_hours(aw, name, end), found.get(name, {})
        for hour in sorted(wanted.keys() | have.keys()):
            difference = abs(wanted.get(hour, 0.0) - have.get(hour, 0.0))
            if difference >= 0.001:
                apart.append((name, hour, difference))
    return apart


def _memory() -> float:
    """MiB of this process in memory, without what it freed and the C library keeps for later."""
    ctypes.CDLL(None).malloc_trim(0)
    text = Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description="A soak in accelerated time.")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--compare", type=int, nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compare:
        print(msgspec.json.encode(_compare(*arguments.compare)).decode())  # noqa: T201
        return 0
    print(f"seed {arguments.seed}", file=sys.stderr, flush=True)  # noqa: T201
    until = time.monotonic() + arguments.minutes * 60
    now = (time.time_ns() // 1000 - WEEKS_BACK * 7 * 24 * HOUR) // HOUR * HOUR
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aw = stack.enter_context(AwServer(folder / "aw"))
        # The weeks that pass here lie in the past for it: only its own samples are of its present.
        store = stack.enter_context(
            Store("prometheus-3.5", require_binary("prometheus-3.5"), folder / "store", scrape=True)
        )
        before = _descriptors()
        soak = Soak(aw, store, folder, random.Random(arguments.seed), now)
        try:
            asyncio.run(soak.run(until, lambda line: print(line, file=sys.stderr, flush=True)))  # noqa: T201
        finally:
            soak.close()
        left = _descriptors() - before
    return _report(soak, left)


def _report(soak: Soak, left: int) -> int:
    first, middle, last = soak.memory[0], soak.memory[len(soak.memory) // 2], soak.memory[-1]
    rows: list[tuple[str, object]] = [
        ("passes", soak.passes),
        ("complete passes", soak.complete),
        ("days of accelerated time", f"{(soak.now - soak.begun) / 86_400e6:.1f}"),
        ("samples delivered", soak.samples),
        ("samples of corrections", soak.corrections),
        *sorted(soak.faults.items()),
        ("comparisons of all hours", soak.checks),
        ("largest difference, s", f"{soak.difference:.3f}"),
        ("memory at the start, in the middle, at the end, MiB", f"{first:.0f}, {middle:.0f}, {last:.0f}"),
        ("descriptors left open", left),
    ]
    print("| figure | value |\n| --- | ---: |")  # noqa: T201
    for name, value in rows:
        print(f"| {name} | {value} |")  # noqa: T201
    errors = [*soak.errors]
    if last - middle > GROWTH_MIB:
        errors.append(f"memory grew by {last - middle:.0f} MiB")
    if left:
        errors.append(f"{left} descriptors stayed open")
    for error in errors[:20]:
        print(error, file=sys.stderr)  # noqa: T201
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
