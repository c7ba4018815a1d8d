"""The sentences of awsync.events.passes, and the parts of one that a summary has too.

May import: words, awsync.events.passes, describing.
"""

from awsync.events.passes import ClockSkewed, PassFinished, PassStarted, Totals
from awsync.events.sentences.describing import describe
from awsync.words import amount, span


@describe.register
def _(event: PassStarted) -> str:
    over = ", ".join(event.sources) if event.bucket is None else f"{event.sources[0]}/{event.bucket}"
    return f"Pass over {over} to {event.sink} started."


@describe.register
def _(event: ClockSkewed) -> str:
    way = "ahead of" if event.seconds > 0 else "behind"
    return f"{event.of}: its clock is {span(event.seconds)} {way} this machine's. Set both by a time server."


@describe.register
def _(event: PassFinished) -> str:
    totals = event.totals
    done = "Pass stopped" if event.stopped else "Pass complete" if event.complete else "Pass incomplete"
    return (
        f"{done} in {event.elapsed:.1f} s: {amount(totals.events, 'event')} read, "
        f"{amount(totals.samples, 'sample')} delivered{folded(totals)}{set_aside(totals)}."
    )


def folded(totals: Totals) -> str:
    """What a pass folded, as a part of a sentence; empty where nothing was."""
    return f", {amount(totals.folded, 'label set')} folded" if totals.folded else ""


def set_aside(totals: Totals) -> str:
    """What a pass set aside, and all that is, as the end of a sentence; empty where nothing is."""
    new = f", {amount(totals.set_aside, 'sample')} set aside" if totals.set_aside else ""
    ranges = amount(totals.held_ranges, "range") if totals.held_ranges else ""
    samples = amount(totals.held_samples, "sample") if totals.held_samples else ""
    held = " and ".join(filter(None, [ranges, samples]))
    return f"{new} ({held} set aside in all)" if held else new
