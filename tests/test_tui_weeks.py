"""A console that is left open for weeks: what it holds has a bound, and a reader keeps his place."""

import asyncio
import gc
from collections import deque
from functools import _lru_cache_wrapper
from itertools import chain
from pathlib import Path

import pytest
from textual.pilot import Pilot

from awsync.events import Level
from awsync.tui import grid, lines, logbook, watch
from awsync.tui.app import Console
from awsync.tui.lines import Lines
from awsync.tui.log import LogPage
from awsync.tui.logbook import KEPT
from awsync.tui.watchers import WatchersPage
from tests.consoles import console, filled, opened, screen, until
from tests.scripted import NOW, ScriptedAgent
from tests.weeks import MINUTE, Weeks, a_pass

PASSES = 1_500
KEPT_HERE = 100
"""Sentences and drawn rows that are kept, in place of thousands: their bound is reached soon."""
BOUND = 350
"""What a container may hold, or gain in half of the weeks: less than the passes of that half."""


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


def counted(app: Console) -> dict[str, int]:
    """What a console has beside its containers, without the messages that are shown for some seconds."""
    watched = app._connection._watch
    assert watched is not None
    ours = [widget for widget in app._registry if type(widget).__module__.startswith("awsync")]
    return {
        "widgets": len(ours),
        "screens": len(app.screen_stack),
        "workers": len(app.workers),
        "changes": len(app.commands._changes),
        "rows": len(app.board.rows),
        "sources": len(app.board.sources),
        "buckets that were looked at": len(watched._active),
    }


def large() -> dict[int, tuple[int, str]]:
    """The containers of this process with more than BOUND in them: their size and first, by id."""
    gc.collect()
    found: dict[int, tuple[int, str]] = {}
    every = gc.get_objects()
    bounded = [
        each for each in every if isinstance(each, _lru_cache_wrapper) and each.cache_parameters()["maxsize"]
    ]
    left_out = {id(every), *map(id, gc.get_referents(*bounded))}
    for each in chain(every, chain.from_iterable(map(gc.get_referents, every))):
        if isinstance(each, list | dict | set | deque) and len(each) > BOUND and id(each) not in left_out:
            found[id(each)] = len(each), f"{type(each).__name__} of {len(each)}: {next(iter(each))!r:.200}"
    return found


async def test_weeks_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever many passes say and a person opens meanwhile, no container grows with their number."""
    monkeypatch.setattr(gc, "freeze", lambda: None)  # what is frozen is not found
    for module in (logbook, lines):
        monkeypatch.setattr(module, "KEPT", KEPT_HERE)
    monkeypatch.setattr(lines, "_HELD", 5 * KEPT_HERE)
    monkeypatch.setattr(grid, "KEPT_STRIPS", KEPT_HERE)
    monkeypatch.setattr(watch, "SURVEY_SECONDS", 0.1)
    monkeypatch.setattr(watch, "STATE_SECONDS", 0.1)
    monkeypatch.setattr(watch, "ACTIVITY_SECONDS", 0.0)
    monkeypatch.setattr(watch, "COST_FACTOR", 0.0)
    agent = Weeks()
    app = Console(
        lambda: agent,
        config_path=Path("config.toml"),
        clock=lambda: NOW + agent.number * MINUTE,
        cursor_blinks=False,
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await visit(pilot, app)
        had, tasks, half = counted(app), len(asyncio.all_tasks()), large()
        for agent.number in range(1, PASSES + 1):
            agent.say(*a_pass(agent.number))
            await agent.told.join()
            if agent.number % 3 == 0:
                app.flush()
            if agent.number % 60 == 0:
                await pilot.pause()
            if agent.number == PASSES // 2:
                await visit(pilot, app)
                half = large()
        await until(pilot, lambda: counted(app) == had)
        assert len(asyncio.all_tasks()) < tasks + 5
        assert not {what for id_, (many, what) in large().items() if many > half.get(id_, (0, ""))[0] + BOUND}


async def visit(pilot: Pilot[int], app: Console) -> None:
    """A person looks at pages in turn, each in another theme, types a filter, and goes back to the table."""
    for key in ("l", "P", "d", "L", "question_mark", "enter"):
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("t", "escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
    await pilot.press("slash", "x", "enter", "escape")
