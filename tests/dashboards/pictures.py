"""The pictures of the dashboards, over a real Prometheus with the demo's days in it.

The folder is always the same, for the label `instance` depends on it: a second run changes no byte.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.dashboards.filled import DEVICES, NOW, ZONE, Used, World
from tests.dashboards.grafana import View, opened
from tests.dashboards.picture import WIDTH, Picture
from tests.dashboards.recording import record_days
from tests.dashboards.written import FOLDER
from tests.pictures.paint import write
from tests.servers import Store, find_binary

_LATELY = {
    "my-time": View(NOW, chosen={"user": ["sam"]}),
    "devices": View(NOW, NOW - timedelta(days=3), NOW),
    "fleet": View(NOW, NOW - timedelta(minutes=40), NOW),
}
_YEAR = {"my-year": View(NOW)}
_BEGUN = date(2025, 8, 11)
_HOLIDAYS = (
    (date(2025, 12, 22), date(2026, 1, 5)),
    (date(2026, 4, 3), date(2026, 4, 14)),
    (date(2026, 7, 20), date(2026, 8, 10)),
)


def draw() -> None:
    """Writes screenshots/dashboard-*."""
    binary = find_binary("prometheus-3.5")
    if binary is None:
        raise SystemExit('There is no Prometheus 3 here. Bring one in with: eval "$(just stores)"')
    os.environ["TZ"] = str(ZONE)
    time.tzset()
    _draw(binary, _LATELY, DEVICES)
    _draw(binary, _YEAR, [Used("sam", "laptop", _working_days())], recorded=True)


def _working_days() -> Sequence[date]:
    """Fifteen months of somebody who has holidays and seldom works on a Saturday."""
    days = [_BEGUN + timedelta(days=number) for number in range((NOW.date() - _BEGUN).days + 1)]
    return [
        day
        for day in days
        if (day.weekday() < 5 or (day.weekday() == 5 and day.day < 5))
        and not any(first <= day < end for first, end in _HOLIDAYS)
    ]


def _draw(binary: Path, views: dict[str, View], used: Sequence[Used], *, recorded: bool = False) -> None:
    folder = Path(tempfile.gettempdir()) / "awsync-dashboards"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with (
            World(folder, passes=8, used=used) as world,
            Store("prometheus-3.5", binary, folder / "store", scrape=True, out_of_order="10y") as store,
            opened(store.url) as asked,
        ):
            world.fill()
            world.deliver("store", store.url)
            if recorded:
                midnight = datetime.combine(_BEGUN, datetime.min.time(), UTC)
                record_days(store.url, midnight + timedelta(days=7, minutes=17), NOW, timedelta(days=1))
            else:
                world.change_history()
                world.deliver_more("store", store.url)
            for name, view in views.items():
                dashboard = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
                drawn = Picture(asked, dashboard, view).svg()
                write(f"dashboard-{name}", drawn, round(WIDTH))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
