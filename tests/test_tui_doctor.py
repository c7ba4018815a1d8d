"""The doctor's page: findings as they come, what to do about each, and a probe that asks first."""

import asyncio
from pathlib import Path

import pytest

from awsync.doctor import Finding, State
from awsync.errors import StateError
from awsync.tui.app import Console
from awsync.tui.dialogs import Confirm
from awsync.tui.doctor import DoctorPage
from tests.consoles import console, opened, said, screen, until
from tests.scripted import ScriptedAgent

WINDOW = """\
Let it take samples out of order; write in prometheus.yml, and restart it:
  storage:
    tsdb:
      out_of_order_time_window: 30d
Then `awsync sync --once` sends what waits."""
OK = Finding("ActivityWatch", "reachable", State.OK, "ActivityWatch v0.13.2 answers.")
STALE = Finding("ActivityWatch", "watchers", State.WARNING, "aw-watcher-web is silent.", "Start it again.")
TOO_OLD = Finding("Store", "age", State.FAILED, "The oldest activity that waits is 9 d old.", WINDOW)
SKIPPED = Finding("Store", "retention", State.SKIPPED, "The store does not tell.")
EVIL = Finding(
    "Store",
    "receiver",
    State.FAILED,
    "It says [red]no[/red] \x1b[31m\u202e[@click=app.quit]x[/]",
    "Ask [b]it[/b]:\n  [/nothing]\x1b]0;title\x07",
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_each_step_has_its_sign_its_word_and_its_remedy(size: tuple[int, int]) -> None:
    """The first step that failed is under the cursor, and all of its remedy can be read."""
    app = console(ScriptedAgent(findings=[OK, STALE, TOO_OLD, SKIPPED]))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "✗ 1 failed  ! 1 warning  ✓ 1 ok  - 1 skipped" in screen(app))
        for words in ("✓ ok", "! warning", "✗ failed", "- skipped"):
            assert words in screen(app)
        assert "✗ failed  Store, age" in screen(app)
        for line in WINDOW.splitlines():
            assert line in screen(app)
        await pilot.press("up")
        await until(pilot, lambda: "! warning  ActivityWatch, watchers" in screen(app))
        assert "Start it again." in screen(app)
        assert "out_of_order_time_window" not in screen(app)


async def test_findings_are_shown_as_they_come() -> None:
    """What is known stands there while the rest is looked at, and the cursor stays where it was put."""
    agent = ScriptedAgent(findings=[OK, STALE, TOO_OLD, SKIPPED], held=asyncio.Event())
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "» looking on" in screen(app))
        assert "Looking ..." in screen(app)
        assert agent.held is not None
        for number in (1, 2):
            agent.held.set()
            agent.held.clear()
            await until(pilot, lambda number=number: len(page.grid.records) == number)  # type: ignore[misc]
        assert "! warning  ActivityWatch, watchers" in screen(app)
        await pilot.press("up")
        agent.held.set()
        await until(pilot, lambda: "✗ 1 failed" in screen(app))
        assert page.grid.cursor_key == 0
        assert "» looking on" not in screen(app)


async def test_all_is_well() -> None:
    """Without a trouble the page says so in words."""
    app = console(ScriptedAgent(findings=[OK, SKIPPED]))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "✓ everything works" in screen(app))
        assert "What to do" not in screen(app)


async def test_it_runs_again_and_probes_only_after_a_question() -> None:
    """A probe writes to the store: the safe answer has the focus, and escape writes nothing."""
    agent = ScriptedAgent(findings=[OK])
    app = console(agent)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: agent.asked == [("examine", False)])
        await pilot.press("r")
        await until(pilot, lambda: agent.asked == [("examine", False)] * 2)
        for leave in ("enter", "escape"):
            await pilot.press("b")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            assert "awsync_probe to http://localhost:9090" in said(app)
            await pilot.press(leave)
            await until(pilot, lambda: isinstance(app.screen, DoctorPage))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        agent.findings = [OK, STALE, Finding("Store", "probe", State.OK, "A sample arrived.")]
        await pilot.press("s")
        await until(pilot, lambda: agent.asked == [("examine", False)] * 2 + [("examine", True)])
        await until(pilot, lambda: "✓ ok  Store, probe" in screen(app))


async def test_what_a_stranger_says_is_no_markup() -> None:
    """Words of a server stay words, in the list and in the remedy."""
    app = console(ScriptedAgent(findings=[EVIL]))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "✗ 1 failed" in screen(app))
        assert screen(app).count("It says [red]no[/red] ␛[31m[@click=app.quit]x[/]") == 2
        assert "Ask [b]it[/b]:" in screen(app)
        assert "  [/nothing]␛]0;title␇" in screen(app)


async def test_copying_takes_what_is_to_be_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`y` gives the lines of a file without their margin, else the words; `e` gives everything."""
    copied: list[str] = []
    monkeypatch.setattr(Console, "copy_to_clipboard", lambda _, text: copied.append(text))
    monkeypatch.chdir(tmp_path)
    app = console(ScriptedAgent(findings=[OK, STALE, TOO_OLD]))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "✗ 1 failed" in screen(app))
        for _ in range(3):
            await pilot.press("y", "up")
        await pilot.press("e")
    assert copied == [
        "storage:\n  tsdb:\n    out_of_order_time_window: 30d",
        "Start it again.",
        "ActivityWatch v0.13.2 answers.",
    ]
    written = "".join(file.read_text(encoding="utf-8") for file in sorted(tmp_path.iterdir()))  # noqa: ASYNC240
    for line in (OK.what, STALE.remedy, *WINDOW.splitlines()):
        assert line in written


async def test_an_examination_that_cannot_go_on_says_why() -> None:
    """A state database that fails in the middle is a sentence, and keys work on."""

    class Failing(ScriptedAgent):
        async def examine(self, *, probe: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
            yield OK
            raise StateError("The disk is full.", "Make room.")

    app = console(Failing())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "The disk is full. Make room." in said(app))
        assert "» looking on" not in screen(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, DoctorPage))


async def test_leaving_the_page_ends_the_examination() -> None:
    """A walk that nobody looks at any more asks the servers nothing more."""
    ended: list[bool] = []

    class Watched(ScriptedAgent):
        async def examine(self, *, probe: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
            try:
                yield OK
                await asyncio.Event().wait()
            finally:
                ended.append(True)

    app = console(Watched())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "D", DoctorPage)
        await until(pilot, lambda: "ActivityWatch v0.13.2 answers." in screen(app))
        assert not ended
        await pilot.press("escape")
        await until(pilot, lambda: ended == [True])
