"""Weeks of history, older than the store takes: as files into real stores, and sync goes on behind."""

import asyncio
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awsync.backfill.manifest import MANIFEST, read
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.remote_write.client import Client, Delivered
from awsync.series import Sample
from awsync.settings import Settings
from awsync.verify import Why
from tests.commands import awsync
from tests.conftest import StartStore
from tests.history import HOUR_US, TITLES, assert_equal_hours, closed_hours, stored_hours
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import MISSING, Store
from tests.test_plan import held, planned
from tests.test_verify_cli import write_config
from tests.verifying import run_verify, told

DAYS = 45
WINDOW = "aw-watcher-window_x"
AFK = "aw-watcher-afk_x"
CHROME, FIREFOX = "aw-watcher-web-chrome_x", "aw-watcher-web-firefox_x"
BUCKETS = {
    WINDOW: ("aw-watcher-window", "currentwindow"),
    AFK: ("aw-watcher-afk", "afkstatus"),
    CHROME: ("aw-watcher-web", "web.tab.current"),
    FIREFOX: ("aw-watcher-web", "web.tab.current"),
}


def event(start: datetime, seconds: float, **data: str) -> dict[str, object]:
    return {"timestamp": start.isoformat(), "duration": seconds, "data": data}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwServer]:
    """Six weeks of four buckets until now, with titles of every kind; two share a metric. For reading."""
    with AwServer(tmp_path_factory.mktemp("weeks")) as aw:
        end = utc_now().replace(microsecond=0) - timedelta(minutes=7)
        for bucket, (client, kind) in BUCKETS.items():
            aw.create_bucket(bucket, client, kind, "x", created=end - timedelta(days=DAYS))
        step = timedelta(minutes=43, milliseconds=7)
        starts = [end - step * number for number in range(int(timedelta(days=DAYS) / step), 0, -1)]
        aw.insert(
            WINDOW,
            [
                event(at, 1300.25 + i % 7 / 1000, app=f"app {i % 5}", title=TITLES[i % len(TITLES)])
                for i, at in enumerate(starts)
            ],
        )
        aw.insert(AFK, [event(at, 2000, status=("afk", "not-afk")[i % 2]) for i, at in enumerate(starts)])
        aw.insert(CHROME, [event(at, 301.5, url="https://a.example/x") for at in starts[::3]])
        aw.insert(FIREFOX, [event(at, 700, url="https://a.example/x") for at in starts[1::3]])
        yield aw


def has_a_head(settings: Settings) -> None:
    """One sample of now, as in any store that scrapes; to scrape takes a Prometheus five seconds."""

    async def send() -> None:
        assert settings.store is not None
        async with aclosing(Client(settings.store)) as client:
            sample = Sample((("__name__", "up"),), round(utc_now().timestamp() * 1000), 1.0)
            assert isinstance(await client.send([sample]), Delivered)

    asyncio.run(send())


def backfill(settings: Settings, store: Store, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with the settings that a pass of the tests has."""
    return awsync(
        "backfill", *arguments, "--aw-url", settings.sources[0].aw_url, "--prometheus-url", store.url,
        "--state-dir", str(settings.state_dir), "--user-id", "me", folder=settings.state_dir.parent,
    )  # fmt: skip


def run_as_told(commands: str) -> list[str]:
    """Runs the lines that import, and returns the arguments of the awsync that is to follow."""
    *imports, done = commands.splitlines()
    promtool = os.environ.get("AWSYNC_TEST_PROMTOOL")
    for line in imports:
        if "promtool" in line and promtool is None:
            pytest.skip(f"{MISSING}promtool: set AWSYNC_TEST_PROMTOOL, or run .ci/stores")
        folder = str(Path(promtool).parent) if promtool else ""
        path = os.pathsep.join([folder, os.environ["PATH"]])
        ended = subprocess.run(
            ["sh", "-c", line], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    program, *arguments = shlex.split(done)
    assert program == "awsync"
    return arguments


def assert_exact(aw: AwServer, store: Store, settings: Settings) -> None:
    """Every closed hour of every bucket, over the joint too."""
    with open_state(settings) as state:
        assert state.set_aside() == []
        assert state.quarantine() == []
        positions = {each.bucket: each.position or 0 for each in state.checkpoints()}
    assert positions.keys() == BUCKETS.keys()
    last = max(positions.values()) // HOUR_US * HOUR_US
    stored = stored_hours(store, last - (DAYS + 2) * 24 * HOUR_US, last)
    for bucket, position in positions.items():
        wanted = closed_hours(aw, bucket, position)
        assert len(wanted) > DAYS * 5
        found = {hour: seconds for hour, seconds in stored[bucket].items() if hour <= position}
        assert_equal_hours(wanted, found, bucket)


def assert_verified(settings: Settings) -> None:
    """What `awsync verify` says of it: nothing but what was closed since may be due."""
    report = run_verify(settings, since=timedelta(days=DAYS + 2))
    assert report.compared
    assert {each.why for each in report.differences} <= {Why.PENDING}, told(report)


@pytest.mark.servers
def test_what_was_set_aside_comes_as_blocks(weeks: AwServer, start_store: StartStore, tmp_path: Path) -> None:
    """sync sets weeks aside, promtool brings them, --done finds them there, and no pass repeats them."""
    store = start_store("prometheus-3.5", out_of_order="3d")
    settings, folder = make_settings(tmp_path, weeks.url, store.url), tmp_path / "old history"
    has_a_head(settings)
    finished, said = run_pass(settings)
    assert not finished.complete
    assert "awsync backfill FOLDER" in sentences(said)

    written = backfill(settings, store, str(folder))
    assert written.returncode == 0, written.stderr
    assert len(list(folder.glob("*.om"))) == len(read(folder).files) >= 2
    assert folder.stat().st_mode & 0o077 == 0

    early = backfill(settings, store, str(folder), "--done")
    assert early.returncode == 1
    assert "The import is not to be seen: the store holds 0 samples" in early.stderr
    with open_state(settings) as state:
        assert len(state.set_aside()) == len(BUCKETS), "nothing was changed"

    arguments = run_as_told(written.stdout)
    store.restart(scrape=False)  # a running one shows the blocks after a minute
    done = awsync(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_exact(weeks, store, settings)

    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    assert finished.totals.samples < 20, "only what was closed since"
    assert_exact(weeks, store, settings)
    assert_verified(settings)
    again = backfill(settings, store, str(tmp_path / "again"))
    assert "awsync sync delivers it" in again.stdout
    assert not (tmp_path / "again").exists()

    with open_state(settings) as state:
        for bucket in BUCKETS:
            state.rewind("default", bucket, None, 1)
    again = backfill(settings, store, str(tmp_path / "again"))
    assert read(tmp_path / "again").samples == 0, "the store holds it all"
    (only,) = again.stdout.splitlines()
    assert awsync(*shlex.split(only)[1:], folder=tmp_path).returncode == 0
    assert run_pass(settings)[0].totals.samples < 20
    assert_exact(weeks, store, settings)


@pytest.mark.servers
def test_history_that_was_never_sent_comes_first(
    weeks: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """Before any pass: old history as blocks, and the first pass goes on at their end, to the millisecond.

    What `awsync plan` said before is what there is in the end, sample by sample and series by series.
    """
    store = start_store("prometheus-2.42", out_of_order="3d", scrape=True)
    settings, folder = make_settings(tmp_path, weeks.url, store.url), tmp_path / "history"
    write_config(tmp_path, weeks, store.url)
    plan = planned(tmp_path, "--since", "all")["buckets"]
    written = backfill(settings, store, str(folder))
    assert written.returncode == 0, written.stderr
    end = read(folder).end
    assert end % (2 * HOUR_US) == 0, "a block ends there"

    arguments = run_as_told(written.stdout)
    store.restart(scrape=False)
    done = awsync(*arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with open_state(settings) as state:
        assert {each.position for each in state.checkpoints()} == {end}

    finished, said = run_pass(settings, look_back=True)
    assert finished.complete, sentences(said)
    assert 0 < finished.totals.samples < 5_000
    assert_exact(weeks, store, settings)
    seen = {each["bucket"]: (each["seen"]["samples"], each["seen"]["series"]) for each in plan}
    assert seen == {bucket: held(store, bucket) for bucket in BUCKETS}
    assert_verified(settings)
    assert run_pass(settings, look_back=True)[0].totals.samples < 20


@pytest.mark.servers
def test_victoria_metrics_needs_none_and_takes_the_files(
    weeks: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """It takes any age by remote write, which is said; files that are asked for come in by its import API."""
    store = start_store("victoria-metrics")
    settings, folder = make_settings(tmp_path, weeks.url, store.url), tmp_path / "files"
    said = backfill(settings, store, str(folder))
    assert (said.returncode, folder.exists()) == (0, False)
    assert "by remote write" in said.stdout

    written = backfill(settings, store, str(folder), "--files")
    assert written.returncode == 0, written.stderr
    done = awsync(*run_as_told(written.stdout), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    finished, sayings = run_pass(settings, look_back=True)
    assert finished.complete, sentences(sayings)
    assert finished.totals.samples < 1_000
    assert_exact(weeks, store, settings)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_what_is_to_be_run(weeks: AwServer, tmp_path: Path, form: str) -> None:
    """A header is left out of the command that follows, and that it must be given again is said."""
    secret, more = "Authorization=Bearer s3cret", ["--json"] if form == "json" else []
    with Receiver() as store:
        given = ["--prometheus-url", store.url, "--aw-url", weeks.url, "--user-id", "me"]
        folder = str(tmp_path / "files")
        done = awsync("backfill", folder, *more, *given, "--header", secret, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    told = json.loads(done.stdout) if more else {"commands": done.stdout.splitlines(), "hints": [done.stderr]}
    assert told["commands"][-1] == shlex.join(["awsync", "backfill", "--done", folder, *given])
    assert any("--header may hold a secret" in each and "AWSYNC_HEADERS" in each for each in told["hints"])


def test_a_folder_is_never_written_over(tmp_path: Path) -> None:
    """A folder that holds anything else is refused, and one without a manifest is not taken for finished."""
    settings = ["--aw-url", "http://127.0.0.1:9", "--prometheus-url", "http://127.0.0.1:9"]
    (tmp_path / "notes.txt").write_text("mine")
    refused = awsync("backfill", str(tmp_path), *settings, folder=tmp_path)
    assert (refused.returncode, "is not empty" in refused.stderr) == (2, True)
    (tmp_path / "empty").mkdir()
    unfinished = awsync("backfill", str(tmp_path / "empty"), "--done", *settings, folder=tmp_path)
    assert (unfinished.returncode, MANIFEST in unfinished.stderr) == (2, True)
