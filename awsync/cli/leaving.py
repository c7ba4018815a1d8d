"""What leaves the machine, as `awsync config show` tells it: the user's rules, and those of the levels.

May import: config, rules, settings.
"""

from collections.abc import Mapping, Sequence

from awsync.config.template import rule_text
from awsync.rules.levels import LEVELS, in_force
from awsync.settings import PrivacyLevel, Settings


def levels(settings: Settings) -> Mapping[PrivacyLevel, Sequence[Mapping[str, str]]]:
    """The rules of each level that is in force somewhere."""
    used = {name for source in settings.sources for name in in_force(source.privacy)}
    return {
        name: [{"name": rule.name, "rule": rule.written} for rule in level.rules]
        for name, level in LEVELS.items()
        if name in used
    }


def what_leaves(settings: Settings) -> str:
    """The user's rules in their order, where each level is in force, and the rules that it consists of."""
    blocks = ["# The rules, in their order:" if settings.rules else "# There is no rule of your own."]
    blocks += [rule_text(rule) for rule in settings.rules]
    for name, rules in levels(settings).items():
        blocks.append(f'# Level "{name}", {_where(name, settings)}, as rules:')
        blocks += [f'[[rule]]\nname = "{rule["name"]}"\n{rule["rule"]}' for rule in rules]
    return "\n\n".join(blocks) + "\n"


def _where(level: PrivacyLevel, settings: Settings) -> str:
    """Where a level is in force, and what leaves in spite of it."""
    sources = [source for source in settings.sources if source.privacy.level == level]
    places = [f"source {source.name}" for source in sources] if len(settings.sources) > 1 else []
    places += ["all watchers"] if sources and not places else []
    globs = settings.sources[0].privacy.watchers
    places += [f"watchers {glob}" for glob, each in globs.items() if each == level]
    allowed = sorted({key for source in sources for key in source.privacy.allowed})
    return f"for {', '.join(places)}" + (f", but for {', '.join(allowed)}" if allowed else "")
