"""Sends what a comparison found to be different, and writes down what the store holds then.

A slot is mended in two steps. First what the ledger remembers goes out again at its place, and what is
missing beside it as a correction: a repeat that a store holds after all, and only did not show for a moment,
changes no sum. What the store took and still does not show (Prometheus hides what it deleted, even when it
comes again) goes out once more at a stamp that was never used; a slot that has such a sample already gets
no other.

May import: the standard library, msgspec, delivery, ledger, series, state, verify.comparing.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeVar

from msgspec import Struct

from awsync.delivery import Delivery, Refusal
from awsync.ledger import Entry, Ledger, Range, due, from_store, lacking, merged
from awsync.series import Labels
from awsync.state import State
from awsync.verify.comparing import Known, Look, Slots

_Value = TypeVar("_Value")


class Outcome(Struct, frozen=True):
    """What was sent of one step: the entries that the store took, and its refusals of others."""

    delivered: Sequence[Entry]
    refused: Mapping[Entry, Refusal]

    @property
    def words(self) -> str:
        """What the store said of the first that it refused."""
        return next((refusal.words.partition("\n")[0] for refusal in self.refused.values()), "")


class Repairer(Struct, frozen=True):
    """Mends the slots of one bucket; raises ParkedError and StateError."""

    source: str
    bucket: str
    resolution: int
    state: State
    delivery: Delivery
    now: int
    facts: str

    async def mend(self, look: Look, known: Known, slots: Slots) -> Outcome:
        """The first step: sends what the slots lack, or have too much."""
        held = self._held(look, slots)
        return await self._send(corrections(look, held, known, slots), held)

    async def mend_hidden(self, look: Look, known: Known, slots: Slots, sent: Sequence[Entry]) -> Outcome:
        """The second: sends again, at new stamps, what the store took and does not show in a later look."""
        held = self._held(look, slots)
        return await self._send(beside(look, held, known, slots, sent), held)

    def _held(self, look: Look, slots: Slots) -> Ledger:
        return chosen(from_store(look.held, look.start, look.end, self.resolution), slots)

    async def _send(self, entries: Sequence[Entry], held: Ledger) -> Outcome:
        samples = {entry.sample: entry for entry in entries}
        refusals = await self.delivery.deliver(samples, source=self.source)
        refused = {samples[refusal.sample]: refusal for refusal in refusals}
        delivered = [entry for entry in entries if entry not in refused]
        there = merged(as_ledger(delivered), held)
        self.state.mend(
            self.source,
            self.bucket,
            {
                (entry.labels, entry.slot_end): there.get(entry.labels, {}).get(entry.slot_end, [])
                for entry in entries
            },
            samples=len(delivered),
            asides=self._asides(refused),
            refused=[(entry, each.words) for entry, each in refused.items() if not each.too_old],
            now=self.now,
            facts=self.facts,
        )
        return Outcome(delivered, refused)

    def _asides(self, refused: Mapping[Entry, Refusal]) -> list[Range]:
        """The slots that are too old for the store, as the ranges in which a pass tries again."""
        return [
            Range(
                entry.slot_end - self.resolution, entry.slot_end, refusal.words.partition("\n")[0], self.now
            )
            for entry, refusal in refused.items()
            if refusal.too_old
        ]


def corrections(look: Look, held: Ledger, known: Known, slots: Slots) -> list[Entry]:
    """The entries with which the store holds what ActivityWatch says of the slots.

    What waits in quarantine, or was given up there, counts as held: it has its own way.
    """
    ledger = chosen(known.ledger, slots)
    there = merged(ledger, held)
    aside = as_ledger(each.entry for each in known.quarantine)
    wanted = {labels: _only(look.wanted.get(labels, {}), ends) for labels, ends in slots.items()}
    again = lacking(ledger, held)
    return [*again, *due(wanted, merged(chosen(aside, slots), there), again=False)]


def beside(look: Look, held: Ledger, known: Known, slots: Slots, sent: Sequence[Entry]) -> list[Entry]:
    """The same for slots whose entries the store took, and does not show, each at a stamp that is free."""
    ledger = chosen(known.ledger, slots)
    tried = {(each.labels, each.slot_end) for each in lacking(ledger, held) if each.correction}
    aside = chosen(as_ledger(each.entry for each in known.quarantine), slots)
    there = merged(aside, held)
    used = merged(merged(ledger, as_ledger(sent)), there)
    result = []
    for labels, ends in slots.items():
        for slot_end in sorted(ends):
            entries = there.get(labels, {}).get(slot_end, [])
            missing = look.wanted.get(labels, {}).get(slot_end, 0) - sum(
                each.microseconds for each in entries
            )
            if missing and (labels, slot_end) not in tried:
                last = max((each.correction for each in used.get(labels, {}).get(slot_end, [])), default=0)
                result.append(Entry(labels, slot_end, last + 1, missing))
    return result


def chosen(ledger: Ledger, slots: Slots) -> Ledger:
    """The part of a ledger that is about these slots."""
    return {labels: _only(ledger[labels], ends) for labels, ends in slots.items() if labels in ledger}


def as_ledger(entries: Iterable[Entry]) -> Ledger:
    """Entries as a ledger."""
    found: dict[Labels, dict[int, list[Entry]]] = {}
    for entry in sorted(entries, key=lambda entry: entry.correction):
        found.setdefault(entry.labels, {}).setdefault(entry.slot_end, []).append(entry)
    return found


def _only(slots: Mapping[int, _Value], ends: Set[int]) -> dict[int, _Value]:
    return {slot_end: value for slot_end, value in slots.items() if slot_end in ends}
