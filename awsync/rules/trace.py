"""What each step does to an event: the same steps that decide what leaves, told one by one.

May import: the standard library, series, the other modules of rules.
"""

from collections.abc import Sequence
from typing import NamedTuple

from awsync.rules.steps import Step
from awsync.series import Data, Edited


class Did(NamedTuple):
    """A step that did something: keys that are gone, new or changed, the category, or the whole event."""

    name: str
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    category: bool = False
    dropped: bool = False

    @property
    def words(self) -> str:
        """What it did: `dropped it`, `title gone`, `domain new, file changed`."""
        if self.dropped:
            return "dropped it"
        told = [
            f"{', '.join(keys)} {what}"
            for keys, what in ((self.gone, "gone"), (self.new, "new"), (self.changed, "changed"))
            if keys
        ]
        return ", ".join([*told, *(["category set"] if self.category else [])])


def traced(steps: Sequence[Step], data: Data) -> tuple[Edited | None, list[Did]]:
    """What all steps make of an event's data, and which of them did anything. Raises as they do."""
    edited, did = Edited(data), list[Did]()
    for step in steps:
        left = step.apply(edited)
        if left is None:
            return None, [*did, Did(step.name, dropped=True)]
        told = _compared(step.name, edited, left)
        if told != Did(step.name):
            did.append(told)
        edited = left
    return edited, did


def _compared(name: str, before: Edited, after: Edited) -> Did:
    old = {key: value for key, value in before.data.items() if _counts(value)}
    new = {key: value for key, value in after.data.items() if _counts(value)}
    return Did(
        name,
        gone=tuple(sorted(old.keys() - new.keys())),
        new=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
        category=before.category != after.category,
    )


def _counts(value: object) -> bool:
    """A value without text makes no label."""
    return value is not None and value != ""
