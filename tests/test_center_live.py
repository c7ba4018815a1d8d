"""A centre at work: started with the very lines that it prints, and devices that deliver to it."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from awsync.demo.aw_server import AwServer
from tests.centers import Centre, device, lay_out
from tests.commands import awsync
from tests.dashboards.grafana import View, answer, opened, panels
from tests.doctors import fill, write_config
from tests.servers import StoreName, wait_until

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.servers
STORES: list[StoreName] = ["prometheus-3.5", "prometheus-2.42", "victoria-metrics"]
AT_ONCE = {"interval: 15m": "interval: 1s", "interval: 1h": "interval: 1s"}
WINDOW = "aw-watcher-window_pc"
APPS = ("editor", "browser")


def minutes_in(hour: int) -> dict[str, int]:
    """How long each app had the focus in an hour, counted from the epoch: every hour is another one."""
    return {app: 3 + (hour * (number + 3)) % 17 for number, app in enumerate(APPS)}


def live_ten_days(aw: AwServer) -> None:
    """Ten days of a window watcher, until an hour ago."""
    aw.create_bucket(WINDOW, "aw-watcher-window", "currentwindow", "pc")
    now = int(time.time()) // 3600
    events = []
    for hour in range(now - 10 * 24, now):
        for number, (app, minutes) in enumerate(minutes_in(hour).items()):
            at = datetime.fromtimestamp(hour * 3600 + number * 1800, UTC)
            data = {"app": app, "title": f"title {hour % 3}"}
            events.append({"timestamp": at.isoformat(), "duration": minutes * 60, "data": data})
    aw.insert(WINDOW, events)


@pytest.mark.parametrize("store", STORES)
def test_from_an_empty_folder_to_recorded_hours(store: StoreName, aw: AwServer, tmp_path: Path) -> None:
    """The store starts as told, a device delivers, and what is recorded is each clock hour, and each day.

    Whatever moment a rule is evaluated at, also on the border of an hour: nothing is counted twice.
    """
    live_ten_days(aw)
    with Centre(tmp_path, store, changes=AT_ONCE) as centre:
        write_config(tmp_path, aw.url, centre.url)
        done = awsync("sync", "--once", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        centre.flush()
        rules = yaml.safe_load((centre.folder / "rules/awsync-recording.yml").read_text())
        hour, day = (group["rules"][0] for group in rules["groups"])
        border = int(time.time()) // 3600 * 3600
        midnight = int(time.time()) // 86400 * 86400
        for shift, ended in ((0, 27), (1, 26), (1799, 26), (3599, 26)):
            found = centre.sums(hour["expr"], "app", border + shift)
            expected = minutes_in(border // 3600 - ended - 1)
            assert found == {app: minutes * 60 for app, minutes in expected.items()}, shift
        for shift, ended in ((0, 8), (1, 7)):
            found = centre.sums(day["expr"], "app", midnight + shift)
            first = midnight // 3600 - (ended + 1) * 24
            hours = [minutes_in(each) for each in range(first, first + 24)]
            whole = {app: sum(each[app] for each in hours) * 60 for app in APPS}
            assert found == whole, shift
        if store == "victoria-metrics":
            centre.start(centre.said["by-hand"][1])
        record = hour["record"]

        def recorded() -> list[str]:
            centre.flush()
            return sorted(each["metric"]["app"] for each in centre.query(record))

        wait_until(lambda: recorded() == sorted(APPS), f"{record} is recorded", 40)
        stamp = max(float(each["value"][0]) for each in centre.query(f"timestamp({record})"))
        ended_at = (int(stamp) - 26 * 3600 - 1) // 3600 * 3600
        expected = minutes_in(ended_at // 3600 - 1)
        drawn = centre.sums(f"last_over_time({record}[1h] offset -27h)", "app", ended_at)
        assert drawn == {app: minutes * 60 for app, minutes in expected.items()}
        (some, *_) = centre.query(record)
        assert set(some["metric"]) == {"__name__", "user", "host", "active", "category", "app"}


@pytest.mark.parametrize("store", STORES)
def test_every_panel_answers(store: StoreName, aw: AwServer, tmp_path: Path) -> None:
    """From an empty folder: laid out, started as told, one pass, and each query of each dashboard that lies
    in the folder is one that the store understands; no dashboard is without data.
    """
    fill(aw)
    with Centre(tmp_path, store) as centre, opened(centre.url) as client:
        write_config(tmp_path, aw.url, centre.url)
        assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        centre.flush()
        pages = sorted((centre.folder / "grafana/dashboards").glob("*.json"))
        assert pages
        for path in pages:
            page = json.loads(path.read_text())
            view = View(datetime.now(UTC) + timedelta(seconds=1))
            answers = [
                answer(client, page, panel, target, view)
                for panel in panels(page)
                for target in panel.get("targets", [])
            ]
            # VictoriaMetrics hides what is younger than 30 s, and so what awsync has just said of itself.
            assert store == "victoria-metrics" or len(list(filter(None, answers))) > 3, path.name


def test_time_before_the_rules_can_be_recorded_afterwards(aw: AwServer, tmp_path: Path) -> None:
    """The line of docs/fleet.md gives a centre the recorded hours and days of a history that came later."""
    live_ten_days(aw)
    guide = (ROOT / "docs/fleet.md").read_text()
    (line,) = re.findall(r"^promtool tsdb create-blocks-from rules .*$", guide, re.M)
    with Centre(tmp_path, "prometheus-3.5", changes={"15m": "5m"}) as centre:
        write_config(tmp_path, aw.url, centre.url)
        assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        end = int(time.time()) - 4 * 3600
        line = line.replace("http://127.0.0.1:9090", centre.url)
        line = line.replace("START", str(end - 3 * 3600)).replace("END", str(end))
        assert centre.start(line).wait(60) == 0, (centre.folder / "promtool.log").read_text()
        centre.restart()
        for name, shift, step in (("sum1h", 26 * 3600, 3600), ("sum1d", 7 * 86400, 86400)):
            record = f"user_host_app:aw_watcher_window_seconds:{name}"
            found = centre.query(f'{record}{{app="editor"}}[4h]', end)
            (values,) = [each["values"] for each in found]
            assert len(values) >= 3
            for stamp, value in values:
                last = (int(stamp) - shift - 1) // step * step // 3600
                minutes = sum(minutes_in(hour)["editor"] for hour in range(last - step // 3600, last))
                assert float(value) == minutes * 60


def test_a_quiet_device_raises_its_alert(aw: AwServer, tmp_path: Path) -> None:
    """After the rule's time without a pass the alert fires and says who; the next pass ends it.

    Days are seconds here, in the rule that is laid out.
    """
    fill(aw)
    changes = {"3 * 86400": "3", "for: 15m": "for: 1s", "interval: 5m": "interval: 1s"}
    with Centre(tmp_path, "prometheus-3.5", changes=changes) as centre:
        write_config(tmp_path, aw.url, centre.url)
        assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        success = float(centre.query("awsync_last_success_timestamp_seconds")[0]["value"][1])
        wait_until(lambda: "AwsyncDeviceQuiet" in centre.alerts(), "the alert is pending")
        assert time.time() - success >= 3
        wait_until(lambda: centre.alerts()["AwsyncDeviceQuiet"]["state"] == "firing", "the alert fires")
        alert = centre.alerts()["AwsyncDeviceQuiet"]
        assert alert["labels"]["user"] == "me"
        assert re.fullmatch(r"\S+ of me has been quiet for \d\.\d+s\.", alert["annotations"]["summary"])
        assert "awsync doctor" in alert["annotations"]["description"]
        assert awsync("sync", "--once", folder=tmp_path).returncode == 0
        # On a slow machine it may be pending again by now: as another one.
        wait_until(
            lambda: centre.alerts().get("AwsyncDeviceQuiet", {}).get("activeAt") != alert["activeAt"],
            "the alert has ended",
        )


@pytest.mark.parametrize(("caddy", "store"), [("caddy", "prometheus-3.5"), ("caddy-2.6", "victoria-metrics")])
def test_a_device_comes_through_the_front(caddy: str, store: StoreName, aw: AwServer, tmp_path: Path) -> None:
    """With its token and the lines that are printed a device delivers, verifies and is well; and nothing else
    is let through: no other token, no other path, no other method.
    """
    fill(aw)
    with Centre(tmp_path, store, "--device", "anna", "--device", "bob", "--with-queries") as centre:
        centre.start_front(caddy)
        anna = device(tmp_path, centre, "anna", aw.url)
        done = awsync("sync", "--once", folder=anna)
        assert done.returncode == 0, done.stderr
        centre.flush()
        assert centre.query('sum(sum_over_time(aw_watcher_window_seconds{user="anna"}[1d]))', time.time())
        verified = awsync("verify", "--since", "1d", folder=anna)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        examined = awsync("doctor", folder=anna)
        assert examined.returncode == 0, examined.stdout

        stranger = device(tmp_path, centre, "bob", aw.url)
        (stranger / "store-token").write_text("A" * 43 + "\n")
        refused = awsync("sync", "--once", folder=stranger)
        assert refused.returncode == 1
        assert "refused the credentials: check bearer-token" in refused.stderr
        assert "No device of this centre has this token." in refused.stderr
        assert not centre.query('{user="bob"}', time.time())

        token = (anna / "store-token").read_text().strip()
        assert token not in (centre.folder / "caddy.log").read_text()
        let_in = {"Authorization": f"Bearer {token}"}
        with centre.trusting() as client:
            for method, path in (
                ("GET", "/"), ("GET", "/graph"), ("GET", "/metrics"), ("GET", "/federate?match[]=up"),
                ("GET", "/api/v1/label/__name__/values"), ("GET", "/api/v1/query?query=up"),
                ("POST", "/api/v1/admin/tsdb/delete_series"), ("GET", "/api/v1/write"),
                ("POST", "/api/v1/write/../query_range"), ("POST", "/api/v1/import"), ("PUT", "/-/reload"),
            ):  # fmt: skip
                assert client.request(method, path, headers=let_in).status_code == 404, path
            for said in (None, "", token, "Bearer", "Bearer x", f"Basic {token}"):
                answer = client.post("/api/v1/write", headers={} if said is None else {"Authorization": said})
                assert answer.status_code == 401, said
                assert answer.headers["www-authenticate"] == "Bearer"
            assert client.get("/-/healthy", headers=let_in).status_code == 200


def test_a_centre_that_is_laid_out_anew(aw: AwServer, tmp_path: Path) -> None:
    """A token whose file is deleted is refused. With --write-only a pass is complete as before, also the next
    one, and verify says that it may not ask.
    """
    fill(aw)
    with Centre(
        tmp_path, "prometheus-3.5", "--device", "anna", "--device", "bob", "--with-queries"
    ) as centre:
        front = centre.start_front()
        anna, bob = (device(tmp_path, centre, name, aw.url) for name in ("anna", "bob"))
        assert awsync("sync", "--once", folder=bob).returncode == 0
        (centre.folder / "tokens/bob.token").unlink()
        lay_out(tmp_path, "--write-only")
        front.terminate()
        front.wait(10)
        centre.start_front()
        assert "refused the credentials" in awsync("sync", "--once", folder=bob).stderr
        for _ in range(2):
            done = awsync("sync", "--once", folder=anna)
            assert done.returncode == 0, done.stderr
        assert centre.query('awsync_last_success_timestamp_seconds{user="anna"}', time.time())
        verified = awsync("verify", "--since", "1d", folder=anna)
        assert verified.returncode != 0
        assert "answered 404" in verified.stderr + verified.stdout
        examined = awsync("doctor", folder=anna)
        assert examined.returncode == 0, examined.stdout
