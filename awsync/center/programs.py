"""How the programs of a centre are started: once told, for containers, for systemd and by hand.

May import: the standard library, center.plan.
"""

import shutil
from collections.abc import Callable, Sequence
from typing import Literal

from awsync.center.plan import Plan

Place = Literal["compose", "systemd", "here"]
"""Where a program runs: in a container, as a unit, or from the folder itself."""
RULES = ("awsync-recording.yml", "awsync-alerts.yml")
"""The rules that are loaded."""
ALERT_LISTEN = "127.0.0.1:8880"


def store_command(plan: Plan, place: Place) -> list[str]:
    """Starts the store; in a container what follows the program."""
    listen = f":{plan.listen_port}" if place == "compose" else plan.listen
    if plan.store == "prometheus":
        data = {"compose": "/prometheus", "systemd": "/var/lib/awsync-store", "here": "data"}[place]
        config = "/etc/prometheus/prometheus.yml" if place == "compose" else "prometheus.yml"
        flags = [
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--storage.tsdb.retention.time={plan.retention}",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address={listen}",
        ]
        return _started("prometheus", place, flags)
    data = {"compose": "/victoria-metrics-data", "systemd": "/var/lib/awsync-store", "here": "data"}[place]
    flags = [
        f"-storageDataPath={data}",
        f"-retentionPeriod={plan.retention}",
        "-dedup.minScrapeInterval=1ms",
        f"-httpListenAddr={listen}",
    ]
    return _started("victoria-metrics", place, flags)


def alert_command(plan: Plan, place: Place) -> list[str]:
    """Starts vmalert, which evaluates the rules beside VictoriaMetrics."""
    store = f"http://store:{plan.listen_port}" if place == "compose" else f"http://{plan.listen}"
    folder = "/etc/awsync/rules" if place == "compose" else "rules"
    flags = [
        *(f"-rule={folder}/{name}" for name in RULES),
        f"-datasource.url={store}",
        f"-remoteWrite.url={store}",
        f"-remoteRead.url={store}",
        # Without an Alertmanager nobody is told; the alerts are in Grafana, and in the series ALERTS.
        "-notifier.blackhole",
        f"-httpListenAddr={':8880' if place == 'compose' else ALERT_LISTEN}",
    ]
    return _started("vmalert", place, flags)


def front_command(place: Place) -> list[str]:
    """Starts Caddy; in its own image it starts just so."""
    return _started("caddy", place, ["run", "--config", "front/Caddyfile", "--adapter", "caddyfile"])


def _started(
    program: str, place: Place, flags: Sequence[str], which: Callable[[str], str | None] = shutil.which
) -> list[str]:
    if place == "compose":
        return list(flags)
    return [program if place == "here" else which(program) or f"/usr/bin/{program}", *flags]
