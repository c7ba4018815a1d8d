"""What a fleet costs, as a Markdown table: measured of each agent and store, and worked out for a thousand.

Series and samples are asked of the Prometheus; the five-minute slots of the default `resolution` are counted
in its one-minute slots.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from awsync.costs.disk import ENGINES, Engine
from tests.fleet_devices import DAYS, Device, Usage
from tests.servers import Store, StoreName

ACTIVITY = '{__name__=~"aw_.+_seconds"}'
WORKING_HOURS = 8
MANY = 1_000
_MIB = 2**20
_TITLES: Mapping[StoreName, str] = {"prometheus-3.5": "Prometheus 3.5", "victoria-metrics": "VictoriaMetrics"}
_DISKS: Mapping[StoreName, Engine] = {
    "prometheus-3.5": Engine.PROMETHEUS,
    "victoria-metrics": Engine.VICTORIA_METRICS,
}


@dataclass(frozen=True)
class Moment:
    """All processes at a moment (seconds since the epoch); `received` is what VictoriaMetrics has read."""

    at: float
    agents: Mapping[StoreName, Sequence[Usage]]
    stores: Mapping[StoreName, Usage]
    received: float


@dataclass
class Costs:
    """All that was measured: with nothing to do (two moments), at work (two), and idle (three: between the
    first and the second there is no pass).
    """

    devices: Sequence[Device]
    stores: Mapping[StoreName, Store]
    empty: Sequence[Moment]
    live: Sequence[Moment]
    idle: Sequence[Moment]
    beats: int
    verified: int = 0
    compared: int = 0
    apart: float = 0.0

    def ask(self) -> None:
        """Asks the stores for series, samples and bytes, while they run."""
        prometheus = self.stores["prometheus-3.5"]
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        whole = f"count_over_time({ACTIVITY}[{DAYS + 1}d])"
        self.held = {name: _one(store, f"sum({whole})") for name, store in self.stores.items()}
        self.series = _one(prometheus, f"count({whole})")
        by_device = f"count by (host) ({whole})"
        self.least, self.most = (_one(prometheus, f"{which}({by_device})") for which in ("min", "max"))
        self.day_series = _one(prometheus, f"count(count_over_time({ACTIVITY}[1d]))", midnight)
        self.day_samples = _one(prometheus, f"sum(count_over_time({ACTIVITY}[1d]))", midnight)
        fives = f"sum_over_time(count(count_over_time({ACTIVITY}[5m]))[1d:5m])"
        self.day_samples_5m = _one(prometheus, fives, midnight)
        self.own = _one(prometheus, 'count({job="awsync"})') / len(self.devices)
        grown = {
            name: [
                _one(prometheus, f"sum({name})", datetime.fromtimestamp(moment.at, UTC))
                for moment in self.live
            ]
            for name in ("awsync_sent_bytes_total", "awsync_samples_delivered_total")
        }
        (b0, b1), (s0, s1) = grown.values()
        self.first_bytes, self.live_bytes, self.live_samples = b0, b1 - b0, s1 - s0
        self.first_samples = s0
        self.text = _text(prometheus)

    def ask_disks(self) -> None:
        """How large the data are, once no agent sends any more."""
        prometheus, victoria = self.stores["prometheus-3.5"], self.stores["victoria-metrics"]
        data = prometheus.folder / "data"
        before = _size(data)
        _post(f"{prometheus.url}/api/v1/admin/tsdb/snapshot")
        self.disk = {
            "prometheus-3.5": (before, _size(data / "snapshots")),
            "victoria-metrics": (
                _size(victoria.folder / "data"),
                victoria.metric("vm_data_size_bytes") / _MIB,
            ),
        }


def table(costs: Costs) -> str:
    """Everything, as Markdown."""
    names = list(costs.stores)
    head = ["| | " + " | ".join(_TITLES[name] for name in names) + " |", "| --- |" + " ---: |" * len(names)]

    def rows(found: Iterable[tuple[str, Callable[[StoreName], str]]]) -> list[str]:
        return [f"| {what} | " + " | ".join(value(name) for name in names) + " |" for what, value in found]

    return "\n".join(
        [
            _summary(costs),
            "\nMeasured, of one agent (mean of all):\n",
            *head,
            *rows(_of_an_agent(costs)),
            "\nMeasured, of the store:\n",
            *head,
            *rows(_of_a_store(costs)),
            f"\nWorked out, for a day of an agent and for {MANY:,} agents:\n",
            *head,
            *rows(_of_many(costs)),
        ]
    )


def _summary(costs: Costs) -> str:
    count = len(costs.devices)
    minutes = (costs.live[1].at - costs.live[0].at) / 60
    return (
        f"{count} devices with {sum(device.events for device in costs.devices):,} events of {DAYS} days, and "
        f"{costs.beats:,} heartbeats while they ran; {minutes:.0f} minutes of work were measured. "
        f"`awsync verify`: {costs.verified:,} hours agree. Beside it {costs.compared:,} hours were compared, "
        f"the most apart by {costs.apart:.6f} s. The stores hold "
        + " and ".join(f"{held:,.0f}" for held in costs.held.values())
        + f" samples of {costs.series:,.0f} series."
    )


def _of_an_agent(costs: Costs) -> Iterable[tuple[str, Callable[[StoreName], str]]]:
    count = len(costs.devices)
    end = costs.idle[-1]

    def firsts(name: StoreName) -> str:
        found = [device.agents[name].first for device in costs.devices]
        return f"{statistics.mean(each.cpu for each in found if each):.2f} s"

    def peaks(name: StoreName) -> str:
        found = [each.peak for each in end.agents[name]]
        return f"{statistics.mean(found):.0f} / {max(found):.0f} MiB"

    yield "CPU until the first pass is complete", firsts
    yield "CPU a minute with a pass, while someone works", lambda name: _ms(_busy(costs, name))
    yield "CPU a minute with a pass, idle", lambda name: _ms(_idle(costs, name))
    yield "CPU a minute without a pass", lambda name: _ms(_waiting(costs, name))
    yield "memory at the end", lambda name: f"{statistics.mean(u.memory for u in end.agents[name]):.0f} MiB"
    yield "memory at its peak, mean / most", peaks
    yield f"series of {DAYS} days (least / mean / most)", lambda _: _three(costs)
    yield "awsync's own series", lambda _: f"{costs.own:.0f}"
    yield (
        "samples of a workday, slots of 1 / 5 minutes",
        lambda _: f"{costs.day_samples / count:,.0f} / {costs.day_samples_5m / count:,.0f}",
    )
    yield (
        "bytes a sample, first pass / live",
        lambda _: (
            f"{costs.first_bytes / costs.first_samples:.1f} / {costs.live_bytes / costs.live_samples:.1f}"
        ),
    )
    yield (
        "bytes received a minute (all requests), at work / idle",
        lambda name: (
            f"{_received(costs, costs.live):,.0f} / {_received(costs, costs.idle):,.0f}"
            if name == "victoria-metrics"
            else "-"
        ),
    )


def _of_a_store(costs: Costs) -> Iterable[tuple[str, Callable[[StoreName], str]]]:
    end = costs.idle[-1]
    yield "CPU a minute, without agents", lambda name: f"{_store_cpu(costs, name, costs.empty):.2f} s"
    yield "CPU a minute, all agents at work", lambda name: f"{_store_cpu(costs, name, costs.live):.2f} s"
    yield "CPU a minute, all agents idle", lambda name: f"{_store_cpu(costs, name, costs.idle):.2f} s"
    yield (
        "memory empty / at the end / at its peak",
        lambda name: (
            f"{costs.empty[1].stores[name].memory:.0f} / {end.stores[name].memory:.0f} / "
            f"{end.stores[name].peak:.0f} MiB"
        ),
    )
    yield "disk: the data folder", lambda name: f"{costs.disk[name][0]:.1f} MiB"
    yield "disk: a snapshot's blocks / parts and index", lambda name: f"{costs.disk[name][1]:.1f} MiB"


def _of_many(costs: Costs) -> Iterable[tuple[str, Callable[[StoreName], str]]]:
    count = len(costs.devices)
    share = MANY / count

    def cpu(name: StoreName, minutes: int) -> str:
        """A pass every so many minutes, all day; someone works for eight hours of it."""
        waiting = _waiting(costs, name)
        busy, idle = (each - waiting for each in (_busy(costs, name), _idle(costs, name)))
        passes = (WORKING_HOURS * busy + (24 - WORKING_HOURS) * idle) * 60 / minutes
        return f"{passes + waiting * 60 * 24:.0f} s"

    def memory(name: StoreName) -> str:
        empty, end = costs.empty[1].stores[name].memory, costs.idle[-1].stores[name].memory
        return f"{empty + (end - empty) * share:,.0f} MiB"

    def cores(name: StoreName) -> str:
        empty, live = (_store_cpu(costs, name, moments) for moments in (costs.empty, costs.live))
        return f"{(empty + (live - empty) * share) / 60:.2f}"

    def received(name: StoreName) -> str:
        """With a pass a minute."""
        if name != "victoria-metrics":
            return "-"
        live, idle = _received(costs, costs.live), _received(costs, costs.idle)
        return f"{(WORKING_HOURS * live + (24 - WORKING_HOURS) * idle) * 60 / _MIB:.1f} MiB"

    def disk(name: StoreName) -> str:
        found = ENGINES[_DISKS[name]].bytes(costs.day_samples_5m, costs.day_series, costs.text)
        return f"{found * share / _MIB:.0f} MiB"

    yield "an agent's CPU a day, a pass a minute", lambda name: cpu(name, 1)
    yield "an agent's CPU a day, a pass every 5 minutes (default)", lambda name: cpu(name, 5)
    yield (
        "bytes of activity an agent sends a workday, slots of 1 / 5 minutes",
        lambda _: " / ".join(
            f"{costs.live_bytes / costs.live_samples * samples / count / 1000:.0f} kB"
            for samples in (costs.day_samples, costs.day_samples_5m)
        ),
    )
    yield "bytes an agent sends a day, all requests, a pass a minute", received
    yield f"{MANY:,} agents: series of a day", lambda _: f"{costs.day_series * share:,.0f}"
    yield (
        f"{MANY:,} agents: samples of a workday, slots of 1 / 5 minutes",
        lambda _: f"{costs.day_samples * share:,.0f} / {costs.day_samples_5m * share:,.0f}",
    )
    yield f"{MANY:,} agents: cores of the store, all at work, a pass a minute", cores
    yield f"{MANY:,} agents: the store's memory", memory
    yield f"{MANY:,} agents: disk of a workday, slots of 5 minutes, merged", disk


def _busy(costs: Costs, name: StoreName) -> float:
    return _agent_cpu(costs.live[0], costs.live[1], name)


def _idle(costs: Costs, name: StoreName) -> float:
    return _agent_cpu(costs.idle[0], costs.idle[2], name)


def _waiting(costs: Costs, name: StoreName) -> float:
    return _agent_cpu(costs.idle[0], costs.idle[1], name)


def _agent_cpu(first: Moment, last: Moment, name: StoreName) -> float:
    """CPU seconds a minute, mean of all agents of a store."""
    spent = [b.cpu - a.cpu for a, b in zip(first.agents[name], last.agents[name], strict=True)]
    return statistics.mean(spent) * 60 / (last.at - first.at)


def _store_cpu(costs: Costs, name: StoreName, moments: Sequence[Moment]) -> float:
    first, last = moments[0], moments[-1]
    return (last.stores[name].cpu - first.stores[name].cpu) * 60 / (last.at - first.at)


def _received(costs: Costs, moments: Sequence[Moment]) -> float:
    first, last = moments[0], moments[-1]
    return (last.received - first.received) * 60 / (last.at - first.at) / len(costs.devices)


def _three(costs: Costs) -> str:
    return f"{costs.least:,.0f} / {costs.series / len(costs.devices):,.0f} / {costs.most:,.0f}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _one(store: Store, promql: str, at: datetime | None = None) -> float:
    (row,) = store.query(promql, at=at)
    return float(row["value"][1])


def _text(store: Store) -> float:
    """Length of the labels of a series, mean of one device."""
    now = datetime.now(UTC)
    query = {
        "match[]": '{__name__=~"aw_.+_seconds",host="device-000"}',
        "start": str((now - timedelta(days=DAYS + 1)).timestamp()),
        "end": str(now.timestamp()),
    }
    answer = httpx.get(f"{store.url}/api/v1/series", params=query, trust_env=False, timeout=60)
    found: list[dict[str, str]] = answer.raise_for_status().json()["data"]
    return statistics.mean(sum(len(name) + len(value) for name, value in each.items()) for each in found)


def _post(url: str) -> None:
    httpx.post(url, trust_env=False, timeout=60).raise_for_status()


def _size(folder: Path) -> float:
    """MiB of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MIB
