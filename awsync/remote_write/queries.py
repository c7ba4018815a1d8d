"""Asks a store for the samples that it holds, through the query API of Prometheus.

Where write and query paths differ (Mimir, Thanos), query-url tells where to ask. The answers' traps are
measured on Prometheus 2.42, 2.53, 3.5 and VictoriaMetrics 1.145 (FACTS B5, D).

May import: bounded, errors, settings, series, httpx, msgspec, and the other modules of remote_write but
client.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TypeVar

import httpx
import msgspec

from awsync.bounded import TooLargeError, read
from awsync.errors import AwsyncError
from awsync.remote_write.connection import bare_url, shown_url
from awsync.remote_write.failures import verdict_of_failure
from awsync.remote_write.store import MOST_BYTES, PAGE_TIMEOUT, page
from awsync.remote_write.verdicts import Retry, clean
from awsync.series import Labels
from awsync.settings import StoreSettings

Held = Mapping[Labels, Mapping[int, tuple[float, ...]]]
"""Values by series and millisecond. VictoriaMetrics keeps, and counts, a sample as often as it came."""

_SHORTEST_MS = 60 * 60 * 1000
"""What is shorter is not halved again: no bucket has so many samples in an hour."""


class QueryError(AwsyncError):
    """The store did not answer a query; `passing` says that it may do so in a moment."""

    def __init__(self, message: str, remedy: str = "", *, passing: bool = False) -> None:
        super().__init__(message, remedy)
        self.passing = passing


class _LargeAnswerError(QueryError):
    """The answer to a query has more bytes than it may have."""


async def held(
    http: httpx.AsyncClient,
    store: StoreSettings,
    selector: Iterable[tuple[str, str]],
    from_ms: int,
    to_ms: int,
) -> dict[Labels, dict[int, tuple[float, ...]]]:
    """The raw samples of the series that have these labels, from `from_ms` to `to_ms`, both included.

    A span with more than one answer may hold is asked for in halves. VictoriaMetrics shows a new sample only
    after some seconds. Raises QueryError where the store cannot be asked or does not answer.
    """
    labels = tuple(selector)
    try:
        return await _held(http, store, labels, from_ms, to_ms)
    except _LargeAnswerError:
        if to_ms - from_ms < _SHORTEST_MS:
            raise
    middle = (from_ms + to_ms) // 2
    series = await held(http, store, labels, from_ms, middle)
    for name, values in (await held(http, store, labels, middle + 1, to_ms)).items():
        series.setdefault(name, {}).update(values)
    return series


async def _held(
    http: httpx.AsyncClient, store: StoreSettings, labels: Labels, from_ms: int, to_ms: int
) -> dict[Labels, dict[int, tuple[float, ...]]]:
    matchers = _selector(labels)
    # Prometheus 2 includes the left border of a range, Prometheus 3 and VictoriaMetrics exclude it, and
    # rounding may move either border by a millisecond: ask for more, keep what was asked for.
    end = to_ms // 1000 + 1
    query = {"query": f"{matchers}[{end * 1000 - from_ms + 1}ms]", "time": str(end), "nocache": "1"}
    series = {}
    for entry in (await _query(http, store, "query", query, _Reply)).data.result:
        kept: dict[int, tuple[float, ...]] = {}
        for seconds, value in entry.values:
            stamp = round(seconds * 1000)
            if from_ms <= stamp <= to_ms:
                kept[stamp] = (*kept.get(stamp, ()), float(value))
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
    try:
        return bool((await _query(http, store, "series", query, _Names)).data)
    except _LargeAnswerError:
        # Prometheus 2.42 knows no limit: it names them all.
        return True


async def flush(http: httpx.AsyncClient, store: StoreSettings) -> None:
    """Lets VictoriaMetrics show what it took; without this a sample can be found only seconds later.

    Where it does not allow that (-forceFlushAuthKey), what it took in the last seconds stays unseen.
    """
    asked = store.asked_url
    if asked is not None:
        wait = min(store.timeout, PAGE_TIMEOUT).total_seconds()
        await page(http, bare_url(asked).rstrip("/") + "/internal/force_flush", wait)


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
    http: httpx.AsyncClient, store: StoreSettings, endpoint: str, query: dict[str, str], type_: type[_Answer]
) -> _Answer:
    asked = store.asked_url
    if asked is None:
        remedy = "Write the address where the store answers queries in query-url."
        raise QueryError(
            f"The write address {shown_url(store.write_url)} does not tell where to query.", remedy
        )
    url = f"{bare_url(asked).rstrip('/')}/api/v1/{endpoint}"
    wait = store.timeout.total_seconds()
    try:
        async with asyncio.timeout(wait), http.stream("POST", url, data=query) as response:
            body = await read(response, MOST_BYTES)
        if response.status_code == 200:
            return msgspec.json.decode(body.decode("utf-8", errors="replace"), type=type_)
    except msgspec.DecodeError:
        raise QueryError(
            f"{shown_url(url)} did not answer as Prometheus does.", "Check query-url, or prometheus-url."
        ) from None
    except TooLargeError:
        raise _LargeAnswerError(
            f"{shown_url(url)} answered more than {MOST_BYTES >> 20} MiB to one query.",
            "Check query-url, or prometheus-url: a store does not hold so much of one bucket.",
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        failure = verdict_of_failure(error, shown_url(url), wait)
        if isinstance(failure, Retry):
            raise QueryError(failure.reason, "Check that the store runs.", passing=True) from None
        raise QueryError(failure.words, failure.remedy) from None
    message = f"{shown_url(url)} answered {response.status_code} to a query: {clean(body)[:200]}"
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
