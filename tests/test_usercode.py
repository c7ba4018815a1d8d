"""Code of the user's in rules: chained, in the order of the rules, and failing closed."""

import os
import re
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.errors import RuleError
from awsync.events import SourceFailed
from awsync.rules.edits import RuleBook
from awsync.rules.steps import About, composed
from awsync.series import Data, Edited
from awsync.settings import Privacy, Rule
from awsync.usercode import GROUP, MOST_BYTES, UserCode
from tests.passes import make_settings, open_state, run_pass, sentences, utc_now
from tests.servers import wait_until

SECRET = "the secret title"
PAGE = Path(__file__).parent.parent / "docs" / "privacy.md"
Answer = dict[str, Any] | None


def upper(data: dict[str, Any], _: About) -> Answer:
    """A transform that works."""
    return {**data, "title": str(data["title"]).upper()}


def only_work(data: dict[str, Any], bucket: About) -> Answer:
    """A transform that drops, and that looks at the bucket."""
    return {**data, "from": bucket.watcher} if "WORK" in str(data["title"]) else None


def broken(data: dict[str, Any], _: About) -> Answer:
    """A transform whose error holds what must not be shown."""
    raise ValueError(data["title"])


def wrong(_data: dict[str, Any], _: About) -> object:
    """A transform that returns no data."""
    return "data"


def unwritable(data: dict[str, Any], _: About) -> object:
    """A transform whose data no label can hold."""
    return {**data, "title": object()}


NEVER = threading.Event()


def hangs(data: dict[str, Any], _: About) -> Answer:
    """A transform that does not return before the test ends."""
    NEVER.wait(30)
    return data


no_function = 7


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the functions of this file as entry points."""
    names = ("upper", "only_work", "broken", "wrong", "unwritable", "hangs", "no_function", "absent")
    points = [EntryPoint(name, f"{__name__}:{name}", GROUP) for name in names]

    def found(*, group: str, name: str) -> list[EntryPoint]:
        assert group == GROUP
        return [point for point in points if point.name == name]

    monkeypatch.setattr("awsync.usercode.entry_points", found)


@pytest.fixture
def code() -> Iterator[UserCode]:
    """Code of one pass, which is closed at its end."""
    used = UserCode()
    yield used
    used.close()


def transform(name: str, timeout: float = 5.0) -> Rule:
    """A rule that names a function."""
    return Rule(name=f"by {name}", transform=name, timeout=timedelta(seconds=timeout))


def command(program: str, timeout: float = 5.0, name: str = "program") -> Rule:
    """A rule that names a program in Python; `lines` and `say` are there for it."""
    head = """
        import json, sys
        lines = sys.stdin
        def say(answer):
            print(json.dumps(answer), flush=True)
    """
    text = textwrap.dedent(head) + textwrap.dedent(program)
    return Rule(name=name, command=(sys.executable, "-c", text), timeout=timedelta(seconds=timeout))


ECHO = """
    for line in lines:
        say({"data": json.loads(line)["data"]})
"""


def edited(code: UserCode, data: Data, *rules: Rule, level: str = "full") -> Edited | None:
    """What rules make of an event of a window watcher."""
    privacy = Privacy("strict" if level == "strict" else "full")
    book = RuleBook(rules, None, code.run)
    return composed(book.steps(privacy, "aw-watcher-window", "window_pc", "pc"))(data)


def test_transforms_are_a_chain(code: UserCode) -> None:
    """The second sees what the first made, and a drop ends it."""
    chain = transform("upper"), transform("only_work")
    kept = edited(code, {"app": "vim", "title": "work"}, *chain)
    assert kept == Edited({"app": "vim", "title": "WORK", "from": "aw-watcher-window"})
    assert edited(code, {"app": "vim", "title": "play"}, *chain) is None
    assert edited(code, {"app": "vim", "title": "work"}, *reversed(chain)) is None


def test_a_program_is_asked_line_by_line(code: UserCode) -> None:
    """It is started once, is told where an event is from, and may drop it; text of any kind arrives."""
    rule = command("""
        for number, line in enumerate(lines):
            asked = json.loads(line)
            if asked["data"]["title"] == "drop":
                say(None)
            else:
                about = asked["bucket"], asked["watcher"], asked["host"]
                say({"data": {**asked["data"], "number": number, "about": "/".join(about)}})
    """)
    odd = 'new\nline, "quotes", emoji 🧑‍💻, half of one \ud83d'
    first = edited(code, {"title": odd}, rule)
    assert first == Edited({"title": odd, "number": 0, "about": "window_pc/aw-watcher-window/pc"})
    assert edited(code, {"title": "drop"}, rule) is None
    last = edited(code, {"title": "x"}, rule)
    assert last is not None
    assert last.data["number"] == 2


def test_two_programs_and_a_transform(code: UserCode) -> None:
    """Programs and functions follow one another like any other rules."""
    adds = """
        for line in lines:
            data = json.loads(line)["data"]
            say({{"data": {{**data, "title": data["title"] + "{}"}}}})
    """
    rules = command(adds.format("1"), name="a"), transform("upper"), command(adds.format("x"), name="b")
    assert edited(code, {"title": "t"}, *rules) == Edited({"title": "T1x"})


def test_the_level_has_the_last_word(code: UserCode) -> None:
    """What code puts into an event goes where the level of privacy forbids it."""
    rule = command('say({"data": {"app": "vim", "title": "from a program"}})')
    assert edited(code, {"app": "vim"}, rule, level="strict") == Edited({"app": "vim"})


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (transform("broken"), "failed with ValueError"),
        (transform("wrong"), "something else than data"),
        (transform("unwritable"), "cannot be written as JSON"),
        (transform("hangs", 0.05), "took longer than its timeout of 0.05 s"),
        (transform("no_function"), "is no function"),
        (transform("absent"), "cannot load"),
        (transform("unknown"), "is not installed"),
        (Rule(name="x", command=("/no/such/program",)), "cannot start"),
        (command("pass"), "ended with exit code 0"),
        (command("sys.exit(3)"), "ended with exit code 3"),
        (command("for line in lines: print(line[:5], flush=True)"), "is not JSON"),
        (command("for line in lines: say(json.loads(line))"), "something else"),
        (command('for line in lines: say({"data": 7})'), "something else"),
        (command("for line in lines: pass", 0.3), "took longer"),
        (command(f'lines.readline(); print("x" * {MOST_BYTES + 1}, flush=True)'), "more than 1 MiB"),
    ],
    ids=range(15),
)
def test_what_fails_lets_nothing_through(code: UserCode, rule: Rule, why: str) -> None:
    """Each failure is an error with the name of the rule, without anything of the event."""
    with pytest.raises(RuleError) as caught:
        edited(code, {"app": "vim", "title": SECRET}, rule)
    assert why in str(caught.value)
    assert rule.name in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_program_that_broke_is_started_anew(code: UserCode) -> None:
    """One event that breaks a program costs that event's turn; the next one has a fresh program."""
    rule = command("""
        for line in lines:
            data = json.loads(line)["data"]
            if data["title"] == "bad":
                sys.exit(1)
            say({"data": data})
    """)
    assert edited(code, {"title": "good"}, rule) == Edited({"title": "good"})
    with pytest.raises(RuleError):
        edited(code, {"title": "bad"}, rule)
    assert edited(code, {"title": "good"}, rule) == Edited({"title": "good"})


def test_many_passes_leave_nothing_behind() -> None:
    """Programs end with their pass, also those that would go on for ever and have a child."""
    # Of an earlier test something may still end meanwhile: what counts is what is new.
    fds, threads = set(os.listdir("/proc/self/fd")), set(threading.enumerate())
    stubborn = """
        import signal, subprocess
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.alarm(60); signal.pause()"])
    """
    for number in range(6):
        used = UserCode()
        rule = command(ECHO if number else stubborn + textwrap.indent(ECHO, "    "))
        assert edited(used, {"title": "x"}, rule) == Edited({"title": "x"})
        used.close()
    wait_until(lambda: set(threading.enumerate()) <= threads, "the threads of the programs to end")
    # One is that of the folder while it is listed.
    assert len(set(os.listdir("/proc/self/fd")) - fds) <= 1


def test_the_examples_of_the_documentation(code: UserCode, tmp_path: Path) -> None:
    """The function and the program that docs/privacy.md shows do what it says of them."""
    section = PAGE.read_text().partition("\n## Code of your own")[2].partition("\n## ")[0]
    function, program = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    module = ModuleType("example")
    exec(function, module.__dict__)  # noqa: S102 our own page
    about = About("window_pc", "aw-watcher-window", "pc")
    assert module.tidy({"title": "(3) Inbox"}, about) == {"title": "Inbox"}
    assert module.tidy({"title": "Private journal"}, about) is None
    path = tmp_path / "example.py"
    path.write_text(program)
    rule = Rule(name="example", command=(sys.executable, str(path)))
    assert edited(code, {"title": "PROJ-12: mend it"}, rule) == Edited(
        {"title": "PROJ-12: mend it", "ticket": "PROJ-12"}
    )
    assert edited(code, {"title": "other"}, rule) == Edited({"title": "other"})


def test_a_bucket_stays_where_its_code_fails(aw: AwServer, tmp_path: Path) -> None:
    """Nothing of that bucket arrives or is passed over, the others go on; mended, all of it arrives."""
    now = utc_now()
    for name in ("good", "bad"):
        aw.create_bucket(f"{name}_pc", f"aw-watcher-{name}", "app.editor.activity", "pc")
        aw.insert(f"{name}_pc", [_event(now - timedelta(minutes=20 + n), SECRET) for n in range(30)])
    rule = replace(command("sys.exit(3)"), watchers=("bad*",))
    with Receiver() as store:
        settings = make_settings(tmp_path, aw.url, store.url, rules=(rule,))
        finished, said = run_pass(settings)
        assert not finished.complete
        assert 'The rule "program" lost its program' in sentences(said)
        assert SECRET not in sentences([each for each in said if isinstance(each, SourceFailed)])
        assert _names(store) == {"aw_watcher_good_seconds"}
        with open_state(settings) as state:
            assert state.checkpoint("default", "bad_pc").position is None
        finished, said = run_pass(replace(settings, rules=(replace(command(ECHO), watchers=("bad*",)),)))
        assert finished.complete, sentences(said)
        assert _names(store) == {"aw_watcher_good_seconds", "aw_watcher_bad_seconds"}


def _event(start: datetime, title: str) -> dict[str, object]:
    return {"timestamp": start.isoformat(), "duration": 30, "data": {"app": "vim", "title": title}}


def _names(store: Receiver) -> set[str]:
    return {dict(labels)["__name__"] for labels in store.samples()}
