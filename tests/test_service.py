"""The manager of services that a platform has, and what is said where no service is installed."""

from pathlib import Path

import pytest

from awsync.errors import UsageError
from awsync.service import manager
from awsync.service.manager import Manager
from tests.commands import awsync


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_one_of_the_whole_computer_is_for_systemd(platform: str) -> None:
    """On other systems --system is refused, with the reason."""
    with pytest.raises(UsageError, match="--system is for systemd"):
        manager(system=True, platform=platform)
    own: Manager = manager(platform=platform)
    assert own.kind in ("launchd agent", "Windows task at logon")
    with pytest.raises(UsageError, match="awsync sync"):
        manager(platform="freebsd14")


def test_without_a_service(tmp_path: Path) -> None:
    """Status says that there is none, uninstall has nothing to do, and start says how to get one."""
    status = awsync("service", "status", folder=tmp_path)
    assert (status.returncode, status.stdout) == (
        1,
        "No service is installed. awsync service install makes one.\n",
    )
    assert awsync("service", "status", "--json", folder=tmp_path).stdout == '{\n  "installed": false\n}\n'
    gone = awsync("service", "uninstall", folder=tmp_path)
    assert (gone.returncode, gone.stdout) == (0, "No service is installed. Nothing is to be done.\n")
    for verb in ("start", "stop", "restart", "logs"):
        done = awsync("service", verb, folder=tmp_path)
        assert done.returncode == 2
        assert "awsync service install" in done.stderr
