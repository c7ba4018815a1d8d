"""`awsync config`: what it prints, where, and with which exit code; and the flags of every command."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from awsync.cli.config import app
from awsync.cli.flags import settings_flags
from awsync.config import KEYS, Key, load
from awsync.config.command_line import given_again, shown_command
from awsync.demo.aw_server import AwServer
from awsync.demo.receiver import Receiver
from awsync.rules.levels import LEVELS
from tests.conftest import StartStore
from tests.servers import Store

STORE = 'prometheus-url = "http://store:9090"\n'
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in an empty folder with no settings from outside."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for key in KEYS:
        for name in key.env:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWSYNC_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(app, args)


def test_show_tells_every_value_and_its_origin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each key on standard output, aligned, with the place; the secret is masked."""
    (home / "config.toml").write_text(f'{STORE}username = "u"\npassword = "s3cret"\n')
    (home / "config.toml").chmod(0o600)
    monkeypatch.setenv("MIN_DATA", "9")
    result = run("show", "--cron", "@daily", "--header", "X-Scope-OrgID=s3cret")
    table, _, leaving = result.stdout.partition("\n\n")
    assert 'Level "standard", for all watchers' in leaving
    head, *lines = table.splitlines()
    assert head.split() == ["setting", "value", "origin"]
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines}
    assert set(rows) == {key.name for key in KEYS}
    assert rows["prometheus-url"] == ["http://store:9090", "config.toml:1"]
    assert rows["min-data"] == ["9", "environment MIN_DATA"]
    assert rows["cron"] == ["@daily", "flag --cron"]
    assert rows["headers"] == ["X-Scope-OrgID=***", "flag --header"]
    assert rows["password"] == ["***", "config.toml:3"]
    assert rows["settle"] == ["5m", "default"]
    assert rows["bearer-token"] == ["-", "not set"]
    assert "s3cret" not in result.output
    assert result.stderr == f"Settings from {home / 'config.toml'}\n"


def test_show_tells_the_rules(home: Path) -> None:
    """What leaves is told as TOML: the rules in their order, and those of the levels in force."""
    rules = '[[rule]]\nname = "no bank"\nmatch = { title = "bank" }\ndrop = true\n'
    (home / "config.toml").write_text(STORE + 'privacy-for = { "aw-watcher-web*" = "strict" }\n' + rules)
    _, _, leaving = run("show").stdout.partition("\n\n")
    names = [rule["name"] for rule in tomllib.loads(leaving)["rule"]]
    assert names[0] == "no bank"
    assert {rule.name for level in ("standard", "strict") for rule in LEVELS[level].rules} <= set(names)
    assert not {rule.name for rule in LEVELS["full"].rules} & set(names)
    assert 'Level "strict", for watchers aw-watcher-web*' in leaving
    shown = json.loads(run("show", "--json").stdout)
    assert shown["rules"] == [{"name": "no bank", "match": {"title": "bank"}, "drop": True}]
    assert set(shown["levels"]) == {"standard", "strict"}


def test_show_for_machines(home: Path) -> None:
    """--json holds the same with types, and standard output is nothing but JSON."""
    (home / "config.toml").write_text(f'{STORE}bearer-token = "s3cret"\nexcluded-watchers = ["a"]\n')
    shown = json.loads(run("show", "--json").stdout)
    assert shown["file"] == str(home / "config.toml")
    assert shown["settings"]["excluded-watchers"] == {"value": ["a"], "origin": "config.toml:3"}
    assert shown["settings"]["min-data"] == {"value": 5, "origin": "default"}
    assert shown["settings"]["bearer-token"]["value"] == "***"


@pytest.mark.parametrize(
    "text",
    [
        STORE
        + 'privacy = "full"\n[[rule]]\nname = "a"\nmatch = { b = "(c)" }\nset = { d = \'\\1\' }\n'
        + '[[rule]]\nname = "p"\npseudonymise = ["d"]\n',
        'prometheus-url = "http://h/write?x=1"\nexcluded-watchers = ["a"]\nhosts = { a = "b" }\n',
        STORE
        + 'initial-history = "30d"\n[[source]]\nname = "a"\naw-url = "http://a"\nuser-id = "me"\n'
        + '[[source]]\nname = "b"\naw-url = "http://b"\n',
    ],
)
def test_show_as_toml_gives_the_same_settings(home: Path, text: str) -> None:
    """`awsync config show --toml` moves settings from environment and flags into a file."""
    (home / "config.toml").write_text(text)
    result = run("show", "--toml", "--settle", "7m")
    before = load({"settle": "7m"}, {}, home).settings
    (home / "config.toml").write_text(result.stdout)
    assert load({}, {}, home).settings == before


def test_show_needs_no_store_and_fails_on_a_mistake(home: Path) -> None:
    """A newcomer may look at the defaults; a wrong value is exit code 2 with nothing on standard output."""
    assert run("show").exit_code == 0
    (home / "config.toml").write_text("cron = 5\n")
    result = run("show")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "config.toml:1: cron: must be text" in result.stderr


def test_check(home: Path) -> None:
    """Exit code 0 and one line when all is right; 2 and one line for each problem otherwise."""
    (home / "config.toml").write_text(STORE)
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, f"The settings are right: {home / 'config.toml'}.\n")
    (home / "config.toml").write_text('crn = "x"\nmin-data = "x"\n')
    result = run("check")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 3)


def test_check_for_machines(home: Path) -> None:
    """--json gives the problems as data, with the same exit code."""
    (home / "config.toml").write_text('crn = "x"\n')
    result = run("check", "--json", "--prometheus-url", "http://h")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"]) == (2, False)
    assert [(each["key"], each["line"]) for each in report["problems"]] == [("crn", 1)]
    (home / "config.toml").write_text(STORE)
    assert json.loads(run("check", "--json").stdout) == {"ok": True, "problems": [], "warnings": []}


def test_path(home: Path) -> None:
    """It prints the file that is read, and exit code 1 says that there is none yet."""
    result = run("path")
    assert (result.exit_code, result.stdout) == (1, f"{home}/xdg_config_home/awsync/config.toml\n")
    (home / "config.toml").write_text("")
    assert (run("path").exit_code, run("path").stdout) == (0, f"{home}/config.toml\n")


def test_init_writes_what_it_found(
    home: Path, aw: AwServer, shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that answers at its usual place goes into the file, and so does ActivityWatch."""
    monkeypatch.setattr("awsync.firstrun.USUAL_STORES", (NOWHERE, shared_store.url))
    result = run("init", "--aw-url", aw.url, "--excluded-watchers", "a|b")
    path = home / "xdg_config_home" / "awsync" / "config.toml"
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    assert re.search(
        rf"^Found ActivityWatch v0\S* of \S+ at {aw.url}: no bucket yet\.$", result.stderr, re.MULTILINE
    )
    assert f"No Prometheus or VictoriaMetrics answers at {NOWHERE}." in result.stderr
    kind = "VictoriaMetrics" if shared_store.kind == "victoria-metrics" else "Prometheus"
    assert re.search(rf"^Found {kind}.* at {shared_store.url}\.$", result.stderr, re.MULTILINE)
    assert tomllib.loads(path.read_text()) == {
        "prometheus-url": shared_store.url,
        "aw-url": aw.url,
        "excluded-watchers": ["a", "b"],
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("check").exit_code == 0


@pytest.mark.servers
def test_init_tells_what_a_store_lacks(home: Path, start_store: StartStore) -> None:
    """A Prometheus as it comes takes no remote write; the newcomer is told before the first pass fails."""
    store = start_store("prometheus-3.5", receiver=False)
    result = run("init", "--aw-url", NOWHERE, "--prometheus-url", store.url, "--path", "x.toml")
    assert f"ActivityWatch at {NOWHERE} cannot be reached" in result.stderr
    assert f"at {store.url}. It takes no remote write yet" in result.stderr
    assert "--web.enable-remote-write-receiver" in result.stderr


def test_init_without_any_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed: the file is written, and the one thing left to do is told."""
    monkeypatch.setattr("awsync.firstrun.USUAL_STORES", (NOWHERE,))
    result = run("init", "--aw-url", NOWHERE, "--path", "here.toml")
    assert result.exit_code == 0
    assert tomllib.loads((home / "here.toml").read_text()) == {"aw-url": NOWHERE}
    assert "Now set prometheus-url in it" in result.stderr


def test_init_takes_a_named_store_as_it_is(home: Path) -> None:
    """A store that is named is written down, also where it does not answer just now."""
    with Receiver() as receiver:
        result = run("init", "--aw-url", NOWHERE, "--prometheus-url", receiver.url, "--path", "x.toml")
    assert result.exit_code == 0
    assert tomllib.loads((home / "x.toml").read_text())["prometheus-url"] == receiver.url


def test_init_replaces_nothing_unasked(home: Path) -> None:
    """A file that somebody wrote is not lost; --force replaces it."""
    (home / "x.toml").write_text("mine")
    args = ("init", "--path", "x.toml", "--aw-url", NOWHERE, "--prometheus-url", NOWHERE)
    result = run(*args)
    assert (result.exit_code, (home / "x.toml").read_text()) == (2, "mine")
    assert "give --force to replace it" in result.stderr
    assert run(*args, "--force").exit_code == 0
    assert tomllib.loads((home / "x.toml").read_text())["prometheus-url"] == NOWHERE


def command_with_flags() -> tuple[typer.Typer, list[dict[str, object]]]:
    commands, seen = typer.Typer(), []

    @commands.command()
    @settings_flags
    def sync(flags: dict[str, object], *, once: bool = False) -> None:
        """Do nothing."""
        seen.append(flags | {"once": once})

    return commands, seen


@pytest.mark.parametrize("key", [key for key in KEYS if key.flag], ids=lambda key: key.name)
def test_every_command_has_every_flag(key: Key[Any]) -> None:
    """A key of the table is a flag of each command, under its old spelling too."""
    commands, seen = command_with_flags()
    for flag in (str(key.flag), *key.old_flags):
        assert CliRunner().invoke(commands, ["--once", flag, "a=b"]).exit_code == 0
        assert seen.pop() == {key.name: ["a=b"] if key.kind.repeats else "a=b", "once": True}


def test_flags_that_are_absent_are_not_handed_on() -> None:
    """A flag that nobody gave must not beat the file."""
    commands, seen = command_with_flags()
    assert (
        CliRunner().invoke(commands, ["--config", "x", "--header", "A=b", "--header", "C=d"]).exit_code == 0
    )
    assert seen == [{"config": "x", "headers": ["A=b", "C=d"], "once": False}]


def test_two_spellings_of_one_flag() -> None:
    """Of --min-data and --minData neither can silently win."""
    commands, seen = command_with_flags()
    result = CliRunner().invoke(commands, ["--min-data", "1", "--minData", "2"])
    assert (result.exit_code, seen) == (2, [])
    assert "are the same setting" in result.stderr


def test_help_lists_the_flags_but_not_their_old_spellings() -> None:
    """The help shows one name for each setting, and the variable that does the same."""
    commands, _ = command_with_flags()
    text = CliRunner().invoke(commands, ["--help"], terminal_width=200, color=False).stdout
    for key in KEYS:
        assert (f"{key.flag} " in text) == (key.flag is not None)
    assert "--minData" not in text
    assert "MIN_DATA" in text


def test_the_flags_load_nothing_slow() -> None:
    """`awsync --help` needs the table of keys alone."""
    heavy = ("httpx", "textual", "croniter", "tomlkit")
    code = (
        f"import sys, awsync.cli.flags, awsync.config.keys; print([m for m in {heavy!r} if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "[]\n"


def test_a_command_is_shown_without_its_secrets() -> None:
    """What a second awsync, `status` and the doctor tell of the first holds the value of no header."""
    given = ["sync", "--header", "X-Key=s3cret=", "--cron", "@daily", "--header=Authorization=Bearer s3cret"]
    told = shown_command(given)
    assert told == "awsync sync --header 'X-Key=***' --cron @daily '--header=Authorization=***'"
    given = ["sync", "--prometheus-url", "https://s/push?token=s3cret", "--aw-url=http://pc:5600"]
    told = shown_command(given)
    assert told == "awsync sync --prometheus-url 'https://s/push?***' --aw-url=http://pc:5600"


def test_a_command_to_run_next_has_no_secrets() -> None:
    """The flags are those that were given, each as often; what may be secret is left out and named."""
    given, left_out = given_again(
        {
            "config": "my config.toml",
            "headers": ["X-Key=s3cret", "Authorization=Bearer s3cret"],
            "prometheus-url": "https://s/push?token=s3cret",
            "aw-url": "http://pc:5600",
            "excluded-watchers": ["a*", "b*"],
        }
    )
    assert given == [
        *("--config", "my config.toml", "--aw-url", "http://pc:5600"),
        *("--excluded-watchers", "a*", "--excluded-watchers", "b*"),
    ]
    assert [key.flag for key in left_out] == ["--header", "--prometheus-url"]
