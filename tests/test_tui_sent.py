"""The page of what has left: buckets and labels, every value of one, and what the ledger does not know."""

import asyncio
from pathlib import Path

import pytest

from awsync.errors import StateError
from awsync.sent import Memory, Report, bucket
from awsync.timeline import DAY
from awsync.tui.app import Console
from awsync.tui.sent import SentPage
from tests.consoles import console, opened, said, screen, until
from tests.scripted import ScriptedAgent
from tests.test_sent import EVIL, FIREFOX, NOW, SINK, VIM, WINDOW, ledger, slot

OTHER = bucket("phone", "aw-afk", ledger(slot((("__name__", "m"), ("status", "afk")), 1, 9)), [], Memory())
PLAIN = Report(
    SINK,
    NOW - DAY,
    NOW,
    [bucket("laptop", WINDOW, ledger(slot(VIM, 1, 3600), slot(FIREFOX, 2, 60)), [], Memory())],
)
MUCH = Report(
    SINK,
    NOW - 7 * DAY,
    NOW,
    [
        bucket(
            "laptop",
            WINDOW,
            ledger(slot(VIM, 1, 3600), slot(VIM, 1, -60, 1), slot(FIREFOX, 2, 60)),
            [slot(EVIL, 3, 30)],
            Memory(whole_from=NOW - DAY),
        ),
        OTHER,
    ],
)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_buckets_labels_and_values_can_be_read_at_every_size(size: tuple[int, int]) -> None:
    """The list, the values of the line under the cursor, and all of them on enter; text stays text."""
    app = console(ScriptedAgent(left=MUCH))
    async with app.run_test(size=size) as pilot:
        page = await opened(pilot, "L", SentPage)
        await until(pilot, lambda: f"laptop/{WINDOW}: 3 label sets" in screen(app))
        for words in (
            "2 buckets",
            "1 correction",
            "1 sample that the store refused",
            "awsync verify --since 7d",
        ):
            assert words in said(app)
        await pilot.press("down")
        await until(pilot, lambda: f"laptop/{WINDOW} app: 3 values" in screen(app))
        await pilot.press("enter")
        await until(pilot, lambda: page.values.has_focus and page.maximized is page.values)
        assert "0:59:00" in screen(app)
        assert "[red]x[/] ␛[31m next evil" in screen(app)
        await pilot.press("escape")
        await until(pilot, lambda: page.grid.has_focus and page.maximized is None)
        await pilot.press("end")
        await until(pilot, lambda: "phone/aw-afk status: 1 value" in screen(app))
        await pilot.press("up")
        await until(pilot, lambda: "phone/aw-afk metric: 1 value" in screen(app))
        assert "__name__" not in screen(app)


async def test_a_filter_finds_a_value_wherever_it_left() -> None:
    """Only the values that pass are listed, with the lines that have some; escape drops the filter."""
    app = console(ScriptedAgent(left=MUCH))
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "L", SentPage)
        await until(pilot, lambda: len(page.grid.records) > 4)
        everything = len(page.grid.records)
        await pilot.press("slash", *"vim", "enter")
        await until(pilot, lambda: "filter: vim" in screen(app))
        assert [record.key for record in page.grid.records] == [
            ("laptop", WINDOW, ""),
            ("laptop", WINDOW, "app"),
        ]
        assert "1 label set" in screen(app)
        await pilot.press("slash", *"zzz", "enter")
        await until(pilot, lambda: "Nothing that passes the filter left." in screen(app))
        await pilot.press("enter")
        assert page.maximized is None
        await pilot.press("escape")
        await until(pilot, lambda: len(page.grid.records) == everything)
        assert app.screen is page


async def test_more_days_on_a_key() -> None:
    """`w` looks at 7 and 30 days and at one again; columns without any number are not there."""
    agent = ScriptedAgent(left=PLAIN)
    app = console(agent)
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "L", SentPage)
        await until(pilot, lambda: "Sent 1 day" in screen(app) and bool(page.grid.records))
        assert page.grid.shown_columns == ["name", "values", "time", "samples", "last", "most"]
        for days, title in ((7, "Sent 7 days"), (30, "Sent 30 days"), (1, "Sent 1 day")):
            await pilot.press("w")
            await until(pilot, lambda title=title: title in screen(app))  # type: ignore[misc]
            assert agent.asked[-1] == ("sent", days)


async def test_nothing_left_or_nothing_can_be_read() -> None:
    """Both have their sentence, and enter has nothing to show."""
    agent = ScriptedAgent()
    app = console(agent)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        page = await opened(pilot, "L", SentPage)
        await until(pilot, lambda: "Nothing is known to have left for" in said(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Nothing is listed." in said(app))
        assert page.maximized is None
        agent.refusals.append(StateError("The disk is gone.", "Find it."))
        await pilot.press("w")
        await until(pilot, lambda: "The disk is gone. Find it." in said(app))


async def test_copy_and_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`y` takes the line of the pane that has the focus, `e` writes every value with its seconds."""
    copied: list[str] = []
    monkeypatch.setattr(Console, "copy_to_clipboard", lambda _, text: copied.append(text))
    monkeypatch.chdir(tmp_path)
    app = console(ScriptedAgent(left=PLAIN))
    async with app.run_test(size=(120, 40)) as pilot:
        page = await opened(pilot, "L", SentPage)
        await until(pilot, lambda: bool(page.grid.records))
        await pilot.press("y", "enter", "y", "e")
        await until(pilot, lambda: len(copied) == 2)
    assert copied[0].startswith(f"{WINDOW}\t2\t1:01:00\t2")
    assert copied[1].endswith("app=vim")
    (written,) = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    lines = written.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "source,bucket,label,value,seconds,samples,corrections,refused"
    assert f"laptop,{WINDOW},app,vim,3600,1,0,0" in lines
