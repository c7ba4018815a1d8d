"""What stands behind the pictures: real servers with the demo's person, at addresses and a time of their own.

The console, its agent, the engine, ActivityWatch and the store are the real ones; between them is wire.py.
"""

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import httpx
from textual.pilot import Pilot

from awsync.agent import ConsoleAgent
from awsync.config import Watched
from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.demo.receiver import Receiver
from awsync.demo.recorded import Bucket
from awsync.doctor import writer
from awsync.engine import Wiring
from awsync.firstrun import FirstRun
from awsync.remote_write import wire
from awsync.series import Sample
from awsync.tui.app import Console
from awsync.tui.firstrun import FirstRunPage
from tests.pictures.wire import LAPTOP, PATIENCE, PHONE, STORE, Clock, Wire

PID = 4242
NOW = datetime(2026, 10, 15, 15, 25, 12, tzinfo=UTC)
BEGIN = NOW - timedelta(minutes=55)
DAYS = 28


class Stage:
    """The servers, a folder with config.toml and state, and the clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock(BEGIN)
        self.wire = Wire(self.clock)
        self.person = Person("laptop", seed=4)
        self.laptop = AwServer(folder / "laptop")
        self.phone = AwServer(folder / "phone")
        self.config = folder / "config.toml"
        self.passes = 0
        """How many have ended so far."""
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Starts the servers and fills them up to BEGIN."""
        for place, server in ((LAPTOP, self.laptop), (PHONE, self.phone)):
            self._stack.enter_context(server)
            self.wire.places[place] = f"127.0.0.1:{server.port}"
        self.new_store(None)
        self._fill_laptop()
        self._fill_phone()
        self._stack.enter_context(_standing_still())

    def stop(self) -> None:
        """Stops them."""
        self._stack.close()

    def new_store(self, out_of_order: timedelta | None) -> None:
        """Another store in the same place, which takes samples up to this age; None takes any."""
        self.store = Receiver(out_of_order_window=out_of_order, clock=lambda: self.clock() / 1e6)
        self._stack.enter_context(self.store)
        self.wire.places[STORE] = self.store.url.removeprefix("http://")

    def contradict(self, known: Sample) -> None:
        """The store holds this sample with another value: it will refuse ours."""
        httpx.post(
            self.store.write_url,
            content=wire.encode_v1([known._replace(value=known.value + 1)]),
            headers={
                "Content-Encoding": "snappy",
                "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            },
            trust_env=False,
        ).raise_for_status()

    def configure(self, *, phone: bool, excluded: tuple[str, ...]) -> None:
        """Writes config.toml."""
        lines = [
            f'prometheus-url = "http://{STORE}"',
            'resolution = "1m"',
            f"excluded-watchers = {json.dumps(excluded)}",
            f"state-dir = '{self.folder / 'state'}'",
            f'[[source]]\nname = "laptop"\naw-url = "http://{LAPTOP}"\nuser-id = "sam"',
        ]
        if phone:
            lines.append(f'[[source]]\nname = "phone"\naw-url = "http://{PHONE}"\nuser-id = "sam"')
        self.config.write_text("\n".join(lines) + "\n")

    def live_until(self, moment: datetime) -> None:
        """The person goes on working until then."""
        for beat in self.person.heartbeats(self.clock.moment, moment):
            self.laptop.heartbeat(beat.bucket.id, beat.event.to_json(), pulsetime=0)
        self.clock.moment = moment

    @asynccontextmanager
    async def console(self, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
        """A console with an engine of its own, as `awsync tui` opens it."""
        wiring = Wiring(self.clock, self.clock.stopwatch, self.wire, self.wire)

        def connect() -> ConsoleAgent:
            return ConsoleAgent(Watched({"config": str(self.config)}, {}), wiring=wiring)

        app = Console(connect, config_path=self.config, clock=self.clock, cursor_blinks=False)
        async with app.run_test(size=size) as pilot:
            yield pilot

    @asynccontextmanager
    async def first_run(self, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[int]]:
        """The console of somebody who has no config.toml yet; nothing is written."""
        empty = self.folder / "empty"
        empty.mkdir()
        away = mock.patch.dict(os.environ, {"HOME": "/home/sam", "XDG_CONFIG_HOME": ""})
        wired = mock.patch.object(httpx.AsyncClient, "_init_transport", return_value=self.wire)
        with contextlib.chdir(empty), away, wired:
            setup = FirstRun({}, {})
            app = Console(_never, config_path=setup.path, clock=self.clock, cursor_blinks=False,
                          first=lambda: FirstRunPage(setup))  # fmt: skip
            async with app.run_test(size=size) as pilot:
                yield pilot

    def _fill_laptop(self) -> None:
        first = BEGIN - timedelta(days=DAYS)
        others = (
            Bucket("aw-stopwatch", "aw-stopwatch", "general.stopwatch", "laptop"),
            Bucket("aw-watcher-input_laptop", "aw-watcher-input", "os.hid.input", "laptop"),
            Bucket(
                "aw-watcher-media-player_laptop", "aw-watcher-media-player", "currently-playing", "laptop"
            ),
        )
        for bucket in (*self.person.buckets, *others):
            self.laptop.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname, created=first)
        stopwatch, keys, media = (other.id for other in others)
        for number, day in enumerate(self.person.history(DAYS, BEGIN)):
            for name, events in day.items():
                self.laptop.insert(name, [event.to_json() for event in events])
            there = [e for e in day[self.person.afk.id] if e.data["status"] == "not-afk"]
            self.laptop.insert(
                keys, [e.to_json() | {"data": {"presses": e.duration_us // 700_000}} for e in there]
            )
            if there and number < DAYS - 5:
                data = {"label": "Tide tables", "running": False}
                self.laptop.insert(stopwatch, [there[0].to_json() | {"data": data}])
            if number == DAYS - 1:
                data = {"artist": "Casals", "title": "Suite No. 1"}
                self.laptop.insert(media, [e.to_json() | {"data": data} for e in there[:3]])

    def _fill_phone(self) -> None:
        sam = Person("phone", seed=12)
        apps = Bucket("aw-watcher-android-test", "aw-watcher-android", "currentwindow", "phone")
        unlocks = Bucket("aw-watcher-android-unlock", "aw-watcher-android", "os.lockscreen.unlocks", "phone")
        for bucket in (apps, unlocks):
            self.phone.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname)
        for day in sam.history(DAYS, NOW - timedelta(minutes=3)):
            seen = day[sam.chrome.id]
            data = {"app": "Firefox", "package": "org.mozilla.firefox"}
            self.phone.insert(apps.id, [e.to_json() | {"data": data} for e in seen])
            self.phone.insert(unlocks.id, [e.to_json() | {"duration": 0, "data": {}} for e in seen[::9]])


def _never() -> ConsoleAgent:
    raise AssertionError("the first run ends before there is an engine")


async def until(pilot: Pilot[int], holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits for a condition, and for the picture of it."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"The console did not come to what was to be drawn: {holds}")
        await pilot.pause(0.05)
    await pilot.pause()


@contextlib.contextmanager
def _standing_still() -> Iterator[None]:
    """One process id and one zone for every machine."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    ours = writer._Process("S", "awsync")
    with mock.patch("os.getpid", return_value=PID), mock.patch.object(writer, "_process", return_value=ours):
        yield
    os.environ.pop("TZ")
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()
