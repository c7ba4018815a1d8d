"""What every platform's manager of services is asked, and how its commands are run.

May import: the standard library, msgspec, errors.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct, field

from awsync.errors import ServiceError

_PATIENCE = 90.0
"""Seconds for one command; a service that stops takes a second, and systemd waits for it."""
NOT_FOUND = 127
SYSTEMD_RUNS = Path("/run/systemd/system")
"""Is there where systemd started the computer, as sd_booted(3) has it."""

Running = Literal["running", "starting", "stopped", "failed", "unknown"]


class Job(Struct, frozen=True):
    """What shall run, with absolute paths; `account` is whose it is, None where the manager knows.

    `environment` are the variables without which it would look for its folders elsewhere.
    """

    command: tuple[str, ...]
    config: Path
    state_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None


class Service(Struct, frozen=True):
    """A service that is installed, as its manager shows it.

    `since` is in microseconds since the epoch; `writes` is the only folder that it may write to, where its
    manager holds it to one; `outlives` says whether it goes on after a logout; None is: it is not known.
    `why` is what the manager says of a state that is not running.
    """

    kind: str
    path: Path
    command: tuple[str, ...]
    enabled: bool
    state: Running
    pid: int | None = None
    since: int | None = None
    restarts: int | None = None
    outlives: bool | None = None
    writes: Path | None = None
    why: str = ""


class Ran(Struct, frozen=True):
    """A command that ended."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def words(self) -> str:
        """What it said of its failure, in one line."""
        said = (self.err.strip() or self.out.strip()).splitlines()
        return said[0].strip() if said else f"exit code {self.code}"


Runner = Callable[[Sequence[str]], Ran]


def run(command: Sequence[str]) -> Ran:
    """Runs a command to its end; one that is not there has code 127. Raises ServiceError where it hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE
        )
    except FileNotFoundError:
        return Ran(NOT_FOUND, err=f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        raise ServiceError(
            f"`{' '.join(command)}` does not end after {_PATIENCE:.0f} s.",
            "Run it yourself to see what it waits for.",
        ) from None
    return Ran(done.returncode, done.stdout, done.stderr)


class Manager(Protocol):
    """What starts awsync by itself. Every method may raise ServiceError."""

    kind: str
    path: Path

    def render(self, job: Job) -> str:
        """The text of the file that describes the job to the system."""

    def written(self) -> bool:
        """Whether such a file is there."""

    def look(self) -> Service | None:
        """The service, where one is installed."""

    def install(self, job: Job) -> tuple[str, ...]:
        """Makes it run, now and from now on; twice is the same as once. What was done, in sentences."""

    def uninstall(self) -> tuple[str, ...]:
        """Ends it and takes it away; nothing where there is none. What was done, in sentences."""

    def start(self) -> None:
        """Lets it run; nothing where it does."""

    def stop(self) -> None:
        """Ends it; it is started again with the next login or start of the computer."""

    def restart(self) -> None:
        """Ends it, and starts it again."""

    def logs(self, lines: int, *, follow: bool) -> tuple[str, ...]:
        """The command that shows what it says."""
