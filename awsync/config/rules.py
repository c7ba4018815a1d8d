"""From [[rule]] tables to rules that can be relied on: one that is doubtful is refused, never left out.

May import: the standard library, series, settings, rules, the other modules of config.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from awsync.config import rule_keys as keys
from awsync.config.key import Key
from awsync.config.layers import Findings, Place
from awsync.config.values import T
from awsync.series import CATEGORY, RESERVED
from awsync.settings import Rule


def build_rules(tables: Sequence[tuple[Place, Findings]]) -> tuple[Rule, ...]:
    """The rules in their order; what is wrong with one is added to the problems of its findings."""
    rules: list[tuple[Rule, Place]] = []
    for place, findings in tables:
        rule = _rule(place, findings)
        if not rule.name:
            continue
        for other, there in rules:
            if other.name == rule.name:
                at = findings.get(keys.RULE_NAME).place
                findings.complain(at, "name", f"is used by two rules (the other one is at {there})")
            elif why := _hides(other, rule):
                findings.complain(
                    place, "match", f'can never be found: the rule "{other.name}" ({there}) {why}'
                )
        rules.append((rule, place))
    return tuple(rule for rule, _ in rules)


def _rule(place: Place, findings: Findings) -> Rule:
    if keys.RULE_NAME.name not in findings.mentioned:
        findings.complain(place, "name", f"is missing: {keys.RULE_NAME.help}")
    given = {
        key.name.replace("-", "_"): findings.found[key.name].value
        for key in keys.RULE_KEYS
        if key.name in findings.found
    }
    rule = Rule(**{"name": "", **given})
    _check_actions(rule, place, findings)
    _check_expressions(rule, findings)
    _check_names(rule, findings)
    return rule


def _check_actions(rule: Rule, place: Place, findings: Findings) -> None:
    actions = [key.name for key in keys.ACTIONS if key.name in findings.mentioned]
    effective = [name for name in actions if name != "drop" or rule.drop or "drop" not in findings.found]
    if not effective:
        message = f"does nothing: give it one of {', '.join(key.name for key in keys.ACTIONS)}"
        findings.complain(place, "action", message)
    if rule.drop and len(actions) > 1:
        others = " and ".join(name for name in actions if name != "drop")
        findings.complain(
            findings.get(keys.RULE_DROP).place,
            "drop",
            f"leaves nothing for {others} to change: keep one of them",
        )
    if "timeout" in findings.found and not {"transform", "command"} & findings.mentioned:
        findings.complain(
            findings.get(keys.RULE_TIMEOUT).place,
            "timeout",
            "is for transform and command, and neither is given",
        )
    if rule.keep is not None:
        for key, names in ((keys.RULE_PSEUDONYMISE, rule.pseudonymise), (keys.RULE_SET, tuple(rule.set))):
            if lost := [name for name in names if name not in rule.keep]:
                message = f'"{lost[0]}" is not among keep, which takes it away again: add it there'
                findings.complain(findings.get(key).place, key.name, message)


def _check_expressions(rule: Rule, findings: Findings) -> None:
    # Loaded here: most settings have no rule, and the expressions' module takes its time.
    from awsync.rules.patterns import Groups
    from awsync.rules.steps import groups_of
    from awsync.rules.template import Template

    expressions = [
        _tried(findings, keys.RULE_MATCH, name, partial(Groups, text)) for name, text in rule.match.items()
    ]
    groups = None
    if None not in expressions:
        groups = _tried(findings, keys.RULE_MATCH, "", partial(groups_of, rule.match))
    if groups is not None:
        whole = bool(rule.match)
        for name, text in rule.set.items():
            _tried(findings, keys.RULE_SET, name, partial(Template, text, *groups, whole=whole))
    for name, replacements in rule.replace.items():
        for each in replacements:
            found = _tried(findings, keys.RULE_REPLACE, name, partial(Groups, each.pattern or ""))
            if found is not None and each.pattern is not None:
                template = partial(Template, each.text, found.count, found.names)
                _tried(findings, keys.RULE_REPLACE, name, template)


def _tried(findings: Findings, key: Key[Any], name: str, make: Callable[[], T]) -> T | None:
    try:
        return make()
    except ValueError as error:
        where = f"{key.name}.{name}" if name else key.name
        findings.complain(findings.get(key).place, where, str(error))
        return None


def _check_names(rule: Rule, findings: Findings) -> None:
    for name in rule.set:
        if name in RESERVED:
            hint = "use the action of that name" if name == CATEGORY else "give it another name"
            findings.complain(
                findings.get(keys.RULE_SET).place, f"set.{name}", f"is a label of awsync's own: {hint}"
            )


def _hides(earlier: Rule, rule: Rule) -> str | None:
    """Why a rule before it leaves this one nothing to do."""
    if earlier.match or not (_covers(earlier.watchers, rule.watchers) and _covers(earlier.hosts, rule.hosts)):
        return None
    if earlier.drop:
        return "drops every event that this one is about"
    if earlier.keep is not None and (lost := [name for name in rule.match if name not in earlier.keep]):
        return f'takes "{lost[0]}" away before'
    if unreadable := [name for name in rule.match if name in earlier.pseudonymise]:
        return f'makes "{unreadable[0]}" unreadable before'
    return None


def _covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether everything that one of the narrow globs matches is surely matched by a wide one."""
    if not wide or "*" in wide:
        return True
    plain = [glob for glob in narrow if not set(glob) & set("*?[")]
    return bool(narrow) and all(
        glob in wide or (glob in plain and any(fnmatchcase(glob, each) for each in wide)) for glob in narrow
    )
