"""What a centre is to be: the choices of `awsync center`, checked, and remembered in the folder.

May import: the standard library, msgspec, errors.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from awsync.errors import UsageError

Store = Literal["prometheus", "victoria-metrics"]

RETENTION = "10y"
LISTEN: dict[Store, str] = {"prometheus": "127.0.0.1:9090", "victoria-metrics": "127.0.0.1:8428"}
HTTPS = 443
_DOMAIN = re.compile(r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:(?P<port>[0-9]{1,5}))?")
_OWN = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home", ".home.arpa", ".test", ".invalid")
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Plan(Struct, frozen=True, kw_only=True):
    """One centre.

    `domain` is the name by which devices reach the front, with a port where that is not 443; `listen` where
    the store itself listens on this machine. `write_only`: devices cannot query.
    """

    store: Store = "prometheus"
    retention: str = RETENTION
    domain: str = "localhost"
    listen: str = LISTEN["prometheus"]
    write_only: bool = True

    @property
    def host(self) -> str:
        """The domain without its port."""
        return self.domain.partition(":")[0]

    @property
    def port(self) -> int:
        """Where the front listens."""
        return int(self.domain.partition(":")[2] or HTTPS)

    @property
    def listen_port(self) -> int:
        """Where the store listens."""
        return int(self.listen.rpartition(":")[2])

    @property
    def own_certificate(self) -> bool:
        """Whether no public authority can sign for the domain, so that the front signs for itself."""
        if self.port != HTTPS or "." not in self.host or self.host.lower().endswith(_OWN):
            return True
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


def check(plan: Plan) -> Plan:
    """The plan itself; raises UsageError for a value that the store or the front would not take."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}[dwy]", plan.retention):
        raise UsageError(f'--retention "{plan.retention}" is no length of time.', "Write 90d, 52w or 10y.")
    found = _DOMAIN.fullmatch(plan.domain)
    if found is None or not _is_port(found["port"] or "443"):
        raise UsageError(
            f'--domain "{plan.domain}" is no name of a machine.', "Write it as in awsync.example.org."
        )
    if not re.fullmatch(r"127\.0\.0\.1:[0-9]{1,5}", plan.listen) or not _is_port(str(plan.listen_port)):
        raise UsageError(
            f'--listen "{plan.listen}" is not 127.0.0.1 with a port.',
            "Only the front is reached from outside; write 127.0.0.1:9090.",
        )
    return plan


def check_devices(names: Iterable[str]) -> None:
    """Raises UsageError for a name that cannot be that of a file."""
    for name in names:
        if not can_be_device(name):
            raise UsageError(
                f'--device "{name}" cannot be a name.',
                "Write letters, digits, dots and dashes, 63 at most: anna-laptop.",
            )


def can_be_device(name: str) -> bool:
    """Whether files and the front take the name as it is."""
    return _DEVICE.fullmatch(name) is not None


def _is_port(text: str) -> bool:
    return 0 < int(text) < 1 << 16
