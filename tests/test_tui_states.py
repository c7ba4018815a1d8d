"""What the screens say in bad weather: servers down, refused, empty, many, and text that means harm."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from awsync.errors import SourceError
from awsync.events import (
    BucketFound,
    Event,
    NextPass,
    PassFailed,
    PassFinished,
    PassStarted,
    Paused,
    RetryScheduled,
    ServiceLost,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
    Totals,
)
from awsync.survey import SourceReport
from awsync.tui.app import Console
from awsync.tui.dialogs import Confirm
from awsync.tui.state import Board
from awsync.tui.watchers import WatchersPage
from tests.consoles import console, filled, said, screen, until
from tests.scripted import NOW, SETTINGS, ScriptedAgent, report

URL = "http://localhost:5600"
SINK = "http://localhost:9090"
DOWN = SourceError(f"ActivityWatch does not answer at {URL}.", "Start it, or mend aw-url.")
STARTED = PassStarted(at=NOW, sources=("laptop",), sink=SINK)
REACHED = SourceReached(source="laptop", url=URL, version="v0.13.2", hostname="pc", buckets=3)
FINISHED = PassFinished(at=NOW, complete=True, stopped=False, totals=Totals(), elapsed=1.0)
STORE = StoreReached(sink=SINK, protocol="2.0", engine="Prometheus", version="3.5.0", accepts_from=None)
EVIL = "aw-[red]x[/red]\x1b[31m\u202e[@click=app.quit]👩\u200d👩\u200d👧مرحبا\x9b2J_pc"


def down(error: SourceError = DOWN) -> list[SourceReport]:
    """A survey of a source that does not answer."""
    return [SourceReport("laptop", URL, "", (), error)]


async def keys_work(pilot: Pilot[int], app: Console) -> None:
    """The console answers: log, passes, help and the schedule open and close."""
    for key, sign in (("l", "Log  from info on"), ("P", "Passes"), ("question_mark", "─ Help")):
        await pilot.press(key)
        await until(pilot, lambda sign=sign: sign in screen(app))  # type: ignore[misc]
        await pilot.press("escape")
    await pilot.press("c")
    await until(pilot, lambda: app.screen.is_modal)
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, WatchersPage))


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_activitywatch_down_at_start_and_back(size: tuple[int, int]) -> None:
    """It is said with what to do, keys work meanwhile, and the table fills by itself."""
    agent = ScriptedAgent(reports=down())
    app = console(agent)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "✗ laptop: ActivityWatch does not answer at" in screen(app))
        assert "Start it, or mend aw-url." in said(app)
        assert "this table fills by itself" in screen(app)
        await keys_work(pilot, app)
        agent.reports = None
        await pilot.press("R")
        await filled(pilot)
        await until(pilot, lambda: "✗ laptop" not in screen(app))


async def test_activitywatch_going_down_keeps_what_was_known() -> None:
    """The watchers stay, say what they wait for, and are well again once it answers."""
    agent = ScriptedAgent(script=[STARTED, REACHED, STORE, FINISHED])
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: screen(app).count("✓ in sync") == 3)
        agent.reports = down()
        agent.say(
            STARTED, SourceFailed(source="laptop", bucket=None, reason=DOWN.message, remedy=DOWN.remedy)
        )
        await until(pilot, lambda: screen(app).count("◌ waiting: laptop is down") == 3)
        await pilot.press("f")
        await until(pilot, lambda: "Watchers 3 of 3  only faults" in screen(app))
        await keys_work(pilot, app)
        agent.reports = None
        agent.say(STARTED, REACHED, STORE, FINISHED)
        await until(pilot, lambda: "Watchers 0 of 3  only faults" in screen(app))
        await pilot.press("f")
        await until(pilot, lambda: screen(app).count("✓ in sync") == 3)


async def test_a_bucket_that_fails_says_so_beside_its_name() -> None:
    """One bucket that ActivityWatch cannot give is a fault of that row alone, until it is read again."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(160, 40)) as pilot:
        await filled(pilot)
        agent.say(SourceFailed(source="laptop", bucket="aw-watcher-afk_pc", reason="Answer cut.", remedy=""))
        await until(pilot, lambda: "✗ failed: Answer cut." in screen(app))
        assert screen(app).split("Log")[0].count("✗") == 1
        agent.say(
            BucketFound(
                source="laptop", bucket="aw-watcher-afk_pc", watcher="aw-watcher-afk", host="pc",
                type="afkstatus", newest=NOW, due_from=NOW, due_to=NOW,
            )
        )  # fmt: skip
        await until(pilot, lambda: "Answer cut." not in screen(app).split("Log")[0])


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (RetryScheduled(sink=SINK, reason="Connection refused.", attempt=3, delay=40.0), "Next try in 40 s."),
        (
            StoreParked(sink=SINK, reason="It answers 401: token refused.", remedy="Mend bearer-token."),
            "Mend bearer-token.",
        ),
    ],
)
async def test_a_store_down_or_refusing_and_back(trouble: Event, words: str) -> None:
    """Reason and remedy stand in the header, every row waits, keys work, and recovery shows."""
    agent = ScriptedAgent(script=[STARTED, REACHED, STORE, FINISHED])
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: "Prometheus 3.5.0" in screen(app))
        agent.say(STARTED, trouble)
        await until(pilot, lambda: words in said(app))
        assert "✗ Prometheus 3.5.0" in screen(app)
        assert ("parked" in screen(app), "retrying" in screen(app)) == (
            isinstance(trouble, StoreParked),
            isinstance(trouble, RetryScheduled),
        )
        assert screen(app).count("◌ waiting: the store") == 3
        await keys_work(pilot, app)
        agent.say(STORE, FINISHED, NextPass(at=NOW + 10**8))
        await until(pilot, lambda: screen(app).count("✓ in sync") == 3)
        assert "✗" not in screen(app).split("Log")[0]
        assert "parked" not in screen(app).split("Log")[0]


@pytest.mark.parametrize(("width", "ahead"), [(80, 0.0), (120, -90.0)])
async def test_a_clock_that_is_off_is_named(width: int, ahead: float) -> None:
    """The header says whose clock is off and by how much; one that is right is not mentioned."""
    agent = ScriptedAgent(ahead=ahead)
    agent.reports = [
        SourceReport("laptop", URL, "v0.13.2", agent.buckets, skew=3_600.0),
        SourceReport("phone", "http://phone:5600", "v0.13.2", (), skew=0.4),
    ]
    app = console(agent)
    async with app.run_test(size=(width, 24)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: "! laptop's clock 1 h ahead" in screen(app))
        await until(pilot, lambda: ("! store's clock 1 min 30 s behind" in screen(app)) is bool(ahead))
        assert "phone's clock" not in screen(app)


async def test_no_try_is_announced_that_nobody_makes() -> None:
    """A try that is being made is no countdown, and a pause takes the countdown away, not the trouble."""
    agent = ScriptedAgent(script=[STARTED, REACHED, STORE, FINISHED])
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        agent.say(STARTED, RetryScheduled(sink=SINK, reason="Connection refused.", attempt=1, delay=0.3))
        await until(pilot, lambda: "Connection refused. Trying again." in said(app))
        agent.say(RetryScheduled(sink=SINK, reason="Connection refused.", attempt=9, delay=40.0))
        await until(pilot, lambda: "Connection refused. Next try in 40 s." in said(app))
        agent.say(Paused(), replace(FINISHED, complete=False))
        await until(pilot, lambda: "Next try" not in screen(app).split("Log")[0])
        assert "✗ http://localhost:9090: Connection refused." in said(app)


async def test_an_old_trouble_says_since_when() -> None:
    """A store that has been down for long is told from one that just went down."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        app.board.store.failed("Connection refused.", NOW - 2 * 3_600_000_000)
        app.board.version += 1
        await until(pilot, lambda: "Connection refused. Since 22:00." in screen(app).replace("11-01 ", ""))


async def test_a_state_database_that_fails_and_settings_that_are_wrong_are_said() -> None:
    """A pass that cannot run and a mistake in config.toml stand in the header until they are over."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        agent.say(PassFailed(reason="The disk is full.", remedy="Make room."))
        agent.say(SettingsReloaded(problem='config.toml, line 3: no such key "crn".'))
        await until(pilot, lambda: "The disk is full. Make room." in screen(app).split("Watchers")[0])
        assert 'The old settings stay: config.toml, line 3: no such key "crn".' in screen(app)
        agent.say(SettingsReloaded(), FINISHED)
        await until(pilot, lambda: "✗" not in screen(app).split("Log")[0])


async def test_an_empty_activitywatch_says_what_comes_next() -> None:
    """With no bucket at all nothing is wrong; keys that need a row say why they do nothing."""
    agent = ScriptedAgent(buckets=[])
    app = console(agent)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "ActivityWatch has no buckets yet" in screen(app))
        for key in ("enter", "space", "m", "S", "r"):
            await pilot.press(key)
        await until(pilot, lambda: "There is no watcher to act on." in screen(app))
        assert agent.asked == []
        await keys_work(pilot, app)


async def test_a_lost_service_is_said_and_can_be_taken_over() -> None:
    """Beside a service that ended, keys that cannot work say so, and T goes on here."""
    agent = ScriptedAgent(observing=4711)
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await until(pilot, lambda: "◉ observing pid 4711" in screen(app))
        await pilot.press("T")
        await until(pilot, lambda: "There is nothing to take over: a sync runs." in screen(app))
        agent.service_ended = True
        agent.say(ServiceLost(pid=4711))
        await until(pilot, lambda: "! not syncing" in screen(app))
        await pilot.press("s")
        await until(pilot, lambda: "T lets this console sync." in screen(app))
        assert agent.asked == []
        agent.observing = None
        await pilot.press("T")
        await until(pilot, lambda: "● live" in screen(app))


@pytest.mark.parametrize(
    ("columns", "pending", "words"),
    [
        (120, 324, "observing pid 20010 · next pass in 4 min 12 s · 5 min 24 s pending"),
        (80, 60, "observing 20010 · next pass in 4 min 12 s · 1 min pending"),
        (80, 324, "observing · next pass in 4 min 12 s · 5 min 24 s pending"),
    ],
)
async def test_what_waits_is_read_whole_beside_a_service(
    monkeypatch: pytest.MonkeyPatch, columns: int, pending: int, words: str
) -> None:
    """In little room the number of the service's process falls away before a word of what waits."""
    monkeypatch.setattr(Board, "pending", pending * 1_000_000)
    app = console(ScriptedAgent(observing=20010))
    async with app.run_test(size=(columns, 24)) as pilot:
        await filled(pilot)
        app.board.next_at = NOW + 252_000_000
        app.board.version += 1
        await until(pilot, lambda: f"◉ {words}" in screen(app))


async def test_two_hundred_buckets_of_three_sources() -> None:
    """Many rows scroll, filter, sort and mark; the cursor stays with its row while others come and go."""
    buckets = [replace(report(f"bucket-{n:03}_pc"), source=f"source-{n % 3}") for n in range(200)]
    agent = ScriptedAgent(
        reports=[
            SourceReport(f"source-{n}", URL, "v0.13.2", [b for b in buckets if b.source == f"source-{n}"])
            for n in range(3)
        ]
    )
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        page = app.screen
        assert isinstance(page, WatchersPage)
        await pilot.press("G")
        await until(pilot, lambda: "bucket-197" in screen(app))
        assert page.grid.cursor_key == ("source-2", "bucket-197_pc")
        await pilot.press("slash", *"bucket-19 !bucket-197", "enter")
        await until(pilot, lambda: "Watchers 9 of 200  /bucket-19 !bucket-197" in screen(app))
        await pilot.press("M")
        await until(pilot, lambda: "9 marked" in screen(app))
        await pilot.press("escape", "escape", "g", "down")
        at = page.grid.cursor_key
        agent.reports = [replace(each, buckets=each.buckets[2:]) for each in agent.reports or ()]
        await pilot.press("R")
        await until(pilot, lambda: "Watchers 194" in screen(app))
        assert page.grid.cursor_key != at
        agent.reports = [replace(agent.reports[0], buckets=buckets[0::3]), *agent.reports[1:]]
        at = page.grid.cursor_key
        await pilot.press("R")
        await until(pilot, lambda: "Watchers 196" in screen(app))
        assert page.grid.cursor_key == at


def is_harmless(text: str) -> bool:
    """Nothing in what is drawn moves a cursor or turns the direction of writing."""
    return not any(bad in text for bad in "\x1b\x9b\u202e\u200d\x07")


async def test_hostile_text_is_text_on_every_page() -> None:
    """Names, titles, sentences and what is typed are drawn as they are, on pages, in questions and toasts."""
    buckets = [replace(report(EVIL, EVIL), host=EVIL, type=EVIL, source="laptop")]
    script: Sequence[Event] = [
        STARTED,
        SourceReached(source="laptop", url=EVIL, version=EVIL, hostname=EVIL, buckets=1),
        StoreReached(sink=EVIL, protocol="2.0", engine=EVIL, version=EVIL, accepts_from=None),
        SourceFailed(source="laptop", bucket=EVIL, reason=EVIL, remedy=EVIL),
        StoreParked(sink=EVIL, reason=EVIL, remedy=EVIL),
    ]
    agent = ScriptedAgent(buckets=buckets, script=script)
    app = console(agent)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        await filled(pilot)
        steps: Sequence[tuple[Sequence[str], str]] = (
            ((), "aw-[red]x[/red]␛[31m[@click=app.quit]"),
            (("slash", *"[/red]"), "Watchers 1 of 1  /[/red]"),
            (("enter", "l"), "✗ laptop/aw-[red]x"),
            (("slash", *"[red]", "enter"), "Log  from info on  /[red]"),
            (("escape", "escape", "P"), "Passes 1"),
            (("escape", "r"), "aw-[red]x[/red]␛[31m[@click=app.quit]"),
            (("escape", "enter"), "Events of aw-[red]x[/red]␛[31m"),
        )
        for keys, sign in steps:
            await pilot.press(*keys)
            await until(pilot, lambda sign=sign: sign in screen(app))  # type: ignore[misc]
            assert is_harmless(screen(app))
        await pilot.press("escape", "y")
        await until(pilot, lambda: "Copied: aw-[red]x" in said(app))
        await pilot.press("space", "space")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert is_harmless(screen(app))
        await pilot.press("escape", "l", "z", "t", "t", "t")
        await until(pilot, lambda: "✗ laptop/aw-[red]x" in screen(app))
        assert is_harmless(screen(app))


async def test_questions_have_the_safe_answer_in_brackets() -> None:
    """Whoever presses enter without reading changes nothing, and escape neither."""
    agent = ScriptedAgent(buckets=[report("aw-watcher-window_pc", excluded="aw-watcher-window_pc")])
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        for keys in (("space",), ("r", "enter")):
            for answer in ("enter", "escape"):
                await pilot.press(*keys)
                await until(pilot, lambda: isinstance(app.screen, Confirm))
                assert "[ (c) Cancel ]" in screen(app)
                await pilot.press(answer)
                await until(pilot, lambda: isinstance(app.screen, WatchersPage))
    assert agent.asked == []


@pytest.mark.parametrize("width", range(80, 251, 10))
async def test_every_width_is_filled_and_loses_no_state(width: int) -> None:
    """From 80 to 250 columns every line fits, and source, watcher, state and keys are there."""
    app = console(ScriptedAgent(script=[STARTED, REACHED, STORE, FINISHED]))
    async with app.run_test(size=(width, 24)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: screen(app).count("✓ in sync") == 3)
        text = screen(app)
        assert all(len(line) <= width for line in text.splitlines())
        assert "q Quit" in text
        assert "aw-watcher-web-firefox" in text
        assert "Prometheus 3.5.0" in text
        page = app.screen
        assert isinstance(page, WatchersPage)
        assert page.panel.display is (width >= 120)


async def test_a_small_terminal_keeps_the_table_alone() -> None:
    """Where there is no room for panes the table has it all, and a question still fits."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(60, 12)) as pilot:
        await filled(pilot)
        assert "✓ in sync" in screen(app)
        assert "╭─ Log" not in screen(app)
        await pilot.press("r")
        await until(pilot, lambda: "Send again" in screen(app))
        await pilot.press("escape")


async def test_the_header_tells_skew_pending_and_since_when() -> None:
    """A clock that is off, what is not delivered yet, and how long all have answered stand in the header."""

    class Skewed(ScriptedAgent):
        async def skew(self) -> float | None:
            return -90.0

    agent = Skewed(script=[STARTED, REACHED, STORE, FINISHED], settings=replace(SETTINGS, cron="0 3 * * *"))
    app = console(agent)
    async with app.run_test(size=(200, 40)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: "! store's clock 1 min 30 s behind" in screen(app))
        await until(pilot, lambda: "connected since 00:00" in screen(app))
        assert "at 03:00 every day" in screen(app).splitlines()[0]
        app.board.rows["laptop", "aw-watcher-afk_pc"].position = None
        app.board.rows["laptop", "aw-watcher-window_pc"].position = NOW - 3_660_000_000
        app.board.version += 1
        await until(pilot, lambda: "1 h pending · 1 watcher not sent yet" in screen(app))
