"""The doctor on config.toml: where it is, and what is wrong or doubtful in it.

May import: the standard library, and of awsync config (types), errors, doctor.findings.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from awsync.doctor.findings import Area, Finding

if TYPE_CHECKING:
    from awsync.config import Loaded
    from awsync.errors import ConfigError

_AREA = Area("Settings")
_STEP = "config"


def settings_findings(loaded: "Loaded") -> Sequence[Finding]:
    """What is to be said of settings that could be loaded."""
    place = f"{loaded.file} is in order." if loaded.file else "No config.toml: flags and environment alone."
    if not loaded.warnings:
        return [_AREA.ok(_STEP, place)]
    remedy = "`awsync config check` says it again; `awsync config show` says what holds."
    return [_AREA.warning(_STEP, str(problem), remedy) for problem in loaded.warnings]


def settings_broken(error: "ConfigError") -> Sequence[Finding]:
    """Every problem of settings that could not be loaded."""
    remedy = "Mend it; `awsync config check` says whether all is well."
    return [_AREA.failed(_STEP, str(problem), remedy) for problem in error.problems]
