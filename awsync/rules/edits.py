"""Everything that is done to the events of one bucket, in order.

The level of privacy looks at the data as ActivityWatch has them, then the rules of the user's apply in their
order, and the level has the last word: nothing that it forbids can come out of a rule.

May import: the standard library, settings, the other modules of rules.
"""

from collections.abc import Sequence

from awsync.rules.levels import LEVELS, level_of
from awsync.rules.steps import Step, concerns, step_of
from awsync.settings import Privacy, Rule, Secret


class RuleBook:
    """The rules of the user's, each made ready once."""

    def __init__(self, rules: Sequence[Rule], key: Secret | None = None) -> None:
        self._rules = rules
        self._key = key
        self._ready: dict[str, Step] = {}

    def steps(self, privacy: Privacy, client: str, bucket: str, host: str) -> tuple[Step, ...]:
        """What is done to the events of a bucket; raises RuleError where a rule cannot be made ready."""
        level = LEVELS[level_of(privacy, client, bucket)]
        allowed = frozenset(privacy.allowed)
        return (
            *(rule.step(allowed) for rule in level.first),
            *(self._step(rule) for rule in self._rules if concerns(rule, client, bucket, host)),
            *(rule.step(allowed) for rule in level.last),
        )

    def _step(self, rule: Rule) -> Step:
        if rule.name not in self._ready:
            self._ready[rule.name] = step_of(rule, self._key)
        return self._ready[rule.name]
