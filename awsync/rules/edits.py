"""Everything that is done to the events of one bucket, in order.

The level of privacy looks at the data as ActivityWatch has them, then the rules of the user's apply in their
order, and the level has the last word: nothing that it forbids can come out of a rule.

May import: the standard library, errors, settings, the other modules of rules.
"""

from collections.abc import Callable, Sequence

from awsync.errors import RuleError
from awsync.rules.levels import LEVELS, level_of
from awsync.rules.steps import About, Run, Step, concerns, step_of
from awsync.settings import Privacy, Rule, Secret

Code = Callable[[Rule, About], Run]
"""What hands the events of a bucket to the code that a rule names. May raise RuleError."""


class RuleBook:
    """The rules of the user's, each made ready once; `code` runs what they hand events to."""

    def __init__(self, rules: Sequence[Rule], key: Secret | None = None, code: Code | None = None) -> None:
        self._rules = rules
        self._key = key
        self._code = code
        self._ready: dict[str, Step] = {}

    def steps(self, privacy: Privacy, client: str, bucket: str, host: str) -> tuple[Step, ...]:
        """What is done to the events of a bucket; raises RuleError where a rule cannot be made ready."""
        level = LEVELS[level_of(privacy, client, bucket)]
        allowed, about = frozenset(privacy.allowed), About(bucket, client, host)
        return (
            *(rule.step(allowed) for rule in level.first),
            *(self._step(rule, about) for rule in self._rules if concerns(rule, client, bucket, host)),
            *(rule.step(allowed) for rule in level.last),
        )

    def _step(self, rule: Rule, about: About) -> Step:
        if rule.transform is not None or rule.command:
            if self._code is None:
                raise RuleError(rule.name, "hands data to code, which is not run here.", "Take it out.")
            return step_of(rule, self._key, self._code(rule, about))
        if rule.name not in self._ready:
            self._ready[rule.name] = step_of(rule, self._key)
        return self._ready[rule.name]
