"""The text of a systemd unit, and what is read back from one: nothing here asks the system.

A user's manager has no privileges: it can wall off files, devices and capabilities only in a namespace of
users (measured on systemd 252). Without PrivateUsers=yes it starts the service, leaves those walls away and
does not say so, and at CapabilityBoundingSet and ProtectClock it fails (status 218). Where a kernel gives
users no such namespace, PrivateUsers itself would fail, so what hangs on it is left out.

May import: the standard library, errors, service.manager.
"""

import re
from pathlib import Path

from awsync.errors import UsageError
from awsync.service.manager import Job

NAME = "awsync.service"
DYNAMIC_STATE = Path("/var/lib/awsync")
"""Where a user that exists only while the service runs may write."""
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 the folders that PrivateTmp hides
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')

_HEAD = """\
# Written by `awsync service install`, which replaces it. Lines of your own go into a drop-in:
#   {edit}
[Unit]
Description=awsync, which delivers the history of ActivityWatch to Prometheus
"""
_NETWORK = """\
Wants=network-online.target
After=network-online.target
"""
_SERVICE = """\

[Service]
Type=exec
ExecStart={command}
"""
_MANNERS = """\
Restart=on-failure
RestartSec=10
# 2: the settings are wrong, which trying again does not mend. Where another awsync is at work (3) it is tried
# until that has ended.
RestartPreventExitStatus=2
TimeoutStopSec=30

# It reads config.toml, which the console and you write, and writes to its state folder alone.
UMask=0077
ProtectSystem=strict
ProtectHome=read-only
"""
_WALLS = """\
PrivateDevices=yes
ProtectProc=invisible
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
KeyringMode=private
LockPersonality=yes
# Python itself makes no code in memory. A library of a transform of yours may: then a drop-in with "no".
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""
_NAMESPACED = """\
# A user's manager brings about all walls around files in a namespace of users, or not at all.
PrivateUsers=yes
PrivateIPC=yes
AmbientCapabilities=
CapabilityBoundingSet=
ProtectClock=yes
ProtectHostname=yes
"""
_OPEN = """\
# The kernel gives users no namespaces here: of the walls around files above none stands.
"""
_INSTALL = """\

[Install]
WantedBy={target}
"""


def render(job: Job, *, system: bool, namespaces: bool = True) -> str:
    """The unit of a job; without `namespaces` it has no walls that need some.

    Raises UsageError for a path that no unit can name.
    """
    edit = f"systemctl {'' if system else '--user '}edit awsync"
    parts = [
        _HEAD.format(edit=edit),
        _NETWORK if system else "",
        _SERVICE.format(command=_command(job.command)),
    ]
    parts += [f"Environment={_quoted(f'{name}={value}')}\n" for name, value in job.environment.items()]
    if system:
        parts.append(f"User={job.account}\n" if job.account else "DynamicUser=yes\nStateDirectory=awsync\n")
    parts.append(_MANNERS)
    if not system or job.account:
        parts.append(f"ReadWritePaths={_quoted(str(job.state_dir))}\n")
    if not any(temporary(path) for path in (job.state_dir, job.config, Path(job.command[0]))):
        parts.append("PrivateTmp=yes\n")
    parts += [_WALLS, _NAMESPACED if namespaces else _OPEN]
    parts.append(_INSTALL.format(target="multi-user.target" if system else "default.target"))
    return "".join(parts)


def command_of(text: str) -> tuple[str, ...]:
    """What a unit runs; nothing where it does not say so."""
    return tuple(word.replace("$$", "$") for word in _words(text, "ExecStart"))


def writes_of(text: str) -> Path | None:
    """The folder that a unit lets its service write to."""
    if "\nDynamicUser=yes" in text:
        return DYNAMIC_STATE
    return next((Path(word) for word in _words(text, "ReadWritePaths")), None)


def _words(text: str, key: str) -> list[str]:
    line = next((line for line in text.splitlines() if line.startswith(f"{key}=")), f"{key}=")
    found = _WORD.findall(line.partition("=")[2])
    return [(re.sub(r"\\(.)", r"\1", quoted) or plain).replace("%%", "%") for quoted, plain in found]


def _command(words: tuple[str, ...]) -> str:
    return " ".join(_quoted(word.replace("$", "$$")) for word in words)


def _quoted(word: str) -> str:
    """The word as a unit takes it: `%` begins a specifier, and space ends a word that is not quoted."""
    if not word.isprintable():
        raise UsageError(
            f"A systemd unit cannot name {word!r}: it holds a sign that is no letter.", "Choose another path."
        )
    word = word.replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./$-]+", word):
        return word
    return '"' + word.replace("\\", r"\\").replace('"', r"\"") + '"'


def temporary(path: Path) -> bool:
    """Whether a path lies where a service may have a folder of its own instead."""
    return any(path.is_relative_to(folder) for folder in _TEMPORARY)
