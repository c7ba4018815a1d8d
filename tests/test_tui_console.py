"""The console's screens over a scripted agent: keys, filters, questions, hostile text, sizes."""

from datetime import UTC, datetime, timedelta

import pytest

from awsync.events import (
    BucketFound,
    CheckpointMoved,
    Event,
    Level,
    PassStarted,
    RetryScheduled,
    RunEnded,
    SettingsReloaded,
    SourceReached,
)
from awsync.records import Checkpoint
from awsync.schedule import Schedule
from awsync.tui.dialogs import Confirm
from awsync.tui.filtering import FilterBar
from tests.consoles import console, filled, screen, until
from tests.passes import late
from tests.scripted import NOW, SETTINGS, ScriptedAgent, report

HOSTILE = "aw-[red]x[/]\x1b[31m\u202e‮مرحبا👩‍👩‍👧_pc"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_every_size_shows_watcher_and_state(size: tuple[int, int]) -> None:
    """On a small terminal columns fall away, never the watcher and its state."""
    app = console(ScriptedAgent())
    async with app.run_test(size=size) as pilot:
        await filled(pilot)
        await until(pilot, lambda: screen(app).count("✓ in sync") == 3)
        text = screen(app)
        assert "aw-watcher-window" in text
        assert "q Quit" in text
        assert all(len(line) <= size[0] for line in text.splitlines())


async def test_exclude_undo_and_include_again() -> None:
    """Space leaves out at once, undo takes it back, and including again asks with the safe answer first."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "○ off" in screen(app))
        await pilot.press("u")
        await until(pilot, lambda: "○ off" not in screen(app))
        await pilot.press("space")
        await until(pilot, lambda: "○ off" in screen(app))
        await pilot.press("space")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        assert len(agent.asked) == 3
        await pilot.press("space", "n")
        await until(pilot, lambda: len(agent.asked) == 4)
        assert agent.asked[-1] == ("include", ("laptop", "aw-watcher-afk_pc"), True)


async def test_pause_sync_schedule_and_quit_reach_the_agent() -> None:
    """The keys of the engine do what they say, a nonsense cron is refused, and quitting closes the agent."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("s", "p")
        await until(pilot, lambda: ("pause",) in agent.asked)
        await pilot.press("c", *["backspace"] * 20, "x", "enter")
        assert "✗" in screen(app)
        await pilot.press("backspace", "@", *"hourly", "enter")
        await until(pilot, lambda: ("cron", "@hourly") in agent.asked)
        await pilot.press("q")
    assert agent.closed


async def test_a_splay_is_in_every_time_that_is_shown() -> None:
    """Header, panel and dialog know to the second how much later this device begins than the cron."""
    settings = late(SETTINGS, timedelta(minutes=5), timedelta(minutes=2))
    schedule = Schedule.of(settings)
    first, second = schedule.upcoming(2, datetime.fromtimestamp(NOW / 1e6, UTC))
    agent = ScriptedAgent(settings=settings)
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: f"{first:%H:%M:%S}  {second:%H:%M:%S}" in screen(app))
        assert screen(app).count(schedule.describe()) == 2
        await pilot.press("c")
        await until(pilot, lambda: f"{first:%Y-%m-%d %H:%M:%S %Z}" in screen(app))
        agent.settings = SETTINGS
        await pilot.press("escape")
        await until(pilot, lambda: " later" not in screen(app))


async def test_filter_keeps_its_pattern_in_sight() -> None:
    """A filter narrows the table, stays visible, and escape drops it."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("slash", *"web", "enter")
        await until(pilot, lambda: "Watchers 1 of 3  /web" in screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Watchers 3" in screen(app))


async def test_what_is_typed_right_after_the_slash_belongs_to_the_filter() -> None:
    """The line has the focus as soon as it is opened: "/web" typed fast exports nothing."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        assert app.page is not None
        app.page.type_filter("")
        assert isinstance(app.focused, FilterBar)
        await pilot.press(*"web", "enter")
        await until(pilot, lambda: "Watchers 1 of 3  /web" in screen(app))


async def test_rewind_names_the_bucket_and_is_confirmed() -> None:
    """A checkpoint moves only after a question that names the bucket was answered."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("r", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "aw-watcher-afk_pc" in screen(app)
        await pilot.press("enter")
        assert not agent.asked
        await pilot.press("r", "enter", "r")
        await until(pilot, lambda: bool(agent.asked))
        assert agent.asked[0][:3] == ("rewind", "laptop", "aw-watcher-afk_pc")


@pytest.mark.parametrize(("letter", "asked"), [("c", []), ("s", ["include"]), ("n", ["include"])])
async def test_the_letter_of_an_answer_is_no_key_of_the_page(letter: str, asked: list[str]) -> None:
    """What answers a question neither starts a pass nor opens the schedule behind it."""
    agent = ScriptedAgent(buckets=[report("aw-watcher-window_pc", excluded="*")])
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("space")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press(letter)
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        await pilot.pause()
        assert app.screen is app.screen_stack[0]
        assert [each[0] for each in agent.asked] == asked


async def test_hostile_titles_are_text() -> None:
    """Markup, control characters and turned writing direction in names stay harmless text."""
    app = console(ScriptedAgent(buckets=[report(HOSTILE, "x")]))
    async with app.run_test(size=(200, 40)) as pilot:
        await filled(pilot)
        text = screen(app)
        assert "[red]x[/]␛[31m" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        await pilot.press("enter")
        await until(pilot, lambda: "[red]bold[/]" in screen(app))
        assert "5.000 false   title=[red]bold[/]" in screen(app)
        assert "What leaves for them: 1 series, 2 label sets folded" in screen(app)


async def test_a_store_that_is_down_is_said_with_its_reason() -> None:
    """The header and every row tell that the store does not answer."""
    script: list[Event] = [
        PassStarted(at=NOW, sources=("laptop",), sink="http://store"),
        SourceReached(source="laptop", url="u", version="v", hostname="h", buckets=3),
        RetryScheduled(sink="http://store", reason="Connection refused.", attempt=1, delay=5.0),
    ]
    app = console(ScriptedAgent(script=script))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Connection refused. Next try in 5 s." in screen(app))
        await until(pilot, lambda: "◌ waiting: the store" in screen(app))


async def test_two_hundred_buckets_scroll_with_the_cursor() -> None:
    """The cursor reaches the last of many rows, and a filter keeps it on its row."""
    app = console(ScriptedAgent(buckets=[report(f"bucket-{n:03}_pc") for n in range(200)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press("end")
        await until(pilot, lambda: "bucket-199" in screen(app))


async def test_a_key_that_is_off_says_why() -> None:
    """Undo with nothing to undo gives the reason."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "There is nothing to undo." in screen(app))


@pytest.mark.parametrize("keys", [("z",), ("tab", "z"), ("enter", "tab", "z"), ("P", "z")])
async def test_a_zoomed_pane_has_the_screen_and_the_keys_stay(keys: tuple[str, ...]) -> None:
    """Zoom gives one pane all there is between header and keys; escape gives the others back."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 30)) as pilot:
        await filled(pilot)
        before = screen(app).count("╭")
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: screen(app).count("╭") == 1)
        lines = screen(app).splitlines()
        assert lines[0].startswith(" awsync · ● live")
        assert lines[2].startswith("╭")
        assert lines[-2].startswith("╰")
        assert "q Quit" in lines[-1]
        await pilot.press("escape")
        await until(pilot, lambda: screen(app).count("╭") > 1)
        assert before == 3


async def test_passes_stand_below_the_running_one_with_its_progress() -> None:
    """The history is in sight beside the running pass, which says how far it is."""
    window = "aw-watcher-window_pc"
    hour = 3_600_000_000
    script: list[Event] = [
        PassStarted(at=NOW, sources=("laptop",), sink="http://store"),
        BucketFound(
            source="laptop", bucket=window, watcher="aw-watcher-window", host="pc", type="currentwindow",
            newest=NOW, due_from=NOW - 100 * hour, due_to=NOW,
        ),
        CheckpointMoved(source="laptop", bucket=window, position=NOW - 75 * hour, samples=9),
    ]  # fmt: skip

    class Behind(ScriptedAgent):
        def checkpoints(self) -> list[Checkpoint]:
            return [Checkpoint("laptop", window, position=NOW - 75 * hour)]

    app = console(Behind(script=script))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "» pass runs 25%" in screen(app))
        await pilot.press("P")
        await until(pilot, lambda: "✓ complete" in screen(app))
        assert "25%" in screen(app).split("Passes 1")[0].split("Now")[1]


async def test_a_reader_who_scrolled_up_is_left_in_peace() -> None:
    """New sentences do not move what is being read; the border counts them, and F follows again."""
    agent = ScriptedAgent(script=[SettingsReloaded(problem=f"line {n}") for n in range(200)])
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "line 199" in screen(app) and "following" in screen(app))
        await pilot.press("pageup", "pageup", "pageup")
        await until(pilot, lambda: "lines below, F follows" in screen(app))
        read = [line[:70] for line in screen(app).splitlines()[3:-2]]
        agent.say(*(SettingsReloaded(problem=f"later {n}") for n in range(50)))
        await until(pilot, lambda: app.board.log.written == 250)
        app.flush(force=True)
        await pilot.pause()
        assert [line[:70] for line in screen(app).splitlines()[3:-2]] == read
        await pilot.press("slash", *"!later", "enter", "v", "v")
        await until(pilot, lambda: "Log  errors only  /!later" in screen(app))
        assert "later" not in "".join(screen(app).splitlines()[4:-2])
        await pilot.press("escape", "F")
        await until(pilot, lambda: "later 49" in screen(app))


async def test_the_log_stays_at_its_end_when_the_header_grows() -> None:
    """A line of trouble takes room from the log, and no one who reads its end loses it."""
    app = console(ScriptedAgent(script=[RunEnded(pid=n) for n in range(60)]))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "(pid 59) stopped." in screen(app))
        app.board.store.trouble = "It is down.\n" * 9
        app.board.version += 1
        await until(pilot, lambda: "✗ http" in screen(app))
        app.board.log.write(NOW, Level.INFO, "The very last sentence.")
        app.board.version += 1
        await until(pilot, lambda: "The very last sentence." in screen(app))
        await pilot.press("l", "home")
        app.board.log.write(NOW, Level.INFO, "And one more.")
        app.board.store.trouble = ""
        app.board.version += 1
        await until(pilot, lambda: "held, " in screen(app))
        assert "(pid 0) stopped." in screen(app)
