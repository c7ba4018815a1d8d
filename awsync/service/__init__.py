"""awsync as a service of the system: installed, started, looked at, taken away.

    manager   what every platform's manager is asked, and how commands are run
    job       what shall run: checked as the service will see it, not as this shell does
    dynamic   what a user of the service's own must be able to read
    unit      pure: the text of a systemd unit        systemd   Linux
    launchd   macOS                                   task      pure: the XML of a Windows task
    windows   a task at logon                         files     a file in one step, only where it differs

It prints nothing.
May import: the standard library, msgspec, platformdirs, and of awsync config, errors, rights.
"""

import sys

from awsync.errors import UsageError
from awsync.service.manager import SYSTEMD_RUNS, Manager, Ran, Runner, Service, run

__all__ = ["Manager", "Ran", "Runner", "Service", "found", "here", "manager", "run"]


def manager(*, system: bool = False, platform: str = sys.platform, runner: Runner = run) -> Manager:
    """The manager of this platform; with `system` that of the whole computer. Raises UsageError."""
    if system and platform != "linux":
        raise UsageError(
            "--system is for systemd: here awsync runs as the user whose ActivityWatch it reads.",
            "Leave it out.",
        )
    if platform == "linux":
        from awsync.service.systemd import Systemd

        return Systemd(runner, system=system)
    if platform == "darwin":
        from awsync.service.launchd import Launchd

        return Launchd(runner)
    if platform == "win32":
        from awsync.service.windows import Windows

        return Windows(runner)
    raise UsageError(
        f"awsync installs no service on {platform}.", "Let what starts programs there run:\n  awsync sync"
    )


def here(platform: str = sys.platform) -> bool:
    """Whether something starts programs by itself here: a container seldom has a systemd that runs."""
    return SYSTEMD_RUNS.is_dir() if platform == "linux" else platform in ("darwin", "win32")


def found(*, platform: str = sys.platform, runner: Runner = run) -> Manager:
    """The manager under which a service is installed: the user's own, else that of the computer."""
    own = manager(platform=platform, runner=runner)
    if platform != "linux" or own.written():
        return own
    whole = manager(system=True, platform=platform, runner=runner)
    return whole if whole.written() else own
