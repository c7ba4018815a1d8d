"""Mistakes in the settings: each is found, named with its file, key and line, and told how to mend."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from awsync.config import load
from awsync.config.secret_values import OUR_HEADERS
from awsync.errors import ConfigError, Problem
from awsync.remote_write.connection import RESERVED_HEADERS

STORE = 'prometheus-url = "http://store:9090"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def problems(
    folder: Path,
    text: str | bytes,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> tuple[Problem, ...]:
    (folder / "config.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(flags or {}, environ or {}, folder)
    assert caught.value.exit_code == 2
    return caught.value.problems


@pytest.mark.parametrize(
    ("line", "key", "message"),
    [
        ('awUrl = "http://x"', "awUrl", "did you mean aw-url?"),
        ('exclude-watchers = ["a"]', "exclude-watchers", "did you mean excluded-watchers?"),
        ('bearer_token = "x"', "bearer_token", "did you mean bearer-token?"),
        ('zzz = "x"', "zzz", "`awsync config show` lists the keys"),
        ('name = "x"', "name", "belongs in a [[source]] table"),
        ("[prometheus]", "prometheus", "is not a table of awsync: did you mean prometheus-url?"),
        ("cron = 5", "cron", "must be text in quotes"),
        ('cron = "61 * * * *"', "cron", 'the minute "61" is not understood'),
        ('cron = "* * * * * *"', "cron", "seconds are not supported"),
        ('min-data = "5"', "min-data", "must be a whole number without quotes, such as 5, but is text"),
        ("min-data = true", "min-data", "but is true or false"),
        ("min-data = 1.5", "min-data", "but is a number"),
        ("min-data = -1", "min-data", "must be 0 or more"),
        ("settle = 30", "settle", 'such as "5m", but is a whole number'),
        ('settle = "5 minutes"', "settle", "is not a duration"),
        ('settle = "999999999999w"', "settle", "longer than a hundred years"),
        ('timeout = "0s"', "timeout", "must be longer than nothing"),
        ('resolution = "7m"', "resolution", "must divide an hour evenly"),
        ('resolution = "2h"', "resolution", "must divide an hour evenly"),
        ('resolution = "500ms"', "resolution", "must divide an hour evenly"),
        ('initial-history = "some"', "initial-history", "is not a duration"),
        ('protocol = "3.0"', "protocol", "is not one of auto, 1.0, 2.0"),
        ("protocol = 2.0", "protocol", "must be text in quotes"),
        ('excluded-watchers = "a"', "excluded-watchers", "must be a list such as"),
        ("excluded-watchers = [1]", "excluded-watchers", "must be text in quotes"),
        ('excluded-watchers = [""]', "excluded-watchers", "is empty"),
        ('user-id = ""', "user-id", "is empty"),
        ('user-id = "a\\nb"', "user-id", "control character"),
        ('aw-url = "localhost:5600"', "aw-url", 'did you mean "http://localhost:5600"?'),
        ('aw-url = "ftp://h"', "aw-url", "must begin with http:// or https://"),
        ("aw-url = 5600", "aw-url", "must be text in quotes"),
        ('aw-url = "http://"', "aw-url", "names no host"),
        ('aw-url = "http://h:99999"', "aw-url", "is not an address"),
        ('aw-url = "http://h:0"', "aw-url", "names no host and port"),
        ('aw-url = "http://a b"', "aw-url", "holds a space"),
        ('aw-url = "http://h?x=1"', "aw-url", 'has a part behind "?"'),
        ('aw-url = "http://h#x"', "aw-url", 'has a part behind "#"'),
        ('aw-url = "http://me:s3cret@h"', "aw-url", "holds a user name"),
        ('hosts = "a=b"', "hosts", "must be a table such as"),
        ("hosts = { a = 1 }", "hosts", "must be text in quotes"),
        ("headers = { A = 1 }", "headers", 'the value of "A" must be text in quotes, { file'),
        ('headers = { "A B" = "x" }', "headers", "cannot be the name of an HTTP header"),
        ('headers = { A = "x", a = "y" }', "headers", "is given twice"),
        ('headers = { Content-Type = "x" }', "headers", "is set by awsync itself"),
        ('headers = { A = { env = "S3CRET_GONE" } }', "headers.A", "S3CRET_GONE, which is not set"),
        ('headers = { A = "\\u00fc" }', "headers.A", "outside ASCII"),
        ('bearer-token = ""', "bearer-token", "is empty"),
        ("bearer-token = 5", "bearer-token", "must be text in quotes, { file"),
        ('bearer-token = "\\u00fc"', "bearer-token", "outside ASCII"),
        ('bearer-token-file = "gone"', "bearer-token-file", "gone, which cannot be read: No such file"),
        ('bearer-token-file = "."', "bearer-token-file", "which cannot be read: Is a directory"),
        ('bearer-token-file = "empty"', "bearer-token-file", "empty, which is empty"),
        ('bearer-token-file = "lines"', "bearer-token-file", "holds more than one line"),
        ('bearer-token-file = "binary"', "bearer-token-file", "is not text in UTF-8"),
        ('bearer-token = { file = "gone" }', "bearer-token", "which cannot be read"),
        ('bearer-token-file = "~nobody-here/x"', "bearer-token-file", "there is no such home folder"),
        ('username = "a"', "username", "needs password or password-file beside it"),
        ('password = "a"', "password", "needs username beside it"),
        ('ca-file = "gone"', "ca-file", "which cannot be read"),
        ('client-key-file = "empty"', "client-key-file", "is of no use without client-cert-file"),
        ('state-dir = "empty"', "state-dir", "is not a folder"),
        ('push-metrics = "yes"', "push-metrics", "must be true or false without quotes"),
        ('metrics-listen = "localhost"', "metrics-listen", "is not an address and port: write"),
        ("metrics-listen = 99999", "metrics-listen", "is not an address and port"),
        ("source = 5", "source", "must be written with double brackets"),
        ("[source]", "source", "must be written with double brackets"),
    ],
)
def test_a_wrong_line_is_named(home: Path, line: str, key: str, message: str) -> None:
    """Each mistake is one problem with file, line, key and a remedy, and tells no secret."""
    (home / "empty").write_text("")
    (home / "lines").write_text("a\nb")
    (home / "binary").write_bytes(b"\xff\xfe")
    found = problems(home, f"{STORE}# a comment\n\n{line}\n")
    assert [(each.key, each.line, each.where) for each in found] == [(key, 4, str(home / "config.toml"))]
    assert message in found[0].message
    assert "s3cret" not in str(found[0])
    assert str(found[0]).startswith(f"{home / 'config.toml'}:4: {key}: ")


def test_all_mistakes_are_told_at_once(home: Path) -> None:
    """Nobody should have to mend one mistake to be told of the next; they come in the order of the file."""
    text = 'settle = 1\ncrn = "x"\nmin-data = "x"\n[[source]]\naw_url = "http://h"\n'
    found = problems(home, text, {"MIN_DATA": "five", "AWSYNC_TIMEOUT": "x"}, {"protocol": "9"})
    assert [(each.where.rpartition("/")[2], each.key, each.line) for each in found] == [
        ("config.toml", "settle", 1),
        ("config.toml", "crn", 2),
        ("config.toml", "min-data", 3),
        ("config.toml", "source.name", 4),
        ("config.toml", "source.aw_url", 5),
        ("environment MIN_DATA", "min-data", None),
        ("environment AWSYNC_TIMEOUT", "timeout", None),
        ("flag --protocol", "protocol", None),
        ("config.toml", "prometheus-url", None),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"a = 1\nb = = 2\n", 2, "at column 5: Invalid value"),
        (b"a = 1\nb = ", 2, "at the end of the file: Invalid value"),
        (b'\n\np = "C:\\Users"\n', 3, "put a path with backslashes in single quotes"),
        (b"a = 1\na = 2\n", 2, "Cannot overwrite a value"),
        (b"a = 1\nb = '\xff'\n", 2, "is not UTF-8"),
    ],
)
def test_what_is_not_toml_has_its_line(home: Path, text: bytes, line: int, message: str) -> None:
    """A slip of the keyboard is found by its line, and nothing else is complained of beside it."""
    (found,) = problems(home, text)
    assert (found.line, message in found.message) == (line, True), found


def test_a_file_from_windows_is_understood(home: Path) -> None:
    """A byte order mark and CRLF, as Notepad writes them, change neither meaning nor line numbers."""
    (home / "config.toml").write_bytes(b'\xef\xbb\xbfprometheus-url = "http://h"\r\ncron = "@daily"\r\n')
    assert load({}, {}, home).origins["cron"].place == "config.toml:2"


def test_a_missing_store_says_what_to_do(home: Path) -> None:
    """The first error that a newcomer meets names all the ways to go on."""
    (found,) = problems(home, "")
    for way in (
        "awsync config init",
        "prometheus-url =",
        "config.toml",
        "PROMETHEUS_URL",
        "--prometheus-url",
    ):
        assert way in found.message


def test_a_mistyped_key_is_not_also_missing(home: Path) -> None:
    """One slip is one problem: who wrote prometheus_url is not told to set prometheus-url as well."""
    assert [each.key for each in problems(home, 'prometheus_url = "http://h"')] == ["prometheus_url"]


@pytest.mark.parametrize("table", ["hosts", "headers"])
def test_a_setting_below_a_table_is_noticed(home: Path, table: str) -> None:
    """In TOML a key below [hosts] belongs to it: appended at the end of the file it would do nothing."""
    (found,) = problems(home, f'{STORE}[{table}]\nA = "b"\ncron = "@daily"\n')
    assert (found.key, found.line) == (f"{table}.cron", 4)
    assert "move it above the first [table]" in found.message


def test_one_key_in_two_spellings(home: Path) -> None:
    """Of two spellings of one key neither can silently win."""
    (found,) = problems(home, STORE + 'user-id = "a"\nuserId = "b"\n')
    assert (found.key, found.line) == ("userId", 3)


@pytest.mark.parametrize(
    ("text", "key", "line", "message"),
    [
        ('name = "b"', "source.aw-url", 5, "is missing"),
        ('name = "b"\naw-url = "http://a"', "source.aw-url", 7, '"http://a" is used by two sources'),
        ('name = "A"\naw-url = "http://b"', "source.name", 6, "is used by two sources"),
        ('name = "a/b"\naw-url = "http://b"', "source.name", 6, "holds a slash"),
        ('name = "b"\naw-url = "http://b"\ncron = "@daily"', "source.cron", 8, "but of the whole"),
        ('name = "b"\naw-url = "http://b"\ntokn = "x"', "source.tokn", 8, "did you mean token?"),
        ('name = "b"\naw-url = "http://b"\ntoken = "x"\ntoken-file = "y"', "source.token", 8, "keep one"),
        ('name = "b"\naw-url = "http://b"\ntoken-file = "gone"', "source.token-file", 8, "cannot be read"),
    ],
)
def test_mistakes_in_a_source(home: Path, text: str, key: str, line: int, message: str) -> None:
    """Two sources that are one would count every second twice; each mistake has the line of its table."""
    (found,) = problems(home, f'{STORE}[[source]]\nname = "a"\naw-url = "http://a"\n[[source]]\n{text}\n')
    assert (found.key, found.line) == (key, line)
    assert message in found.message


@pytest.mark.parametrize("key", ["aw-url", "aw-token"])
def test_the_short_form_beside_sources(home: Path, key: str) -> None:
    """It is not guessed which of the two is meant, nor is a key sent to a server it was not meant for."""
    value = {"aw-url": "http://x", "aw-token": "t"}[key]
    (found,) = problems(home, f'{STORE}{key} = "{value}"\n[[source]]\nname = "a"\naw-url = "http://a"\n')
    assert (found.key, found.line) == (key, 2)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('bearer-token = "t"\nusername = "u"\npassword = "p"', "bearer-token"),
        ('username = "u"\npassword = "p"\nheaders = { authorization = "x" }', "username"),
        ('bearer-token = "t"\nheaders = { Authorization = "x" }', "bearer-token"),
        ('bearer-token = "t"\nbearer-token-file = "f"', "bearer-token"),
    ],
)
def test_two_ways_to_authenticate(home: Path, text: str, first: str) -> None:
    """Which of two credentials is sent must not be left to chance."""
    (found,) = problems(home, STORE + text)
    assert found.key == first
    assert "keep one of them" in found.message


def test_a_mistyped_variable_is_noticed(home: Path) -> None:
    """A misspelt secret would be a refused token much later; other variables are not our business."""
    (home / "config.toml").write_text(STORE)
    load({}, {"AWSYNC_TEST_PROMETHEUS_35": "x", "AWSYNC_LOG_FORMAT": "json", "CRONN": "x"}, home)
    (found,) = problems(home, STORE, {"AWSYNC_BEARER_TOKN": "s3cret"})
    assert (found.key, "did you mean AWSYNC_BEARER_TOKEN?" in found.message) == ("AWSYNC_BEARER_TOKN", True)
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("text", ["A=s3cret|s3cret", "=s3cret", "A=s3cret|A=s3cret"])
def test_a_wrong_header_from_outside_tells_no_secret(home: Path, text: str) -> None:
    """The environment's value of headers is a secret, also where it is wrong."""
    (found,) = problems(home, STORE, {"AWSYNC_HEADERS": text})
    assert found.where == "environment AWSYNC_HEADERS"
    assert "s3cret" not in str(found)


def test_a_secret_that_others_can_read_is_a_warning(home: Path) -> None:
    """A container mounts its secrets readable for all, so this must not stop awsync; a user is told."""
    secret = home / "token"
    secret.write_text("t")
    secret.chmod(0o644)
    (home / "config.toml").write_text(STORE + 'bearer-token-file = "token"')
    (warning,) = load({}, {}, home).warnings
    assert f"chmod 600 {secret}" in warning.message
    secret.chmod(0o600)
    assert load({}, {}, home).warnings == ()
    (home / "config.toml").write_text(STORE + 'bearer-token = "t"')
    (home / "config.toml").chmod(0o644)
    assert [each.line for each in load({}, {}, home).warnings] == [2]


def test_headers_that_belong_to_the_protocol() -> None:
    """What the client would refuse later is refused here, with its line."""
    assert RESERVED_HEADERS <= OUR_HEADERS
