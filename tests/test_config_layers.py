"""Settings: every key from every layer, and where each value came from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from awsync.config import KEYS, Key
from awsync.settings import Listen, Secret, Settings
from tests.config_files import STORE, loaded, make_home, store_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own."""
    return make_home(tmp_path, monkeypatch)


def minutes(*counts: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=count) for count in counts)


@dataclass(frozen=True)
class Case:
    """One key: how each layer writes it, and what the settings then hold (file, environment, flag)."""

    file: str
    env: str
    flag: object
    get: Callable[[Settings], object]
    want: tuple[object, ...]
    beside: str = ""


def secret(name: str) -> Secret:
    return Secret(f"{name}-secret")


def secrets(*names: str) -> tuple[Secret, ...]:
    return tuple(map(secret, names))


def globs(key: str) -> Case:
    return Case(
        f'{key} = ["a*", "b"]',
        "c*|d",
        ["e*|f", "g"],
        lambda settings: getattr(settings.sources[0], key.replace("-", "_")),
        (("a*", "b"), ("c*", "d"), ("e*", "f", "g")),
    )


CASES: dict[str, Case] = {
    "prometheus-url": Case(
        'prometheus-url = "http://file:1"',
        "http://env:2/",
        "http://flag:3/prom",
        lambda settings: store_of(settings).write_url,
        ("http://file:1/api/v1/write", "http://env:2/api/v1/write", "http://flag:3/prom/api/v1/write"),
    ),
    "query-url": Case(
        'query-url = "http://file:1/prometheus"',
        "http://env:2/",
        "http://flag:3/api/v1/query",
        lambda settings: settings.store and settings.store.query_url,
        ("http://file:1/prometheus", "http://env:2", "http://flag:3"),
    ),
    "aw-url": Case(
        'aw-url = "http://file:1"',
        "http://env:2/api/0/",
        "http://flag:3",
        lambda settings: settings.sources[0].aw_url,
        ("http://file:1", "http://env:2", "http://flag:3"),
    ),
    "aw-token": Case(
        'aw-token = "one-secret"',
        "two-secret",
        None,
        lambda settings: settings.sources[0].token,
        secrets("one", "two"),
    ),
    "aw-token-file": Case(
        'aw-token-file = "one"',
        "two",
        "three",
        lambda settings: settings.sources[0].token,
        secrets("one", "two", "three"),
    ),
    "cron": Case(
        'cron = "1 * * * *"',
        "2 * * * *",
        "@hourly",
        lambda settings: settings.cron,
        ("1 * * * *", "2 * * * *", "@hourly"),
    ),
    "splay": Case(
        'splay = "1m"',
        "2m",
        "3m",
        lambda settings: settings.splay,
        minutes(1, 2, 3),
    ),
    "user-id": Case(
        'user-id = "file"',
        "env",
        "flag",
        lambda settings: settings.sources[0].user_id,
        ("file", "env", "flag"),
    ),
    "min-data": Case("min-data = 1", "2", "3", lambda settings: settings.min_data, (1, 2, 3)),
    "series-budget": Case(
        "series-budget = 100", "200", "300", lambda settings: settings.series_budget, (100, 200, 300)
    ),
    "excluded-watchers": globs("excluded-watchers"),
    "included-watchers": globs("included-watchers"),
    "privacy": Case(
        'privacy = "full"',
        "standard",
        "strict",
        lambda settings: settings.sources[0].privacy.level,
        ("full", "standard", "strict"),
    ),
    "privacy-allow": Case(
        'privacy-allow = ["a", "b"]',
        "c|d",
        ["e", "f"],
        lambda settings: settings.sources[0].privacy.allowed,
        (("a", "b"), ("c", "d"), ("e", "f")),
    ),
    "privacy-for": Case(
        'privacy-for = { "a*" = "full" }',
        "b*=strict",
        ["c=full", "d=strict"],
        lambda settings: dict(settings.sources[0].privacy.watchers),
        ({"a*": "full"}, {"b*": "strict"}, {"c": "full", "d": "strict"}),
    ),
    "pseudonym-key-file": Case(
        'pseudonym-key-file = "one-key"',
        "two-key",
        "three-key",
        lambda settings: settings.pseudonym_key,
        tuple(Secret(f"{name}-secret-of-some-length") for name in ("one", "two", "three")),
        beside='rule = [{ name = "p", pseudonymise = ["title"] }]',
    ),
    "resolution": Case('resolution = "1m"', "10m", "15m", lambda each: each.resolution, minutes(1, 10, 15)),
    "settle": Case('settle = "1m"', "2m", "3m", lambda settings: settings.settle, minutes(1, 2, 3)),
    "lookback": Case('lookback = "1h"', "1h30m", "2h", lambda each: each.lookback, minutes(60, 90, 120)),
    "initial-history": Case(
        'initial-history = "1m"',
        "all",
        "1h",
        lambda each: each.initial_history,
        (*minutes(1), None, *minutes(60)),
    ),
    "categories": Case(
        'categories = "off"',
        "activitywatch",
        "off",
        lambda settings: settings.categories,
        ("off", "activitywatch", "off"),
    ),
    "timeout": Case('timeout = "1m"', "2m", "3m", lambda each: store_of(each).timeout, minutes(1, 2, 3)),
    "protocol": Case(
        'protocol = "1.0"', "2.0", "auto", lambda each: store_of(each).protocol, ("1.0", "2.0", "auto")
    ),
    "push-metrics": Case(
        "push-metrics = false", "True", "false", lambda each: each.push_metrics, (False, True, False)
    ),
    "metrics-listen": Case(
        "metrics-listen = 9877",
        "0.0.0.0:1",
        "[::1]:2",
        lambda each: each.metrics_listen,
        (Listen("127.0.0.1", 9877), Listen("0.0.0.0", 1), Listen("::1", 2)),  # noqa: S104 what a user writes
    ),
    "bearer-token": Case(
        'bearer-token = "one-secret"',
        "two-secret",
        None,
        lambda settings: store_of(settings).bearer_token,
        secrets("one", "two"),
    ),
    "bearer-token-file": Case(
        'bearer-token-file = "one"',
        "two",
        "three",
        lambda settings: store_of(settings).bearer_token,
        secrets("one", "two", "three"),
    ),
    "username": Case(
        'username = "a"',
        "b",
        "c",
        lambda settings: store_of(settings).username,
        ("a", "b", "c"),
        beside='password = "x"',
    ),
    "password": Case(
        'password = "one-secret"',
        "two-secret",
        None,
        lambda settings: store_of(settings).password,
        secrets("one", "two"),
        beside='username = "a"',
    ),
    "password-file": Case(
        'password-file = "one"',
        "two",
        "three",
        lambda settings: store_of(settings).password,
        secrets("one", "two", "three"),
        beside='username = "a"',
    ),
    "headers": Case(
        'headers = { A = "one-secret" }',
        "A=two-secret|B=c=d",
        ["A=three-secret", "C=x"],
        lambda settings: dict(store_of(settings).headers),
        (
            {"A": secret("one")},
            {"A": secret("two"), "B": Secret("c=d")},
            {"A": secret("three"), "C": Secret("x")},
        ),
    ),
    "hosts": Case(
        'hosts = { unknown = "a" }',
        "unknown=b|x=y",
        ["unknown=c", "z=w"],
        lambda settings: dict(settings.hosts),
        ({"unknown": "a"}, {"unknown": "b", "x": "y"}, {"unknown": "c", "z": "w"}),
    ),
    "state-dir": Case(
        'state-dir = "a"',
        "b",
        "c",
        lambda settings: settings.state_dir.name,
        ("a", "b", "c"),
    ),
    **{
        name: Case(
            f'{name} = "one"',
            "two",
            "three",
            lambda settings, name=name: getattr(store_of(settings), name.replace("-", "_")).name,  # type: ignore[misc]
            ("one", "two", "three"),
            beside='client-cert-file = "one"' if name == "client-key-file" else "",
        )
        for name in ("ca-file", "client-cert-file", "client-key-file")
    },
}


def test_the_table_below_knows_every_key() -> None:
    """A new key cannot come without a test of its three layers."""
    assert set(CASES) == {key.name for key in KEYS}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_file_is_beaten_by_environment_and_both_by_flag(home: Path, key: Key[Any]) -> None:
    """config.toml < environment < flag, for every key; the place of the value in force is told."""
    case = CASES[key.name]
    needed = "" if key.name == "prometheus-url" else STORE
    text = f"{needed}{case.beside}\n{case.file}\n"
    line = text[: text.index(case.file)].count("\n") + 1
    environ = {key.env[-1]: case.env}
    flags = {key.name: case.flag}

    layers = [
        (loaded(home, text), f"config.toml:{line}"),
        (loaded(home, text, environ), f"environment {key.env[-1]}"),
    ]
    if key.flag:
        layers.append((loaded(home, text, environ, flags), f"flag {key.flag}"))
    assert [case.get(each.settings) for each, _ in layers] == list(case.want)
    assert [each.origins[key.name].place for each, _ in layers] == [place for _, place in layers]
    assert case.get(loaded(home, text, {}, flags).settings) == case.want[-1 if key.flag else 0]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_secret_has_no_flag_and_never_shows(home: Path, key: Key[Any]) -> None:
    """A command line is seen by every user of the computer; whatever is printed masks the secret."""
    case = CASES[key.name]
    text = f"{'' if key.name == 'prometheus-url' else STORE}{case.beside}\n{case.file}\n"
    result = loaded(home, text)
    assert key.secret == (key.flag is None)
    assert "one-secret" not in f"{result!r} {result.origins} {result.warnings} {result.settings}"


@pytest.mark.parametrize("key", [key for key in KEYS if len(key.env) > 1], ids=lambda key: key.name)
def test_the_names_of_the_environment_that_the_old_tool_used(home: Path, key: Key[Any]) -> None:
    """USER_ID and CRON may mean something else to somebody else: the AWSYNC_ name beats them."""
    case = CASES[key.name]
    old = dict.fromkeys(key.env[1:], "http://other")
    own = loaded(home, STORE, {key.env[0]: case.env, **old})
    assert case.get(own.settings) == case.want[1]
    assert case.get(loaded(home, STORE, {key.env[1]: case.env}).settings) == case.want[1]


def test_the_old_names_are_these() -> None:
    """The names of the existing tool keep working, to the letter."""
    old = {key.name: (key.env[1:], key.old_flags, key.aliases) for key in KEYS if len(key.env) > 1}
    assert old == {
        "aw-url": (("ACTIVITY_WATCH_URL",), ("--awUrl",), ()),
        "prometheus-url": (("PROMETHEUS_URL",), ("--prometheusUrl",), ()),
        "cron": (("CRON",), (), ()),
        "excluded-watchers": (("EXCLUDED_WATCHERS",), ("--excludedWatchers",), ()),
        "min-data": (("MIN_DATA",), ("--minData",), ()),
        "user-id": (("USER_ID",), ("--userId",), ("userId",)),
        "bearer-token": (("PROMETHEUS_AUTH", "PROMETHEUS_SECRET_KEY"), (), ()),
    }


def test_the_environment_of_the_old_tool_as_its_compose_file_has_it(home: Path) -> None:
    """All of its names at once, empty ones and those without an equal too, give settings without a fault."""
    result = loaded(
        home,
        "",
        {
            "ACTIVITY_WATCH_URL": "http://aw:5600",
            "PROMETHEUS_URL": "http://store:9090",
            "PROMETHEUS_AUTH": "",
            "EXCLUDED_WATCHERS": "aw-watcher-afk|aw-watcher-web",
            "USER_ID": "DemoUser",
            "CRON": "* * * * *",
            "MIN_DATA": "7",
            "INCLUDE_HOSTNAME": "true",
            "PLUGINS": "",
            "PLUGINS_STRICT_ORDER": "false",
            "CHECKPOINT": "/data/checkpoint.json",
        },
    )
    (source,) = result.settings.sources
    assert (source.aw_url, source.user_id) == ("http://aw:5600", "DemoUser")
    assert source.excluded_watchers == ("aw-watcher-afk", "aw-watcher-web")
    assert store_of(result.settings).base_url == "http://store:9090"
    assert store_of(result.settings).bearer_token is None
    assert (result.settings.cron, result.settings.min_data) == ("* * * * *", 7)
    assert result.warnings == ()


def test_filters_of_the_old_tool_are_not_lost_in_silence(home: Path) -> None:
    """Whoever still asks for its filters by the environment hears that nothing filters, until a rule does."""
    environ = {"PLUGINS": "scripts|Filters"}
    (doubt,) = loaded(home, STORE, environ).warnings
    assert doubt.key == "PLUGINS"
    assert "config import" in doubt.message
    rule = '[[rule]]\nname = "no bank"\nmatch = { title = "bank" }\ndrop = true\n'
    assert loaded(home, STORE + rule, environ).warnings == ()


def test_user_id_may_be_written_as_before(home: Path) -> None:
    """`userId` in config.toml is the old spelling of `user-id`."""
    assert loaded(home, STORE + 'userId = "anna"').settings.sources[0].user_id == "anna"


@pytest.mark.parametrize("higher", ["bearer-token", "bearer-token-file"])
def test_a_secret_from_a_higher_layer_replaces_its_twin(home: Path, higher: str) -> None:
    """The token and its file are one setting in two forms: the layers decide, in both directions."""
    lower = "bearer-token-file" if higher == "bearer-token" else "bearer-token"
    value = {"bearer-token": "two-secret", "bearer-token-file": "two"}[higher]
    text = (
        STORE
        + {"bearer-token": 'bearer-token = "one-secret"', "bearer-token-file": 'bearer-token-file = "one"'}[
            lower
        ]
    )
    result = loaded(home, text, {"AWSYNC_" + higher.replace("-", "_").upper(): value})
    assert store_of(result.settings).bearer_token == secret("two")
    assert result.origins[lower].value is None
    assert result.origins[lower].place.startswith("replaced by environment")
