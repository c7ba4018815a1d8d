"""People with several devices, the agents of those, and stores that have it all.

Sam has a laptop and a desktop and uses both at once now and then; Kim has a tablet without an AFK watcher,
whose ActivityWatch is down at the end. Everything is of the demo's made-up days and a clock of its own.
"""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from awsync.engine import Engine, Wiring
from awsync.events import PassFinished
from awsync.settings import Settings, SourceSettings
from awsync.telemetry.own_series import OwnSeries, begun
from tests.passes import make_settings, open_state

ZONE = ZoneInfo("Asia/Kolkata")
"""Without summer time, and with midnights that are not those of UTC."""
NOW = datetime(2026, 11, 20, 22, 30, 30, tzinfo=ZONE)
"""A Friday evening: somebody looks at the dashboards."""
EARLIER = (date(2025, 11, 12), date(2025, 11, 13), date(2026, 3, 4))
"""What is looked at in a year."""
BETWEEN = timedelta(minutes=5)
PASS_SECONDS = 0.8
LAST_PASS = NOW - timedelta(seconds=30)
_NOWHERE = "http://127.0.0.1:9"
_LATE = {"app": "libreoffice", "title": "Found again.odt - LibreOffice Writer"}


class Used(NamedTuple):
    """Who uses which host, on which days, and whether an AFK watcher is there."""

    user: str
    host: str
    days: Sequence[date]
    watched: bool = True


def _november(*days: int) -> Sequence[date]:
    return [date(NOW.year, NOW.month, day) for day in days]


DEVICES = (
    Used("sam", "laptop", [*EARLIER, *_november(11, 12, 13, 18, 19, 20)]),
    Used("sam", "desktop", _november(19, 20)),
    Used("kim", "tablet", _november(13, 19, 20), watched=False),
)


class Device(NamedTuple):
    """A device with its ActivityWatch."""

    user: str
    person: Person
    aw: AwServer
    days: Sequence[date]
    """When it was used at all."""
    watched: bool = True
    """Whether it has an AFK watcher."""

    @property
    def host(self) -> str:
        """Its name."""
        return self.person.window.hostname


class World:
    """The devices, in a folder; `with World(folder) as world:` starts them and stops them."""

    def __init__(self, folder: Path, passes: int = 3, used: Sequence[Used] = DEVICES) -> None:
        self._folder = folder
        self._used = used
        self._passes = passes
        self._stack = contextlib.ExitStack()
        self.devices: list[Device] = []
        self._services: dict[str, OwnSeries] = {}

    def __enter__(self) -> "World":
        with contextlib.ExitStack() as stack:
            for user, host, days, watched in self._used:
                aw = stack.enter_context(AwServer(self._folder / host))
                device = Device(user, Person(host, zone=ZONE), aw, days, watched)
                self.devices.append(device)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fill(self) -> None:
        """Their days, up to now."""
        for device in self.devices:
            _fill(device)

    def sources(self, user: str = "") -> Sequence[SourceSettings]:
        """All devices, or those of a user, as sources of `awsync today`."""
        return [
            SourceSettings(each.host, each.aw.url, each.user)
            for each in self.devices
            if user in ("", each.user)
        ]

    def deliver(self, name: str, store_url: str) -> None:
        """The first pass of each agent, over all that there is."""
        for device in self.devices:
            assert self._pass(name, store_url, device, self._passes - 1).complete

    def deliver_more(self, name: str, store_url: str) -> None:
        """The passes behind it, the last of which looks back; it does not reach the tablet."""
        for left in reversed(range(self._passes - 1)):
            for device in self.devices:
                gone = left == 0 and device.user == "kim"
                assert self._pass(name, store_url, device, left, gone=gone).complete != gone

    def change_history(self) -> None:
        """What was delivered of this afternoon at the laptop was not all: another window was in front."""
        laptop = self.devices[0]
        for minutes in (3, 17, 40):
            start = NOW.replace(hour=15, minute=minutes, second=10)
            event = {"timestamp": start.isoformat(), "duration": 425.5, "data": _LATE}
            laptop.aw.insert(laptop.person.window.id, [event])

    def _pass(
        self, name: str, store_url: str, device: Device, left: int, *, gone: bool = False
    ) -> PassFinished:
        """One pass of an agent, with so many behind it; ActivityWatch may be `gone`."""
        moment = round((LAST_PASS - left * BETWEEN).timestamp() * 1_000_000)
        settings = self._settings(name, store_url, device, gone=gone)
        with open_state(settings) as state:
            # One process, as far as its own series can tell.
            own = self._services.setdefault(f"{name} {device.host}", begun(state, lambda: moment))
            own.clock = lambda: moment
            ticks = itertools.count()
            wiring = Wiring(clock=lambda: moment, stopwatch=lambda: next(ticks) * PASS_SECONDS)
            engine = Engine(settings, state, patience=0.0, wiring=wiring, own=own)
            return asyncio.run(engine.one_pass(own.hear, look_back=left == 0))

    def _settings(self, name: str, store_url: str, device: Device, *, gone: bool) -> Settings:
        source = SourceSettings("default", _NOWHERE if gone else device.aw.url, device.user)
        folder = self._folder / f"{name}-{device.host}"
        settings = make_settings(
            folder, "", store_url, hosts={socket.gethostname(): device.host}, user_id=device.user
        )
        return replace(settings, sources=(source,))


def _fill(device: Device) -> None:
    person, now = device.person, round(NOW.timestamp() * 1_000_000)
    watchers = [each for each in person.buckets if device.watched or each != person.afk]
    for bucket in watchers:
        device.aw.create_bucket(bucket.id, bucket.client, bucket.type, bucket.hostname)
    for day in device.days:
        plan = person.day(day)
        for bucket in watchers:
            device.aw.insert(bucket.id, [event.to_json() for event in plan[bucket.id] if event.end_us <= now])
