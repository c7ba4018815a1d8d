"""What is to be run after the files are written, as a person copies it.

May import: the standard library, the rest of backfill, remote_write.store, timeline, words.
"""

import shlex
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from awsync.backfill.manifest import Manifest
from awsync.backfill.plan import Borders
from awsync.backfill.spool import PERIOD_HOURS
from awsync.remote_write.store import StoreFacts
from awsync.timeline import DAY, MICROSECONDS
from awsync.words import clock, roughly

DATA_DIR = "DATA-DIR"
_MONTH = 31


def hints(facts: StoreFacts, at: Borders, oldest: int, now: int) -> Iterator[str]:
    """What has to be changed at the store before its import, or it would be for nothing."""
    retention = facts.retention
    days = -(-(now - oldest) // DAY) + _MONTH
    if retention is not None and retention < timedelta(microseconds=now - oldest):
        keeps = f"It keeps {roughly(retention.total_seconds())}, and would delete what is older at once."
        if facts.engine == "VictoriaMetrics":
            yield f"{keeps} Start VictoriaMetrics with:\n  -retentionPeriod={days}d"
        else:
            yield f"{keeps} Start Prometheus with:\n  --storage.tsdb.retention.time={days}d"
    if at.gap and at.floor is not None:
        days = -(-(now - at.cut) // DAY) + 1
        yield (
            f"From {clock(at.cut)} UTC on its blocks are not finished, and it takes nothing before"
            f" {clock(at.floor)} UTC; so that sync can bring what lies between, write in prometheus.yml:\n"
            f"storage:\n  tsdb:\n    out_of_order_time_window: {days}d\nThen reload Prometheus (SIGHUP)."
        )


def commands(
    manifest: Manifest, facts: StoreFacts, folder: Path, base_url: str | None, done: Sequence[str]
) -> list[str]:
    """The commands of a shell, in their order; `done` is the command that ends it."""
    end = shlex.join(done)
    if not manifest.files:
        return [end]
    files = f"{shlex.quote(str(folder))}/*.om"
    if facts.engine == "VictoriaMetrics":
        url = shlex.quote(f"{(base_url or '').rstrip('/')}/api/v1/import/prometheus")
        return [f'for file in {files}; do curl -fsS --data-binary @"$file" {url} || break; done', end]
    data = facts.data_path if facts.engine == "Prometheus" and facts.data_path else DATA_DIR
    promtool = (
        f"promtool tsdb create-blocks-from --max-block-duration={PERIOD_HOURS}h openmetrics"
        f' "$file" {shlex.quote(data)}'
    )
    return [f"for file in {files}; do {promtool} || break; done", end]


def remarks(facts: StoreFacts) -> Iterator[str]:
    """What to know of the commands."""
    if facts.engine == "VictoriaMetrics":
        yield (
            "Run the first line once: VictoriaMetrics keeps a sample that comes twice, unless it was started"
            " with -dedup.minScrapeInterval=1ms."
        )
        return
    if facts.engine != "Prometheus" or not facts.data_path:
        yield f"{DATA_DIR} is the folder of the store's data (--storage.tsdb.path)."
    elif not Path(facts.data_path).is_absolute():
        yield f"{facts.data_path} lies in the folder that Prometheus was started in."
    yield (
        "Run the first line on the machine of the store, as the user that it runs as. It shows the blocks"
        " within a minute, without a restart."
    )


def nothing_to_do(facts: StoreFacts, at: Borders, now: int) -> str:
    """Why there is nothing to write."""
    if at.floor is not None:
        taken = roughly((now - at.floor) / MICROSECONDS)
        return f"Nothing is older than the store takes by remote write ({taken}): awsync sync delivers it."
    return "There is nothing to write: awsync sync delivers what is due."


def any_age(facts: StoreFacts) -> str:
    """What is said of a store that takes samples of any age."""
    kept = "" if facts.retention is None else f" ({roughly(facts.retention.total_seconds())})"
    return (
        f"VictoriaMetrics takes samples of any age that it keeps{kept} by remote write, so there is nothing"
        " to backfill: awsync sync delivers it. For older history start it with a longer -retentionPeriod."
    )
