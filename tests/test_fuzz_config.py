"""Whatever stands in config.toml: settings, or exit code 2 with the file and the key, and never a secret."""

import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from awsync.cli.main import main
from awsync.config import CATEGORY_KEYS, KEYS, SOURCE_KEYS, Loaded, load
from awsync.config.rule_keys import RULE_KEYS
from awsync.config.secret_values import SECRET as SECRET_KIND
from awsync.errors import ConfigError
from tests.commands import awsync

EXAMPLE = Path("config.toml.example").read_text(encoding="utf-8")
SECRET = "s3cr3t-0f-anna"
CLASS = re.compile(
    r"\b[A-Z][A-Za-z]*(Error|Exception|Warning)\b|Traceback|\bat 0x[0-9a-f]{6}|PosixPath|\[Errno"
)

thorough = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

TEXTS = (
    st.text(st.characters(codec="utf-8"), max_size=20)
    | st.sampled_from(
        ["http://h", "https://u:p@h:99999", "http://[::1", "5m", "1h", "0s", "9" * 400, "@daily"]
    )
    | st.sampled_from(["* * * * *", "*/0 * * * *", "~", "~nobody/x", "/", ".", "/dev/null", "x" * 5_000])
)
SCALARS = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.datetimes()
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
HIDDEN = st.sampled_from(
    [
        SECRET,
        f"{SECRET}\n",
        f"{SECRET}\x00",
        f"{SECRET}é",
        [SECRET],
        {"x": SECRET},
        {"file": "/dev/null", "env": SECRET},
    ]
)
"""A secret, right or wrong, for the keys that take one."""
NAMES = sorted({spelling for key in KEYS for spelling in key.spellings})
SOURCE_NAMES = sorted(key.name for key in SOURCE_KEYS)
RULE_NAMES = sorted(key.name for key in RULE_KEYS)
CATEGORY_NAMES = sorted(spelling for key in CATEGORY_KEYS for spelling in key.spellings)
SECRETS = sorted(key.name for key in (*KEYS, *SOURCE_KEYS) if key.kind is SECRET_KIND)


@st.composite
def tables(draw: st.DrawFn, names: list[str]) -> dict[str, object]:
    """A table with some right keys, some wrong ones, and whatever as values."""
    table: dict[str, object] = {}
    for name in draw(st.lists(st.sampled_from(names) | TEXTS, max_size=5, unique=True)):
        table[name] = draw(VALUES)
    for name in draw(st.lists(st.sampled_from(SECRETS), max_size=2, unique=True)):
        table[draw(st.sampled_from([name, name.replace("-", "_"), f"{name}s"]))] = draw(HIDDEN)
    return table


@st.composite
def configs(draw: st.DrawFn) -> bytes:
    """TOML that is valid, but means whatever."""
    whole = draw(tables(NAMES))
    if draw(st.booleans()):
        whole["prometheus-url"] = "http://store:9090"
    if draw(st.booleans()):
        whole["headers"] = {"X-Scope-OrgID": draw(HIDDEN), draw(TEXTS): draw(VALUES)}
    if draw(st.booleans()):
        whole["source"] = draw(st.lists(tables(SOURCE_NAMES), max_size=3) | VALUES)
    if draw(st.booleans()):
        whole["rule"] = draw(st.lists(tables(RULE_NAMES), max_size=3) | VALUES)
    if draw(st.booleans()):
        whole["category"] = draw(st.lists(tables(CATEGORY_NAMES), max_size=3) | VALUES)
    return tomli_w.dumps(whole).encode()


@st.composite
def edits(draw: st.DrawFn) -> bytes:
    """The example with some of its lines switched on, and damage."""
    lines = EXAMPLE.replace('"secret"', f'"{SECRET}"').splitlines()
    for at in draw(st.lists(st.integers(0, len(lines) - 1), max_size=12)):
        lines[at] = lines[at].removeprefix("#")
    text = "\n".join(lines).encode()
    for at in draw(st.lists(st.integers(0, len(text)), max_size=3)):
        text = text[:at] + draw(st.binary(max_size=3)) + text[at + draw(st.integers(0, 3)) :]
    return text


def _fate(folder: Path, text: bytes) -> Loaded | ConfigError:
    """What becomes of a config.toml."""
    (folder / "config.toml").write_bytes(text)
    try:
        return load({}, {}, folder, hostname=lambda: "workstation")
    except ConfigError as error:
        return error


def _assert_clean(text: str) -> None:
    assert SECRET not in text
    assert not CLASS.search(text), text


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


NASTY = (
    b"a = " + b"[" * 100_000,
    b"a = " + b"{a=" * 5_000,
    b"a." * 5_000 + b"b = 1",
    b"min-data = " + b"9" * 5_000,
    b"prometheus-url = 'http://h'\nstate-dir = '" + b"x" * 5_000 + b"'",
    b"prometheus-url = 'http://h'\naw-token-file = '" + b"x" * 5_000 + b"'",
    b"settle = '" + b"9" * 5_000 + b"s'",
    b"prometheus-url = 'http://h'\nstate-dir = '" + b"x" * 300 + b"'",
    b"prometheus-url = 'http://h'\nsettle = '" + b"9" * 400 + b"ms'",
    b"\xff\xfe\x00",
    b"'' = 1",
    b"a = 1979-99-99T99:99:99Z",
    b"user-id = '\xc2\x9b31m'",
)


@thorough
@given(configs() | edits() | st.binary(max_size=60))
@example(NASTY[0])
@example(NASTY[1])
@example(NASTY[2])
@example(NASTY[3])
@example(NASTY[4])
@example(NASTY[5])
@example(NASTY[6])
@example(NASTY[7])
@example(NASTY[8])
@example(NASTY[9])
@example(NASTY[10])
@example(NASTY[11])
@example(NASTY[12])
def test_any_config_is_settings_or_a_named_problem(text: bytes) -> None:
    """No config.toml ends in a traceback, and no complaint about one repeats a secret."""
    with tempfile.TemporaryDirectory() as name:
        fate = _fate(Path(name), text)
        if isinstance(fate, ConfigError):
            assert fate.exit_code == 2
            assert fate.problems
            for problem in fate.problems:
                assert problem.where == str(Path(name, "config.toml"))
                assert problem.key
                assert problem.message
            _assert_clean(str(fate))
        else:
            assert SECRET not in repr(fate)


@settings(thorough, max_examples=60)
@given(configs() | edits())
def test_any_config_on_the_command_line(text: bytes) -> None:
    """`awsync config check` exits with 0 or 2 as the settings are, and prints no traceback and no secret."""
    with tempfile.TemporaryDirectory() as name:
        bad = isinstance(_fate(Path(name), text), ConfigError)
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["awsync", "config", "check", "--config", f"{name}/config.toml"])
            with pytest.raises(SystemExit) as exited:
                main()
        assert (exited.value.code or 0) == (2 if bad else 0), err.getvalue()
        _assert_clean(out.getvalue() + err.getvalue())


@pytest.mark.parametrize("text", [NASTY[0], NASTY[3], NASTY[7], NASTY[9]], ids=range(4))
def test_a_bad_config_in_a_process_of_its_own(text: bytes, tmp_path: Path) -> None:
    """The real command says what is wrong in a few lines and exits with 2."""
    (tmp_path / "config.toml").write_bytes(text)
    done = awsync("sync", "--once", "--config", str(tmp_path / "config.toml"), folder=tmp_path)
    assert done.returncode == 2
    assert str(tmp_path / "config.toml") in done.stderr
    assert len(done.stderr.splitlines()) < 5
    _assert_clean(done.stderr)
