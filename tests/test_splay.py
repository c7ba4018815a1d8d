"""The part of `splay` by which a device is later than its cron: its own, and even over a fleet."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from awsync.center.advice import SPLAY
from awsync.config.durations import parse_duration
from awsync.config.keys import CRON
from awsync.schedule import Schedule
from awsync.settings import Settings
from awsync.splay import PUNCTUAL, Splay, splay_of
from awsync.telemetry.figures import Figures
from awsync.telemetry.health import why_not_ready
from tests.passes import make_settings

NOWHERE = "http://127.0.0.1:9"
MINUTES_5 = timedelta(minutes=5)
LAST = 2**32 - 1
"""The place of whoever comes last."""


def splayed(
    folder: str = "/home/anna/.local/state", splay: timedelta = MINUTES_5, user: str = "anna"
) -> Settings:
    """Settings of an agent."""
    return make_settings(Path(folder), NOWHERE, NOWHERE, splay=splay, user_id=user)


def later(settings: Settings, hostname: str) -> timedelta:
    """How much later it begins on a computer of that name."""
    return Schedule(settings.cron, UTC, splay_of(settings, lambda: hostname)).later


def fleet(devices: int) -> Iterator[timedelta]:
    """The parts of made-up people with a laptop each."""
    for number in range(devices):
        name = f"user{number}"
        yield later(splayed(f"/home/{name}/.local/state", user=name), f"laptop-{number:04}")


def test_a_fleet_is_spread_evenly() -> None:
    """1,000 devices fall into the seconds of five minutes as chance would have it: no crowd, no gap."""
    parts = [part // timedelta(seconds=1) for part in fleet(1_000)]
    assert set(parts) <= set(range(300))
    tens = Counter(part // 10 for part in parts)
    expected = 1_000 / 30
    # 58.3 is what chance exceeds once in a thousand for 29 degrees of freedom; the names are always the same.
    assert sum((tens[ten] - expected) ** 2 / expected for ten in range(30)) < 58.3
    assert max(Counter(parts).values()) <= 12


def test_a_device_keeps_its_part() -> None:
    """It hangs on nothing that a restart or another version changes: these numbers stay as they are."""
    settings = splayed()
    assert splay_of(settings, lambda: "box") == Splay(MINUTES_5, 4_125_589_586)
    assert later(settings, "box") == timedelta(minutes=4, seconds=48)
    others = [
        later(splayed("/home/anna/other"), "box"),
        later(splayed(user="bob"), "box"),
        later(settings, "laptop"),
    ]
    assert len({later(settings, "box"), *others}) == 4
    assert later(replace(settings, hosts={"laptop": "box"}), "laptop") == later(settings, "box")


def test_without_a_splay_nobody_is_later() -> None:
    """The default changes nothing, and asks the computer nothing."""

    def never() -> str:
        raise AssertionError("was asked")

    assert splay_of(splayed(splay=timedelta(0)), never) == PUNCTUAL


@pytest.mark.parametrize(
    ("expr", "longest", "last"),
    [
        ("*/5 * * * *", "5m", "4m59s"),
        ("*/5 * * * *", "4m", "3m59s"),
        ("*/5 * * * *", "1h", "4m59s"),
        ("* * * * *", "5m", "59s"),
        ("0,59 * * * *", "5m", "59s"),
        ("58 23 * * *", "2d", "23h59m59s"),
        ("0 0,23 * * *", "5h", "59m59s"),
        ("*/5 * * * *", "2s500ms", "2s"),
        ("*/5 * * * *", "1s", "0s"),
        ("@yearly", "3h", "2h59m59s"),
    ],
)
def test_the_last_still_begins_before_the_next_run(expr: str, longest: str, last: str) -> None:
    """A splay that is longer than the time between two runs counts as that, and parts are whole seconds."""
    length = parse_duration(longest)
    assert Schedule(expr, UTC, Splay(length, LAST)).later == parse_duration(last)
    assert Schedule(expr, UTC, Splay(length, 0)).later == timedelta(0)


def test_the_words_name_the_part() -> None:
    """Whoever reads "every 5 minutes" on a console would wonder; who has no part reads what he always did."""
    words = [Schedule("*/5 * * * *", UTC, Splay(MINUTES_5, place)).describe() for place in (0, 2**31, LAST)]
    assert words == [
        "every 5 minutes",
        "every 5 minutes, 2 min 30 s later",
        "every 5 minutes, 4 min 59 s later",
    ]


def test_the_centre_spreads_over_the_time_between_two_runs() -> None:
    """The lines for a device fit the cron that it has without a line: no second is more crowded."""
    first, second = Schedule(str(CRON.default), UTC).upcoming(2)
    assert parse_duration(SPLAY) == second - first


def test_who_waits_for_its_second_is_ready() -> None:
    """Three planned passes may go by, counted from where they are planned."""
    figures = Figures(0)
    figures.last_end = 1
    schedule = Schedule("*/5 * * * *", UTC, Splay(MINUTES_5, LAST))
    assert why_not_ready(figures, schedule, 14 * 60_000_000) == ""
    assert why_not_ready(figures, schedule, 15 * 60_000_000) != ""
