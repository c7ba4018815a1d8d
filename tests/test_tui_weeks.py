"""A console that is left open for weeks: what it holds has a bound, and a reader keeps his place."""

from textual.pilot import Pilot

from awsync.events import Level
from awsync.tui.app import Console
from awsync.tui.lines import Lines
from awsync.tui.log import LogPage
from awsync.tui.logbook import KEPT
from awsync.tui.watchers import WatchersPage
from tests.consoles import console, filled, opened, screen, until
from tests.scripted import NOW, ScriptedAgent


def write(app: Console, count: int, text: str = "Sentence") -> None:
    """Has the log of the console hold more sentences, and the page show them."""
    for _ in range(count):
        app.board.log.write(NOW, Level.WARNING, f"{text} {app.board.log.written + 1}.")
    app.flush(force=True)


def in_sight(app: Console, log: Lines) -> list[int]:
    """The numbers of the sentences that a person sees."""
    text = screen(app)
    return [line.number for line in log.lines if f" {line.number}." in text]


async def held(pilot: Pilot[int], app: Console, page: LogPage) -> list[int]:
    """Has the reader scroll up; returns what he sees."""
    await until(pilot, lambda: bool(in_sight(app, page.log_lines)))
    await pilot.press("pageup", "pageup")
    await until(pilot, lambda: not page.log_lines.following)
    await pilot.pause()
    return in_sight(app, page.log_lines)


async def test_a_held_log_has_a_bound() -> None:
    """Who scrolled up and went away keeps his place for long, and the memory has an end."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "l", LogPage)
        write(app, 200)
        seen = await held(pilot, app, page)
        assert seen
        assert seen[-1] < app.board.log.written
        for _ in range(4):
            write(app, KEPT)
        await pilot.pause()
        assert in_sight(app, page.log_lines) == seen
        at_cursor = page.log_lines.cursor_line
        for _ in range(4):
            write(app, KEPT)
            assert len(page.log_lines.lines) <= 5 * KEPT
        await pilot.pause()
        oldest = page.log_lines.lines[0].number
        assert at_cursor is not None
        assert at_cursor.number < oldest, "his place is long gone"
        assert in_sight(app, page.log_lines)[0] == oldest
        assert not page.log_lines.following
        await pilot.press("F")
        await until(pilot, lambda: app.board.log.written in in_sight(app, page.log_lines))


async def test_a_held_reader_keeps_his_place_when_old_sentences_go() -> None:
    """What is cut off at the top does not move what he reads further below."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "l", LogPage)
        for _ in range(2):
            write(app, KEPT - 1)
        seen = await held(pilot, app, page)
        for count in (*[KEPT - 1] * 3, 10):
            write(app, count)
        await pilot.pause()
        assert page.log_lines.lines[0].number > 1, "the oldest sentences went"
        assert in_sight(app, page.log_lines) == seen


async def test_a_wider_terminal_leaves_a_held_reader_where_he_is() -> None:
    """Sentences that need fewer lines than before are no reason to forget the one that he reads."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(40, 24)) as pilot:
        page = await opened(pilot, "l", LogPage)
        write(app, KEPT, "It is wrapped into several lines of a narrow terminal, long as it is: Sentence")
        await held(pilot, app, page)
        for count in (KEPT, 100):
            write(app, count)
        page.log_lines.scroll_to(y=2 * KEPT + 500, animate=False, immediate=True)
        await pilot.pause()
        (first, *_) = in_sight(app, page.log_lines)
        assert first < KEPT
        await pilot.resize_terminal(200, 24)
        await pilot.pause()
        assert in_sight(app, page.log_lines)[0] in {first - 1, first}


async def test_a_log_that_was_out_of_sight_follows_its_end() -> None:
    """A terminal that was too short for the log for a while shows afterwards what was said last."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        page = app.screen_stack[0]
        assert isinstance(page, WatchersPage)
        write(app, 100)
        await pilot.resize_terminal(60, 18)
        await pilot.pause()
        for _ in range(6):
            write(app, 150)
            await pilot.pause()
        await pilot.resize_terminal(120, 40)
        write(app, 1)
        await until(pilot, lambda: app.board.log.written in in_sight(app, page.log_lines))
        assert page.log_lines.following
