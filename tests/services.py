"""A stand-in for the manager of services of a system: it answers commands, and runs none."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from awsync.service.manager import Job, Ran


class Fake:
    """Answers commands by what they contain, the first match counts, and remembers them."""

    def __init__(self, answers: Mapping[str, Ran | Callable[[], Ran]]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def __call__(self, command: Sequence[str]) -> Ran:
        """Runs nothing."""
        line = " ".join(command)
        self.asked.append(line)
        answer = next((found for words, found in self.answers.items() if words in line), Ran(0))
        return answer if isinstance(answer, Ran) else answer()

    def changes(self) -> list[str]:
        """The commands that change something, since the last time."""
        quiet = (" show", " print", "/Query", "powershell", "systemd-run")
        done = [line for line in self.asked if not any(word in line for word in quiet)]
        self.asked.clear()
        return done


def a_job(folder: Path) -> Job:
    """What shall run, with its settings and its state in that folder."""
    words = (sys.executable, "-P", "-m", "awsync", "sync", "--config", str(folder / "config.toml"))
    return Job(words, folder / "config.toml", folder / "state")
