"""The doctor on the service of the system: is one installed, does it run, is it that of this awsync.

May import: the standard library, and of awsync errors, service, doctor.findings.
"""

import getpass
import sys
from pathlib import Path

from awsync import __version__
from awsync.doctor.findings import Area, Finding, Walk
from awsync.errors import AwsyncError
from awsync.service import Service, run

_STEP = "service"
_AGAIN = "Install it again:\n  awsync service install"


def installed(area: Area, walk: Walk) -> Finding:
    """How the service stands. Asks the system, which may take a second."""
    try:
        service = walk.wiring.service()
    except AwsyncError as error:
        return next(area.skipped(error.message.rstrip("."), _STEP))
    if service is None:
        what = "None is installed: after a restart of the computer somebody has to start awsync."
        return area.warning(_STEP, what, "Let it run by itself:\n  awsync service install")
    return _of_another(area, walk, service) or _at_rest(area, service) or area.ok(_STEP, _well(service))


def _of_another(area: Area, walk: Walk, service: Service) -> Finding | None:
    """A service that is not that of this awsync, or of its settings."""
    if not service.command:
        what = f"{service.path} does not say what it runs."
        return area.failed(_STEP, what, _AGAIN)
    program = service.command[0]
    if not Path(program).exists():
        what = f"{service.path} runs {program}, which is gone: awsync was moved or removed."
        return area.failed(_STEP, what, _AGAIN)
    if Path(program).parent != Path(sys.executable).parent:
        version = _version(program)
        if version != __version__:
            other = f"awsync {version}" if version else "no awsync that works"
            what = f"The service runs {program}, which is {other}; this one is {__version__}."
            return area.warning(_STEP, what, _AGAIN)
    state_dir = walk.settings.state_dir
    if service.writes is not None and service.writes != state_dir:
        what = f"The service may write to {service.writes} alone, and state-dir is {state_dir}."
        return area.warning(_STEP, what, _AGAIN)
    return None


def _at_rest(area: Area, service: Service) -> Finding | None:
    """A service that does not run, or will not the next time."""
    why = f" ({service.why})" if service.why else ""
    if service.state == "unknown":
        what = f"Installed ({service.path}); how it is cannot be asked{why}."
        return area.warning(_STEP, what, "See it where its user is logged in:\n  awsync service status")
    if service.state == "failed":
        return area.warning(_STEP, f"Installed, and it fails{why}.", "See why:\n  awsync service logs")
    if service.state == "stopped":
        return area.warning(_STEP, "Installed, and stopped.", "Let it run:\n  awsync service start")
    if not service.enabled:
        return area.warning(_STEP, "It runs, and will not be started by itself the next time.", _AGAIN)
    return None


def _well(service: Service) -> str:
    runs = f"The {service.kind} runs"
    if service.outlives:
        return f"{runs}, and goes on after logout."
    if service.outlives is None or sys.platform != "linux":
        return f"{runs}."
    return f"{runs} until the last logout; `loginctl enable-linger {getpass.getuser()}` lets it go on."


def _version(program: str) -> str:
    try:
        ran = run((program, "-P", "-m", "awsync", "--version"))
    except (AwsyncError, OSError):
        return ""
    return ran.out.strip().removeprefix("awsync ") if not ran.code else ""
