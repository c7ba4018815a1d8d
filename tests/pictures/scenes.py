"""What each picture shows, and how the console comes there: by keys, the clock, and faults of the wire."""

import os
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from unittest import mock

from textual.pilot import Pilot

from awsync.control import Agent
from awsync.series import Labels, Sample
from awsync.tui import themes
from awsync.tui.app import Console
from awsync.tui.detail import DetailPage
from awsync.tui.dialogs import Ask, Confirm
from awsync.tui.doctor import DoctorPage
from awsync.tui.grid import Grid
from awsync.tui.log import LogPage
from awsync.tui.paper import Paper
from awsync.tui.plan import PlanPage
from awsync.tui.preview import PreviewPage
from awsync.tui.quarantine import QuarantinePage
from awsync.tui.sent import SentPage
from awsync.tui.today import TodayPage
from awsync.tui.verify import VerifyPage
from tests.pictures.paint import drawn, paint
from tests.pictures.stage import BEGIN, NOW, Stage, until
from tests.pictures.wire import PHONE, STORE

NARROW, NORMAL, WIDE = (80, 24), (120, 40), (200, 60)
EDITOR = ("laptop", "aw-watcher-vscode_laptop")
WINDOW = ("laptop", "aw-watcher-window_laptop")
INPUT = "aw-watcher-input"
_STEPS = 10
_SHARE = 0.3
_KEYS = {" ": "space", "*": "asterisk", "/": "slash", "-": "minus", ":": "colon", ".": "full_stop"}


async def catching_up(stage: Stage) -> None:
    """The first pass over two weeks of history, in its middle; then an hour of a usual afternoon."""
    stage.configure(phone=False, excluded=(INPUT,))
    stage.wire.close_gate()
    async with stage.console() as pilot:
        await until(pilot, lambda: stage.wire.held == 1)
        await _surveyed(pilot, 8)
        window = _app(pilot).board.rows[WINDOW]
        while not (window.due_to and window.share > _SHARE):
            await _settled(pilot, stage)
            stage.clock.moment += timedelta(seconds=2)
            await stage.wire.let_one_through()
        await _settled(pilot, stage)
        await _cursor(pilot, *WINDOW)
        await _paint(pilot, "catching-up", NORMAL)
        stage.wire.open_gate()
        await _waiting(pilot, stage)
        for step in range(1, _STEPS + 1):
            stage.live_until(BEGIN + timedelta(minutes=5 * step))
            await _waiting(pilot, stage)
    stage.live_until(NOW)


async def all_is_well(stage: Stage) -> None:
    """The usual picture in every size, and the pages and questions over it."""
    stage.configure(phone=True, excluded=(INPUT,))
    async with stage.console() as pilot:
        await _waiting(pilot, stage)
        await _surveyed(pilot, 10)
        await _cursor(pilot, *WINDOW)
        await _paint(pilot, "console", NORMAL)
        await _paint(pilot, "console-narrow", NARROW)
        await _paint(pilot, "console-wide", WIDE)
        await _light(pilot, "console-light", NORMAL)
        await _pages(pilot)
        await _truth(pilot, stage)
        await _leaving(pilot)
        await _questions(pilot)


async def faults(stage: Stage) -> None:
    """Everything that can be wrong with a watcher, at once; then a store that is down."""
    disputed = _one_of(stage.store.samples())
    stage.new_store(timedelta(days=15))
    stage.contradict(disputed)
    stage.configure(phone=True, excluded=("aw-watcher-web-chrome*",))
    async with stage.console() as pilot:
        await _much_is_wrong(pilot, stage)
        await _paint(pilot, "faults", NORMAL)
        stage.wire.open_gate()
        await _waiting(pilot, stage)
        await _go(pilot, "Q", lambda: isinstance(pilot.app.screen, QuarantinePage))
        await until(pilot, lambda: len(pilot.app.screen.query_one("#aside", Grid).records) == 2)
        await pilot.press("down")
        await _paint(pilot, "quarantine", NORMAL)
        await pilot.press("escape")
        await _go(pilot, "D", lambda: isinstance(pilot.app.screen, DoctorPage))
        whole = pilot.app.screen.query_one("#remedy", Paper)
        await until(pilot, lambda: "skipped" in pilot.app.screen.query_one("#findings", Grid)._titles[0])
        while "Store, age" not in whole.text:
            await pilot.press("down")
        await _paint(pilot, "doctor", (100, 30))
        await pilot.press("escape")
        stage.wire.down, stage.wire.failing = {STORE}, ""
        random.seed(1)  # the next try comes after a time of chance
        await _again(pilot, WINDOW, timedelta(hours=6))
        await _agent(pilot).sync_now()
        await until(pilot, lambda: _app(pilot).board.store.trouble and stage.wire.waits)
        await _paint(pilot, "store-down", NORMAL)
        await _go(pilot, "l", lambda: isinstance(pilot.app.screen, LogPage))
        await _paint(pilot, "log", NORMAL)
        await _agent(pilot).pause()
        stage.passes += 1


async def faults_without_colour(stage: Stage) -> None:
    """The same faults where NO_COLOR is set: each has its sign and its word."""
    stage.wire.down, stage.wire.refused, stage.wire.waits = set(), False, False
    with mock.patch.dict(os.environ, {"NO_COLOR": "1"}):
        async with stage.console() as pilot:
            await _much_is_wrong(pilot, stage)
            await _paint(pilot, "no-color", NORMAL)


async def first_run(stage: Stage) -> None:
    """Before there is a config.toml: what is found, and a store that was tried."""
    stage.wire.down = set()
    async with stage.first_run() as pilot:
        answer = pilot.app.screen.query_one("#answer", Paper)
        await until(pilot, lambda: "Type where yours is." in answer.text)
        await pilot.press(*(_KEYS.get(c, c) for c in f"http://{STORE}"), "enter")
        await until(pilot, lambda: "answers, remote write" in answer.text)
        await _paint(pilot, "first-run", NARROW)


SCENES: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    catching_up,
    all_is_well,
    faults,
    faults_without_colour,
    first_run,
)


def _one_of(held: Mapping[Labels, Mapping[int, float]]) -> Sample:
    """A sample of the editor's windows, of the last days."""
    known = sorted(
        (stamp, labels)
        for labels, values in held.items()
        for stamp in values
        if {("__name__", "aw_watcher_window_seconds"), ("app", "code")} <= set(labels)
    )
    stamp, labels = known[-900]
    return Sample(labels, stamp, held[labels][stamp])


def _an_hour(held: Mapping[Labels, Mapping[int, float]], app: str) -> list[Sample]:
    """What the store was told of this app's windows in one hour of today: the one that has most of it."""
    hours: dict[datetime, list[Sample]] = defaultdict(list)
    for labels, values in held.items():
        if {("__name__", "aw_watcher_window_seconds"), ("app", app)} <= set(labels):
            for stamp, value in values.items():
                moment = datetime.fromtimestamp(stamp / 1000, UTC)
                if moment.date() == NOW.date():
                    hours[moment.replace(minute=0, second=0, microsecond=0)].append(
                        Sample(labels, stamp, value)
                    )
    return max(hours.values(), key=lambda samples: sum(sample.value for sample in samples))


async def _pages(pilot: Pilot[int]) -> None:
    await _go(pilot, "enter", lambda: _detailed(pilot))
    await _paint(pilot, "detail", NORMAL)
    await pilot.press("escape")
    for name, key in (("passes", "P"), ("help", "question_mark")):
        await _go(pilot, key, lambda name=name: name == _app(pilot).page.NAME)  # type: ignore[misc, union-attr]
        await _paint(pilot, name, NORMAL)
        await pilot.press("escape")


async def _truth(pilot: Pilot[int], stage: Stage) -> None:
    """What ActivityWatch says of today; whether the store says so too; and the same after it lost an hour."""
    await _go(pilot, "d", lambda: isinstance(pilot.app.screen, TodayPage))
    await until(pilot, lambda: pilot.app.screen.query_one("#spent", Grid).records)
    await _paint(pilot, "today", NORMAL)
    await pilot.press("escape")
    stage.wire.asked = stage.store
    await _go(pilot, "V", lambda: isinstance(pilot.app.screen, VerifyPage))
    page = pilot.app.screen
    assert isinstance(page, VerifyPage)
    await until(pilot, lambda: "the store says what" in page.grid._titles[0])
    await _paint(pilot, "verify-agrees", NARROW)
    stage.wire.lost = _an_hour(stage.store.samples(), "slack")
    await pilot.press("r")
    await until(pilot, lambda: "differs" in page.grid._titles[0])
    await _paint(pilot, "verify", NORMAL)
    await pilot.press("escape")
    stage.wire.asked, stage.wire.lost = None, ()


async def _leaving(pilot: Pilot[int]) -> None:
    """What would leave, with a rule that is tried on it; what has left; and what it costs at the store."""
    await _cursor(pilot, *WINDOW)
    await _go(pilot, "W", lambda: isinstance(pilot.app.screen, PreviewPage))
    preview = pilot.app.screen
    assert isinstance(preview, PreviewPage)
    await until(pilot, lambda: preview.grid.records)
    preview.set_pattern("match = { app = '^slack$' }, drop = true")
    await until(pilot, lambda: any("✗" in record.line for record in preview.grid.records))
    await _paint(pilot, "preview", NORMAL)
    await pilot.press("escape", "escape")
    await _go(pilot, "L", lambda: isinstance(pilot.app.screen, SentPage))
    await until(pilot, lambda: pilot.app.screen.query_one("#left", Grid).records)
    await _paint(pilot, "sent", NORMAL)
    await pilot.press("escape")
    await _go(pilot, "C", lambda: isinstance(pilot.app.screen, PlanPage))
    plan = pilot.app.screen
    assert isinstance(plan, PlanPage)
    await until(pilot, lambda: plan.grid.records and not plan.checking)
    await _paint(pilot, "plan", NORMAL)
    await pilot.press("escape")


async def _questions(pilot: Pilot[int]) -> None:
    await _go(pilot, "c", lambda: isinstance(pilot.app.screen, Ask))
    await pilot.press(*["backspace"] * 11, *(_KEYS.get(c, c) for c in "30 8-18/2 * * 1-5"))
    await _paint(pilot, "schedule", NORMAL)
    await pilot.press("escape")
    await _cursor(pilot, "laptop", "aw-watcher-input_laptop")
    await _go(pilot, "space", lambda: isinstance(pilot.app.screen, Confirm))
    await _paint(pilot, "include-again", NARROW)
    await pilot.press("escape")


async def _much_is_wrong(pilot: Pilot[int], stage: Stage) -> None:
    """Everything at once that can be wrong with a watcher while the store takes what is sent."""
    await _waiting(pilot, stage)
    await _surveyed(pilot, 10)
    stage.wire.down, stage.wire.failing = {PHONE}, EDITOR[1]
    held = stage.wire.held
    stage.wire.close_gate()
    await _again(pilot, EDITOR, timedelta(days=1))
    await _again(pilot, WINDOW, timedelta(days=14))
    await _agent(pilot).sync_now()
    await until(pilot, lambda: stage.wire.held > held)
    await _settled(pilot, stage)
    stage.clock.moment += timedelta(seconds=3)
    await stage.wire.let_one_through()
    await _settled(pilot, stage)
    await _cursor(pilot, *EDITOR)


async def _paint(pilot: Pilot[int], name: str, size: tuple[int, int]) -> None:
    await pilot.resize_terminal(*size)
    await until(pilot, lambda: pilot.app.size == size)
    _app(pilot).flush(force=True)
    shown = ""
    while shown != (shown := drawn(name, pilot.app)):
        await pilot.pause()
    paint(name, pilot.app)


async def _light(pilot: Pilot[int], name: str, size: tuple[int, int]) -> None:
    pilot.app.theme = themes.LIGHT
    await _paint(pilot, name, size)
    pilot.app.theme = themes.OWN


async def _go(pilot: Pilot[int], key: str, there: Callable[[], object]) -> None:
    await pilot.press(key)
    await until(pilot, there)


async def _cursor(pilot: Pilot[int], *key: str) -> None:
    grid = _app(pilot).screen_stack[0].grid  # type: ignore[attr-defined]
    await until(pilot, lambda: grid.go_to(key))


async def _settled(pilot: Pilot[int], stage: Stage) -> None:
    """Everything was read that is read before the write that is held back."""
    await until(pilot, lambda: stage.wire.quiet())


async def _waiting(pilot: Pilot[int], stage: Stage) -> None:
    """One more pass has ended, the state was read since, and the next pass is planned."""
    board = _app(pilot).board
    stage.passes += 1

    def waits() -> bool:
        ended = [record for record in board.passes if record.finished is not None]
        return board.next_at is not None and len(ended) == len(board.passes) == stage.passes

    await until(pilot, waits)


async def _surveyed(pilot: Pilot[int], rows: int) -> None:
    """Every watcher is known with its last day."""
    board = _app(pilot).board
    await until(
        pilot,
        lambda: len(board.rows) == rows and all(row.activity is not None for row in board.rows.values()),
    )


def _detailed(pilot: Pilot[int]) -> bool:
    page = pilot.app.screen
    return isinstance(page, DetailPage) and bool(page.entries.records)


async def _again(pilot: Pilot[int], key: tuple[str, str], length: timedelta) -> None:
    await _agent(pilot).rewind(*key, round((NOW.replace(second=0) - length).timestamp()) * 1_000_000)


def _agent(pilot: Pilot[int]) -> Agent:
    agent = _app(pilot).agent
    assert agent is not None
    return agent


def _app(pilot: Pilot[int]) -> Console:
    assert isinstance(pilot.app, Console)
    return pilot.app
