"""What shall run as a service: which awsync, with which config.toml, checked as the service will see it.

A service has neither this shell's variables nor its working folder. So config.toml must say everything by
itself, and is named to it with its whole path.

May import: the standard library, and of awsync config, errors, service.dynamic, service.manager,
service.unit.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from awsync.config import Loaded, load, locate
from awsync.config.keys import CONFIG_ENV, KEYS, STATE_DIR
from awsync.errors import ConfigError, Problem, UsageError
from awsync.service import dynamic
from awsync.service.manager import Job
from awsync.service.unit import DYNAMIC_STATE

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")


def this_awsync() -> tuple[str, ...]:
    """The command of the awsync that runs; `-P` keeps a folder of that name from taking its place."""
    return (sys.executable, "-P", "-m", "awsync")


def job(flags: Mapping[str, object], environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Job:
    """A service of the user who asks. Raises ConfigError where config.toml alone does not do."""
    path = locate(flags, environ, cwd or Path.cwd())[0].absolute()
    loaded = _loaded(path, environ)
    kept = {name: environ[name] for name in _FOLDERS if environ.get(name)}
    return Job((*this_awsync(), "sync", "--config", str(path)), path, loaded.settings.state_dir, kept)


def job_of_the_computer(
    flags: Mapping[str, object], account: str | None, environ: Mapping[str, str] = os.environ
) -> Job:
    """A service of the whole computer, run as `account`, or as a user of its own where that is None.

    Raises ConfigError where config.toml does not do, UsageError for an account that cannot run it.
    """
    if account is None:
        return _dynamic(flags, environ)
    home = _home(account)
    if not flags.get("config") and not environ.get(CONFIG_ENV):
        flags = {**flags, "config": str(home / ".config/awsync/config.toml")}
    path = locate(flags, environ, Path.cwd())[0].absolute()
    loaded = _loaded(path, environ)
    command = (*this_awsync(), "sync", "--config", str(path))
    state = loaded.settings.state_dir
    if loaded.origins[STATE_DIR.name].place == "default":
        state = home / ".local/state/awsync"
    return Job(command, path, state, account=account)


def _dynamic(flags: Mapping[str, object], environ: Mapping[str, str]) -> Job:
    if not flags.get("config") and not environ.get(CONFIG_ENV):
        flags = {**flags, "config": "/etc/awsync/config.toml"}
    path = locate(flags, environ, Path.cwd())[0].absolute()
    dynamic.check(path, _loaded(path, environ))
    command = (*this_awsync(), "sync", "--config", str(path), "--state-dir", str(DYNAMIC_STATE))
    return Job(command, path, DYNAMIC_STATE)


def _home(account: str) -> Path:
    if sys.platform == "win32":
        raise AssertionError("there is no systemd there")
    import pwd

    try:
        return Path(pwd.getpwnam(account).pw_dir)
    except KeyError:
        raise UsageError(
            f'There is no user "{account}" on this computer.', "Name one that there is: --user NAME"
        ) from None


def _loaded(path: Path, environ: Mapping[str, str]) -> Loaded:
    """The settings as they are without this shell's variables."""
    if not path.exists():
        raise ConfigError(
            (Problem(str(path), "file", "does not exist, and a service reads nothing else"),),
            "Write it, and install then:\n  awsync config init",
        )
    try:
        return load({"config": str(path)}, {}, path.parent)
    except ConfigError as error:
        raise ConfigError(error.problems, _remedy(environ)) from error


def _remedy(environ: Mapping[str, str]) -> str:
    unseen = left_behind(environ)
    if unseen:
        return (
            f"A service does not see the variables of this shell ({', '.join(unseen)}): write what they say"
            " into config.toml, a secret as { file = ... }; then install again."
        )
    return "Mend it (awsync config check says whether all is well), and install again."


def left_behind(environ: Mapping[str, str]) -> list[str]:
    """The variables that steer awsync here and will not steer the service."""
    known = {name for key in KEYS for name in key.env}
    return sorted(name for name in known if environ.get(name))
