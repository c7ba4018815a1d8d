"""Rules and levels as config.toml gives them: what is doubtful is refused, with its line."""

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from awsync.config import Watched, load, written
from awsync.errors import ConfigError
from awsync.settings import Privacy, Settings


def configured(folder: Path, toml: str) -> Settings:
    """Settings of a config.toml with these rules."""
    path = folder / "config.toml"
    path.write_text(f'prometheus-url = "http://localhost:9090"\nstate-dir = "state"\n{toml}')
    return load({"config": str(path)}, {}, folder, hostname=lambda: "laptop").settings


BROKEN: list[tuple[str, str]] = [
    ("drop = true\nname = 'a'\n[[rule]]\nname='a'\ndrop=true", "used by two rules"),
    ("drop = true", "rule.name: is missing"),
    ("name = 'a'", 'rule "a".action: does nothing'),
    ("name = 'a'\ndrop = false", "does nothing"),
    ("name = 'a'\ndrop = true\nkeep = ['b']", "leaves nothing for keep to change"),
    ("name = 'a'\nmacth = { a = 'b' }\ndrop = true", "did you mean match?"),
    ("name = 'a'\nmatch = { a = '(' }\ndrop = true", 'match.a: "(" is not a regular expression'),
    ("name = 'a'\nmatch = { a = 'b{e}' }\ndrop = true", 'holds "{"'),
    ("name = 'a'\nmatch = { a = '[[:alpha:]]' }\ndrop = true", 'holds "[[:"'),
    ("name = 'a'\nmatch = { a = '(?P<x>b)', b = '(?P<x>b)' }\ndrop = true", 'names two groups "x"'),
    ("name = 'a'\nmatch = { a = '(b)' }\nset = { c = '\\2' }", r"\2 names group 2, but there is only 1"),
    ("name = 'a'\nset = { c = '\\0' }", "the expression has no group"),
    ("name = 'a'\nset = { user = 'c' }", "is a label of awsync's own"),
    ("name = 'a'\nset = { c = '\\x' }", "means nothing"),
    ("name = 'a'\nreplace.b = { find = '(x)', with = '\\g<n>' }", 'names a group "n"'),
    ("name = 'a'\nreplace.b = { find = '(x)', with = '\\1', more = 1 }", "nothing else"),
    ("name = 'a'\nreplace.b = { find = '(', with = '' }", "is not a regular expression"),
    ("name = 'a'\nkeep = ['b']\npseudonymise = ['c']", '"c" is not among keep'),
    ("name = 'a'\ndrop = true\ntimeout = '5s'", "neither is given"),
    ("name = 'a'\nwatchers = []\ndrop = true", "is empty"),
    ("name = 'a'\ncategory = 'Work > '", "has an empty part"),
    ("name = 'a'\ncommand = []", "names no program"),
    ("name = 'a'\ndrop = 'yes'", "true or false"),
    ("name = 'a'\ncron = '* * * * *'\ndrop = true", "but of the whole"),
    ("name = 'a'\ndrop = true\n[[rule]]\nname = 'b'\nwatcher = 'x'\ndrop = true", "can never be found"),
    ("name = 'a'\nkeep = ['x']\n[[rule]]\nname = 'b'\nmatch.y = 'z'\ndrop = true", 'takes "y" away'),
    ("name = 'a'\npseudonymise = 'y'\n[[rule]]\nname = 'b'\nmatch.y = 'z'\ndrop = true", '"y" unreadable'),
]  # fmt: skip


@pytest.mark.parametrize(("table", "words"), BROKEN)
def test_a_doubtful_rule_is_refused(tmp_path: Path, table: str, words: str) -> None:
    """A rule that is wrong, does nothing or is never reached is an error with its line, not left out."""
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, f"[[rule]]\n{table}\n")
    assert words in str(caught.value)
    assert all(problem.line for problem in caught.value.problems)
    assert not (tmp_path / "state").exists()


def test_rules_as_they_are_written(tmp_path: Path) -> None:
    """Every key of a rule is read, and what `config show --toml` writes reads as the same."""
    found = configured(
        tmp_path,
        r"""
[[rule]]
name = "all"
watcher = "aw-*"
host = ["a", "b"]
match = { title = '(x)' }
set = { a = '\1' }
category = ["Work", "Mail"]
pseudonymize = "a"
keep = ["a"]
transform = "mine"
timeout = "10s"
[rule.replace]
title = ["x", { find = 'a', with = 'b' }]
""",
    ).rules
    assert found[0].watchers == ("aw-*",)
    assert found[0].category == ("Work", "Mail")
    again = tmp_path / "again"
    again.mkdir()
    assert configured(again, tomli_w.dumps({"rule": [written(rule) for rule in found]})).rules == found


def test_the_key_is_made_once(tmp_path: Path) -> None:
    """A key of pseudonyms is made where a rule needs one, for its owner alone, and stays."""
    rule = '[[rule]]\nname = "p"\npseudonymise = ["title"]\n'
    first = configured(tmp_path, rule).pseudonym_key
    path = tmp_path / "state" / "pseudonym-key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700, (
        "the state folder is closed to others, whoever makes it"
    )
    assert first is not None
    assert len(first.value) == 64
    assert configured(tmp_path, rule).pseudonym_key == first
    assert configured(tmp_path, "").pseudonym_key is None
    path.chmod(0o640)
    assert "chmod 600" in _refused(tmp_path, rule)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "does not exist"),
        (b"x" * 32, 0o644, "chmod 600"),
        (b"x" * 32, 0o620, "chmod 600"),
        (b"short", 0o600, "shorter than"),
        (b"", 0o600, "shorter than"),
        (b"a" * 32 + b"\n" + b"b" * 32, 0o600, "more than one line"),
        (b"\xff" * 32, 0o600, "not text"),
    ],
)
def test_a_doubtful_key_is_refused(tmp_path: Path, content: bytes | None, mode: int, words: str) -> None:
    """A key file that is missing, weak or open to others stops everything, and none is made in its place."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    toml = f'pseudonym-key-file = "{path}"\n[[rule]]\nname = "p"\npseudonymise = ["title"]\n'
    assert words in _refused(tmp_path, toml)
    assert path.exists() is (content is not None)


def _refused(folder: Path, toml: str) -> str:
    with pytest.raises(ConfigError) as caught:
        configured(folder, toml)
    return str(caught.value)


def test_levels_for_sources_and_watchers(tmp_path: Path) -> None:
    """A source and a glob have their own level; keys that are allowed add up."""
    found = configured(
        tmp_path,
        """
privacy = "full"
privacy-allow = ["a"]
[privacy-for]
"*web*" = "strict"
[[source]]
name = "one"
aw-url = "http://one:5600"
[[source]]
name = "two"
aw-url = "http://two:5600"
privacy = "strict"
privacy-allow = ["b"]
""",
    )
    watchers: dict[str, Any] = {"*web*": "strict"}
    assert [source.privacy for source in found.sources] == [
        Privacy("full", watchers, ("a",)),
        Privacy("strict", watchers, ("a", "b")),
    ]
    assert "is not one of full, standard, strict" in _refused(tmp_path, 'privacy = "none"')
    assert '"*web*"' in _refused(tmp_path, '[privacy-for]\n"*web*" = "none"')


def test_the_level_from_the_environment(tmp_path: Path) -> None:
    """Levels can be given as every other setting, so that a container needs no file."""
    environ = {
        "PROMETHEUS_URL": "http://localhost:9090",
        "AWSYNC_PRIVACY": "strict",
        "AWSYNC_PRIVACY_FOR": "aw-a*=full|aw-b*=standard",
        "AWSYNC_PRIVACY_ALLOW": "project|language",
    }
    flags = {"privacy": "full"}
    [source] = load({}, environ, tmp_path, hostname=lambda: "h").settings.sources
    assert source.privacy == Privacy(
        "strict", {"aw-a*": "full", "aw-b*": "standard"}, ("project", "language")
    )
    [source] = load(flags, environ, tmp_path, hostname=lambda: "h").settings.sources
    assert source.privacy.level == "full"


def test_changed_rules_are_taken_while_running(tmp_path: Path) -> None:
    """A rule that was edited counts from the next pass on; one that is wrong is refused, and told."""
    path = tmp_path / "config.toml"
    configured(tmp_path, "")
    watched = Watched({"config": str(path)}, {})
    assert watched() is None
    text = path.read_text()
    path.write_text(text + '[[rule]]\nname = "a"\nmatch.title = "x"\ndrop = true\n')
    changed = watched()
    assert changed is not None
    assert [rule.name for rule in changed.rules] == ["a"]
    path.write_text(text + '[[rule]]\nname = "a"\nmatch.title = "("\ndrop = true\n')
    with pytest.raises(ConfigError, match="not a regular expression"):
        watched()
