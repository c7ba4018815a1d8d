"""The sentences of awsync.events.deliveries.

May import: words, awsync.events.deliveries, describing.
"""

from awsync.events.deliveries import (
    BatchDelivered,
    CheckpointMoved,
    CorrectionSent,
    RepairSent,
    SamplesSetAside,
    SeriesFolded,
    SetAsideDelivered,
)
from awsync.events.sentences.describing import describe
from awsync.words import amount, clock


@describe.register
def _(event: BatchDelivered) -> str:
    return (
        f"{event.source}: delivered {amount(event.samples, 'sample')} of {amount(event.series, 'series')} "
        f"in {event.elapsed * 1000:.0f} ms ({event.bytes:,} bytes, remote write {event.protocol})."
    )


@describe.register
def _(event: CheckpointMoved) -> str:
    return f"{event.source}/{event.bucket}: delivered up to {clock(event.position)}."


@describe.register
def _(event: CorrectionSent) -> str:
    return (
        f"{event.source}/{event.bucket}: history changed, {event.microseconds / 1e6:+,.3f} s "
        f"corrected in {amount(event.samples, 'sample')}."
    )


@describe.register
def _(event: SeriesFolded) -> str:
    first, last = clock(event.since)[:10], clock(event.until)[:10]
    days = first if first == last else f"{first} to {last}"
    return (
        f"{event.source}/{event.bucket}: {amount(event.sets, 'label set')} of {days} went into "
        f'"(other)", for a day may begin {event.budget:,} series (series-budget). No time is lost.'
    )


@describe.register
def _(event: RepairSent) -> str:
    refused = f"; the store refused {event.refused}" if event.refused else ""
    return (
        f"{event.source}/{event.bucket}: the store did not agree, {event.microseconds / 1e6:+,.3f} s "
        f"mended in {amount(event.samples, 'sample')}{refused}."
    )


@describe.register
def _(event: SamplesSetAside) -> str:
    return (
        f"{event.source}/{event.bucket}: set aside {amount(event.samples, 'sample')} from "
        f"{clock(event.start)} to {clock(event.end)}, {event.reason} {event.remedy}".rstrip()
    )


@describe.register
def _(event: SetAsideDelivered) -> str:
    return (
        f"{event.source}/{event.bucket}: delivered what was set aside "
        f"from {clock(event.start)} to {clock(event.end)} ({amount(event.samples, 'sample')})."
    )
