"""`awsync plan` against real servers: what it says beforehand is what the store holds afterwards."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awsync.config import load
from awsync.costs.bill import Bill
from awsync.costs.plan import plan
from awsync.costs.said import Said, Skipped, Unread, Weighed
from awsync.demo.aw_server import AwServer
from awsync.errors import AwsyncError
from awsync.pass_context import MICROSECOND
from awsync.settings import Settings, SourceSettings
from awsync.since import day_begin
from awsync.timeline import DAY, MINUTE
from awsync.words import iso
from tests.commands import awsync, environment
from tests.conftest import StartAw, StartStore
from tests.history import fill_days
from tests.passes import make_settings, utc_now
from tests.servers import Store, StoreName
from tests.test_verify_cli import write_config
from tests.tmux import Terminal

DAYS = 10
WINDOW = "aw-watcher-window_pc"


def held(store: Store, bucket: str) -> tuple[int, int]:
    """Samples and series that a store holds of a bucket, without awsync's own."""
    store.flush()
    found = store.query(f'{{bucket="{bucket}",job=""}}[{DAYS + 40}d]')
    return sum(len(each["values"]) for each in found), len(found)


def planned(folder: Path, *arguments: str) -> dict[str, Any]:
    done = awsync("plan", "--json", *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.servers
def test_the_plan_is_what_the_store_then_holds(aw: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """Samples and series of every bucket, exactly, at both kinds of store, within the budget and beyond."""
    fill_days(aw, utc_now() - timedelta(minutes=40), DAYS)
    names: tuple[tuple[StoreName, int], ...] = (("prometheus-3.5", 1000), ("victoria-metrics", 50))
    for name, budget in names:
        store, folder = start_store(name), tmp_path / name
        folder.mkdir()
        write_config(folder, aw, store.url, f"series-budget = {budget}")
        found = planned(folder, "--since", "all")
        assert awsync("sync", "--once", folder=folder).returncode == 0
        assert len(found["buckets"]) == 5
        assert (sum(each["folded"] for each in found["buckets"]) > 0) == (budget == 50)
        for each in found["buckets"]:
            assert (each["seen"]["samples"], each["seen"]["series"]) == held(store, each["bucket"]), each


def events(count: int, begin: datetime, hours: float, **data: str) -> list[dict[str, object]]:
    """Events of a minute, one every so many hours."""
    return [
        {"timestamp": (begin + timedelta(hours=hours * n)).isoformat(), "duration": 60, "data": data}
        for n in range(count)
    ]


def settings_of(
    folder: Path,
    *urls: str,
    **changes: Any,  # noqa: ANN401 fields of Settings
) -> Settings:
    sources = tuple(SourceSettings(f"s{number}", url, "me") for number, url in enumerate(urls))
    return make_settings(folder, "", "http://store", **{"sources": sources} | changes)


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"


async def said_by(
    settings: Settings, since: timedelta | None = None, bucket: str | None = None
) -> list[Said]:
    now = round(NOW.timestamp() * 1e6)
    start = None if since is None else now - since // MICROSECOND
    return [each async for each in plan(settings, start, now=now, bucket=bucket)]


async def test_only_what_would_leave_is_weighed(start_aw: StartAw, tmp_path: Path) -> None:
    """Buckets left out, empty or small cost nothing and say why; a source that is down stops no other."""
    aw = start_aw("one")
    for name in ("aw-watcher-window_pc", "secret_pc", "empty_pc", "small_pc"):
        aw.create_bucket(name, name.partition("_")[0], "currentwindow", "pc")
    aw.insert(WINDOW, events(10, NOW - timedelta(days=5), 6, app="x", title="y"))
    aw.insert("secret_pc", events(10, NOW - timedelta(days=5), 6, app="x"))
    aw.insert("small_pc", events(2, NOW - timedelta(days=5), 6, app="x"))
    settings = settings_of(tmp_path, aw.url, NOWHERE)
    one = SourceSettings("s0", aw.url, "me", excluded_watchers=("secret*",))
    said = await said_by(settings_of(tmp_path, sources=(one, settings.sources[1])))
    (found,) = (each for each in said if isinstance(each, Weighed))
    assert (found.bucket, found.watcher, found.events) == (WINDOW, "aw-watcher-window", 10)
    assert (found.weight.samples, found.weight.series.total, found.keys) == (
        10,
        1,
        frozenset({"app", "title"}),
    )
    assert {each.bucket: each.why for each in said if isinstance(each, Skipped)} == {
        "secret_pc": 'excluded by "secret*"',
        "empty_pc": "it is empty",
        "small_pc": "2 events are fewer than min-data 5",
    }
    (down,) = (each for each in said if isinstance(each, Unread))
    assert down.where == "s1"
    with pytest.raises(AwsyncError, match="nobody's"):
        await said_by(settings_of(tmp_path, aw.url), bucket="nobody's")


@pytest.mark.parametrize(("since", "history"), [(2, None), (None, 2), (4, 2), (2, 4)])
async def test_only_the_time_that_is_asked_for_is_read(
    aw: AwServer, tmp_path: Path, since: int | None, history: int | None
) -> None:
    """What a first pass would not send for its age costs nothing, however far back somebody asks."""
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    aw.insert(WINDOW, events(240, NOW - timedelta(days=10, minutes=-1), 1, app="x"))
    initial = None if history is None else timedelta(days=history)
    settings = settings_of(tmp_path, aw.url, initial_history=initial)
    said = await said_by(settings, None if since is None else timedelta(days=since))
    (found,) = (each for each in said if isinstance(each, Weighed))
    assert (found.weight.samples, found.end - found.start) == (48, 2 * DAY - 5 * MINUTE)


def test_the_plan_as_a_person_reads_it(aw: AwServer, tmp_path: Path) -> None:
    """Four tables with room on 80 columns, the totals, and the rule; a wrong --since is a usage error."""
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    begin = utc_now() - timedelta(days=6)
    for number in range(40):
        at = begin + timedelta(hours=3 * number)
        aw.insert(WINDOW, events(1, at, 0, app="editor", title=f"[b]title {number}"))
    write_config(tmp_path, aw, "http://127.0.0.1:9")
    done = awsync("plan", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Cut first: `title` of aw-watcher-window: 40 -> 1 series" in done.stdout
    for wanted in ("series of", "samples of", "disk for a year of", 'set = { title = "" }', "To deliver"):
        assert wanted in done.stdout
    with Terminal(
        [sys.executable, "-m", "awsync", "plan"],
        folder=tmp_path,
        environment=environment(tmp_path),
        size=(80, 50),
    ) as shown:
        assert shown.until_exit(20) == 0
        narrow = shown.screen()
    assert sum(WINDOW in line for line in narrow.splitlines()) == 3, narrow
    assert "aw-watcher-window   title" in narrow
    assert "VictoriaMetrics" in narrow
    assert planned(tmp_path)["cut_first"]["label"] == "title"
    day = (begin + timedelta(days=2)).astimezone().date()
    (later,) = planned(tmp_path, "--since", str(day))["buckets"]
    assert later["from"] == iso(day_begin(day))
    for wrong in ("ever", "0d"):
        assert awsync("plan", "--since", wrong, folder=tmp_path).returncode == 2
    assert awsync("plan", "--aw-url", NOWHERE, folder=tmp_path).returncode == 1


async def test_a_label_that_is_cut_leaves_what_was_said(aw: AwServer, tmp_path: Path) -> None:
    """With the lines of any cut in config.toml the next plan has just the series that it foretold."""
    fill_days(aw, NOW, 2)
    config = tmp_path / "config.toml"
    write_config(tmp_path, aw, NOWHERE, 'privacy-allow = ["tabCount"]')
    written = config.read_text()
    bill = await billed(config)
    cuts = [cut for cut in bill.cuts() if cut.key is not None]
    assert {cut.label for cut in cuts} >= {"title", "domain", "file", "app", "status", "tabCount"}
    for cut in cuts:
        config.write_text(f"{written}\n{cut.lines}\n")
        left = await billed(config)
        assert cut.label not in {other.label for other in left.cuts() if other.watcher == cut.watcher}, cut
        weights = [each.weight for each in left.buckets if each.watcher == cut.watcher]
        found = sum(each.series.total for each in weights), sum(each.samples for each in weights)
        assert found == (cut.series_without, cut.samples_without), cut


async def billed(config: Path) -> Bill:
    """The bill by the settings in a file."""
    bill = Bill()
    for each in await said_by(load({"config": str(config)}, {}).settings):
        bill.apply(each)
    return bill
