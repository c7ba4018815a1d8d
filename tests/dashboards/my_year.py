"""The dashboard "My year": a year of days, drawn from what the centre's rules record.

At first it shows the last 365 days and not the calendar year, which has nothing to show in January; compared
with the 365 days before, it is always a whole year beside a whole year.

Hours of the day are left out: of recorded days nobody knows them, and recorded hours are those of UTC.
"""

from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards import days
from tests.dashboards.building import (
    AnyVariable,
    Page,
    at_end,
    bars,
    calendar,
    crossed,
    listing,
    numbers,
    over_time,
    shares,
)
from tests.dashboards.days import APPS, DOMAINS, PROJECTS, Kind
from tests.dashboards.promql import RANGE
from tests.dashboards.variables import asked, counts, store, worked_out

_UTC = "utc"
_LEAST = "1e-7"
_BEFORE = "the year before"
_DAYS = (
    "Days are those of UTC, for such are recorded; the days that begin in the chosen time count, whole, today"
    " as far as it went."
)
_NOT_IN = (
    "Not in it is what arrived for a day more than a week after it, and windows that another watcher than"
    " aw-watcher-window told of, as on phones."
)
_COUNTS = "“Counts” above says which time it is; “Watcher” of the other dashboards does not apply here."
_ABOUT = f"{_DAYS} {_NOT_IN} {_COUNTS}"
_COMPARED = f"“More or less” is against the 365 days earlier, of recorded days alone. {_ABOUT}"


def build() -> Dashboard:
    """The dashboard."""
    page = Page(
        "awsync-my-year",
        "My year",
        "What a year was spent on: days of UTC as the rules of the centre recorded them, and the newest days,"
        " which are not recorded yet, from the slots.",
        _variables(),
        since="now-364d/d",
        refresh="5m",
        zone=_UTC,
    )
    _figures(page)
    _days(page)
    _what(page)
    return page.build()


def _variables() -> list[AnyVariable]:
    recorded, slots = (each.split("{")[0] for each in APPS)
    offered = [
        asked(
            name,
            name.capitalize(),
            name,
            f"{recorded}{{{of}}}",
            about,
            over=RANGE,
            beside=f"{slots}{{{of}}}[10d]",
        )
        for name, of, about in (
            ("user", 'user!=""', "Whose activity."),
            ("host", 'user=~"$user"', "On which device."),
        )
    ]
    hidden = [worked_out(name, about, query) for name, (about, query) in days.stretches().items()]
    return [store(), *offered, counts(), *hidden]


def _figures(page: Page) -> None:
    page.heading("The chosen time (365 days, at first)")
    day, before = days.total("day"), days.year_before("day")
    now = [at_end("A", days.total(""), "active"), at_end("B", days.year_before(""), _BEFORE)]
    page.add(numbers("Active", f"Time with a window, of several devices the sum. {_COMPARED}", now), 7, 4)
    active = [
        at_end("A", f"count({day} > {_LEAST})", "active"),
        at_end("B", f"count({before} > {_LEAST})", _BEFORE),
    ]
    page.add(numbers("Active days", f"Days with any time at all. {_COMPARED}", active, unit="short"), 5, 4)
    average = at_end("A", f"avg({day} > {_LEAST})")
    page.add(numbers("An active day", f"The average of the days that are active. {_ABOUT}", [average]), 4, 4)
    longest = at_end("A", f"topk(1, {days.dated(day)})", "{{date}}")
    most = numbers("The longest day", f"And how long it was. {_ABOUT}", [longest])
    page.add(most.text_mode(BigValueTextMode.VALUE_AND_NAME), 4, 4)
    drawn = [
        at_end("A", days.recorded_days(), "recorded"),
        at_end("B", days.slot_days(), "from the slots"),
    ]
    about = (
        "How many days are drawn from recorded ones, and how many from the slots: the newest, and time before"
        " anything was recorded, which is right too and slower. A day in between that the rules missed is in"
        " neither; docs/fleet.md says how to record it afterwards."
    )
    page.add(numbers("Days it is drawn from", about, drawn, unit="short"), 4, 4)


def _days(page: Page) -> None:
    page.heading("Day by day")
    each = over_time("A", days.each_day("category"), "{{category}}", "1d")
    page.add(
        bars("Days by category", f"Each bar is the day that begins there. {_ABOUT}", [each], stacked=True),
        24,
        9,
    )
    query = f"sum by (month, number) ({days.dated(days.total('day'))}) / 3600"
    dates = [f"{number:02}" for number in range(1, 32)]
    page.add(calendar("Calendar", f"Hours of each day. {_ABOUT}", query, "month", "number", dates), 24, 13)
    query = f"sum by (month, category) ({days.dated(days.total('category, day'))})"
    about = f"The first and the last one as far as they are in the chosen time. {_ABOUT}"
    page.add(crossed("Months by category", about, query, "month", "category", in_order=True), 24, 11)


def _what(page: Page) -> None:
    page.heading("On what, and compared with the year before")
    for title, label, kind, about in (
        ("Apps", "app", APPS, "By the window's app."),
        ("Categories", "category", APPS, "By ActivityWatch's categories, of windows."),
        ("Domains", "domain", DOMAINS, "By the domain of browser tabs."),
        ("Projects", "project", PROJECTS, "By the project of an editor, or of any watcher that tells one."),
    ):
        page.add(shares(title, f"{about} {_COMPARED}", label, _compared(label, kind)), 12, 9)
    columns = _compared("user, host", APPS)
    on_each = f"count by (user, host) ({days.total('user, host, day')} > {_LEAST})"
    columns["active days"] = (on_each, "short")
    page.add(listing("Devices", f"Time with a window. {_COMPARED}", columns, labels=["user", "host"]), 24, 5)


def _compared(labels: str, kind: Kind) -> dict[str, tuple[str, str]]:
    return {
        "time": (days.total(labels, kind), ""),
        _BEFORE: (days.year_before(labels, kind), ""),
        "more or less": (days.more_or_less(labels, kind), ""),
    }
