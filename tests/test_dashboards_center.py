"""The dashboards as a centre has them: laid out, its store started, a device delivers, and they answer."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from awsync.demo.aw_server import AwServer
from awsync.demo.days import Person
from tests.centers import Centre
from tests.commands import awsync
from tests.dashboards.grafana import View, answer, opened, panels
from tests.doctors import write_config

AFTERNOON = 15
DAYS = 8
COMPARED = ("offset 1w", "offset 6d", "offset 365d")
"""What a query says that also asks for the week before, a Sunday without an editor, or for a year ago."""


def live(aw: AwServer, now: datetime) -> None:
    """A week and today of a laptop, and of a phone without an AFK watcher."""
    for host, watched in (("laptop", True), ("phone", False)):
        person = Person(host, zone=now.tzinfo or UTC, awake_from=now - timedelta(hours=6))
        buckets = [each for each in person.buckets if watched or each != person.afk]
        for bucket in buckets:
            aw.create_bucket(bucket.id, bucket.client, bucket.type, host)
        for day in person.history(DAYS, now):
            for bucket in buckets:
                aw.insert(bucket.id, [event.to_json() for event in day[bucket.id]])


@pytest.mark.servers
def test_from_an_empty_folder_to_every_query(aw: AwServer, tmp_path: Path) -> None:
    """What Grafana would load from the folder answers after a pass, whatever time of day it is."""
    utc = datetime.now(UTC)
    now = utc.astimezone(timezone(timedelta(hours=AFTERNOON - utc.hour)))
    live(aw, now)
    with Centre(tmp_path, "prometheus-3.5") as centre, opened(centre.url) as store:
        write_config(tmp_path, aw.url, centre.url)
        for _ in range(2):  # what a counter grew by takes two
            done = awsync("sync", "--once", folder=tmp_path)
            assert done.returncode == 0, done.stderr
        pages = sorted((centre.folder / "grafana/dashboards").glob("*.json"))
        assert len(pages) == 4
        at_once = View(datetime.now(UTC).astimezone(now.tzinfo))
        later = View(at_once.now + timedelta(minutes=5))  # a diagram has its next point
        empty = []
        for page in pages:
            dashboard = json.loads(page.read_text("utf-8"))
            for panel in panels(dashboard):
                for target in panel["targets"]:
                    view = at_once if target.get("instant") else later
                    found = answer(store, dashboard, panel, target, view)
                    if not found and not any(each in target["expr"] for each in COMPARED):
                        empty.append((page.name, panel["title"], target["refId"]))
        assert not empty
