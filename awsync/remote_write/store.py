"""What a store tells about itself: who it is, and how old a sample may be. `queries` asks for its samples.

Pages and their traps are measured on Prometheus 2.42, 2.53, 3.5 and VictoriaMetrics 1.145 (FACTS B4, D).

May import: settings, bounded, httpx, msgspec, and of remote_write connection.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from awsync.bounded import TooLargeError, read
from awsync.remote_write.connection import bare_url
from awsync.settings import StoreSettings

Engine = Literal["Prometheus", "VictoriaMetrics", "unknown"]
Relay = Literal["vmagent", "Prometheus Agent"]

PAGE_TIMEOUT = timedelta(seconds=10)
MOST_BYTES = 8 * 1024 * 1024
"""Of one answer of a store: a configuration, or some 200,000 samples."""
_MILLISECOND = timedelta(milliseconds=1)
_HEAD_TOLERANCE = timedelta(hours=1)
"""Half of a two-hour block: what a Prometheus head takes without an out-of-order window."""
_PROMETHEUS_RETENTION = timedelta(days=15)
_VICTORIA_RETENTION = timedelta(days=31)
_SANE_MS = 1 << 53
"""An empty head tells -2^63 and 2^63-1 as its borders."""

_UNITS = {
    "ms": _MILLISECOND,
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "M": timedelta(days=31),
    "y": timedelta(days=365),
}


IMPORT_REMEDY = "Or leave the store as it is, and let it import that time: awsync backfill FOLDER."


class StoreFacts(Struct, frozen=True):
    """None stands for what the store does not tell.

    `accepts_from_ms` is the oldest timestamp it takes, in milliseconds since the epoch; `head_min_ms` and
    `head_max_ms` are the borders of what a Prometheus holds outside its blocks, which lie in the folder
    `data_path`. `version` is None for VictoriaMetrics, which calls itself Prometheus 2.24. `receiver` says
    whether a Prometheus was started with the remote write receiver; `series` is how many its head has.
    `keeps_duplicates`: a sample that is sent twice counts twice (FACTS B3), see -dedup.minScrapeInterval.
    `relay` is what stands at the write address where that holds nothing itself, and says 2xx before the store
    behind it was asked; all else is then of that store, as far as query-url leads to it.
    """

    engine: Engine = "unknown"
    version: str | None = None
    accepts_from_ms: int | None = None
    head_max_ms: int | None = None
    out_of_order_window: timedelta | None = None
    retention: timedelta | None = None
    receiver: bool | None = None
    series: int | None = None
    keeps_duplicates: bool | None = None
    head_min_ms: int | None = None
    data_path: str | None = None
    relay: Relay | None = None

    @property
    def forgetful(self) -> bool:
        """Whether the relay confirms what it never hands on: all that is older than its own start.

        A Prometheus reads what it forwards out of its write-ahead log, from the moment on when it began.
        """
        return self.relay == "Prometheus Agent"


def asked_of(store: StoreSettings, facts: StoreFacts) -> StoreSettings:
    """The settings to query it with: the address of a relay does not tell where the store is."""
    return replace(store, base_url=None) if facts.relay is not None else store


async def discover(http: httpx.AsyncClient, store: StoreSettings, *, now_ms: int | None = None) -> StoreFacts:
    """Asks the store's own pages, and never raises for what they hide; `now_ms` defaults to the clock."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    wait = min(store.timeout, PAGE_TIMEOUT).total_seconds()
    facts, relay = StoreFacts(), None
    for asked in filter(None, (store.base_url, store.query_url)):
        facts = await _told(http, bare_url(asked).rstrip("/"), wait, now_ms)
        relay = relay or facts.relay
        if facts.engine != "unknown":
            break
    return replace(facts, relay=relay)


async def _told(http: httpx.AsyncClient, base: str, wait: float, now_ms: int) -> StoreFacts:
    """What the server at this address says of itself."""
    healthy, build = await asyncio.gather(
        *(page(http, base + path, wait) for path in ("/-/healthy", "/api/v1/status/buildinfo"))
    )
    if "Prometheus Agent" in healthy:
        return StoreFacts(relay="Prometheus Agent")
    proxied = False
    if "VictoriaMetrics" in healthy:
        own = await page(http, base + "/flags", wait)
        proxied = re.search(r"^-+auth\.config=", own, re.M) is not None
        if not proxied:
            return _victoria(own, now_ms)
    elif "Prometheus" not in healthy:
        return StoreFacts()
    flags, config, tsdb = await asyncio.gather(
        *(page(http, f"{base}/api/v1/status/{name}", wait) for name in ("flags", "config", "tsdb?limit=1"))
    )
    if proxied and not _data(flags):
        # A vmauth speaks of itself: what it stands before has no flags of Prometheus, and hides its own.
        return StoreFacts(engine="VictoriaMetrics")
    version = _data(build).get("version")
    version = version if isinstance(version, str) else None
    return _prometheus(version, _data(flags), _data(config), _data(tsdb), now_ms)


def remedy_for(facts: StoreFacts, oldest_ms: int, now_ms: int) -> str:
    """What to change so that the store takes samples from `oldest_ms` on; empty where it takes them already.

    Rounded up to whole days with a day to spare, for the samples grow older while someone edits a file.
    """
    if facts.accepts_from_ms is not None and facts.accepts_from_ms <= oldest_ms:
        return ""
    newest = max(now_ms, facts.head_max_ms or 0)
    days = -(-(newest - oldest_ms) // 86_400_000) + 1
    needed = timedelta(days=days)
    if facts.engine == "VictoriaMetrics":
        return f"To take samples that old, start VictoriaMetrics with -retentionPeriod={days}d."
    lines = f"storage:\n  tsdb:\n    out_of_order_time_window: {days}d"
    if facts.engine == "unknown":
        return f"To take samples that old, the store needs what in Prometheus is this:\n{lines}"
    restart = f"start Prometheus with --storage.tsdb.retention.time={days}d"
    too_short = facts.retention is not None and facts.retention < needed
    if too_short and facts.out_of_order_window is not None and facts.out_of_order_window >= needed:
        return f"To take samples that old, {restart}."
    then = restart if too_short else "reload Prometheus (SIGHUP)"
    return f"To take samples that old, write in prometheus.yml:\n{lines}\nThen {then}."


def parse_duration(text: str) -> timedelta | None:
    """A duration as the stores write it (`15d`, `1h30m`), None for another text.

    A bare number is months of 31 days: VictoriaMetrics, -retentionPeriod.
    """
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text):
        return float(text) * _UNITS["M"]
    parts = re.findall(r"([0-9]{1,15}(?:\.[0-9]+)?)(ms|[smhdwMy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError:
        return timedelta.max


def _prometheus(
    version: str | None,
    flags: Mapping[str, Any],
    config: Mapping[str, Any],
    tsdb: Mapping[str, Any],
    now_ms: int,
) -> StoreFacts:
    window = _window(config)
    retention = _retention(flags)
    head = tsdb.get("headStats")
    head = head if isinstance(head, dict) else {}
    oldest, newest = (
        moment if isinstance(moment, int) and abs(moment) < _SANE_MS else None
        for moment in (head.get("minTime"), head.get("maxTime"))
    )
    floors = []
    if newest is not None and window is not None:
        floors.append(newest - max(window, _HEAD_TOLERANCE) // _MILLISECOND)
    if retention is not None:
        floors.append(now_ms - retention // _MILLISECOND)
    enabled = flags.get("web.enable-remote-write-receiver")
    count, path = head.get("numSeries"), flags.get("storage.tsdb.path")
    return StoreFacts(
        engine="Prometheus",
        version=version,
        # A head that does not show itself could refuse anything: the retention alone is no answer then.
        accepts_from_ms=max(floors) if floors and head and window is not None else None,
        head_max_ms=newest,
        out_of_order_window=window,
        retention=retention,
        receiver=None if enabled is None else enabled == "true",
        series=count if isinstance(count, int) else None,
        head_min_ms=oldest,
        data_path=path if isinstance(path, str) else None,
    )


def _victoria(flags: str, now_ms: int) -> StoreFacts:
    """It takes samples in any order; /flags lists the flags that differ from their defaults.

    A vmagent says that it is VictoriaMetrics, too. It does not start without an address to send to.
    """
    if not flags:
        return StoreFacts(engine="VictoriaMetrics")
    if re.search(r"^-+remoteWrite\.url=", flags, re.M):
        return StoreFacts(relay="vmagent")
    found = re.search(r'^-+retentionPeriod="?([^"\s]+)"?', flags, re.M)
    retention = parse_duration(found.group(1)) if found else _VICTORIA_RETENTION
    floor = None if retention is None else now_ms - retention // _MILLISECOND
    return StoreFacts(
        engine="VictoriaMetrics",
        accepts_from_ms=floor,
        retention=retention,
        keeps_duplicates=re.search(r"^-+dedup\.minScrapeInterval=", flags, re.M) is None,
    )


def _window(config: Mapping[str, Any]) -> timedelta | None:
    """Zero where the configuration is shown and has none, None where it is not shown."""
    yaml = config.get("yaml")
    if not isinstance(yaml, str):
        return None
    found = re.search(r"^\s+out_of_order_time_window:\s*([0-9a-z]+)\s*$", yaml, re.M)
    return (parse_duration(found.group(1)) if found else None) or timedelta(0)


def _retention(flags: Mapping[str, Any]) -> timedelta | None:
    """Prometheus 2 shows `0s` for its default of 15 days; a limit of size alone leaves time without one."""
    text = flags.get("storage.tsdb.retention.time")
    if not isinstance(text, str):
        return None
    size = flags.get("storage.tsdb.retention.size", "0")
    by_size = isinstance(size, str) and re.match(r"0*[1-9]", size) is not None
    return parse_duration(text) or (None if by_size else _PROMETHEUS_RETENTION)


async def page(http: httpx.AsyncClient, url: str, wait: float) -> str:
    """The text of a page; empty where it does not exist, is hidden, is too large or does not come in time."""
    try:
        async with asyncio.timeout(wait), http.stream("GET", url) as response:
            if response.status_code != 200:
                return ""
            body = await read(response, MOST_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL, TooLargeError, TimeoutError, OSError):
        return ""
    return body.decode("utf-8", errors="replace")


def _data(text: str) -> Mapping[str, Any]:
    """The `data` of an answer of the Prometheus API; empty for anything else."""
    try:
        answer = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else {}
