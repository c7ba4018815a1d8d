"""`just fleet`: fifty devices send to one Prometheus and to one VictoriaMetrics, each agent a process.

Each device is a real ActivityWatch server with some days of a person, who goes on working for ten minutes.
Two agents read it, one for each store. Then the heartbeats stop, everything settles, and `awsync verify`
has to find each hour of each device in its store; beside it each hour is compared with ActivityWatch's own
export. Prints what an agent and a store cost as Markdown, measured, and worked out from that for a
thousand agents; the exit code is 1 where anything differed.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fleet_costs import Costs, Moment, table
from tests.fleet_devices import SETTLE, Device, usage
from tests.history import HOUR_US, closed_hours, stored_hours
from tests.servers import Store, StoreName, require_binary, wait_until

STORES: tuple[StoreName, ...] = ("prometheus-3.5", "victoria-metrics")
BEAT_SECONDS = 5.0
IDLE_MINUTES = 3
QUIET_SECONDS = 20.0
AT_ONCE = 3
"""Devices that are started, or verified, at the same time."""


@dataclass
class Fleet:
    """Devices and stores that run."""

    devices: list[Device]
    stores: dict[StoreName, Store]
    beats: int = 0
    errors: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Starts all devices, a few at once; each has had its first pass then."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, _ in enumerate(pool.map(Device.start, self.devices), 1):
                say(f"{number} of {len(self.devices)} devices run")

    @contextmanager
    def living(self) -> Iterator[None]:
        """The people of all devices that run go on with what they do."""
        stop = threading.Event()

        def beat() -> None:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                while not stop.wait(BEAT_SECONDS):
                    self.beats += sum(pool.map(Device.beat, self.devices))

        thread = threading.Thread(target=beat, name="heartbeats")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def settle(self, since: float) -> None:
        """Waits until each agent has delivered all that was told until `since` (seconds since the epoch)."""
        wanted = since + SETTLE.total_seconds() + 90
        for store in self.stores.values():
            for what in (f"min(awsync_last_success_timestamp_seconds) > {wanted}", LAG):
                wait_until(
                    lambda store=store, what=what: len(_now(store, what)) == 1,  # type: ignore[misc]
                    f"{store.name}: {what}",
                    seconds=900,
                )

    def moment(self) -> Moment:
        """What everything has cost until now."""
        bytes_read = self.stores["victoria-metrics"].metric("vm_tcplistener_read_bytes_total")
        return Moment(
            time.time(),
            {store: [d.agents[store].usage for d in self.devices if d.agents] for store in self.stores},
            {name: usage(store.pid) for name, store in self.stores.items()},
            bytes_read,
        )

    def verify(self) -> int:
        """Each agent's own verification; returns how many hours agree."""
        agents = [device.agents[store] for device in self.devices for store in self.stores]
        hours = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for agent, found in zip(agents, pool.map(lambda agent: agent.verified(), agents), strict=True):
                hours += sum(each["agree"] for each in found["buckets"])
                if found["code"] or found["differences"] or len(found["buckets"]) != BUCKETS:
                    self.errors.append(f"{agent.folder}: verify says {str(found)[:2000]}")
        return hours

    def compare(self, until: int) -> tuple[int, float]:
        """Each whole hour before `until` beside ActivityWatch's export: how many, and the most apart (s)."""
        end = until // HOUR_US * HOUR_US
        found = {name: stored_hours(store, end - 96 * HOUR_US, end) for name, store in self.stores.items()}
        hours, most = 0, 0.0
        for device in self.devices:
            for bucket in device.person.buckets:
                wanted = closed_hours(device.aw, bucket.id, end)
                for name, have in found.items():
                    stored = have.get(bucket.id, {})
                    keys = wanted.keys() | stored.keys()
                    apart = [abs(wanted.get(hour, 0.0) - stored.get(hour, 0.0)) for hour in keys]
                    hours, most = hours + len(keys), max([most, *apart])
                    if max(apart, default=0.0) >= 0.001:
                        self.errors.append(f"{bucket.id} in {name}: an hour is {max(apart):.3f} s apart")
        return hours, most

    def stop(self) -> None:
        """Ends everything; an agent ends with 0."""
        with ThreadPoolExecutor(8) as pool:
            for device, codes in zip(self.devices, pool.map(Device.stop, self.devices), strict=True):
                if any(codes):
                    self.errors.append(f"{device.name}: agents ended with {codes}")


BUCKETS = 5
LAG = "max(awsync_bucket_lag_seconds) == 0"


def _now(store: Store, promql: str) -> list[dict[str, Any]]:
    store.flush()
    return store.query(promql)


def run(folder: Path, count: int, minutes: float) -> tuple[Fleet, Costs]:
    """The whole run; the devices have ended when it returns."""
    with ExitStack() as stack:
        stores = {name: stack.enter_context(_store(name, folder)) for name in STORES}
        urls: dict[str, str] = {name: store.url for name, store in stores.items()}
        fleet = Fleet([Device(folder / f"{number}", number, urls) for number in range(count)], stores)
        stack.callback(fleet.stop)
        empty = fleet.moment()
        pause(QUIET_SECONDS, "with nothing to do")
        quiet = fleet.moment()
        with fleet.living():
            fleet.start()
            live = [_at_second(20, fleet)]
            pause(minutes * 60, "minutes of work")
            live.append(_at_second(20, fleet))
        stopped = time.time()
        say("no more heartbeats; waiting until everything is delivered")
        fleet.settle(stopped)
        idle = [_at_second(20, fleet), _at_second(55, fleet)]
        pause((IDLE_MINUTES - 1) * 60, "idle minutes")
        idle.append(_at_second(20, fleet))
        costs = Costs(fleet.devices, fleet.stores, [empty, quiet], live, idle, fleet.beats)
        costs.ask()
        say("verifying")
        costs.verified = fleet.verify()
        costs.compared, costs.apart = fleet.compare(int(stopped * 1e6))
        say("stopping")
        fleet.stop()
        costs.ask_disks()
        return fleet, costs


def _store(name: StoreName, folder: Path) -> Store:
    flags = ["--web.enable-admin-api"] if name.startswith("prometheus") else []
    return Store(name, require_binary(name), folder / name, out_of_order="30d", flags=flags)


def _at_second(second: int, fleet: Fleet) -> Moment:
    """Looks at everything at this second of a minute: passes begin with the minute, and are over then."""
    wait = (second - time.time()) % 60
    if wait < 58:
        pause(wait, f"to second {second}")
    return fleet.moment()


def pause(seconds: float, what: str) -> None:
    """Lets time pass, for this is what is measured."""
    say(f"{seconds:.0f} s {what}")
    threading.Event().wait(seconds)


def say(words: str) -> None:
    """Tells how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description="A fleet of agents at two real stores.")
    parser.add_argument("--agents", type=int, default=50, help="devices; each has one agent a store")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the people work")
    arguments = parser.parse_args()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="awsync-fleet-") as name:
        fleet, costs = run(Path(name), arguments.agents, arguments.minutes)
    print(table(costs))  # noqa: T201
    print(f"\nLoad of the machine at the begin {load[0]:.1f}, at the end {os.getloadavg()[0]:.1f}.")  # noqa: T201
    for error in fleet.errors[:50]:
        print(error, file=sys.stderr)  # noqa: T201
    return 1 if fleet.errors else 0


if __name__ == "__main__":
    sys.exit(main())
