"""The centre's rules of days, evaluated over a store's past as its Prometheus or vmalert would have done.

The expressions are those of the file that is laid out; only the clock is not waited for.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import yaml

from awsync.remote_write.wire import encode_v1
from awsync.series import Sample
from tests.dashboards.grafana import opened

RULES = Path(__file__).parent.parent.parent / "awsync" / "center" / "files" / "rules" / "awsync-recording.yml"
_CHUNK = timedelta(days=30)
_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def record_days(url: str, since: datetime, until: datetime, every: timedelta) -> int:
    """Evaluates the rules from one moment to another and writes what they record; returns the samples.

    What is recorded at a moment is the UTC day that has been over for 7 days then.
    """
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    (rules,) = (group["rules"] for group in groups if group["name"] == "awsync-days")
    written = 0
    with opened(url) as store:
        for rule in rules:
            start = since
            while start <= until:
                end = min(start + _CHUNK - every, until)
                written += send(store, list(_recorded(store, rule, start, end, every)))
                start += _CHUNK
    return written


def send(store: httpx.Client, samples: list[Sample]) -> int:
    """Writes samples, in the order of time, as remote write 1.0 has it; returns how many."""
    ordered = sorted(samples, key=lambda sample: sample.timestamp_ms)
    for first in range(0, len(ordered), 10_000):
        body = encode_v1(ordered[first : first + 10_000])
        answer = store.post("/api/v1/write", content=body, headers=_HEADERS)
        assert answer.is_success, answer.text
    return len(ordered)


def _recorded(
    store: httpx.Client, rule: dict[str, str], start: datetime, end: datetime, every: timedelta
) -> Iterator[Sample]:
    asked = {
        "query": rule["expr"],
        "start": repr(start.timestamp()),
        "end": repr(end.timestamp()),
        "step": repr(every.total_seconds()),
        "nocache": "1",
    }
    answer = store.post("/api/v1/query_range", data=asked)
    assert answer.is_success, answer.text
    for series in answer.json()["data"]["result"]:
        labels = tuple(sorted({**series["metric"], "__name__": rule["record"]}.items()))
        for at, value in series["values"]:
            yield Sample(labels, round(at * 1000), float(value))
