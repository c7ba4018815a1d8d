"""Edits of config.toml keep what people wrote, and never leave half a file."""

import stat
import tomllib
from pathlib import Path

import pytest

from awsync.config import load, render, set_value
from awsync.errors import ConfigError

TEXT = """\
# my settings
prometheus-url = "http://h" # the big one

cron = "@daily"

# the laptops
[hosts]
unknown = "laptop" # old

[[source]]
name = "a" # first
aw-url = "http://a"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(TEXT)
    return file


@pytest.mark.parametrize(
    ("key", "value", "source", "old", "new"),
    [
        ("cron", "*/10 * * * *", None, 'cron = "@daily"', 'cron = "*/10 * * * *"'),
        ("prometheus-url", "http://x", None, '"http://h" # the', '"http://x" # the'),
        ("cron", None, None, 'cron = "@daily"\n', ""),
        ("min-data", 7, None, '"@daily"\n\n# the', '"@daily"\n\nmin-data = 7\n\n# the'),
        (
            "hosts",
            {"unknown": "pc"},
            None,
            '[hosts]\nunknown = "laptop" # old\n',
            '[hosts]\nunknown = "pc"\n',
        ),
        ("excluded-watchers", ["w*"], "a", '"http://a"\n', '"http://a"\nexcluded-watchers = ["w*"]\n'),
        ("aw-url", "http://b", "a", '"http://a"', '"http://b"'),
    ],
)
def test_one_key_changes_and_all_else_stays(
    path: Path, key: str, value: object, source: str | None, old: str, new: str
) -> None:
    """The console's edits keep comments, order and blank lines of a file that people care for."""
    set_value(path, key, value, source)
    assert path.read_text() == TEXT.replace(old, new)


def test_a_commented_example_is_switched_on(tmp_path: Path) -> None:
    """In a file that `config init` wrote a setting appears where it is explained, not at the end."""
    path = tmp_path / "config.toml"
    text = render({"prometheus-url": "http://h"})
    path.write_text(text)
    set_value(path, "excluded-watchers", ["a", "b"])
    set_value(path, "cron", "@daily")
    line = next(line for line in text.splitlines() if line.startswith("#excluded-watchers ="))
    expected = text.replace(line, 'excluded-watchers = ["a", "b"]', 1).replace(
        '#cron = "*/5 * * * *"', 'cron = "@daily"'
    )
    assert path.read_text() == expected
    assert load({}, {}, tmp_path).settings.cron == "@daily"


def test_text_that_looks_like_an_example_is_left_alone(tmp_path: Path) -> None:
    """A line inside a long text may look like a commented key; the edit must not land there."""
    path = tmp_path / "config.toml"
    path.write_text('user-id = """\\\n#cron = 1\\\n"""\n')
    set_value(path, "cron", "@daily")
    assert tomllib.loads(path.read_text()) == {"user-id": "#cron = 1", "cron": "@daily"}


def test_an_old_spelling_is_edited_where_it_stands(tmp_path: Path) -> None:
    """Setting user-id must not put a second spelling of it beside userId."""
    path = tmp_path / "config.toml"
    path.write_text('userId = "a"\n')
    set_value(path, "user-id", "b")
    assert path.read_text() == 'userId = "b"\n'


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    """A file with CRLF keeps it on every line, also on the new one."""
    path = tmp_path / "config.toml"
    path.write_bytes(b'cron = "@daily"\r\n[hosts]\r\na = "b"\r\n')
    set_value(path, "min-data", 3)
    raw = path.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") == len(raw.splitlines())
    assert tomllib.loads(raw.decode()) == {"cron": "@daily", "min-data": 3, "hosts": {"a": "b"}}


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(tmp_path: Path, path: Path) -> None:
    """The file may come to hold a token; a mode that its owner chose stays."""
    fresh = tmp_path / "new" / "config.toml"
    set_value(fresh, "cron", "@daily")
    assert fresh.read_text() == 'cron = "@daily"\n'
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600
    path.chmod(0o640)
    set_value(path, "cron", "@hourly")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path, path: Path) -> None:
    """People keep their dotfiles elsewhere and link to them."""
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    set_value(link, "cron", "@hourly")
    assert link.is_symlink()
    assert 'cron = "@hourly"' in path.read_text()


@pytest.mark.parametrize(
    ("key", "value", "source", "message"),
    [
        ("crom", "@daily", None, "is not a key of awsync"),
        ("cron", "61 * * * *", None, 'the minute "61"'),
        ("min-data", "5", None, "must be a whole number"),
        ("cron", "@daily", "a", "is not a key of awsync"),
        ("aw-url", "http://b", "z", 'no [[source]] with the name "z"'),
    ],
)
def test_a_wrong_edit_changes_nothing(
    path: Path, key: str, value: object, source: str | None, message: str
) -> None:
    """What would not load is refused before it is written."""
    with pytest.raises(ConfigError) as caught:
        set_value(path, key, value, source)
    assert message in str(caught.value)
    assert path.read_text() == TEXT


def test_a_file_that_cannot_be_edited_says_so(path: Path) -> None:
    """A read-only file stays as it is, and a broken one is not made worse; no scrap is left behind."""
    path.chmod(0o444)
    with pytest.raises(ConfigError, match=r"read-only\. Make it writable"):
        set_value(path, "cron", "@hourly")
    path.chmod(0o644)
    path.write_text("a = = 1\n")
    with pytest.raises(ConfigError, match=r"config\.toml:1: syntax"):
        set_value(path, "cron", "@hourly")
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of an edit costs neither the old settings nor leaves a scrap."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        set_value(path, "cron", "@hourly")
    assert path.read_text() == TEXT
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]
