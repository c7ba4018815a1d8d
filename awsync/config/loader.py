"""Finds config.toml and loads the settings of one run.

May import: the standard library, msgspec, platformdirs, settings, errors and the other modules of config.
"""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs
from msgspec import Struct

from awsync.config import keys
from awsync.config.build import Builder, Origin
from awsync.config.layers import collect
from awsync.config.lines import TomlFile, read_toml
from awsync.config.suite_environment import left_filters
from awsync.errors import ConfigError, Problem
from awsync.settings import Settings

FILE_NAME = "config.toml"
CONFIG = "config"
"""The name under which `flags` carries the value of --config."""


class Loaded(Struct, frozen=True):
    """The settings, where each came from, and what is doubtful though not wrong.

    `files` are those that they name, apart from the state folder and the programs of rules.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path | None
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...] = ()


def default_path() -> Path:
    """Return where config.toml lives unless another one is named."""
    return Path(platformdirs.user_config_dir("awsync", appauthor=False)) / FILE_NAME


def locate(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> tuple[Path, bool]:
    """Return the config.toml to read, and whether somebody named it (then it must exist).

    --config, then AWSYNC_CONFIG, then config.toml in the working folder, then the user's config folder.
    """
    named = str(flags.get(CONFIG) or "") or environ.get(keys.CONFIG_ENV, "")
    if named:
        return cwd / Path(named).expanduser(), True
    here = cwd / FILE_NAME
    return (here if is_there(here) else default_path()), False


def is_there(path: Path) -> bool:
    """Whether something stands there, or may: a folder that lets nobody in may hold rules that must count."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    *,
    needs_store: bool = True,
    needs_file: bool = True,
    reads_file: bool = True,
    hostname: Callable[[], str] = socket.gethostname,
) -> Loaded:
    """Load the settings: config.toml < environment < flags.

    `flags` maps the name of a key to the text of its flag (a list for one that repeats), "config" to that
    of --config. Without `needs_store`, Settings.store is None where no prometheus-url is given; without
    `needs_file` a config.toml that somebody named may be missing; without `reads_file` none counts.
    Raises ConfigError with every problem found, not only the first.
    """
    cwd = cwd or Path.cwd()
    path, named = locate(flags, environ, cwd)
    file, broken = _read(path, must_exist=named and needs_file) if reads_file else (None, ())
    layers = collect(file, environ, flags, cwd)
    layers.problems[:0] = broken
    builder = Builder(layers, environ, path, hostname)
    # A file that cannot be read may well hold the key: its absence is then nothing to complain of.
    settings = builder.build(needs_store=needs_store and not broken)
    if layers.problems:
        in_order = sorted(layers.problems, key=lambda problem: (problem.line is None, problem.line or 0))
        raise ConfigError(tuple(in_order))
    warnings = (*builder.vault.warnings, *left_filters(environ, settings.rules))
    files = tuple(sorted(builder.vault.files))
    return Loaded(settings, builder.origins, file.path if file else None, warnings, files)


def _read(path: Path, *, must_exist: bool) -> tuple[TomlFile | None, tuple[Problem, ...]]:
    if not must_exist and not is_there(path):
        return None, ()
    try:
        return read_toml(path), ()
    except ConfigError as error:
        return None, error.problems
