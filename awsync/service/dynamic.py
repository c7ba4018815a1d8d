"""What a user that exists only while the service runs (DynamicUser) must be able to read.

The unit has nothing read for it as root (no LoadCredential): the service opens all files itself, with the
rights that everybody has. And its /tmp is its own, whatever else the unit says (systemd.exec(5)).

May import: the standard library, and of awsync config, errors, rights, service.unit.
"""

import os
import sys
from pathlib import Path

from awsync.config import Loaded
from awsync.config.keys import PSEUDONYM_KEY_FILE
from awsync.errors import UsageError
from awsync.rights import closed_folder, readable_by_all
from awsync.service import unit

OWN = (Path(sys.executable), Path(os.__file__), Path(__file__))
"""Python, its library, and this awsync."""


def check(config: Path, loaded: Loaded) -> None:
    """Raises UsageError for what such a user cannot read: awsync itself, config.toml, or what that names."""
    for path in OWN:
        _check_awsync(path)
    key = loaded.origins[PSEUDONYM_KEY_FILE.name].value
    for path in (config, *loaded.files):
        _check_folders(path)
        if str(path) == key:
            raise UsageError(
                f"{path} is a key that its owner alone may read, and the user of the service is nobody yet.",
                f"Name the user whose it is (--user NAME), or leave {PSEUDONYM_KEY_FILE.name} out: then a key"
                " is made and kept in the state folder.",
            )
        if not readable_by_all(path):
            raise UsageError(
                f"{path} cannot be read by a user that exists only while the service runs.",
                "Name the user whose it is (--user NAME), which keeps secrets from others, or let everybody"
                f" read it:\n  chmod a+r {path}",
            )
    for word in (word for rule in loaded.settings.rules for word in rule.command):
        if Path(word).is_absolute():
            _check_folders(Path(word))


def _check_awsync(path: Path) -> None:
    closed = closed_folder(path)
    if closed is not None or not readable_by_all(path):
        raise UsageError(
            "A user that exists only while the service runs cannot run this awsync:"
            f" {closed or path} is closed to others.",
            "Install awsync where everybody may read it (such as /opt), and the service with that one,"
            " or name the user whose it is (--user NAME).",
        )


def _check_folders(path: Path) -> None:
    if unit.temporary(path) or unit.temporary(path.resolve()):
        raise UsageError(
            f"{path} would not be there: a service with a user of its own has its own /tmp and /var/tmp.",
            "Move it to another folder (such as /etc/awsync), or name the user whose it is (--user NAME).",
        )
    closed = closed_folder(path)
    if closed is not None:
        raise UsageError(
            f"{path} cannot be reached by a user that exists only while the service runs:"
            f" {closed} is closed to others.",
            "Move the file to where all may read it (such as /etc/awsync), name the user whose it is"
            f" (--user NAME), or let everybody through:\n  chmod a+x {closed}",
        )
