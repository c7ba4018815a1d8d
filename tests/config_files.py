"""Loads settings in tests: from a folder with a config.toml, with nothing of the machine's own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from awsync.config import Loaded, load
from awsync.settings import Settings, StoreSettings

STORE = 'prometheus-url = "http://store:9090"\n'


def make_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own for settings and state, and files that settings may point to."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(f"{name}-secret\n")
        (tmp_path / f"{name}-key").touch(mode=0o600)
        (tmp_path / f"{name}-key").write_text(f"{name}-secret-of-some-length\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def loaded(
    folder: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    **options: bool,
) -> Loaded:
    """The settings of a config.toml with this text, this environment and these flags."""
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return load(flags or {}, environ or {}, folder, hostname=lambda: "workstation", **options)


def store_of(settings: Settings) -> StoreSettings:
    """The store, which these settings have."""
    assert settings.store is not None
    return settings.store
