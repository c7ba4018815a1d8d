"""A person's way through the console, by keys alone, in a real terminal over the demo's world.

The world lives: its watchers go on reporting while the keys are pressed.

After each step config.toml, the state database and the store are looked at, not only the screen.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from awsync.config import load
from awsync.demo.prometheus import Prometheus
from awsync.demo.titles import PROJECTS
from awsync.demo.world import DAYS, HOST, World
from awsync.errors import LockHeldError
from awsync.records import Checkpoint, PassRecord
from awsync.settings import Settings
from awsync.state import State
from tests.history import assert_equal_hours, closed_hours, hours_at
from tests.passes import utc_now
from tests.servers import require_binary, wait_until
from tests.tmux import Terminal, console, require_tmux

pytestmark = pytest.mark.servers

WINDOW, AFK, EDITOR = (f"aw-watcher-{name}_{HOST}" for name in ("window", "afk", "vscode"))
BROWSERS = [f"aw-watcher-web-{name}_{HOST}" for name in ("chrome", "firefox")]
HOUR_US = 3600 * 1_000_000
LATE = timedelta(minutes=4)
"""Shorter than `settle`: what comes so late changes no slot that was closed."""
QUIT_SECONDS = 1.3


class Journey:
    """The terminal, the world, and what the three places hold."""

    def __init__(self, terminal: Terminal, folder: Path, world: World) -> None:
        self.terminal = terminal
        self.config = folder / "cfg" / "awsync" / "config.toml"
        self.world = world
        assert isinstance(world.store, Prometheus)
        self.store = world.store

    @property
    def settings(self) -> Settings:
        """What config.toml says."""
        return load({"config": str(self.config)}, {}).settings

    def checkpoints(self) -> dict[str, Checkpoint]:
        """The state database's checkpoints by bucket."""
        with self._state() as state:
            return {checkpoint.bucket: checkpoint for checkpoint in state.checkpoints()}

    def passes(self) -> list[PassRecord]:
        """The state database's passes, newest first."""
        with self._state() as state:
            return state.passes(1000)

    def samples(self, bucket: str) -> int:
        """How many samples of a bucket the store holds, without those that awsync tells of it."""
        found = self._query(f'sum(count_over_time({{bucket="{bucket}",job=""}}[30d]))', time.time())
        return int(found[0]["value"][1]) if found else 0

    def seconds(self, bucket: str, until: int) -> float:
        """The seconds of a bucket that the store holds up to a moment in microseconds."""
        (found,) = self._query(f'sum(sum_over_time({{bucket="{bucket}"}}[30d]))', until / 1e6)
        return float(found["value"][1])

    def sync(self) -> PassRecord:
        """Presses `s` and waits for that pass in the state database."""
        pressed = self.terminal.press("s")

        def done() -> bool:
            newest = self.passes()[0]
            return newest.started >= pressed * 1e6 and newest.finished is not None

        wait_until(done, "the pass that was asked for has ended")
        return self.passes()[0]

    def assert_store_equals_aw(self) -> None:
        """Every bucket, hour by hour, to the millisecond."""
        checkpoints = self.checkpoints()
        last = max(each.position or 0 for each in checkpoints.values()) // HOUR_US * HOUR_US
        stored = hours_at(self.store.url, last - (DAYS + 2) * 24 * HOUR_US, last)
        assert stored.keys() == checkpoints.keys()
        for bucket, checkpoint in checkpoints.items():
            assert checkpoint.position is not None
            wanted = closed_hours(self.world.aw, bucket, checkpoint.position)
            assert sum(wanted.values()) > 3600, "the history must hold something to compare"
            found = {hour: value for hour, value in stored[bucket].items() if hour <= checkpoint.position}
            assert_equal_hours(wanted, found, bucket)

    def _query(self, promql: str, at: float) -> list[dict[str, Any]]:
        answer = httpx.get(
            f"{self.store.url}/api/v1/query", params={"query": promql, "time": repr(at)}, trust_env=False
        )
        assert answer.is_success, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def _state(self) -> State:
        store = self.settings.store
        assert store is not None
        return State(self.settings.state_dir, store.write_url, write=False)


def _names_a_project(screen: str) -> bool:
    """Of a project's folder only its own name leaves, at the level that holds unless another is chosen."""
    return any(f"project={project.name}" in screen for project in PROJECTS)


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    """The demo's world with a Prometheus 3.5, and the console on a first start, with slots of a minute."""
    require_tmux()
    with (
        World(require_binary("prometheus-3.5"), late=LATE) as world,
        console("--state-dir", str(tmp_path / "state"), folder=tmp_path, AWSYNC_RESOLUTION="1m") as terminal,
    ):
        yield Journey(terminal, tmp_path, world)


def test_a_persons_way_by_keys_alone(journey: Journey) -> None:
    """First run, exclude, undo, cron, sync, pause, rewind, filter, detail, log, quit: each does its work."""
    first_run(journey)
    held, position = exclude_and_undo(journey)
    change_the_cron(journey)
    sync_now(journey, held, position)
    pause_and_rewind(journey)
    look_around(journey)
    leave(journey)


def first_run(journey: Journey) -> None:
    """Two addresses are typed, tested and written; the first pass brings everything."""
    terminal, config = journey.terminal, journey.config
    screen = terminal.until(
        "awsync: first run",
        re.compile("Start ActivityWatch|✓ Found ActivityWatch").search,
        re.compile("Type where|Found (?!ActivityWatch)").search,
    )
    # Where a store of the person's own was found, its field is filled and the focus is on the next step.
    for key in ["BTab"] if "Type where" in screen else ["BTab", "BTab"]:
        terminal.move(key)
    retype(terminal, "http://localhost:5600", journey.world.aw.url)
    terminal.press("Enter")
    terminal.until("✓ Found ActivityWatch", "5 buckets")
    if "Type where" not in screen:
        terminal.move("C-u")
    terminal.type(journey.store.url)
    terminal.until(journey.store.url, "Enter tests it.")
    terminal.press("Enter")
    terminal.until("✓ ", "is Prometheus 3.5", "[ Write config.toml and start ]")
    assert not config.exists()
    terminal.press("Enter")
    terminal.until("Written to ", "● live", "✓ in sync")
    text = config.read_text()
    assert f'\nprometheus-url = "{journey.store.url}"\n' in text
    assert f'\naw-url = "{journey.world.aw.url}"\n' in text
    assert "# Settings of awsync." in text
    terminal.until("● live", "next pass in", lambda screen: screen.count("✓ in sync") == 5, seconds=45.0)
    assert {record.complete for record in journey.passes()} == {True}
    journey.assert_store_equals_aw()


def exclude_and_undo(journey: Journey) -> tuple[int, int]:
    """Space writes config.toml and nothing more of the watcher leaves; undo takes the key back.

    Returns how many samples of it the store had meanwhile, and its checkpoint.
    """
    terminal, before = journey.terminal, journey.config.read_text()
    terminal.press("End")
    terminal.until("▌  ● on  aw-watcher-window")
    terminal.press("Space")
    terminal.until("▌  ○ off aw-watcher-window", "○ excluded", f"{WINDOW} excluded.", "Settings read again.")
    text = journey.config.read_text()
    assert f'\nexcluded-watchers = ["{WINDOW}"]\n' in text
    assert _comments(text) >= _comments(before) - {_example(before, "excluded-watchers")}

    held, others = journey.samples(WINDOW), journey.samples(AFK)
    position = journey.checkpoints()[WINDOW].position
    journey.world.catch_up()
    # A window waits, for `settle` at most, for a browser that was in use; here it never has to.
    now = {"timestamp": utc_now().isoformat(), "duration": 0, "data": {"title": "now"}}
    for browser in BROWSERS:
        journey.world.aw.insert(browser, [now])
    assert journey.sync().complete
    assert journey.samples(WINDOW) == held
    assert journey.samples(AFK) > others
    assert journey.checkpoints()[WINDOW].position == position

    terminal.press("u")
    terminal.until("▌  ● on  aw-watcher-window", f"{WINDOW} included again.")
    assert journey.settings.sources[0].excluded_watchers == ()
    assert _comments(journey.config.read_text()) == _comments(text)
    assert position is not None
    return held, position


def change_the_cron(journey: Journey) -> None:
    """Nonsense is refused where it is typed; a cron is written to config.toml and holds at once."""
    terminal, before = journey.terminal, journey.config.read_text()
    terminal.press("c")
    terminal.until("Schedule ─", "*/5 * * * *", "✓ every 5 minutes")
    retype(terminal, "*/5 * * * *", "*/10 * * *")
    terminal.press("Enter")
    terminal.until('✗ "*/10 * * *" has 4 fields')
    assert journey.config.read_text() == before
    terminal.type(" *")
    terminal.until("✓ every 10 minutes")
    terminal.press("Enter")
    terminal.until("The schedule is now every 10 minutes.", "every 10 minutes  */10 * * * *")
    assert journey.settings.cron == "*/10 * * * *"
    assert '\ncron = "*/10 * * * *"\n' in journey.config.read_text()


def sync_now(journey: Journey, held: int, position: int) -> None:
    """A pass at once brings what the watcher recorded while it was excluded, and no other process may."""
    record = journey.sync()
    assert record.complete
    assert record.totals.samples > 0
    assert journey.samples(WINDOW) > held
    moved = journey.checkpoints()[WINDOW].position
    assert moved is not None
    assert moved > position
    journey.assert_store_equals_aw()
    with pytest.raises(LockHeldError, match=f"pid {journey.terminal.pid}"):
        State(journey.settings.state_dir, "any", write=True)


def pause_and_rewind(journey: Journey) -> None:
    """While paused nothing is sent; a pause ends a pass; what was rewound changes no sum."""
    terminal, store = journey.terminal, journey.store
    terminal.press("p")
    terminal.until("‖ paused, p resumes", "Paused: no pass begins by itself.")
    passes, before = journey.passes(), journey.checkpoints()[EDITOR].position
    assert before is not None
    seconds, held = journey.seconds(EDITOR, before), journey.samples(EDITOR)

    terminal.press("Home", "Down")
    terminal.until("▌  ● on  aw-watcher-vscode")
    terminal.press("r")
    terminal.until("Rewind a checkpoint", f"{EDITOR} of default")
    retype(terminal, "1d", "2d")
    terminal.until("2 d")
    terminal.press("Enter")
    terminal.until(f"Move the checkpoint of {EDITOR} to", "[ (c) Cancel ]")
    terminal.press("r")
    terminal.until("is sent again from", "◌ waiting: paused, 2 d")
    assert "Rewind a checkpoint" not in terminal.screen()
    back = journey.checkpoints()[EDITOR].position
    assert back is not None
    assert back % HOUR_US == 0
    assert timedelta(days=2) <= utc_now() - _moment(back) < timedelta(days=2, hours=1)

    store.stop()
    assert journey.passes() == passes
    terminal.press("s")
    terminal.until("Connection refused. Is the store running? Next try in", "◌ waiting: the store")
    terminal.press("p")
    terminal.until("Resumed.", "● live")
    terminal.press("p")
    terminal.until("‖ paused, p resumes", "Pass stopped in")
    newest = journey.passes()[0]
    assert (newest.finished is not None, newest.complete) == (True, False)
    store.start()
    assert journey.samples(EDITOR) == held
    assert journey.checkpoints()[EDITOR].position == back

    terminal.press("p")
    terminal.until("next pass in", "✓ in sync", lambda screen: "paused" not in screen.splitlines()[0])
    newest = journey.passes()[0]
    assert newest.complete
    assert newest.totals.events > 100, "two days are read again"
    position = journey.checkpoints()[EDITOR].position
    assert position is not None
    assert position >= before
    assert journey.seconds(EDITOR, before) == pytest.approx(seconds, abs=1e-6)
    journey.assert_store_equals_aw()


def look_around(journey: Journey) -> None:
    """A filter narrows the table, the detail knows the way of the checkpoint, the log tells all of it."""
    terminal, before = journey.terminal, journey.checkpoints()
    terminal.press("/")
    terminal.until("words to find")
    terminal.type("web")
    terminal.press("Enter")
    terminal.until("Watchers 2 of 5  /web", "aw-watcher-web-firefox")
    terminal.press("Escape")
    terminal.until("─ Watchers 5 ─")

    terminal.until("▌  ● on  aw-watcher-")
    terminal.press("Home", "Down")
    terminal.until("▌  ● on  aw-watcher-vscode")
    terminal.press("Enter")
    terminal.until(
        f"Events of {EDITOR}", "What leaves for them: ", _names_a_project, "moved back", "delivered"
    )
    terminal.press("Escape")
    terminal.until("─ Watchers 5 ─")

    terminal.press("l")
    terminal.until("Log  from info on", "following", "Resumed.", "Pass complete in")
    terminal.press("/")
    terminal.until("words to find")
    terminal.type("moved back")
    terminal.press("Enter")
    screen = terminal.until("/moved back", f"default/{EDITOR}: checkpoint moved back to")
    assert "Pass complete" not in screen
    terminal.press("Escape")
    terminal.until("Pass complete in")
    terminal.press("v", "v", "v")
    terminal.until("Log  details too")
    terminal.press("Home")
    terminal.until("held, ", "F follows", "started.")
    terminal.press("F")
    terminal.until("following")
    terminal.press("Escape")
    terminal.until("─ Watchers 5 ─")
    assert journey.checkpoints() == before


def leave(journey: Journey) -> None:
    """The process ends at once, in order, and leaves everything whole."""
    before = journey.checkpoints()
    settings = journey.settings
    pressed = journey.terminal.press("q")
    assert journey.terminal.until_exit(seconds=5.0) == 0
    assert time.time() - pressed < QUIT_SECONDS
    assert journey.checkpoints() == before
    with State(settings.state_dir, "any", write=True) as state:
        assert state.database.announced() is None
    with sqlite3.connect(settings.state_dir / "state.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def retype(terminal: Terminal, old: str, new: str) -> None:
    """Replaces what stands in a field."""
    field = re.compile(rf"[▊█│] +{re.escape(old)} ")
    terminal.until(field.search)
    terminal.press("C-u")
    terminal.until(lambda screen: not field.search(screen))
    terminal.type(new)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def _comments(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("#")}


def _example(text: str, key: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"#{key} ="))
