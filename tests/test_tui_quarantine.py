"""The quarantine's page: what is set aside in the store's own words, tried again or given up by keys."""

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from awsync.ledger import Entry, Quarantined, Range
from awsync.tui.dialogs import Confirm
from awsync.tui.quarantine import QuarantinePage
from awsync.tui.watchers import WatchersPage
from tests.consoles import console, filled, said, screen, until
from tests.scripted import NOW, ScriptedAgent

HOUR = 3_600_000_000
WINDOW, AFK = "aw-watcher-window_pc", "aw-watcher-afk_pc"
TOO_OLD = ("laptop", WINDOW, Range(NOW - 400 * HOUR, NOW - 200 * HOUR, "too old sample", NOW - HOUR, 3))
EVIL = "label [red]invalid[/red] \x1b[31m\u202e[@click=app.quit]x[/]"


def refused(number: int, words: str = "duplicate sample for timestamp", bucket: str = WINDOW) -> Quarantined:
    """A sample that the store did not take."""
    labels = (("__name__", "aw_watcher_window_seconds"), ("app", f"app {number}"), ("bucket", bucket))
    entry = Entry(labels, NOW - number * HOUR, 0, 12_500_000)
    return Quarantined(number, "laptop", bucket, entry, words, NOW - 2 * HOUR, NOW - HOUR, "")


def holding(*samples: Quarantined) -> ScriptedAgent:
    """An agent with a range and samples set aside."""
    return ScriptedAgent(ranges=[TOO_OLD], samples=samples)


async def opened(pilot: Pilot[int]) -> QuarantinePage:
    """The page of a console that is connected."""
    await filled(pilot)
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(pilot.app.screen, QuarantinePage))
    page = pilot.app.screen
    assert isinstance(page, QuarantinePage)
    return page


def listed(page: QuarantinePage) -> Sequence[object]:
    """The ids in their order."""
    return [record.key for record in page.grid.records]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_both_kinds_are_listed_and_told_whole(size: tuple[int, int]) -> None:
    """Ranges and samples with id, bucket, the store's words; the one under the cursor with all there is."""
    app = console(holding(refused(17)))
    async with app.run_test(size=size) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: listed(page) == ["r3", "s17"])
        await until(pilot, lambda: "r3: a range, too old for the store" in screen(app))
        assert "─ Quarantine 2 ─" in screen(app)
        assert screen(app).count("! waits") == 3
        assert "2026-10-16 08:00 to 2026-10-24 16:00 UTC" in said(app)
        assert "too old sample" in screen(app)
        await pilot.press("down")
        await until(pilot, lambda: "s17: a sample that the store refused" in screen(app))
        for words in (f"laptop/{WINDOW}", "slot end", "12.500", "duplicate sample for timestamp", "app 17"):
            assert words in screen(app)


async def test_the_table_and_the_header_count_what_is_set_aside() -> None:
    """Who looks at the watchers sees at a glance that something is set aside, of whom, and where to look."""
    app = console(holding(refused(17), refused(18), refused(19, bucket=AFK)))
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await until(pilot, lambda: "! 4 set aside (Q)" in screen(app))
        await until(pilot, lambda: "! set aside: 1 range, 2 samples" in screen(app))
        assert "! set aside: 1 sample " in screen(app)


async def test_trying_again_needs_no_question() -> None:
    """The selected one is marked for another try; nothing is lost by it."""
    agent = holding(refused(17))
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 2)
        await pilot.press("down", "r")
        await until(pilot, lambda: "To be tried again." in said(app))
        assert agent.asked == [("retry aside", "s17")]
        await until(pilot, lambda: "» retry  s17: a sample" in screen(app))


async def test_giving_up_asks_and_the_safe_answer_has_the_focus() -> None:
    """Enter and escape leave everything as it is; the letter gives up all that is marked."""
    agent = holding(refused(17), refused(18))
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 3)
        await pilot.press("down", "m", "m")
        for leave in ("enter", "escape"):
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert "Give up s17, s18?" in screen(app)
            await pilot.press(leave)
            await until(pilot, lambda: isinstance(app.screen, QuarantinePage))
        assert agent.asked == []
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("g")
        await until(pilot, lambda: listed(page) == ["r3"])
        assert agent.asked == [("drop aside", "s17", "s18")]
        assert not page.marked


async def test_all_can_be_marked_and_escape_drops_the_marks_first() -> None:
    """`M` marks what is listed; escape takes the marks away, and then the page."""
    agent = holding(*(refused(number) for number in range(17, 27)))
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 11)
        await pilot.press("M", "x")
        await until(pilot, lambda: "Give up r3, s17, s18, s19 and 7 more?" in screen(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: not page.marked)
        assert app.screen is page
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, WatchersPage))


async def test_the_whole_of_one_can_have_the_screen() -> None:
    """Enter gives the pane with all labels the screen, escape the list back."""
    app = console(holding(refused(17)))
    async with app.run_test(size=(80, 24)) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 2)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Quarantine 2" not in screen(app) and "__name__" in screen(app))
        assert "It is tried again by itself when the store has changed." in screen(app)
        await pilot.press("escape")
        await until(pilot, lambda: "Quarantine 2" in screen(app))


async def test_nothing_set_aside_is_said_and_keys_say_why_they_do_nothing() -> None:
    """An empty quarantine is good news, not an empty table."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "Nothing is set aside: the store took everything" in said(app))
        for key in ("r", "x", "m", "M", "enter"):
            await pilot.press(key)
        await until(pilot, lambda: screen(app).count("Nothing is set aside.") == 1)


async def test_without_a_service_nobody_carries_a_decision_out() -> None:
    """Once the observed service has ended the keys say so."""
    agent = holding(refused(17))
    agent.observing, agent.service_ended = 4242, True
    app = console(agent)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 2)
        await pilot.press("r")
        await until(pilot, lambda: "The observed service has ended: T lets" in said(app))
        assert agent.asked == []


async def test_words_of_the_store_are_no_markup() -> None:
    """What the store said stays what it said, in the list and whole."""
    app = console(ScriptedAgent(samples=[refused(17, EVIL)]))
    async with app.run_test(size=(200, 40)) as pilot:
        await opened(pilot)
        await until(
            pilot,
            lambda: screen(app).count("label [red]invalid[/red] ␛[31m[@click=app.quit]x[/]") == 2,
        )


async def test_very_many_are_counted_and_the_first_listed() -> None:
    """A store that refuses everything does not stall the console."""
    app = console(ScriptedAgent(samples=[refused(number) for number in range(6_000)]))
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: len(listed(page)) == 5_000)
        await until(pilot, lambda: "1,000 more not listed" in screen(app))
        assert "─ Quarantine 6,000 ─" in screen(app)
