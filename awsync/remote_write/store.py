"""What a store tells about itself: who it is, how old a sample may be, which samples it holds.

Pages and their traps are measured on Prometheus 2.42, 2.53, 3.5 and VictoriaMetrics 1.145 (FACTS B4, D).

May import: errors, settings, series, httpx, msgspec, and of remote_write connection, failures and verdicts.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, TypeVar

import httpx
import msgspec
from msgspec import Struct

from awsync.errors import AwsyncError
from awsync.remote_write.connection import bare_url, shown_url
from awsync.remote_write.failures import verdict_of_failure
from awsync.remote_write.verdicts import Retry, clean
from awsync.series import Labels
from awsync.settings import StoreSettings

Engine = Literal["Prometheus", "VictoriaMetrics", "unknown"]

_PAGE_TIMEOUT = timedelta(seconds=10)
_MAX_PAGE = 8 * 1024 * 1024
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


class QueryError(AwsyncError):
    """The store did not answer a query; `passing` says that it may do so in a moment."""

    def __init__(self, message: str, remedy: str = "", *, passing: bool = False) -> None:
        super().__init__(message, remedy)
        self.passing = passing


async def discover(http: httpx.AsyncClient, store: StoreSettings, *, now_ms: int | None = None) -> StoreFacts:
    """Asks the store's own pages, and never raises for what they hide; `now_ms` defaults to the clock."""
    if store.base_url is None:
        return StoreFacts()
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    base = bare_url(store.base_url).rstrip("/")
    wait = min(store.timeout, _PAGE_TIMEOUT).total_seconds()
    healthy, build = await asyncio.gather(
        *(_page(http, base + path, wait) for path in ("/-/healthy", "/api/v1/status/buildinfo"))
    )
    if "VictoriaMetrics" in healthy:
        return _victoria(await _page(http, base + "/flags", wait), now_ms)
    if "Prometheus" not in healthy:
        return StoreFacts()
    flags, config, tsdb = await asyncio.gather(
        *(_page(http, f"{base}/api/v1/status/{page}", wait) for page in ("flags", "config", "tsdb?limit=1"))
    )
    version = _data(build).get("version")
    version = version if isinstance(version, str) else None
    return _prometheus(version, _data(flags), _data(config), _data(tsdb), now_ms)


async def held(
    http: httpx.AsyncClient,
    store: StoreSettings,
    selector: Iterable[tuple[str, str]],
    from_ms: int,
    to_ms: int,
) -> dict[Labels, dict[int, float]]:
    """The raw samples of the series that have these labels, from `from_ms` to `to_ms`, both included.

    One query for the whole span: keep it to what one answer may hold. VictoriaMetrics shows a new sample only
    after some seconds. Raises QueryError where the store cannot be asked or does not answer.
    """
    matchers = _selector(selector)
    # Prometheus 2 includes the left border of a range, Prometheus 3 and VictoriaMetrics exclude it, and
    # rounding may move either border by a millisecond: ask for more, keep what was asked for.
    end = to_ms // 1000 + 1
    query = {"query": f"{matchers}[{end * 1000 - from_ms + 1}ms]", "time": str(end), "nocache": "1"}
    series = {}
    for entry in (await _query(http, store, "query", query, _Reply)).data.result:
        values = {round(stamp * 1000): float(value) for stamp, value in entry.values}
        kept = {stamp: value for stamp, value in values.items() if from_ms <= stamp <= to_ms}
        if kept:
            series[tuple(sorted(entry.metric.items()))] = kept
    return series


async def has_series(
    http: httpx.AsyncClient,
    store: StoreSettings,
    selector: Iterable[tuple[str, str]],
    from_ms: int,
    to_ms: int,
) -> bool:
    """Whether a series with these labels has samples in that time; raises QueryError as `held` does."""
    query = {
        "match[]": _selector(selector),
        "start": str(from_ms // 1000),
        "end": str(to_ms // 1000 + 1),
        "limit": "1",
    }
    return bool((await _query(http, store, "series", query, _Names)).data)


async def flush(http: httpx.AsyncClient, store: StoreSettings) -> None:
    """Lets VictoriaMetrics show what it took; without this a sample can be found only seconds later.

    Where it does not allow that (-forceFlushAuthKey), what it took in the last seconds stays unseen.
    """
    if store.base_url is not None:
        wait = min(store.timeout, _PAGE_TIMEOUT).total_seconds()
        await _page(http, bare_url(store.base_url).rstrip("/") + "/internal/force_flush", wait)


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
    """It takes samples in any order; /flags lists the flags that differ from their defaults."""
    if not flags:
        return StoreFacts(engine="VictoriaMetrics")
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


async def _page(http: httpx.AsyncClient, url: str, wait: float) -> str:
    """The text of a page; empty where it does not exist, is hidden or does not come in time."""
    read = bytearray()
    try:
        async with asyncio.timeout(wait), http.stream("GET", url) as response:
            if response.status_code != 200:
                return ""
            async for chunk in response.aiter_bytes():
                read += chunk
                if len(read) > _MAX_PAGE:
                    return ""
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
        return ""
    return read.decode("utf-8", errors="replace")


def _data(page: str) -> Mapping[str, Any]:
    """The `data` of an answer of the Prometheus API; empty for anything else."""
    try:
        answer = msgspec.json.decode(page)
    except msgspec.DecodeError:
        return {}
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else {}


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Result(msgspec.Struct):
    result: list[_Series]


class _Reply(msgspec.Struct):
    data: _Result


class _Names(msgspec.Struct):
    data: list[dict[str, str]]


_Answer = TypeVar("_Answer", _Reply, _Names)


async def _query(
    http: httpx.AsyncClient, store: StoreSettings, page: str, query: dict[str, str], type_: type[_Answer]
) -> _Answer:
    if store.base_url is None:
        remedy = "Write the base URL of the store in prometheus-url if it answers queries."
        raise QueryError(
            f"The write address {shown_url(store.write_url)} does not tell where to query.", remedy
        )
    url = f"{bare_url(store.base_url).rstrip('/')}/api/v1/{page}"
    wait = store.timeout.total_seconds()
    try:
        async with asyncio.timeout(wait):
            response = await http.post(url, data=query)
        if response.status_code == 200:
            text = response.content.decode("utf-8", errors="replace")
            return msgspec.json.decode(text, type=type_)
    except msgspec.DecodeError:
        raise QueryError(
            f"{shown_url(url)} did not answer as Prometheus does.", "Check prometheus-url."
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        failure = verdict_of_failure(error, shown_url(url), wait)
        if isinstance(failure, Retry):
            raise QueryError(failure.reason, "Check that the store runs.", passing=True) from None
        raise QueryError(failure.words, failure.remedy) from None
    message = f"{shown_url(url)} answered {response.status_code} to a query: {clean(response.content)[:200]}"
    # 422 is Prometheus' own trouble with a query: its head is just being written, or it is too busy.
    passing = response.status_code >= 500 or response.status_code in (408, 422, 429)
    raise QueryError(message, "Check that these credentials may read.", passing=passing)


def _selector(labels: Iterable[tuple[str, str]]) -> str:
    """A selector that was never asked before, by a label that no series has.

    VictoriaMetrics remembers for up to ten seconds that it found no series for a selector, and its flush
    does not make it look again: a sample that it took meanwhile would seem missing, and go out twice.
    """
    matchers = [f"{name}={_quoted(value)}" for name, value in labels]
    return "{" + ",".join([*matchers, f'__awsync_asks__!="{time.time_ns()}"']) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
