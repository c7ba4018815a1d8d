"""What is typed for a moment: one text is one moment, wherever it is typed."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from awsync.cli.typed import hour_of
from awsync.since import beginning, moment_of
from awsync.state import State
from awsync.timeline import DAY, HOUR, MICROSECONDS
from awsync.tui import rewinding
from awsync.tui.dialogs import Ask, Confirm
from tests.commands import awsync
from tests.consoles import console, filled, screen, until
from tests.scripted import ScriptedAgent

NOON = round(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) * MICROSECONDS
KOLKATA = 5 * HOUR + HOUR // 2


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone without summer time, in which noon UTC is 17:30."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", NOON - 12 * HOUR - KOLKATA),
        ("2026-11-20 14:30", NOON + 5 * HOUR // 2 - KOLKATA),
        (" 2026-11-19T14:30 ", NOON - DAY + 5 * HOUR // 2 - KOLKATA),
        ("2026-11-20T10:00Z", NOON - 2 * HOUR),
        ("2026-11-20T10:00+01:00", NOON - 3 * HOUR),
        ("2d", NOON - 2 * DAY),
        ("1w12h", NOON - 7 * DAY - 12 * HOUR),
    ],
)
def test_one_text_is_one_moment(text: str, moment: int) -> None:
    """`--since`, `--to` and the console's dialog read the same, and without a zone it is local time."""
    assert moment_of(text, NOON) == beginning(text, NOON) == moment
    assert rewinding.read(text, NOON).position == moment // HOUR * HOUR
    if not text.endswith(("d", "h")):
        assert hour_of(text, "--to") == moment // HOUR * HOUR


@pytest.mark.parametrize("text", ["soon", "", "0001-01-01", "0001-01-01T00:00", "60y", "1969-12-31", "999y"])
def test_what_is_no_moment_says_how_one_is_written(text: str) -> None:
    """Whatever cannot be read is refused in the same words everywhere."""
    with pytest.raises(ValueError, match=r"local time \(2026-11-20T14:00\)"):
        rewinding.read(text, NOON)
    with pytest.raises(typer.BadParameter, match=r"local time \(2026-11-20T14:00\)"):
        hour_of(text, "--to")


def test_the_command_asks_by_both_clocks(tmp_path: Path) -> None:
    """Who types local time for `checkpoint rewind` sees before the answer which moment that is."""
    sink = "http://127.0.0.1:9/api/v1/write"
    (tmp_path / "config.toml").write_text(f'prometheus-url = "{sink}"\nstate-dir = "{tmp_path / "state"}"\n')
    with State(tmp_path / "state", sink, write=True) as state:
        state.skip_to("default", "b", NOON, NOON)
    asked = awsync("checkpoint", "rewind", "b", "--to", "2026-11-19 14:30", folder=tmp_path)
    assert "again from 2026-11-19 14:30 UTC+05:30, which is 2026-11-19 09:00 UTC?" in asked.stderr


async def test_the_dialog_shows_the_moment_by_the_clock_of_the_computer() -> None:
    """Who rewinds sees which local time he typed, and which one that is of the console's."""
    app = console(ScriptedAgent())
    async with app.run_test(size=(80, 24)) as pilot:
        await filled(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("ctrl+u", *"2026-06-19 14:45")
        await until(
            pilot, lambda: "From 2026-06-19 14:30 UTC+05:30, which is 2026-06-19 09:00" in screen(app)
        )
        await pilot.press("ctrl+u", *"soon")
        await until(pilot, lambda: "is no moment. Write" in screen(app) and "beginning" in screen(app))
        await pilot.press("ctrl+u", *"2026-06-19T09:00Z", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await until(pilot, lambda: "UTC+05:30, which is 2026-06-19 09:00 UTC?" in screen(app))
