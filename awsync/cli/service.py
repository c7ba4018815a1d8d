"""`awsync service`: awsync runs by itself, under what the system starts programs with.

May import: typer, cli, errors, words; at call time config, database, service.
"""

import getpass
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict

from awsync.cli.output import document, narrate, say
from awsync.errors import LockHeldError, ServiceError, UsageError
from awsync.words import amount, clock, iso

if TYPE_CHECKING:
    from awsync.service import Manager, Service
    from awsync.service.manager import Job

app = typer.Typer(
    help="Let awsync run by itself: a systemd unit, on macOS a launchd agent, on Windows a task at logon.",
    no_args_is_help=True,
    add_completion=False,
)

Config = Annotated[
    str, typer.Option("--config", metavar="PATH", help="The config.toml that it reads.", show_default=False)
]
System = Annotated[bool, typer.Option("--system", help="That of the whole computer (systemd, as root).")]
Account = Annotated[
    str,
    typer.Option("--user", metavar="NAME", help="With --system: as whom it runs.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
_NONE = "No service is installed."


@app.command()
def install(
    config: Config = "",
    system: System = False,
    user: Account = "",
    linger: Annotated[
        bool, typer.Option("--linger", help="Also let it go on after logout (loginctl enable-linger).")
    ] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print what would be installed, and change nothing.")
    ] = False,
) -> None:
    """Let it run from now on; twice is the same as once."""
    from awsync.service import manager

    if user and not system:
        raise UsageError("--user says as whom a service of the whole computer runs.", "Give --system too.")
    if linger and (system or sys.platform != "linux"):
        raise UsageError(
            "--linger is for a systemd user unit: nothing else ends with a logout.", "Leave it out."
        )
    at = manager(system=system)
    job = _job(config, user, system=system)
    if only_print:
        say(at.render(job).rstrip("\n"))
        return
    _tell_what_stays_behind()
    _nobody_else(at, job)
    for line in at.install(job):
        say(f"{line}.")
    if linger:
        from awsync.service import run
        from awsync.service.systemd import linger as let_linger

        say(let_linger(run))
    _say_how_it_goes(at)


@app.command()
def uninstall(system: System = False) -> None:
    """End it, and take away what install made; settings and state stay."""
    at = _manager(system=system)
    done = at.uninstall()
    if not done:
        say(f"{_NONE} Nothing is to be done.")
        return
    for line in done:
        say(f"{line}.")
    say("config.toml and the state folder stay: what was delivered is not sent again.")


@app.command()
def start(system: System = False) -> None:
    """Let the installed service run."""
    at = _installed(system=system)
    at.start()
    _say_how_it_goes(at)


@app.command()
def stop(system: System = False) -> None:
    """End it until the next start, login or start of the computer; nothing is lost."""
    at = _installed(system=system)
    at.stop()
    stays = " until awsync service start" if sys.platform == "win32" else ""
    say(f"It is stopped{stays}; what is due meanwhile is delivered once it runs again.")


@app.command()
def restart(system: System = False) -> None:
    """End it and start it again: for a new version or metrics-listen; config.toml is read again by itself."""
    at = _installed(system=system)
    at.restart()
    _say_how_it_goes(at)


@app.command()
def status(system: System = False, json: Json = False) -> None:
    """Show whether it is installed and runs; exit code 1 where it does not run."""
    found = _manager(system=system).look()
    if json:
        document({"installed": found is not None} | ({} if found is None else _document(found)))
    elif found is None:
        say(f"{_NONE} awsync service install makes one.")
    else:
        _show(found)
    raise typer.Exit(0 if found is not None and found.state == "running" else 1)


@app.command()
def logs(
    system: System = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="NUMBER", min=1, help="How many of the last lines.")
    ] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends it.")
    ] = False,
) -> None:
    """Show what it has said: in the journal, on macOS and Windows in a file."""
    command = _installed(system=system).logs(lines, follow=follow)
    try:
        code = subprocess.call(command)
    except FileNotFoundError:
        raise ServiceError(f"{command[0]} is not found.", "It shows the log; install it.") from None
    raise typer.Exit(1 if code else 0)


def _manager(*, system: bool) -> "Manager":
    """That of the whole computer where it is asked for, or is the only one with a service."""
    from awsync.service import found, manager

    return manager(system=True) if system else found()


def _installed(*, system: bool) -> "Manager":
    at = _manager(system=system)
    if not at.written():
        raise UsageError(_NONE, "Install one:\n  awsync service install")
    return at


def _job(config: str, user: str, *, system: bool) -> "Job":
    from awsync.service import job

    flags: dict[str, object] = {"config": config} if config else {}
    if not system:
        return job.job(flags)
    return job.job_of_the_computer(flags, user or os.environ.get("SUDO_USER") or None)


def _tell_what_stays_behind() -> None:
    from awsync.service.job import left_behind

    if unseen := left_behind(os.environ):
        narrate(f"The service does not see the variables of this shell: {', '.join(unseen)}.")


def _nobody_else(at: "Manager", job: "Job") -> None:
    """A service that finds the state held ends at once and is not started again: better to say so now."""
    from awsync.database import FILE_NAME, Database

    service = at.look()
    if (service is not None and service.state == "running") or not (job.state_dir / FILE_NAME).exists():
        return
    database = Database(job.state_dir, write=False)
    try:
        holder = database.holder()
    finally:
        database.close()
    if holder is not None:
        raise LockHeldError(
            f"Another awsync is at work on {job.state_dir}: {holder}. A service beside it could not start.",
            "End that one, and install again.",
        )


def _say_how_it_goes(at: "Manager") -> None:
    service = at.look()
    if service is None or service.state not in ("running", "starting"):
        why = f" ({service.why})" if service is not None and service.why else ""
        raise ServiceError(f"It does not run{why}.", "See what it says:\n  awsync service logs")
    pid = "" if service.pid is None else f" (pid {service.pid})"
    say(f"It runs{pid}. {_outlives(service)}")
    narrate("What it says: awsync service logs. It reads config.toml again by itself when that changes.")


def _outlives(service: "Service") -> str:
    if service.outlives:
        return "It goes on after logout, and starts with the computer."
    if service.outlives is None:
        return "Whether it goes on after logout is not known."
    if sys.platform != "linux":
        return "It starts with each login, and ends with the logout."
    return (
        "It starts with the first login, and ends with the last logout;"
        f" so that it goes on, and starts with the computer:\n  loginctl enable-linger {getpass.getuser()}"
    )


def _show(service: "Service") -> None:
    say(f"service: {service.kind}, {service.path}{'' if service.enabled else ' (does not start by itself)'}")
    state: str = service.state
    if service.pid is not None:
        state += f", pid {service.pid}"
    if service.since is not None:
        state += f", since {clock(service.since // 1_000_000 * 1_000_000)} UTC"
    if service.restarts:
        state += f", restarted {amount(service.restarts, 'time')}"
    say(f"state: {state}{f' ({service.why})' if service.why else ''}")
    say(f"runs: {' '.join(service.command)}")
    if service.writes is not None:
        say(f"writes to: {service.writes}")
    say(f"logout: {_outlives(service)}")


def _document(service: "Service") -> dict[str, object]:
    return asdict(service) | {
        "path": str(service.path),
        "writes": None if service.writes is None else str(service.writes),
        "since": iso(service.since),
    }
