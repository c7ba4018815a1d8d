"""The environment of aw-sync-suite: most of its names are those of keys; this is what the others ask for.

Its filters are the one thing that must not be lost in silence: without them more would leave than before.

May import: the standard library, errors and settings.
"""

from collections.abc import Mapping, Sequence

from awsync.errors import Problem
from awsync.settings import Rule

PLUGINS = "PLUGINS"


def left_filters(environ: Mapping[str, str], rules: Sequence[Rule]) -> tuple[Problem, ...]:
    """A doubt where the environment still asks for filters and no rule has taken their place."""
    named = {name.strip().lower() for name in environ.get(PLUGINS, "").split("|")}
    if rules or "filters" not in named:
        return ()
    message = (
        "asks for aw-sync-suite's filters, and config.toml has no [[rule]]: only the level of privacy "
        "decides what leaves. `awsync config import --write aw-plugin-filters.yaml` turns them into rules"
    )
    return (Problem("environment", PLUGINS, message),)
