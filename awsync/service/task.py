"""The XML of a Windows task, and what is read back from one: nothing here asks the system.

It follows the documented schema of the Task Scheduler, version 1.2 (Windows Vista and later). Its elements
stand in the order in which Windows itself exports them; within a trigger the schema demands that order.

May import: the standard library, service.manager.
"""

import subprocess
from collections.abc import Mapping
from xml.etree import ElementTree

from awsync.service.manager import Job

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_Tree = Mapping[str, "str | _Tree"]


def render(job: Job, *, account: str, program: str, arguments: tuple[str, ...]) -> str:
    """The task that runs a program at the logon of `account`, and whenever it is found not to run.

    A task that ended with an exit code other than zero is not always one that failed to Windows; so it is
    also looked after every five minutes: one that runs is left alone.
    """
    tree: _Tree = {
        "RegistrationInfo": {
            "Author": "awsync",
            "Description": "Delivers the history of ActivityWatch to Prometheus (awsync service install).",
            "URI": r"\awsync",
        },
        "Triggers": {
            "LogonTrigger": {
                "Enabled": "true",
                "Repetition": {"Interval": "PT5M", "StopAtDurationEnd": "false"},
                "UserId": account,
            }
        },
        "Principals": {
            "Principal": {"UserId": account, "LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"}
        },
        "Settings": {
            "MultipleInstancesPolicy": "IgnoreNew",
            "DisallowStartIfOnBatteries": "false",
            "StopIfGoingOnBatteries": "false",
            "AllowHardTerminate": "true",
            "StartWhenAvailable": "true",
            "RunOnlyIfNetworkAvailable": "false",
            "AllowStartOnDemand": "true",
            "Enabled": "true",
            "Hidden": "false",
            "RunOnlyIfIdle": "false",
            "WakeToRun": "false",
            "ExecutionTimeLimit": "PT0S",
            "Priority": "7",
            "RestartOnFailure": {"Interval": "PT1M", "Count": "255"},
        },
        "Actions": {
            "Exec": {
                "Command": program,
                "Arguments": subprocess.list2cmdline(arguments),
                "WorkingDirectory": str(job.state_dir),
            }
        },
    }
    task = ElementTree.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    _grow(task, tree)
    for path, name in (("Principals/Principal", "id"), ("Actions", "Context")):
        found = task.find(path)
        assert found is not None, path
        found.set(name, "Author")
    ElementTree.indent(task)
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{ElementTree.tostring(task, encoding="unicode")}\n'


def command_of(xml: str) -> tuple[str, ...]:
    """The program of a task, and its arguments in one piece; nothing where it cannot be read."""
    try:
        # The declaration speaks of the file's bytes, and this is text.
        task = ElementTree.fromstring(xml.partition("?>")[2] or xml)  # noqa: S314 from the Task Scheduler
    except ElementTree.ParseError:
        return ()
    found = [task.findtext(f".//{{{NAMESPACE}}}{name}") for name in ("Command", "Arguments")]
    return tuple(word for word in found if word)


def _grow(element: ElementTree.Element, tree: _Tree) -> None:
    for name, content in tree.items():
        child = ElementTree.SubElement(element, name)
        if isinstance(content, str):
            child.text = content
        else:
            _grow(child, content)
