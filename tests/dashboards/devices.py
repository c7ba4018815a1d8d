"""The dashboard "Devices and people": several users and hosts, and a person's devices as one."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards import promql
from tests.dashboards.building import (
    CLOCK,
    Page,
    at_end,
    bars,
    crossed,
    listing,
    numbers,
    over_time,
    shades,
)
from tests.dashboards.promql import STEP, by, spent
from tests.dashboards.variables import activity

_COUNTS = "“Counts” above says which time it is."
_DEVICE = "user, host"
_BOUNDS = (
    "The store knows how long each device was used in a slot, not in which seconds of it. At least: as if all"
    " that can have been at once was (the busiest device of each slot). At most: as if nothing was (their"
    " sum, and no slot longer than the clock). The truth lies between; the sum of the devices counts parallel"
    " time twice."
)


def build() -> Dashboard:
    """The dashboard."""
    page = Page(
        "awsync-devices",
        "Devices and people",
        "Who was active on which device, and a person's devices as one without counting time twice.",
        activity(),
        since="now-7d",
        refresh="5m",
    )
    _people(page)
    _devices(page)
    _what(page)
    return page.build()


def _people(page: Page) -> None:
    page.heading("People, their devices as one")
    used = f"count({by('user', spent())} > 1e-7)"
    devices = f"count({by(_DEVICE, spent())} > 1e-7)"
    page.add(
        numbers(
            "Active in this time",
            f"How many people and devices recorded anything. {_COUNTS}",
            [at_end("A", used, "people"), at_end("B", devices, "devices")],
            unit="short",
        ),
        6,
        7,
    )
    columns = {
        "at most": (promql.at_most(), ""),
        "at least": (promql.at_least(), ""),
        "sum of devices": (by("user", spent()), ""),
        "first": (f"1000 * ({promql.first('user')})", CLOCK),
        "last": (f"1000 * {promql.last('user')}", CLOCK),
    }
    page.add(listing("People", f"{_BOUNDS} {_COUNTS}", columns, labels=["user"]), 18, 7)
    per_day = [
        over_time("A", promql.at_most("1d", "-1d1ms"), "{{user}}, at most", "1d"),
        over_time("B", promql.at_least("1d", "-1d1ms"), "{{user}}, at least", "1d"),
    ]
    page.add(bars("Day by day", f"The last two weeks. {_BOUNDS}", per_day).time_from("13d"), 12, 9)
    hourly = over_time("A", promql.at_most("$__interval", "-${__interval}1ms"), "{{user}}")
    page.add(bars("As it went", f"Each bar begins where it stands; at most. {_COUNTS}", [hourly]), 12, 9)


def _devices(page: Page) -> None:
    page.heading("Devices")
    columns = {
        "active": (by(_DEVICE, spent(active="true")), ""),
        "away": (by(_DEVICE, spent(active="false")), ""),
        "nobody can tell": (by(_DEVICE, spent(active="unknown")), ""),
        "first": (f"1000 * ({promql.first(_DEVICE)})", CLOCK),
        "last": (f"1000 * {promql.last(_DEVICE)}", CLOCK),
    }
    about = "Time with a window, by what the host's AFK watcher says of it; whatever “Counts” says."
    page.add(listing("Devices", about, columns, labels=["user", "host"]), 24, 7)
    share = f"{by(_DEVICE, spent(), STEP)} / ($__interval_ms / 1000)"
    page.add(
        shades(
            "Which device when",
            f"What part of each step the device was used. {_COUNTS}",
            over_time("A", share, "{{user}} on {{host}}"),
            "percentunit",
        ),
        24,
        6,
    )


def _what(page: Page) -> None:
    page.heading("On what")
    categories = f"sort_desc({by('category, user', spent())})"
    about = f"By ActivityWatch's categories, of windows; devices are added up. {_COUNTS}"
    page.add(crossed("Categories by person", about, categories, "category", "user"), 12, 10)
    everything = '{__name__=~"$watcher", bucket!="", user=~"$user", host=~"$host"}'
    hours = f"time() + 0 * (sum by (user, host, bucket) (sum_over_time({everything}[1h])) != 0)"
    columns = {
        "recorded": (by("user, host, bucket", everything), ""),
        "last, to the hour": (f"1000 * max_over_time(({hours})[${{__range_ms}}ms:1h] offset -1ms)", CLOCK),
    }
    about = "All that each watcher recorded, whether anybody was there or not."
    page.add(listing("Watchers", about, columns, labels=["user", "host", "bucket"]), 12, 10)
