"""Reads from the state what has left this machine for one store; nothing else is asked, nothing changes.

May import: the standard library, ledger, records, sent, state.
"""

from awsync.ledger import Entry, Range
from awsync.records import Checkpoint
from awsync.sent import Bucket, Memory, Report, bucket
from awsync.state import State

_EVER = 2**62
"""Later than any slot: a clock that was ahead may have sent some of the future."""
_KNOWN_PASSES = 1000


def read(state: State, since: int, until: int) -> Report:
    """What left for the state's store in the slots that end after `since`; `until` is now.

    Raises StateError.
    """
    refused: dict[tuple[str, str], list[Entry]] = {}
    for held in state.quarantine(dropped=True):
        if held.entry.slot_end > since:
            refused.setdefault((held.source, held.bucket), []).append(held.entry)
    ranges: dict[tuple[str, str], list[Range]] = {}
    for source, name, too_old in state.set_aside(dropped=True):
        if too_old.end > since:
            ranges.setdefault((source, name), []).append(too_old)
    buckets: list[Bucket] = []
    for checkpoint in state.checkpoints():
        key = checkpoint.source, checkpoint.bucket
        memory = _memory(checkpoint, since, len(ranges.get(key, ())))
        taken = state.ledger(*key, since, _EVER)
        buckets.append(bucket(*key, taken, refused.get(key, ()), memory))
    passes = [each for each in state.passes(_KNOWN_PASSES) if each.started > since]
    return Report(
        sink=state.sink,
        since=since,
        until=until,
        buckets=buckets,
        passes=len(passes),
        delivered=sum(each.totals.samples for each in passes),
        other_sinks=state.other_sinks(),
    )


def _memory(checkpoint: Checkpoint, since: int, too_old: int) -> Memory:
    whole_from, reached = checkpoint.ledger_from, checkpoint.reached
    start, end = checkpoint.unconfirmed_from, checkpoint.unconfirmed_to
    behind = reached is not None and (checkpoint.position is None or checkpoint.position < reached)
    return Memory(
        whole_from=whole_from if whole_from is not None and whole_from > since else None,
        forgotten_until=reached if behind and reached is not None and reached > since else None,
        unconfirmed=(start, end) if start is not None and end is not None and end > since else None,
        too_old=too_old,
    )
