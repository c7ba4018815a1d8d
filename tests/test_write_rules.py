"""A rule goes to the end of config.toml and away again; everything else stays as somebody wrote it."""

import tomllib
from pathlib import Path

import pytest

from awsync.config import Watched
from awsync.config.write_rules import add_rule, remove_rule
from awsync.control import Command
from awsync.errors import ConfigError
from awsync.wanted import Wanted

RULE = '[[rule]]\nname = "no title"\nset = { title = "" }'
OTHER = '[[rule]]\nname = "no url"\nset = { url = "" }'
BEFORE = (
    "# mine\ncron = '*/5 * * * *'  # often\n",
    "# mine\r\ncron = '*/5 * * * *'  # often\r\n\r\n[hosts]\r\nunknown = 'pc'\r\n",
    f"{OTHER}\n# behind it\n",
    "cron = '''\n[[rule]]\n'''\n",
)


@pytest.mark.parametrize("before", BEFORE)
def test_a_rule_comes_and_goes_without_a_trace(tmp_path: Path, before: str) -> None:
    """What stood before stands still, comments and line ends too, and the file is as it was at the end."""
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    add_rule(path, RULE)
    after = path.read_bytes().decode()
    assert after.startswith(before)
    assert tomllib.loads(after)["rule"][-1] == {"name": "no title", "set": {"title": ""}}
    remove_rule(path, RULE)
    assert path.read_bytes().decode() == before


def test_what_others_wrote_meanwhile_stays(tmp_path: Path) -> None:
    """A rule behind it stays, and a rule that was changed is left alone, with a word about it."""
    path = tmp_path / "config.toml"
    path.write_text("cron = '0 * * * *'")
    add_rule(path, RULE)
    add_rule(path, OTHER)
    remove_rule(path, RULE)
    assert [each["name"] for each in tomllib.loads(path.read_text())["rule"]] == ["no url"]
    path.write_text(path.read_text().replace("no url", "my own"))
    with pytest.raises(ConfigError, match="by hand"):
        remove_rule(path, OTHER)
    assert "my own" in path.read_text()


@pytest.mark.parametrize("before", ["rule = []\n", "rule = [{ name = 'x', drop = true }]\n"])
def test_a_file_that_takes_no_rule_is_left_alone(tmp_path: Path, before: str) -> None:
    """Where rules are written as one list nothing can be put behind it."""
    path = tmp_path / "config.toml"
    path.write_text(before)
    with pytest.raises(ConfigError, match="by hand"):
        add_rule(path, RULE)
    assert path.read_text() == before


@pytest.mark.parametrize("text", ["[[rule]]\nname =", "name = 'x'", f"{RULE}\n{OTHER}"])
def test_only_one_whole_rule_is_written(tmp_path: Path, text: str) -> None:
    """Anything else would be found out at the next start."""
    path = tmp_path / "config.toml"
    path.write_text("")
    with pytest.raises(ConfigError):
        add_rule(path, text)
    assert path.read_text() == ""


async def test_a_rule_that_would_be_refused_is_not_left_in_the_file(tmp_path: Path) -> None:
    """A service that reads the file again must not find it broken: a second rule of the same name."""

    async def obey(_: Command) -> str:
        raise AssertionError

    path = tmp_path / "config.toml"
    path.write_text("prometheus-url = 'http://store'\n")
    wanted = Wanted(Watched({"config": str(path)}, {}), obey)
    assert "it holds" in await wanted.add_rule(RULE)
    before = path.read_text()
    with pytest.raises(ConfigError, match="two rules"):
        await wanted.add_rule(RULE)
    assert path.read_text() == before
    assert await wanted.remove_rule(RULE) == "The rule is gone again."
    assert path.read_text() == "prometheus-url = 'http://store'\n"
