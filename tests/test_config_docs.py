"""What is written about the settings is what the table of keys says."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from awsync.config import CATEGORY_KEYS, KEYS, SOURCE_KEYS, Key, load, render
from awsync.config.rule_keys import RULE_KEYS, RULE_TABLE

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "config.toml.example"


def test_the_example_is_what_the_keys_say() -> None:
    """config.toml.example has every key with its default and reason, and nothing that is out of date."""
    assert EXAMPLE.read_text() == render({"prometheus-url": "http://localhost:9090"})


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, id=key.name) for key in KEYS]
    + [pytest.param(key, id=f"source.{key.name}") for key in SOURCE_KEYS]
    + [pytest.param(key, id=f"rule.{key.name}") for key in RULE_KEYS]
    + [pytest.param(key, id=f"category.{key.name}") for key in CATEGORY_KEYS],
)
def test_every_key_is_explained(key: Key[Any]) -> None:
    """Each key says why it exists in one line, and its example is a value that it accepts."""
    assert key.help.endswith(".")
    assert "\n" not in key.help
    assert "|" not in key.help
    assert f"# {key.help}" in EXAMPLE.read_text()
    key.kind.read(key.example, Path())


def test_the_example_works_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer may copy the file and start."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    settings = load({"config": str(EXAMPLE)}, {}, tmp_path, hostname=lambda: "h").settings
    assert (
        settings
        == load({"prometheus-url": "http://localhost:9090"}, {}, tmp_path, hostname=lambda: "h").settings
    )


def test_the_example_switched_on_is_toml() -> None:
    """Removing a "#" gives a line that is valid where it stands."""
    lines = EXAMPLE.read_text().splitlines()
    document = tomllib.loads("\n".join(line.removeprefix("#") for line in lines if not line.startswith("# ")))
    assert set(document) == {key.name for key in KEYS} | {"source", RULE_TABLE, "category"}
    assert set(document[RULE_TABLE][0]) == {key.name for key in RULE_KEYS}
    assert set(document["source"][0]) == {key.name for key in SOURCE_KEYS}
    assert set(document["category"][0]) == {key.name for key in CATEGORY_KEYS}
    assert [key.name for key in KEYS if document[key.name] not in (key.default, key.example)] == []
