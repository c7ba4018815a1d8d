"""The page of verify: buckets as they are compared, what differs in one and why, further back on a key."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from awsync.control import Agreement, Disagreement
from awsync.demo.aw_server import AwServer
from awsync.engine import Wiring
from awsync.errors import AwsyncError
from awsync.tui.verify import VerifyPage
from awsync.verify.shown import agreements
from tests.conftest import StartStore
from tests.consoles import console, filled, said, screen, until
from tests.passes import make_settings, open_state, run_pass
from tests.scripted import NOW, ScriptedAgent
from tests.test_verify_cli import fill, tamper

GOOD = Agreement(
    source="laptop", bucket="aw-afk", state="agrees", periods=7, agree=7, expected=3600.25, held=3600.25
)
BAD = Agreement(
    source="laptop",
    bucket="aw-window",
    state="differs",
    periods=7,
    agree=6,
    expected=100.0,
    held=82.75,
    differences=[
        Disagreement(
            start=NOW,
            series="app=[red]x[/] \x1b[31m",
            expected=17.25,
            held=0.0,
            why="lost",
            words="It is gone.",
        )
    ],
)
LEFT_OUT = Agreement(source="laptop", bucket="aw-secret", state="skipped", words='excluded by "aw-secret"')
DOWN = Agreement(source="phone", bucket="", state="failed", words="It does not answer. Start it.")


async def opened(pilot: Pilot[int]) -> VerifyPage:
    await filled(pilot)
    await pilot.press("V")
    await until(pilot, lambda: isinstance(pilot.app.screen, VerifyPage))
    page = pilot.app.screen
    assert isinstance(page, VerifyPage)
    return page


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_bucket_has_its_sign_and_what_differs(size: tuple[int, int]) -> None:
    """The first bucket that differs is under the cursor, with its periods, reasons and what mends it."""
    agent = ScriptedAgent(agreements=[GOOD, LEFT_OUT, BAD, DOWN])
    app = console(agent)
    async with app.run_test(size=size) as pilot:
        page = await opened(pilot)
        await until(pilot, lambda: "✗ 1 bucket differs  ! 1 not read" in screen(app))
        for words in ("✓ agrees", "- skipped", "✗ differs", "! failed", "-17.250"):
            assert words in screen(app)
        whole = page.book.text
        for words in ("lost", "It is gone.", "app=[red]x[/]", "awsync verify --repair"):
            assert words in whole
        assert "\x1b" not in whole
        assert page.copied() == "awsync verify --repair"
        await pilot.press("end")
        await until(pilot, lambda: "It does not answer. Start it." in page.book.text)
        assert "app=[red]x[/]" in page.exported()[1]
        await pilot.press("b")
        await until(pilot, lambda: agent.asked == [("verify", 7), ("verify", 30)])
        await pilot.press("r")
        await until(pilot, lambda: agent.asked == [("verify", 7), ("verify", 30), ("verify", 30)])


async def test_all_agrees_or_cannot_be_asked() -> None:
    """Both have their sentence."""
    app = console(ScriptedAgent(agreements=[GOOD]))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "✓ the store says what ActivityWatch says" in screen(app))

    class Failing(ScriptedAgent):
        async def verify(self, *, days: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
            yield GOOD
            raise AwsyncError("The store is down.", "Start it.")

    app = console(Failing())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "The store is down. Start it." in said(app))


@pytest.mark.servers
async def test_what_the_page_shows_of_a_real_store(
    aw: AwServer, start_store: StartStore, tmp_path: Path
) -> None:
    """A bucket is begun, goes on, and agrees; with one sample too many it differs, and says by how much."""
    store = start_store("prometheus-3.5")
    fill(aw)
    settings = make_settings(tmp_path, aw.url, store.url)
    finished, _ = await asyncio.to_thread(run_pass, settings)
    assert finished.complete
    with open_state(settings) as state:
        found = [each async for each in agreements(settings, state, days=7, wiring=Wiring())]
        assert found[0].state == "comparing"
        assert (found[-1].state, found[-1].expected) == ("agrees", found[-1].held)
        await asyncio.to_thread(tamper, store)
        found = [each async for each in agreements(settings, state, days=7, wiring=Wiring())]
    (difference,) = found[-1].differences
    assert (found[-1].state, difference.held - difference.expected) == ("differs", 17.25)
    assert difference.series == "active=unknown, app=[b]app 0, category=Uncategorized"
