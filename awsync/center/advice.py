"""What is to be done with a centre that is laid out, as a person copies it.

May import: the standard library, center, rights.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from awsync.center import tokens
from awsync.center.plan import Plan
from awsync.center.programs import alert_command, front_command, store_command
from awsync.center.writing import SECRETS, Fate, Laid
from awsync.rights import closed_folder

TOKEN_FILE = "store-token"  # noqa: S105 the name of the file, not what is in it
CA_FILE = "centre-ca.pem"
SPLAY = "5m"
_ROOT = "caddy/pki/authorities/local/root.crt"


def device_lines(plan: Plan) -> list[str]:
    """The lines of a device's config.toml; the files that they name lie beside it.

    The splay is as long as the default cron's way from one run to the next: no second is more crowded.
    """
    lines = [
        f'prometheus-url = "https://{plan.domain}"',
        f'bearer-token-file = "{TOKEN_FILE}"',
        f'splay = "{SPLAY}"',
    ]
    return [*lines, f'ca-file = "{CA_FILE}"'] if plan.own_certificate else lines


def by_hand(plan: Plan) -> list[str]:
    """The commands that start the centre from its folder, each in a shell of its own."""
    commands = [shlex.join(store_command(plan, "here"))]
    if plan.store == "victoria-metrics":
        commands.append(shlex.join(alert_command(plan, "here")))
    return [
        *commands,
        f"XDG_DATA_HOME=front-data XDG_CONFIG_HOME=front-data {shlex.join(front_command('here'))}",
    ]


def warnings(folder: Path, plan: Plan, laid: Sequence[Laid]) -> Iterator[str]:
    """What needs a look."""
    for each in laid:
        if each.fate is Fate.BEHIND:
            yield (
                f"{each.path} was changed by hand and is not what would be laid out now: it stays. "
                "--force writes it anew and keeps yours beside it as *.old."
            )
    closed = closed_folder(folder)
    if closed is not None:
        yield f"Other users cannot look into {closed}: the units would not start from below it."
    if not plan.write_only and len(tokens.known(folder)) > 1:
        yield (
            "A device that may query reads what every device has sent. With --write-only the front lets "
            "writes alone through, as it does unless told otherwise."
        )


def steps(folder: Path, plan: Plan, devices: Sequence[str], laid: Sequence[Laid]) -> Iterator[str]:
    """Line by line; what was done before is not repeated."""
    place = shlex.quote(str(folder))
    if any(each.fate in (Fate.NEW, Fate.UPDATED, Fate.REPLACED) for each in laid if _is_program(each)):
        yield "Start it in one of three ways:"
        yield f"  containers: cd {place} && docker compose up -d"
        units = ["awsync-store", "awsync-front"]
        units[1:1] = ["awsync-alert"] if plan.store == "victoria-metrics" else []
        yield (
            f"  systemd:    sudo cp {place}/systemd/*.service /etc/systemd/system/ && "
            f"sudo systemctl daemon-reload && sudo systemctl enable --now {' '.join(units)}"
        )
        yield f"  by hand:    cd {place}, then each in a shell of its own:"
        yield from (f"    {command}" for command in by_hand(plan))
        yield f"Grafana in containers: http://127.0.0.1:3000, user admin, the password stands in {SECRETS}."
    elif any(each.path.startswith("front/") and each.fate is not Fate.SAME for each in laid):
        yield "Start the front anew: docker compose restart front, or systemctl restart awsync-front."
    for device in devices:
        token = shlex.quote(str(tokens.path_of(folder, device)))
        yield f"{device}: copy {token} there as {TOKEN_FILE} beside config.toml, for its user's eyes only."
    if devices and plan.own_certificate:
        yield f"And, once the front has run, its certificate as {CA_FILE}:"
        yield f"  containers: docker compose cp front:/data/{_ROOT} {CA_FILE}"
        yield f"  systemd:    sudo cp /var/lib/awsync-front/{_ROOT} {CA_FILE}"
        yield f"  by hand:    cp front-data/{_ROOT} {CA_FILE}"
    if not tokens.known(folder):
        yield f"No device has a token yet: awsync center {place} --device NAME"


def _is_program(laid: Laid) -> bool:
    return laid.path.startswith(("compose.yaml", "systemd/", "prometheus.yml"))
