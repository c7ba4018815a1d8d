"""The dashboard "My time": what a person's time was spent on."""

from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards import promql
from tests.dashboards.building import (
    AMBER,
    BLUE,
    CLEAR,
    CLOCK,
    GREEN,
    Page,
    at_end,
    bars,
    numbers,
    over_time,
    points,
    shares,
    states,
)
from tests.dashboards.promql import DAY, STEP, before, by, change, spent
from tests.dashboards.variables import activity

STATES = {
    "1": ("there", GREEN),
    "0": ("away", AMBER),
    "2": ("used (no AFK watcher)", BLUE),
    "-1": ("nothing recorded", CLEAR),
}
_COUNTS = "“Counts” above says which time it is."
_WEEK = "now/w"
_ONE = f"sum({promql.at_most()})"


def build() -> Dashboard:
    """The dashboard."""
    page = Page(
        "awsync-my-time",
        "My time",
        "What the time was spent on, as ActivityWatch has it, and compared with the week before.",
        activity(),
        since="now/d",
        refresh="5m",
    )
    _chosen(page)
    _line(page)
    _week(page)
    return page.build()


def _chosen(page: Page) -> None:
    page.heading("The chosen time (today, at first)")
    page.add(
        numbers(
            "Active",
            "Time with a window, as in `awsync today`: of several devices the sum. “Devices as one” is the"
            f" most that it can be without their parallel time; see “Devices and people”. {_COUNTS}",
            [
                at_end("A", by("", spent()), "active"),
                at_end("C", _ONE, "devices as one"),
                at_end("B", by("", spent(), before()), "a week before"),
            ],
        ),
        9,
        4,
    )
    edges = numbers(
        "Begin and end",
        "When somebody was first and last there, to a slot: by the AFK watcher, by windows where none is.",
        [
            at_end("A", f"1000 * min({promql.first('user')})", "first"),
            at_end("B", f"1000 * max({promql.last('user')})", "last"),
        ],
        unit=CLOCK,
    )
    page.add(edges, 6, 4)
    page.add(
        numbers(
            "At the machine",
            "What the AFK watchers say, whatever the windows; of several on a host the one that saw most.",
            [
                at_end("A", promql.afk("", promql.THERE), "there"),
                at_end("B", promql.afk("", promql.AWAY), "away"),
            ],
        ),
        5,
        4,
    )
    unknown = by("", spent(active="unknown"))
    page.add(
        numbers(
            "Nobody can tell",
            "Time with a window on a host whose AFK watcher says nothing, or that has none.",
            [at_end("A", f"{unknown} or vector(0)")],
        ),
        4,
        4,
    )
    for title, label, about in (
        ("Apps", "app", "By the window's app."),
        ("Categories", "category", "By ActivityWatch's categories, of windows."),
        (
            "Domains",
            "domain",
            "By the domain of browser tabs.",
        ),
        ("Projects", "project", "By the project of an editor."),
    ):
        page.add(_compared(title, about, label), 12, 8)


def _compared(title: str, about: str, label: str) -> Table:
    selected = spent("app" if label == "category" else label)
    now, then = by(label, selected), by(label, selected, before())
    columns = {"time": (now, ""), "a week before": (then, ""), "more or less": (change(now, then), "")}
    return shares(title, f"{about} {_COUNTS}", label, columns)


def _line(page: Page) -> None:
    page.heading("The day as it went")
    page.add(
        states(
            "There and away",
            "What was most of a slot, by the AFK watcher of the host.",
            over_time("A", promql.presence(), "{{user}} on {{host}}"),
            STATES,
        ),
        24,
        5,
    )
    for title, label in (("By category", "category"), ("By app", "app")):
        series = over_time("A", by(label, spent(), STEP), f"{{{{{label}}}}}")
        about = f"Each bar begins where it stands. {_COUNTS}"
        page.add(bars(title, about, [series], stacked=True), 12, 9)


def _week(page: Page) -> None:
    page.heading("This week, and the week before")
    week = numbers(
        "This week",
        f"Since the week began, and the week before up to the same moment. {_COUNTS}",
        [
            at_end("A", by("", spent()), "this week"),
            at_end("C", _ONE, "devices as one"),
            at_end("B", by("", spent(), before()), "the week before"),
        ],
    )
    page.add(week.time_from(_WEEK), 6, 9)
    now, then = by("category", spent()), by("category", spent(), before())
    columns = {"this week": (now, ""), "the week before": (then, ""), "more or less": (change(now, then), "")}
    about = f"The week before up to the same moment. {_COUNTS}"
    page.add(shares("Categories of the week", about, "category", columns).time_from(_WEEK), 18, 9)
    days = bars(
        "Day by day",
        "The last seven days, each beside the same day of the week before. Grafana puts the points of a"
        " diagram 24 hours apart, and PromQL knows no time zone: where summer time begins or ends within"
        f" these days, the ones before that begin an hour off midnight. {_COUNTS}",
        [
            over_time("A", by("", spent(), DAY), "the day", "1d"),
            over_time("B", by("", spent(), "[1d] offset 6d"), "a week before", "1d"),
        ],
    )
    page.add(days.time_from("6d"), 12, 9)
    clock = points(
        "Begin and end of the day",
        "Hours since midnight, to a slot: by the AFK watcher, by windows where none is.",
        [
            over_time("A", f"{promql.first('user', '1d', '-1d1ms')} - time()", "{{user}} first", "1d"),
            over_time("B", f"{promql.last('user', '1d', '-1d1ms')} - time()", "{{user}} last", "1d"),
        ],
    )
    page.add(clock.min(0).max(86_400).time_from("13d"), 12, 9)
