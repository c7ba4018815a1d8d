"""`awsync today`: the time as ActivityWatch has it, without a store, and what could not be read is named."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.errors import UsageError
from awsync.settings import Settings, SourceSettings
from awsync.since import beginning, day_begin
from awsync.timeline import DAY, HOUR, MICROSECONDS, MINUTE
from awsync.today import today
from awsync.totals import By, Report, Share, Sums, bar, foremost, headline, report
from tests.commands import awsync
from tests.conftest import StartAw
from tests.passes import make_settings
from tests.test_source_reader import Passing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = round(NOON.timestamp()) * MICROSECONDS
WINDOW, AFK, TAB = "aw-watcher-window_pc", "aw-watcher-afk_pc", "aw-watcher-web-firefox_pc"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone without summer time, in which noon UTC is 17:30."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def event(at: str, seconds: float, **data: str) -> dict[str, object]:
    return {"timestamp": f"2026-11-{at}+00:00", "duration": seconds, "data": data}


def fill(aw: AwServer) -> None:
    """A local day that begins on the 19th at 18:30 UTC: an evening before it, an hour and a half in it."""
    for bucket, client, kind in (
        (WINDOW, "aw-watcher-window", "currentwindow"),
        (AFK, "aw-watcher-afk", "afkstatus"),
        (TAB, "aw-watcher-web", "web.tab.current"),
    ):
        aw.create_bucket(bucket, client, kind, "pc")
    aw.insert(
        WINDOW,
        [
            event("19T18:00:00", 3600, app="code", title="late GitHub night"),
            event("20T10:00:00", 1200, app="code", title="vim"),
            event("20T10:20:00", 600, app="firefox", title="[b]reddit[/b]"),
            event("20T11:00:00", 1800, app="code", title="vim"),
        ],
    )
    aw.insert(
        AFK,
        [
            event("19T17:00:00", 7200, status="not-afk"),
            event("20T10:00:00", 1830, status="not-afk"),
            event("20T10:30:30", 1770, status="afk"),
            event("20T11:00:00", 1800, status="not-afk"),
        ],
    )
    aw.insert(TAB, [event("20T10:20:00", 600, url="https://www.reddit.com/r/x", title="reddit")])


def settings_of(folder: Path, *urls: str, **hosts: str) -> Settings:
    sources = tuple(SourceSettings(f"s{number}", url, "me") for number, url in enumerate(urls))
    return make_settings(folder, "", "http://store", sources=sources, hosts=hosts)


def seconds(found: Report) -> dict[str, float]:
    return {share.name: share.total / MICROSECONDS for share in found.shares}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.APP, {"code": 1800 + 1200 + 1800, "firefox": 600}),
        (By.TITLE, {"late GitHub night": 1800, "vim": 3000, "[b]reddit[/b]": 600}),
        (By.HOST, {"laptop": 5400}),
        (By.DOMAIN, {"www.reddit.com": 600}),
        (By.CATEGORY, {"Work > Programming": 4800, "Media > Social Media": 600}),
    ],
)
async def test_the_day_by_everything(
    aw: AwServer, tmp_path: Path, by: By, expected: dict[str, float]
) -> None:
    """Today begins at the local midnight, in the middle of an event, whatever it is told apart by."""
    fill(aw)
    found = await today(settings_of(tmp_path, aw.url, pc="laptop"), by, now=NOW)
    assert seconds(found) == expected
    assert not found.failures
    assert found.since == day_begin(date(2026, 11, 20)) == NOW - 17 * HOUR - 30 * MINUTE
    assert (found.first, found.last) == (found.since, NOW - 30 * MINUTE)
    assert (found.present, found.away) == ((1800 + 1830 + 1800) * MICROSECONDS, 1770 * MICROSECONDS)
    assert found.hosts == ["laptop"]


async def test_what_is_left_out_and_what_is_copied_does_not_count(start_aw: StartAw, tmp_path: Path) -> None:
    """Today is what a pass would send: no excluded watcher, and no second copy of another source's time."""
    one, other = start_aw("one"), start_aw("other")
    fill(one)
    for server, bucket, kind in (
        (one, "aw-watcher-window_phone-synced-from-phone", "currentwindow"),
        (other, "aw-watcher-window_phone", "currentwindow"),
        (other, "secret_phone", "currentwindow"),
    ):
        server.create_bucket(bucket, bucket.partition("_")[0], kind, "phone")
        server.insert(bucket, [event("20T09:00:00", 60, app="maps")])
    settings = settings_of(tmp_path, one.url, other.url)
    first, second = settings.sources
    secretive = replace(settings, sources=(first, replace(second, excluded_watchers=("secret",))))
    found = await today(secretive, By.HOST, "1d", now=NOW)
    assert seconds(found) == {"pc": 3600 + 3600, "phone": 60}
    assert found.hosts == ["pc", "phone"]


async def test_settings_of_activitywatch_decide_day_and_categories(aw: AwServer, tmp_path: Path) -> None:
    """Where the server keeps them, its start of the day and its categories hold; a bad rule is named."""
    fill(aw)
    kept = {
        "startOfDay": "15:31",
        "classes": [
            {"name": ["Reading"], "rule": {"type": "regex", "regex": "REDDIT", "ignore_case": True}},
            {"name": ["Bad"], "rule": {"type": "regex", "regex": "("}},
        ],
    }

    def answer(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json=kept) if request.url.path.endswith("/settings") else None

    found = await today(settings_of(tmp_path, aw.url), By.CATEGORY, now=NOW, transport=Passing(answer))
    assert found.since == NOW - 2 * HOUR + MINUTE
    assert seconds(found) == {"Uncategorized": 1140 + 1800, "Reading": 600}
    assert found.notes == ["Rules that cannot be read are left out: Bad."]


async def test_a_source_that_is_down_is_told_and_stops_no_other(aw: AwServer, tmp_path: Path) -> None:
    """What can be read is shown, and what cannot is named with what to do."""
    fill(aw)
    found = await today(settings_of(tmp_path, NOWHERE, aw.url), By.APP, now=NOW)
    assert seconds(found)["firefox"] == 600
    (failure,) = found.failures
    assert failure.where == "s0"
    assert "cannot be reached" in failure.reason

    def broken(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500) if request.url.path.endswith(f"{WINDOW}/events") else None

    found = await today(settings_of(tmp_path, aw.url), By.APP, now=NOW, transport=Passing(broken))
    assert [failure.where for failure in found.failures] == [f"s0/{WINDOW}"]
    assert found.present is not None


@pytest.mark.parametrize(
    ("since", "begins", "moment"),
    [
        (None, "", NOW - 17 * HOUR - 30 * MINUTE),
        (None, "04:00", NOW - 13 * HOUR - 30 * MINUTE),
        (None, "18:00", NOW - 23 * HOUR - 30 * MINUTE),
        (None, "nonsense", NOW - 17 * HOUR - 30 * MINUTE),
        ("7d", "04:00", NOW - 7 * DAY),
        ("2026-11-20", "", NOW - 17 * HOUR - 30 * MINUTE),
        ("2026-11-19", "04:00", NOW - DAY - 13 * HOUR - 30 * MINUTE),
    ],
)
def test_when_the_time_begins(since: str | None, begins: str, moment: int) -> None:
    """A date begins as the days of ActivityWatch do; a length of time ends now."""
    assert beginning(since, NOW, begins) == moment


def test_a_day_of_25_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the day summer time ends, today still begins at its midnight, and the next one at the next."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    assert day_begin(date(2026, 10, 26)) - day_begin(date(2026, 10, 25)) == 25 * HOUR
    now = day_begin(date(2026, 10, 25)) + 24 * HOUR
    assert beginning(None, now) == now - 24 * HOUR


@pytest.mark.parametrize("since", ["yesterday", "2027-01-01", "100y", "0s", ""])
async def test_a_beginning_that_is_none_is_refused(aw: AwServer, tmp_path: Path, since: str) -> None:
    """What is no moment of the past is answered with the two ways to write one."""
    with pytest.raises(UsageError, match=r"--since: .*") as refused:
        await today(settings_of(tmp_path, aw.url), By.APP, since, now=NOW)
    assert "2026-11-20" in refused.value.remedy


def sums(*amounts: tuple[dict[str, str], int], host: str = "pc") -> Sums:
    made = Sums(lambda labels: dict(labels).get("app", ""))
    for labels, microseconds in amounts:
        made.add(host, {tuple(sorted(labels.items())): {NOW: microseconds}})
    return made


def test_active_time_is_told_apart_where_it_is_known() -> None:
    """The active part has its own number, decides the order, and is not guessed where nobody can tell."""
    one = sums(
        ({"app": "idle", "active": "false"}, 50 * MINUTE),
        ({"app": "code", "active": "true"}, 10 * MINUTE),
        ({"app": "code", "active": "false"}, 2 * MINUTE),
    )
    phone = sums(({"app": "maps", "active": "unknown"}, 30 * MINUTE), host="phone")
    found = report(By.APP, NOW - DAY, NOW, [one, phone], (), ())
    assert list(found.shares) == [
        Share("code", 12 * MINUTE, 10 * MINUTE),
        Share("idle", 50 * MINUTE, 0),
        Share("maps", 30 * MINUTE, None),
    ]
    assert (found.total, found.active) == (92 * MINUTE, 10 * MINUTE)
    assert foremost(found, 1)[1] == Share("2 others", 80 * MINUTE, 0)
    assert [bar(share, 50 * MINUTE, 10) for share in found.shares] == ["██", "░" * 10, "·" * 6]
    assert bar(found.shares[2], 50 * MINUTE, 10, told=False) == "█" * 6
    assert "10 min active, 2 hosts" in headline(found)
    unknown = report(By.APP, NOW - DAY, NOW, [phone], (), ())
    assert unknown.active is None
    assert "30 min active" in headline(unknown)


def test_two_afk_watchers_of_a_host_do_not_count_twice() -> None:
    """Of two AFK buckets of one host the one that saw most counts; another host's is added."""
    made = sums()
    for host, bucket, minutes in (("pc", "a", 30), ("pc", "b", 40), ("tv", "c", 5)):
        made.add_afk(host, bucket, {(("status", "not-afk"),): {NOW: minutes * MINUTE}})
    found = report(By.APP, NOW - DAY, NOW, [made], (), ())
    assert (found.present, found.away) == (45 * MINUTE, 0)


def test_the_command_needs_no_store_and_no_file(
    aw: AwServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a new machine it shows a table at once, as text or JSON, and writes nothing anywhere."""
    fill(aw)
    monkeypatch.setenv("TZ", "UTC")
    shown = awsync("today", "--since", "2026-11-20", "--top", "1", folder=tmp_path, ACTIVITY_WATCH_URL=aw.url)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("Since Fri 2026-11-20 00:00, first activity ")
    assert "29 min 30 s away (AFK)." in lines[0]
    assert re.match(r"app +(active +total|time) +% *$", lines[1])
    assert re.match(r"code .*0:50:00 +\d+%  █+", lines[2])
    assert re.match(r"1 other .*0:10:00", lines[3])
    assert re.match(r"all .*1:00:00", lines[4])
    told = awsync(
        "today",
        "--since",
        "2026-11-20",
        "--by",
        "category",
        "--json",
        folder=tmp_path,
        ACTIVITY_WATCH_URL=aw.url,
    )
    document = json.loads(told.stdout)
    assert document["total_seconds"] == 3600
    assert {row["name"]: row["total_seconds"] for row in document["rows"]} == {
        "Work > Programming": 3000,
        "Media > Social Media": 600,
    }
    assert document["away_seconds"] == 1770
    assert document["first"] == "2026-11-20T10:00:00.000Z"
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "aw" not in path.parts] == []


def test_exit_codes(tmp_path: Path) -> None:
    """1 where a source cannot be read, 2 for what cannot be asked."""
    down = awsync("today", folder=tmp_path, ACTIVITY_WATCH_URL=NOWHERE)
    assert (down.returncode, down.stdout.startswith("Nothing is known since ")) == (1, True)
    assert "awsync: default: ActivityWatch at http://127.0.0.1:9 cannot be reached" in down.stderr
    assert awsync("today", "--since", "x", folder=tmp_path, ACTIVITY_WATCH_URL=NOWHERE).returncode == 2
    assert awsync("today", "--by", "x", folder=tmp_path).returncode == 2
