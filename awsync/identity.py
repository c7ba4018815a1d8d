"""Who an agent is: the labels that tell it from all others, on its own series and for its place in a fleet.

May import: the standard library, series, settings.
"""

import hashlib
from collections.abc import Sequence

from awsync.series import text_value
from awsync.settings import Settings

JOB = "awsync"


def identity_of(settings: Settings, hostname: str) -> Sequence[tuple[str, str]]:
    """The labels of an agent on the computer of this name; the same after a restart and an upgrade.

    Two agents of one machine have two state folders, and nobody needs to know where those lie.
    """
    host = settings.hosts.get(hostname, hostname) or "unknown"
    folder = str(settings.state_dir.absolute()).encode("utf-8", "surrogateescape")
    told = {
        "user": text_value(settings.user_id),
        "host": text_value(host),
        "job": JOB,
        "instance": text_value(f"{host}:{hashlib.blake2s(folder, digest_size=2).hexdigest()}"),
    }
    return [(name, value) for name, value in told.items() if value]
