"""Settings: the defaults, the file that is found, several sources, what depends on more than one key."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from awsync.config import SOURCE_KEYS, load, store_urls
from awsync.errors import ConfigError
from awsync.settings import Privacy, Secret, StoreSettings
from tests.config_files import STORE, loaded, make_home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own."""
    return make_home(tmp_path, monkeypatch)


def minutes(*counts: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=count) for count in counts)


def secret(name: str) -> Secret:
    return Secret(f"{name}-secret")


def test_defaults(home: Path) -> None:
    """With nothing but a store the defaults are those that the README promises."""
    settings = loaded(home, STORE).settings
    (source,) = settings.sources
    assert (source.name, source.aw_url, source.user_id) == ("default", "http://localhost:5600", "workstation")
    assert (settings.cron, settings.min_data, settings.initial_history) == ("*/5 * * * *", 5, None)
    assert (settings.resolution, settings.settle) == minutes(5, 5)
    assert settings.lookback == timedelta(hours=24)
    assert settings.state_dir == home / "xdg_state_home" / "awsync"
    assert settings.store == StoreSettings("http://store:9090/api/v1/write", "http://store:9090")


def test_an_empty_variable_is_not_set(home: Path) -> None:
    """Compose files pass variables that nobody has set as empty text."""
    assert loaded(home, STORE + "min-data = 7", {"MIN_DATA": "", "CRON": " "}).settings.min_data == 7


@pytest.mark.parametrize("hostname", ["", "localhost", "localhost.localdomain"])
def test_a_computer_without_a_name_gets_an_id_that_stays(home: Path, hostname: str) -> None:
    """Two nameless computers must not share one label, and one must not change its label at each start."""
    (home / "config.toml").write_text(STORE)
    runs = [load({}, {}, home, hostname=lambda: hostname) for _ in range(2)]
    first, second = (run.settings.sources[0].user_id for run in runs)
    assert first == second
    assert re.fullmatch("user-[0-9a-f]{12}", first)
    kept = home / "xdg_state_home" / "awsync" / "user-id"
    assert kept.read_text() == first + "\n"
    assert kept.parent.stat().st_mode & 0o777 == 0o700, (
        "the state folder is closed to others, whoever makes it"
    )


def test_an_id_that_cannot_be_kept_is_an_error(home: Path) -> None:
    """An id that changed at each start would split the history of a person in many."""
    with pytest.raises(ConfigError, match="user-id: is not set, this computer has no name"):
        load({"prometheus-url": "http://store", "state-dir": "one/x"}, {}, home, hostname=str)


def test_config_toml_is_found(home: Path) -> None:
    """--config, then AWSYNC_CONFIG, then the working folder, then the user's folder, then none."""
    user = home / "xdg_config_home" / "awsync"
    user.mkdir(parents=True)
    here = home / "here"
    here.mkdir()
    places = {
        "flag": home / "f.toml",
        "env": home / "e.toml",
        "here": here / "config.toml",
        "user": user / "config.toml",
    }
    for count, path in enumerate(places.values()):
        path.write_text(f"{STORE}min-data = {count}")
    environ = {"AWSYNC_CONFIG": str(places["env"])}

    def found(flags: dict[str, object], environ: dict[str, str]) -> tuple[int, Path | None]:
        result = load(flags, environ, here)
        return result.settings.min_data, result.file

    assert found({"config": str(places["flag"])}, environ) == (0, places["flag"])
    assert found({}, environ) == (1, places["env"])
    assert found({}, {}) == (2, places["here"])
    places["here"].unlink()
    assert found({}, {}) == (3, places["user"])
    places["user"].unlink()
    assert load({}, {}, here, needs_store=False).file is None
    with pytest.raises(ConfigError, match=r"gone\.toml: file: cannot be read"):
        load({"config": "gone.toml"}, {}, here)


@pytest.mark.parametrize("place", ["here", "xdg_config_home/awsync"])
def test_a_config_toml_out_of_reach_is_not_passed_over(place: str, home: Path) -> None:
    """Rules may stand in it: what is there and cannot be read is refused, wherever it was looked for."""
    here, path = home / "here", home / place / "config.toml"
    here.mkdir()
    path.mkdir(parents=True)
    flags = {"prometheus-url": "http://store"}
    with pytest.raises(ConfigError, match=r"config\.toml: file: cannot be read: Is a directory"):
        load(flags, {}, here)
    path.rmdir()
    assert load(flags, {}, here).file is None
    # Root is let into every folder; a link to itself keeps out even him.
    path.symlink_to(path)
    with pytest.raises(ConfigError, match=r"config\.toml: file: cannot be read: Too many levels"):
        load(flags, {}, here)


@pytest.mark.parametrize(
    ("url", "write", "base"),
    [
        ("http://h:9090", "http://h:9090/api/v1/write", "http://h:9090"),
        ("http://h/prom", "http://h/prom/api/v1/write", "http://h/prom"),
        ("https://h/api/v1/write", "https://h/api/v1/write", "https://h"),
        ("https://h/prom/api/v1/write?x=1", "https://h/prom/api/v1/write?x=1", "https://h/prom"),
        ("http://h?x=1", "http://h/api/v1/write?x=1", "http://h"),
        ("http://h/api/v1/push", "http://h/api/v1/push", None),
        ("http://h/api/v1/receive", "http://h/api/v1/receive", None),
        ("http://h/insert/0/prometheus/api/v1/write", "http://h/insert/0/prometheus/api/v1/write", None),
        ("http://h/api/prom/push", "http://h/api/prom/push", None),
    ],
)
def test_the_store_may_be_a_base_or_a_whole_write_url(url: str, write: str, base: str | None) -> None:
    """Both forms lead to one write URL; the base is told only where it is certain."""
    assert store_urls(url) == (write, base)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (None, None),
        ("http://q/prometheus", "http://q/prometheus"),
        ("http://q:10902/", "http://q:10902"),
        ("http://q/prometheus/api/v1/query", "http://q/prometheus"),
        ("HTTP://q/api/v1", "http://q"),
    ],
)
def test_queries_may_go_elsewhere(url: str | None, asked: str | None) -> None:
    """Where a store is written to and asked at different addresses, query-url says where it answers."""
    flags: dict[str, object] = {"prometheus-url": "http://w/api/v1/push"}
    store = load(flags | ({} if url is None else {"query-url": url}), {}, Path("/"), hostname=lambda: "h")
    assert store.settings.store is not None
    assert store.settings.store.asked_url == asked


SOURCES = """
excluded-watchers = ["web*"]
user-id = "anna"
[[source]]
name = "laptop"
aw-url = "http://laptop:5600/"
token-file = "one"
excluded-watchers = ["vim", "web*"]
[[source]]
name = "phone"
aw-url = "http://phone:5600"
user-id = "ben"
token = { env = "PHONE_TOKEN" }
included-watchers = ["*android*"]
privacy = "strict"
privacy-allow = ["project"]
"""


def test_several_sources(home: Path) -> None:
    """Each [[source]] has its own address, key and person; exclusions of the whole count for each."""
    laptop, phone = loaded(home, STORE + SOURCES, {"PHONE_TOKEN": "p"}).settings.sources
    assert (laptop.name, laptop.aw_url, laptop.user_id) == ("laptop", "http://laptop:5600", "anna")
    assert (laptop.token, laptop.excluded_watchers) == (secret("one"), ("web*", "vim"))
    assert (phone.user_id, phone.token, phone.excluded_watchers) == ("ben", Secret("p"), ("web*",))
    assert phone.included_watchers == ("*android*",)
    assert (laptop.privacy, phone.privacy) == (Privacy(), Privacy("strict", {}, ("project",)))


def test_the_origin_of_a_source(home: Path) -> None:
    """`config show` tells for a source too what is in force and which line says so."""
    origins = loaded(home, STORE + SOURCES, {"PHONE_TOKEN": "p"}).origins
    assert origins["source.laptop.excluded-watchers"].value == ["web*", "vim"]
    assert origins["source.laptop.excluded-watchers"].place == "config.toml:9, and as above"
    assert (origins["source.phone.token"].value, origins["source.phone.token"].place) == (
        "***",
        "config.toml:14",
    )
    assert origins["source.laptop.user-id"].place == "as above"
    assert "aw-url" not in origins


@pytest.mark.parametrize("by", ["environment", "flag"])
def test_an_address_from_outside_replaces_the_sources(home: Path, by: str) -> None:
    """An explicit aw-url for one run wins over the tables of the file, and says that it does."""
    url = "http://other:5600"
    environ = {"PHONE_TOKEN": "p"} | ({"ACTIVITY_WATCH_URL": url} if by == "environment" else {})
    result = loaded(home, STORE + SOURCES, environ, {"aw-url": url} if by == "flag" else {})
    assert [(each.name, each.aw_url, each.token) for each in result.settings.sources] == [
        ("default", url, None)
    ]
    assert any("replaces the 2 [[source]] tables" in each.message for each in result.warnings)


def test_every_key_of_a_source_is_used_above() -> None:
    """A new key of a [[source]] cannot come without a test."""
    assert all(f"\n{key.name} = " in SOURCES for key in SOURCE_KEYS)


def test_paths_start_where_they_are_written(home: Path) -> None:
    """A path in config.toml starts at its folder, one from a flag or the environment where the user is."""
    (home / "etc").mkdir()
    (home / "etc" / "c.toml").write_text(STORE + 'state-dir = "state"')
    flags = {"config": "etc/c.toml"}
    assert load(flags, {}, home).settings.state_dir == home / "etc" / "state"
    assert load(flags, {"AWSYNC_STATE_DIR": "state"}, home).settings.state_dir == home / "state"
    tilde = load(flags | {"state-dir": "~/x"}, {}, home).settings.state_dir
    assert tilde == home / "home" / "x"


def test_a_command_without_store_needs_none(home: Path) -> None:
    """`awsync buckets` works before a store is known; a wrong address is still wrong."""
    assert loaded(home, "", needs_store=False).settings.store is None
    with pytest.raises(ConfigError, match="prometheus-url"):
        loaded(home, 'prometheus-url = "x"', needs_store=False)
