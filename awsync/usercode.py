"""Code of the user's that rules hand events to: Python functions by entry point, and programs.

It has no way to let an event through: what fails, takes too long or answers something else stops the bucket
(RuleError), and nothing of the event is in the error. A function is called in a thread of its own, for one
that hangs cannot be ended: it is left behind, and the process does not wait for it. A program is ended.

May import: the standard library, msgspec, errors, rules, series, settings.
"""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from typing import cast

from awsync.errors import RuleError
from awsync.rules.steps import About, Run
from awsync.series import Data
from awsync.settings import Rule

GROUP = "awsync.transforms"
"""Entry points of this group are functions of (data, bucket) that return data, or None to drop the event."""
MOST_BYTES = 1 << 20
"""What a program may answer to one event, in bytes."""
_REMEDY = "Nothing of its bucket leaves until that is mended, or the rule is taken out."

_Answer = tuple[object, BaseException | None]
_Call = Callable[[dict[str, object], About], object]


class UserCode:
    """Runs the code of one pass; to be closed at its end. Every method but `close` may raise RuleError."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._lock = threading.Lock()

    def run(self, rule: Rule, about: About) -> Run:
        """What hands the data of a bucket's events to the code of a rule."""
        if rule.transform is not None:
            _loaded(rule)

        def run(data: Data) -> Data | None:
            with self._lock:
                return _sound(self._worker(rule).ask(data, about), rule)

        return run

    def close(self) -> None:
        """Ends the programs."""
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def _worker(self, rule: Rule) -> "_Worker":
        worker = self._workers.get(rule.name)
        if worker is None or worker.closed:
            ask = _Function(rule) if rule.transform is not None else _Program(rule)
            worker = self._workers[rule.name] = _Worker(rule, ask)
        return worker


class _Function:
    """A function behind an entry point."""

    def __init__(self, rule: Rule) -> None:
        self._function = _loaded(rule)

    def __call__(self, data: Data, about: About) -> object:
        return self._function(dict(data), about)

    def end(self) -> None:
        """Nothing can end a function."""

    def left(self) -> None:
        """It holds nothing."""


class _Program:
    """A program that answers each line with one: `{"data": {...}}`, or `null` to drop the event."""

    def __init__(self, rule: Rule) -> None:
        try:
            self._process = subprocess.Popen(
                rule.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise RuleError(rule.name, f'cannot start "{rule.command[0]}": {why}.', _REMEDY) from None

    def __call__(self, data: Data, about: About) -> object:
        process = self._process
        assert process.stdin is not None, "Popen was told PIPE"
        assert process.stdout is not None, "Popen was told PIPE"
        question = {"bucket": about.bucket, "watcher": about.watcher, "host": about.host, "data": data}
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        line = process.stdout.readline(MOST_BYTES)
        if not line.endswith(b"\n"):
            if len(line) == MOST_BYTES:
                raise _FaultError(f"got more than {MOST_BYTES >> 20} MiB from its program for one event")
            raise _FaultError(f"lost its program, which ended with exit code {process.wait()}")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise _FaultError("got a line from its program that is not JSON") from None
        if answer is None:
            return None
        if not isinstance(answer, dict) or answer.keys() != {"data"}:
            raise _FaultError('wants {"data": {...}} or null from its program, and got something else')
        return answer["data"]

    def end(self) -> None:
        """Ends the program, and on POSIX what it started."""
        if os.name == "posix" and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def left(self) -> None:
        """Closes the pipes; by the thread that reads them, for it may still do so."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None, "Popen was told PIPE"
            with suppress(OSError):
                pipe.close()


class _FaultError(Exception):
    """What is wrong with an answer; its text holds nothing of the event."""


class _Worker:
    """A thread that asks one piece of code, so that nobody waits for it longer than its rule says."""

    def __init__(self, rule: Rule, ask: _Function | _Program) -> None:
        self.closed = False
        self._rule = rule
        self._ask = ask
        self._questions: queue.SimpleQueue[tuple[Data, About] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"rule {rule.name}", daemon=True)
        self._thread.start()

    def ask(self, data: Data, about: About) -> object:
        """What the code makes of an event; after a failure the worker is closed."""
        self._questions.put((data, about))
        seconds = self._rule.timeout.total_seconds()
        try:
            answer, error = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            fault = f"took longer than its timeout of {seconds:g} s over one event."
            raise RuleError(self._rule.name, fault, _REMEDY) from None
        if error is None:
            return answer
        self.close()
        fault = str(error) if isinstance(error, _FaultError) else f"failed with {type(error).__name__}"
        raise RuleError(self._rule.name, f"{fault}.", _REMEDY)

    def close(self) -> None:
        """Ends the code, as far as it can be ended."""
        if not self.closed:
            self.closed = True
            self._questions.put(None)
            self._ask.end()

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                self._answers.put((self._ask(*question), None))
            except BaseException as error:  # noqa: BLE001 whatever a user's code raises, the pass must hear
                self._answers.put((None, error))
        self._ask.left()


def _loaded(rule: Rule) -> _Call:
    """The function that a rule names."""
    name = rule.transform
    for point in entry_points(group=GROUP, name=name or ""):
        try:
            function: object = point.load()
        except Exception as error:  # noqa: BLE001 an import runs whatever the user wrote
            fault = f'cannot load the transform "{name}": {type(error).__name__}.'
            raise RuleError(rule.name, fault, _REMEDY) from None
        if not callable(function):
            raise RuleError(rule.name, f'names the transform "{name}", which is no function.', _REMEDY)
        return cast("_Call", function)
    raise RuleError(rule.name, f'names the transform "{name}", which is not installed.', _REMEDY)


def _sound(answer: object, rule: Rule) -> Data | None:
    """An answer as data that can be labels."""
    if answer is None:
        return None
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) for name in answer):
        raise RuleError(rule.name, "got something else than data back.", _REMEDY)
    try:
        text = json.dumps(dict(answer))
    except (TypeError, ValueError, RecursionError):
        raise RuleError(rule.name, "got data back that cannot be written as JSON.", _REMEDY) from None
    found: dict[str, object] = json.loads(text)
    return found
