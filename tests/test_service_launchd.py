"""What awsync asks of launchd, and the agent that it is given."""

import plistlib
from pathlib import Path

from awsync.service.launchd import LABEL, Launchd
from awsync.service.manager import Job, Ran
from tests.services import Fake, a_job


def test_launchd_gets_an_agent(tmp_path: Path) -> None:
    """The plist has the keys of launchd.plist(5) with their types; twice is the same as once."""
    job = a_job(tmp_path)
    fake = Fake({"launchctl print": Ran(113, err="Could not find service")})
    launchd = Launchd(fake, home=tmp_path, uid=501)
    assert launchd.install(job) == (f"Installed: {launchd.path}",)
    assert fake.changes() == [
        f"launchctl enable gui/501/{LABEL}",
        f"launchctl bootstrap gui/501 {launchd.path}",
    ]
    plist = plistlib.loads(launchd.path.read_bytes())
    assert plist["ProgramArguments"] == list(job.command)
    assert (plist["RunAtLoad"], plist["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert {type(plist[name]) for name in ("Umask", "ThrottleInterval")} == {int}
    log = tmp_path / "Library/Logs/awsync.log"
    assert plist["StandardErrorPath"] == str(log)
    assert launchd.logs(9, follow=True) == ("tail", "-n", "9", "-F", str(log))
    fake.answers["launchctl print"] = Ran(0, "\tstate = running\n\tpid = 88\n\truns = 3\n")
    assert launchd.install(job) == (f"Already installed: {launchd.path}",)
    assert fake.changes() == [f"launchctl kickstart gui/501/{LABEL}"]
    service = launchd.look()
    assert service is not None
    assert (service.state, service.pid, service.restarts, service.command) == ("running", 88, 2, job.command)

    def bootout() -> Ran:
        ending = [Ran(0), Ran(0)]
        fake.answers["launchctl print"] = lambda: ending.pop() if ending else Ran(113)
        return Ran(0)

    fake.answers["launchctl bootout"] = bootout
    launchd.restart()
    assert fake.changes() == [f"launchctl kickstart -k gui/501/{LABEL}"]
    other = Job((*job.command, "--verbose"), job.config, job.state_dir)
    assert launchd.install(other) == (f"Replaced: {launchd.path}",)
    gone = fake.asked.index(f"launchctl bootout gui/501/{LABEL}")
    words = [line.split()[1] for line in fake.asked[gone:]]
    assert words == ["bootout", "print", "print", "print", "enable", "bootstrap"], "it waits for the end"
    fake.asked.clear()
    fake.answers["launchctl print"] = Ran(0)
    launchd.stop()
    launchd.uninstall()
    assert fake.changes() == [f"launchctl bootout gui/501/{LABEL}"]
    assert launchd.look() is None
    assert launchd.uninstall() == ()
