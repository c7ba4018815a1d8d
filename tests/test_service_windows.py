"""What awsync asks of the Task Scheduler, and the task that it is given."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from awsync.service.manager import Job, Ran
from awsync.service.task import NAMESPACE
from awsync.service.windows import Windows
from tests.commands import environment
from tests.services import Fake, a_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """What shall run."""
    return a_job(tmp_path)


_TASK = {
    "Task": ["RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"],
    "RegistrationInfo": ["Date", "Author", "Version", "Description", "Documentation", "URI"],
    "Triggers": ["LogonTrigger"],
    "LogonTrigger": [
        "Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit", "UserId", "Delay",
    ],
    "Repetition": ["Interval", "Duration", "StopAtDurationEnd"],
    "Principals": ["Principal"],
    "Principal": ["UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"],
    "Settings": [
        "MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries",
        "AllowHardTerminate", "StartWhenAvailable", "RunOnlyIfNetworkAvailable", "IdleSettings",
        "AllowStartOnDemand", "Enabled", "Hidden", "RunOnlyIfIdle", "WakeToRun", "ExecutionTimeLimit",
        "Priority", "RestartOnFailure",
    ],
    "RestartOnFailure": ["Interval", "Count"],
    "Actions": ["Exec"],
    "Exec": ["Command", "Arguments", "WorkingDirectory"],
}  # fmt: skip
"""The documented schema of the Task Scheduler 1.2, of the types that are used: their elements, in order."""


def test_the_task_follows_its_schema(tmp_path: Path, job: Job) -> None:
    """Every element is one of its type and stands in its order; numbers are within their bounds."""
    windows = Windows(Fake({}), folder=tmp_path, account=r"PC\anna")
    xml = windows.render(job)
    assert xml.startswith('<?xml version="1.0" encoding="UTF-16"?>\n')
    task = ElementTree.fromstring(xml.encode("utf-16"))  # noqa: S314 our own
    assert task.get("version") == "1.2"

    def check(element: ElementTree.Element) -> None:
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        assert element.tag == f"{{{NAMESPACE}}}{name}"
        known = _TASK.get(name)
        children = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        if known is None:
            assert not children
            assert (element.text or "").strip(), name
            return
        assert children == [each for each in known if each in children], name
        assert len(set(children)) == len(children)
        for child in element:
            check(child)

    check(task)

    def text(path: str) -> str:
        return task.findtext("/".join(f"{{{NAMESPACE}}}{each}" for each in path.split("/")), "")

    assert 1 <= int(text("Settings/RestartOnFailure/Count")) <= 255
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Principals/Principal/LogonType") in ("InteractiveToken", "S4U", "Password")
    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    principal, actions = (task.find(f".//{{{NAMESPACE}}}{name}") for name in ("Principal", "Actions"))
    assert principal is not None
    assert actions is not None
    assert principal.get("id") == actions.get("Context")


def test_windows_gets_a_task(tmp_path: Path, job: Job) -> None:
    """schtasks is given the file in UTF-16; the task writes to a file, and one that was stopped stays so."""
    fake = Fake({"/Query": Ran(1, err="ERROR: The system cannot find the file specified.")})
    windows = Windows(fake, folder=tmp_path / "data", account=r"PC\anna")
    assert windows.install(job) == (f"Installed: the task awsync, from {windows.path}",)
    assert fake.changes() == [
        f"schtasks /Create /TN awsync /XML {windows.path} /F",
        "schtasks /Run /TN awsync",
    ]
    content = windows.path.read_bytes()
    assert content.startswith(b"\xff\xfe")
    xml = content.decode("utf-16")
    assert f"awsync.cli.logged {tmp_path / 'data' / 'awsync.log'} sync --config" in xml
    fake.answers = {"/XML ONE": Ran(0, xml), "powershell": Ran(0, '{"state":4,"last":267009}\n')}
    service = windows.look()
    assert service is not None
    assert (service.state, service.enabled, service.command[0]) == ("running", True, sys.executable)
    assert windows.install(job)[0].startswith("Already installed")
    assert fake.changes() == ["schtasks /Run /TN awsync"]
    fake.answers["powershell"] = Ran(0, '{"state":3,"last":1}\n')
    failed = windows.look()
    assert failed is not None
    assert (failed.state, failed.why) == ("failed", "result 0x1")
    windows.stop()
    windows.start()
    windows.uninstall()
    assert fake.changes() == [
        "schtasks /Change /TN awsync /DISABLE",
        "schtasks /End /TN awsync",
        "schtasks /Change /TN awsync /ENABLE",
        "schtasks /Run /TN awsync",
        "schtasks /End /TN awsync",
        "schtasks /Delete /TN awsync /F",
    ]
    assert "-Tail 5 -Wait" in " ".join(windows.logs(5, follow=True))


def test_a_task_without_a_screen_writes_to_its_file(tmp_path: Path) -> None:
    """With stdout and stderr closed, as under pythonw, all that is said stands in the file."""
    log = tmp_path / "logs" / "awsync.log"
    script = f"import runpy, sys; sys.stdout = sys.stderr = None; sys.argv = ['', {str(log)!r}, 'sync'];"
    script += "runpy.run_module('awsync.cli.logged', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
    assert "prometheus-url" in log.read_text()
