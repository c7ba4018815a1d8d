"""A rule of the user's, ready to be applied to the events of the buckets that it concerns.

May import: the standard library, msgspec, errors, series, settings, the other modules of rules.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from msgspec import Struct

from awsync.errors import RuleError
from awsync.rules.patterns import Groups, Pattern
from awsync.rules.pseudonyms import Pseudonym, pseudonym
from awsync.rules.template import Template
from awsync.series import SEPARATOR, Data, Edit, Edited, plain
from awsync.settings import Replacement, Rule, Secret


class Step(NamedTuple):
    """One thing that is done to an event, and what it is called; None drops the event."""

    name: str
    apply: Callable[[Edited], Edited | None]


def composed(steps: Sequence[Step]) -> Edit:
    """All steps in their order, as one edit."""
    applied = [step.apply for step in steps]

    def edit(data: Data) -> Edited | None:
        edited = Edited(data)
        for apply in applied:
            left = apply(edited)
            if left is None:
                return None
            edited = left
        return edited

    return edit


def concerns(rule: Rule, client: str, bucket: str, host: str) -> bool:
    """Whether a rule is about a bucket; `host` is what it is called in the store."""
    return _one_matches(rule.watchers, (client, bucket)) and _one_matches(rule.hosts, (host,))


def _one_matches(globs: Sequence[str], names: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)


class About(Struct, frozen=True):
    """What code of the user's is told of a bucket; `host` is what it is called in the store."""

    bucket: str
    watcher: str
    host: str


Run = Callable[[Data], Data | None]
"""Code of the user's; None drops the event. Raises RuleError where it fails."""


def step_of(rule: Rule, key: Secret | None, run: Run | None = None) -> Step:
    """The step that a rule is; `key` is that of pseudonyms, `run` is its code where it has any."""
    conditions = [(name, Pattern(text, rule.name)) for name, text in rule.match.items()]
    actions = () if rule.drop else tuple(_actions(rule, key, run))

    def apply(edited: Edited) -> Edited | None:
        groups: list[str | None] = []
        for name, pattern in conditions:
            raw = edited.data.get(name)
            found = None if raw is None else pattern.search(raw if isinstance(raw, str) else plain(raw))
            if found is None:
                return edited
            groups += found.groups() if groups else (found[0], *found.groups())
        if rule.drop:
            return None
        for action in actions:
            left = action(edited, groups)
            if left is None:
                return None
            edited = left
        return edited

    return Step(rule.name, apply)


_Action = Callable[[Edited, Sequence[str | None]], Edited | None]
"""What is done to an event that a rule is about; it gets what the groups of its expressions found."""


def groups_of(match: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """The groups of several expressions, counted through, and the numbers of those with names.

    Raises ValueError where two have one name.
    """
    count, names = 0, dict[str, int]()
    for text in match.values():
        groups = Groups(text)
        for name, number in groups.names.items():
            if name in names:
                raise ValueError(f'names two groups "{name}": give one of them another name')
            names[name] = count + number
        count += groups.count
    return count, names


def _actions(rule: Rule, key: Secret | None, run: Run | None) -> Iterator[_Action]:
    if rule.set:
        yield _setting(rule)
    if rule.replace:
        yield _replacing(rule)
    if run is not None:
        yield _running(run)
    if rule.category is not None:
        yield _categorising(SEPARATOR.join(rule.category))
    if rule.pseudonymise:
        yield _pseudonymising(rule, key)
    if rule.keep is not None:
        yield _keeping(frozenset(rule.keep))


def _setting(rule: Rule) -> _Action:
    groups = groups_of(rule.match)
    templates = [(name, Template(text, *groups, whole=bool(rule.match))) for name, text in rule.set.items()]

    def action(edited: Edited, groups: Sequence[str | None]) -> Edited:
        given = {name: each.fill(groups) for name, each in templates}
        return Edited({**edited.data, **given}, edited.category)

    return action


def _replacing(rule: Rule) -> _Action:
    replacing = [
        (name, [_replacement(each, rule.name) for each in all_]) for name, all_ in rule.replace.items()
    ]

    def action(edited: Edited, _: Sequence[str | None]) -> Edited:
        changed: dict[str, object] = {}
        for name, replacements in replacing:
            value = edited.data.get(name)
            if value is None:
                continue
            for replaced in replacements:
                new = replaced(value if isinstance(value, str) else plain(value))
                if new is not None:
                    value = changed[name] = new
        return Edited({**edited.data, **changed}, edited.category) if changed else edited

    return action


def _replacement(replacement: Replacement, rule: str) -> Callable[[str], str | None]:
    if replacement.pattern is None:
        return lambda _: replacement.text
    groups = Groups(replacement.pattern)
    pattern = Pattern(replacement.pattern, rule)
    template = Template(replacement.text, groups.count, groups.names)
    return lambda text: pattern.replaced(text, lambda found: template.fill((found[0], *found.groups())))


def _categorising(category: str) -> _Action:
    return lambda edited, _: Edited(edited.data, category)


def _pseudonymising(rule: Rule, key: Secret | None) -> _Action:
    if key is None:
        raise RuleError(rule.name, "has no key for pseudonyms.", "Set pseudonym-key-file.")
    secret = key.value

    def action(edited: Edited, _: Sequence[str | None]) -> Edited:
        data = dict(edited.data)
        for name in rule.pseudonymise:
            if (text := plain(data.get(name))) and not isinstance(text, Pseudonym):
                data[name] = pseudonym(secret, text)
        return edited._replace(data=data)

    return action


def _keeping(kept: frozenset[str]) -> _Action:
    return lambda edited, _: edited._replace(
        data={name: value for name, value in edited.data.items() if name in kept}
    )


def _running(run: Run) -> _Action:
    def action(edited: Edited, _: Sequence[str | None]) -> Edited | None:
        data = run(edited.data)
        return None if data is None else edited._replace(data=data)

    return action
