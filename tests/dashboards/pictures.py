"""The pictures of the dashboards, over a real Prometheus with the demo's days in it.

The folder is always the same, for the label `instance` depends on it: a second run changes no byte.
"""

import json
import os
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.dashboards.filled import NOW, ZONE, World
from tests.dashboards.grafana import View, opened
from tests.dashboards.picture import WIDTH, Picture
from tests.dashboards.written import FOLDER
from tests.pictures.paint import write
from tests.servers import Store, find_binary

_VIEWS = {
    "my-time": View(NOW, chosen={"user": ["sam"]}),
    "devices": View(NOW, NOW - timedelta(days=3), NOW),
    "fleet": View(NOW, NOW - timedelta(minutes=40), NOW),
}


def draw() -> None:
    """Writes screenshots/dashboard-*."""
    binary = find_binary("prometheus-3.5")
    if binary is None:
        raise SystemExit('There is no Prometheus 3 here. Bring one in with: eval "$(just stores)"')
    os.environ["TZ"] = str(ZONE)
    time.tzset()
    folder = Path(tempfile.gettempdir()) / "awsync-dashboards"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with (
            World(folder, passes=8) as world,
            Store("prometheus-3.5", binary, folder / "store", scrape=True, out_of_order="10y") as store,
            opened(store.url) as asked,
        ):
            world.fill()
            world.deliver("store", store.url)
            world.change_history()
            world.deliver_more("store", store.url)
            for path in sorted(FOLDER.glob("*.json")):
                dashboard = json.loads(path.read_text("utf-8"))
                drawn = Picture(asked, dashboard, _VIEWS[path.stem]).svg()
                write(f"dashboard-{path.stem}", drawn, round(WIDTH))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
