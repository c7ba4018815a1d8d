"""A console that runs the engine itself: what its commands do to pass, file, state and store."""

import asyncio
import itertools
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.activitywatch.client import ActivityWatch
from awsync.agent import ConsoleAgent
from awsync.config import load
from awsync.costs.bill import Bill
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.engine import system_clock
from awsync.events import (
    GapSkipped,
    HeldForThisRun,
    NextPass,
    PassFinished,
    PassStarted,
    Paused,
    RetryScheduled,
    SetAsideDelivered,
    SettingsReloaded,
    SourceFailed,
    Work,
)
from awsync.labelling import Labelling
from awsync.ledger import Entry, Range
from awsync.records import Settled
from awsync.schedule import Schedule
from awsync.state import State
from awsync.timeline import HOUR, Carry, floor_to
from tests.commands import awsync, environment
from tests.passes import utc_now
from tests.test_observer import Listener, opened

WINDOW, AFK = "aw-watcher-window_x", "aw-watcher-afk_x"
GOOD = ("app", "refused at first")


def fill(aw: AwServer, bucket: str, first: int, last: int) -> None:
    """Five-minute events, so many of them before now."""
    aw.insert(
        bucket,
        [
            {
                "timestamp": (utc_now() - timedelta(minutes=5 * i)).isoformat(),
                "duration": 299.0,
                "data": {"app": f"app {i % 3}", "status": "not-afk"},
            }
            for i in range(first, last, -1)
        ],
    )


@pytest.fixture
def store() -> Iterator[Receiver]:
    """A store in this process."""
    with Receiver() as running:
        yield running


@pytest.fixture
def folder(aw: AwServer, store: Receiver, tmp_path: Path) -> Path:
    """A folder with a config.toml for a server with two buckets, and a store."""
    for bucket, kind in ((WINDOW, "currentwindow"), (AFK, "afkstatus")):
        aw.create_bucket(bucket, bucket.removesuffix("_x"), kind, "x")
        fill(aw, bucket, 40, 4)
    (tmp_path / "config.toml").write_text(
        f'# mine\nprometheus-url = "{store.url}"\naw-url = "{aw.url}"\nstate-dir = "{tmp_path / "state"}"\n'
        'cron = "0 0 1 1 *"\npush-metrics = false\n'
    )
    return tmp_path


class Clock:
    """The engine's clock: an hour behind, until it is set right."""

    def __init__(self) -> None:
        self.behind = HOUR

    def __call__(self) -> int:
        """Microseconds since the epoch."""
        return system_clock() - self.behind


def globs(heard: Listener) -> tuple[str, ...]:
    """What the source leaves out."""
    return heard.agent.settings.sources[0].excluded_watchers


def held(store: Receiver, bucket: str) -> float:
    """Seconds that the store holds of a bucket."""
    found = (values for labels, values in store.samples().items() if ("bucket", bucket) in labels)
    return sum(itertools.chain.from_iterable(values.values() for values in found))


async def test_a_pass_over_one_bucket(folder: Path, store: Receiver) -> None:
    """Sync now for the selected watcher reads that bucket and no other; a bucket that is gone is named."""
    async with opened(folder) as heard:
        await heard.until(NextPass)
        await heard.agent.sync_now("default", WINDOW)
        begun = await heard.until(PassStarted)
        assert isinstance(begun, PassStarted)
        assert begun.bucket == WINDOW
        finished = await heard.until(PassFinished)
        assert isinstance(finished, PassFinished)
        assert (finished.totals.buckets, finished.complete) == (1, True)
        await heard.agent.sync_now("default", "nothing")
        failed = await heard.until(SourceFailed)
        assert isinstance(failed, SourceFailed)
        assert '"nothing"' in failed.reason


async def test_what_is_set_aside_is_tried_again_or_given_up(folder: Path, store: Receiver) -> None:
    """A sample that is tried again arrives by a pass that begins at once; what is given up is not listed."""
    position = floor_to(system_clock() - HOUR, HOUR)
    entries = [
        Entry((("__name__", "aw_x_seconds"), ("app", app), ("bucket", WINDOW)), position, 0, 7_000_000)
        for app in (GOOD[1], "bad")
    ]
    page = Settled(source="default", bucket=WINDOW, work=Work.FORWARD, start=position - HOUR, end=position,
                   newest=position, carry=Carry(), refused=[(entry, "no such label") for entry in entries],
                   asides=[Range(position - 9 * HOUR, position - 8 * HOUR, "too old", 1)])  # fmt: skip
    settings = load({"config": str(folder / "config.toml")}, {}, folder).settings
    async with ActivityWatch(settings.sources[0]) as aw:
        made_of = await Labelling(aw, settings.sources[0], settings).made_of()
    with State(folder / "state", f"{store.url}/api/v1/write", write=True) as state:
        state.labels("default").change(made_of, now=system_clock(), resolution=HOUR)
        state.commit([page], now=system_clock(), keep_from=0)
    async with opened(folder) as heard:
        agent = heard.agent
        assert agent.aside_counts() == {("default", WINDOW): (1, 2)}
        ids = {dict(found.entry.labels)["app"]: f"s{found.id}" for found in agent.quarantine()}
        assert await agent.drop_aside([ids["bad"]]) == "1 set-aside item given up."
        assert agent.aside_counts() == {("default", WINDOW): (1, 1)}
        await heard.until(NextPass)
        assert await agent.retry_aside([ids[GOOD[1]]]) == "1 set-aside item to be tried again."
        await heard.until(SetAsideDelivered)
        await heard.until(PassFinished)
        assert agent.aside_counts() == {("default", WINDOW): (1, 0)}
        arrived = [sum(values.values()) for labels, values in store.samples().items() if GOOD in labels]
        assert arrived == [7.0]
        (left,) = agent.set_aside()
        await agent.drop_aside([f"r{left[2].id}"])
        assert agent.aside_counts() == {}


async def test_excluding_and_the_gap(folder: Path, store: Receiver) -> None:
    """What happened while a watcher was excluded stays here if so chosen, also at a look back."""
    config = folder / "config.toml"
    before = config.read_text()
    clock = Clock()
    async with opened(folder, clock) as heard:
        await heard.until(NextPass)
        sent = held(store, WINDOW)
        assert sent > 0
        assert await heard.agent.set_excluded([("default", WINDOW)], excluded=True) == f"{WINDOW} excluded."
        assert f'excluded-watchers = ["{WINDOW}"]' in config.read_text()
        await heard.until(SettingsReloaded)
        reports = await heard.agent.survey()
        assert [found.excluded_by for found in reports[0].buckets] == [None, WINDOW]

        clock.behind = 0
        said = await heard.agent.set_excluded([("default", WINDOW)], excluded=False, skip_gap=True)
        assert "not sent" in said
        await heard.until(GapSkipped)
        await heard.until(SettingsReloaded)
        await heard.agent.sync_now()
        await heard.until(PassFinished)
        assert held(store, WINDOW) == sent
        assert [found.excluded_by for found in (await heard.agent.survey())[0].buckets] == [None, None]
    assert config.read_text().replace("excluded-watchers = []\n", "") == before


async def test_including_with_the_gap(folder: Path, store: Receiver) -> None:
    """Without that choice all that happened while a watcher was excluded is sent."""
    clock = Clock()
    async with opened(folder, clock) as heard:
        await heard.until(NextPass)
        sent = held(store, WINDOW)
        await heard.agent.set_excluded([("default", WINDOW)], excluded=True)
        clock.behind = 0
        await heard.agent.set_excluded([("default", WINDOW)], excluded=False)
        await heard.agent.sync_now()
        await heard.until(PassFinished)
        assert held(store, WINDOW) > sent


async def test_a_watcher_is_excluded_while_activitywatch_is_down(aw: AwServer, folder: Path) -> None:
    """What a server had is remembered while it does not answer, so that a person can still leave it out."""
    async with opened(folder) as heard:
        await heard.agent.survey()
        aw.stop()
        assert (await heard.agent.survey())[0].error is not None
        await heard.agent.set_excluded([("default", WINDOW)], excluded=True)
    assert WINDOW in (folder / "config.toml").read_text()


async def test_a_glob_for_others_too_is_not_removed(folder: Path) -> None:
    """A watcher that a wider glob excludes stays so, and the glob is named; with all of them it goes."""
    config = folder / "config.toml"
    config.write_text(config.read_text() + 'excluded-watchers = ["aw-*"]\n')
    async with opened(folder) as heard:
        assert '"aw-*"' in await heard.agent.set_excluded([("default", WINDOW)], excluded=False)
        assert 'excluded-watchers = ["aw-*"]' in config.read_text()
        both = [("default", WINDOW), ("default", AFK)]
        assert await heard.agent.set_excluded(both, excluded=False) == "2 watchers included again."
        assert "excluded-watchers = []" in config.read_text()


async def test_a_read_only_config_holds_for_this_run(folder: Path) -> None:
    """Where config.toml cannot be written the change holds for this run, and the sentence says so."""
    config = folder / "config.toml"
    before = config.read_text()
    config.chmod(0o400)
    async with opened(folder) as heard:
        await heard.until(NextPass)
        said = await heard.agent.set_excluded([("default", AFK)], excluded=True)
        assert "For this run only" in said
        assert "read-only" in said
        await heard.until(HeldForThisRun)
        assert globs(heard) == (AFK,)
        assert "For this run only" in await heard.agent.set_cron("*/3 * * * *")
        assert heard.agent.settings.cron == "*/3 * * * *"
        assert "For this run only" in await heard.agent.set_excluded([("default", AFK)], excluded=False)
        assert globs(heard) == ()
        with pytest.raises(ValueError, match="not five"):
            await heard.agent.set_cron("nonsense")
    assert config.read_text() == before


async def test_a_cron_that_is_set_is_told_with_the_splay(folder: Path) -> None:
    """What is said of a new cron, here and for this run alone, is when this device will begin."""
    config = folder / "config.toml"
    config.write_text(config.read_text() + 'splay = "1h"\n')
    config.chmod(0o400)
    async with opened(folder) as heard:
        await heard.until(NextPass)
        words = Schedule.of(replace(heard.agent.settings, cron="0 0 1 7 *")).describe()
        assert words in await heard.agent.set_cron("0 0 1 7 *")
        held = await heard.until(HeldForThisRun)
        assert isinstance(held, HeldForThisRun)
        assert words in held.what
        upcoming = await heard.until(NextPass)
        assert isinstance(upcoming, NextPass)
        assert Schedule.of(heard.agent.settings).describe() == words
        planned = Schedule.of(heard.agent.settings).next_after(utc_now()).timestamp()
        assert upcoming.at == round(planned * 1e6)


async def test_a_rewind_is_sent_again_and_changes_no_sum(folder: Path, store: Receiver) -> None:
    """After a rewind the next pass sends everything again, to the same amounts."""
    async with opened(folder) as heard:
        await heard.until(NextPass)
        sent = held(store, WINDOW)
        await heard.agent.rewind("default", WINDOW, None)
        assert [found.position is None for found in heard.agent.checkpoints()] == [False, True]
        await heard.agent.sync_now()
        finished = await heard.until(PassFinished)
        assert isinstance(finished, PassFinished)
        assert finished.totals.samples > 0
        assert held(store, WINDOW) == sent
        detail = await heard.agent.detail("default", WINDOW)
        assert [move.what for move in detail.history] == ["delivered", "moved back", "delivered"]
        assert detail.top[0].seconds > 0
        activity = await heard.agent.activity("default", WINDOW)
        assert len(activity.hours) == 24
        assert sum(activity.hours) == pytest.approx(
            sum(top.seconds for top in detail.top if top.label == "app")
        )


async def test_a_store_that_is_down_blocks_nobody(folder: Path, store: Receiver) -> None:
    """While a pass waits for a store that is down, sync now tries at once, pause and cron hold at once."""
    store.__exit__(None, None, None)
    async with opened(folder) as heard:
        await heard.until(RetryScheduled)
        asked = system_clock()
        await heard.agent.sync_now()
        stopped = await heard.reached(PassFinished, asked)
        assert isinstance(stopped, PassFinished)
        assert stopped.stopped
        await heard.until(RetryScheduled)
        asked = system_clock()
        await heard.agent.set_cron("*/9 * * * *")
        await heard.reached(SettingsReloaded, asked)
        asked = system_clock()
        await heard.agent.pause()
        await heard.reached(Paused, asked)
        assert heard.paused()
        assert [record.complete for record in heard.agent.passes(1)] == [False]
        await heard.agent.resume()
        await heard.until(RetryScheduled)


async def test_while_paused_the_cron_starts_nothing(folder: Path) -> None:
    """A run of the cron that falls into a pause is made up for by resuming, and not before."""
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("0 0 1 1 *", "@hourly"))
    clock = Clock()
    async with opened(folder, clock) as heard:
        await heard.until(NextPass)
        await heard.agent.pause()
        before = heard.agent.passes(10)
        clock.behind = 0
        await heard.agent.set_cron("@daily")
        await heard.until(SettingsReloaded)
        await heard.agent.rewind("default", WINDOW, None)
        assert heard.agent.passes(10) == before
        await heard.agent.resume()
        await heard.until(PassStarted)


async def test_requests_at_once_lose_none(folder: Path) -> None:
    """Many requests at one moment all come to their end."""
    async with opened(folder) as heard:
        async with asyncio.timeout(20):
            await asyncio.gather(
                heard.agent.pause(),
                heard.agent.resume(),
                heard.agent.rewind("default", WINDOW, None),
                heard.agent.sync_now("default", WINDOW),
                heard.agent.set_cron("*/11 * * * *"),
            )
        await heard.until(SettingsReloaded)
        await heard.until(NextPass)
        assert heard.agent.settings.cron == "*/11 * * * *"
        assert not heard.paused()


def test_a_stopped_pass_settles_nothing_more(tmp_path: Path) -> None:
    """What a thread of a stopped pass still writes does not undo a rewind."""
    with State(tmp_path, "sink", write=True) as state:
        state.begin_pass(5)
        state.stop_pass(5)
        state.commit([], now=5, keep_from=0)
        state.rewind("s", "b", None, 6)
        assert state.checkpoint("s", "b").position is None


def test_the_console_without_a_terminal_says_what_works(tmp_path: Path) -> None:
    """In a pipe `awsync tui` ends with a sentence instead of drawing."""
    done = awsync("tui", folder=tmp_path)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr


def test_a_console_whose_drawing_goes_to_a_file_is_none(tmp_path: Path) -> None:
    """The screen is drawn on stderr: where that is a file, a person would look at nothing."""
    leader, follower = pty.openpty()
    errors = tmp_path / "errors"
    try:
        with errors.open("wb") as file:
            code = subprocess.run(
                [sys.executable, "-m", "awsync", "tui"], stdin=follower, stdout=follower, stderr=file,
                cwd=tmp_path, env=environment(tmp_path), timeout=60, check=False,
            ).returncode  # fmt: skip
    finally:
        os.close(leader)
        os.close(follower)
    assert code == 2
    assert "needs a terminal" in errors.read_text()


async def test_what_would_leave_and_what_it_costs_by_the_rules_of_now(folder: Path) -> None:
    """A rule that is tried changes the look alone; one that is written changes plan and file, and back."""
    before = (folder / "config.toml").read_text()
    rule = '[[rule]]\nname = "no app"\nset = { app = "" }'
    async with opened(folder) as heard:
        agent = heard.agent
        for tried, left in (("", True), ("set = { app = '' }", False)):
            look = await agent.preview("default", WINDOW, hours=24, rule=tried)
            assert ("app" in dict(look.examples[0].labels or ())) == left
        assert (folder / "config.toml").read_text() == before
        assert await labels_of(agent) >= {"active", "app", "status"}
        await agent.add_rule(rule)
        assert "app" not in await labels_of(agent)
        await agent.remove_rule(rule)
        assert "app" in await labels_of(agent)
        assert (folder / "config.toml").read_text() == before


async def labels_of(agent: ConsoleAgent) -> set[str]:
    bill = Bill()
    async for said in agent.plan(days=1):
        bill.apply(said)
    return {cut.label for cut in bill.cuts() if cut.watcher == "aw-watcher-window"}
