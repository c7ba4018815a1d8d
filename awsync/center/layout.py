"""The files of a centre, as text; nothing here touches the folder.

May import: the standard library, msgspec, center.plan, center.programs, center.tokens.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from msgspec import Struct

from awsync.center.plan import Plan
from awsync.center.programs import alert_command, front_command, store_command
from awsync.center.tokens import front_lines

PUBLIC = 0o644
"""Containers and units run as other users, and read what is no secret."""
PRIVATE = 0o600
DASHBOARDS = "grafana/dashboards"
TITLES = {"prometheus": "Prometheus", "victoria-metrics": "VictoriaMetrics"}

_GETS = ("/-/healthy", "/api/v1/status/buildinfo")
_OF_STORE = {"prometheus": ("/api/v1/status/flags", "/api/v1/status/config"), "victoria-metrics": ("/flags",)}
# These tell of what the store holds, or need it to be told: for those who may query.
_OF_DATA = {"prometheus": ("/api/v1/status/tsdb",), "victoria-metrics": ("/internal/force_flush",)}
_WRITES = ("/api/v1/write",)
_QUERIES = ("/api/v1/query", "/api/v1/series")
_BLANK = re.compile(r"<<([a-z-]+)>>")


class File(Struct, frozen=True):
    """One file: where it goes below the folder, what is in it, who may read it."""

    path: str
    text: str
    mode: int = PUBLIC


def files_of(plan: Plan, folder: Path, tokens: Mapping[str, str]) -> list[File]:
    """Every file that can be made anew from the plan and the tokens of the devices; `folder` is absolute."""
    return [
        *_of_store(plan),
        *_of_grafana(plan),
        File("compose.yaml", _compose(plan)),
        File("front/Caddyfile", _front(plan)),
        File("front/tokens.caddy", front_lines(tokens), PRIVATE),
        *_units(plan, folder),
    ]


def _of_store(plan: Plan) -> Iterator[File]:
    if plan.store == "prometheus":
        yield File("prometheus.yml", _filled("prometheus.yml", {"listen": plan.listen}))
    rules = resources.files("awsync.center") / "files" / "rules"
    for name in sorted(each.name for each in rules.iterdir()):
        yield File(f"rules/{name}", _text(f"rules/{name}"))


def _of_grafana(plan: Plan) -> Iterator[File]:
    # Unless told not to keep answers, VictoriaMetrics moves the steps of a query onto a grid of its own.
    parameters = "\n      customQueryParameters: nocache=1" if plan.store == "victoria-metrics" else ""
    source = _filled("grafana/datasource.yaml", {"parameters": parameters})
    yield File("grafana/provisioning/datasources/awsync.yaml", source)
    yield File("grafana/provisioning/dashboards/awsync.yaml", _text("grafana/dashboards.yaml"))
    boards = resources.files("awsync.center") / "dashboards"
    for board in sorted(boards.iterdir(), key=lambda each: each.name):
        if board.name.endswith(".json"):
            yield File(f"{DASHBOARDS}/{board.name}", board.read_text(encoding="utf-8"))


def _compose(plan: Plan) -> str:
    blanks = {
        "host": f"store:{plan.listen_port}",
        "port": str(plan.port),
        "listen": plan.listen,
        "listen-port": str(plan.listen_port),
        "command": _listed(store_command(plan, "compose")),
    }
    if plan.store == "victoria-metrics":
        blanks["alert-command"] = _listed(alert_command(plan, "compose"))
    return _filled("compose.yaml", blanks | {"store": _filled(f"compose-{plan.store}.yaml", blanks)})


def _front(plan: Plan) -> str:
    gets = [*_GETS, *_OF_STORE[plan.store], *(() if plan.write_only else _OF_DATA[plan.store])]
    posts = [*_WRITES, *(() if plan.write_only else _QUERIES)]
    tls = "# Its certificate comes from a public authority, by itself, over this port."
    if plan.own_certificate:
        tls = "# No public authority signs for such a name: devices trust the front's own (ca-file).\n"
        tls += "\ttls internal"
    blanks = {"domain": plan.domain, "listen": plan.listen, "tls": tls}
    return _filled("front/Caddyfile", blanks | {"gets": " ".join(gets), "posts": " ".join(posts)})


def _units(plan: Plan, folder: Path) -> Iterator[File]:
    blanks = {
        "title": TITLES[plan.store],
        "folder": str(folder),
        "listen": plan.listen,
        "reload": "ExecReload=/bin/kill -HUP $MAINPID\n" if plan.store == "prometheus" else "",
        "hardening": _text("systemd/hardening").rstrip(),
    }
    commands = {"awsync-store": store_command(plan, "systemd"), "awsync-front": front_command("systemd")}
    if plan.store == "victoria-metrics":
        commands["awsync-alert"] = alert_command(plan, "systemd")
    for name, command in commands.items():
        text = _filled(f"systemd/{name}.service", blanks | {"command": " ".join(command)})
        yield File(f"systemd/{name}.service", text)
    yield File("systemd/grafana.conf", _filled("systemd/grafana.conf", blanks))


def _listed(command: Sequence[str]) -> str:
    return "\n".join(f"      - {each}" for each in command)


def _filled(name: str, blanks: Mapping[str, str]) -> str:
    """A file of the package with its blanks filled in; one that nobody fills is a KeyError."""
    return _BLANK.sub(lambda found: blanks[found[1]], _text(name))


def _text(name: str) -> str:
    return (resources.files("awsync.center") / "files" / name).read_text(encoding="utf-8")
