"""Asks the doctor in tests: as a user does, and as the console does."""

import re
from datetime import timedelta
from pathlib import Path

from awsync.demo.aw_server import AwServer
from awsync.doctor import Finding, State, Wiring, examine
from awsync.settings import Settings
from tests.commands import awsync
from tests.passes import utc_now

WINDOW, AFK = "aw-watcher-window_pc", "aw-watcher-afk_pc"
_FINDING = re.compile(r"^  [✓!✗-] (ok|warning|failed|skipped) +(.{15}) (.*)$")
_MARGIN = 28


def fill(aw: AwServer, *, days: float = 0.2, host: str = "pc", afk: bool = True) -> None:
    """A window watcher and an AFK watcher that have reported for so long, until three minutes ago."""
    kinds = {"aw-watcher-window": "currentwindow", "aw-watcher-afk": "afkstatus"}
    for client, kind in list(kinds.items())[: 2 if afk else 1]:
        add_bucket(aw, f"{client}_{host}", client, kind, host, days=days)


def add_bucket(
    aw: AwServer, bucket: str, client: str, kind: str, host: str, *, days: float = 0.2, until: float = 0.0
) -> None:
    """Twenty events in the `days` that ended `until` days (and three minutes) ago."""
    end = utc_now() - timedelta(days=until, minutes=3)
    aw.create_bucket(bucket, client, kind, host)
    moments = [end - timedelta(days=days * number / 20, seconds=60) for number in range(20)]
    aw.insert(bucket, [{"timestamp": at.isoformat(), "duration": 60, "data": {"app": "x"}} for at in moments])


def write_config(folder: Path, aw_url: str, store_url: str, *lines: str) -> Path:
    """A config.toml for these servers and more lines, with a state folder beside it."""
    path = folder / "config.toml"
    ours = [f'aw-url = "{aw_url}"', f'prometheus-url = "{store_url}"', f'state-dir = "{folder / "state"}"']
    path.write_text("\n".join([*ours, 'user-id = "me"', *lines]) + "\n")
    path.chmod(0o600)
    return path


class Printed:
    """What `awsync doctor` printed on a pipe, and its exit code."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        done = awsync("doctor", *arguments, folder=folder)
        assert "Traceback" not in done.stderr, done.stderr
        self.code = done.returncode
        self.text = done.stdout

    @property
    def failed(self) -> list[str]:
        """The steps that failed, in order."""
        return [found[2].strip() for found in self._found() if found[1] == "failed"]

    def words(self, step: str) -> str:
        """All that is said of the first step of that name which is not ok, without the remedy's margin."""
        lines = self.text.splitlines()
        for number, line in enumerate(lines):
            found = _FINDING.match(line)
            if found is not None and found[2].strip() == step and found[1] != "ok":
                rest = []
                for more in lines[number + 1 :]:
                    if not more.startswith(" " * _MARGIN):
                        break
                    rest.append(more[_MARGIN:])
                return "\n".join([found[3], *rest])
        raise AssertionError(f"{step} is well:\n{self.text}")

    def to_copy(self, step: str) -> list[str]:
        """The lines of a remedy that are to be taken as they are."""
        return [line[2:] for line in self.words(step).splitlines() if line.startswith("  ")]

    def _found(self) -> list[re.Match[str]]:
        return [found for line in self.text.splitlines() if (found := _FINDING.match(line))]


class Examined:
    """What `examine` said."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def of(self, step: str, area: str = "") -> Finding:
        """The finding about a step; `area` where two have one of that name."""
        return next(each for each in self.findings if each.step == step and area in each.area)

    def steps(self, state: State) -> list[str]:
        """The steps that stand so."""
        return [finding.step for finding in self.findings if finding.state is state]


async def examined(settings: Settings, *, probe: bool = False, wiring: Wiring | None = None) -> Examined:
    """Everything the doctor says."""
    return Examined([finding async for finding in examine(settings, probe=probe, wiring=wiring)])
