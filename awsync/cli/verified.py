"""What verify found, for a person: short lines on a terminal, plain columns for a pipe.

May import: cli.output, words; at call time verify.
"""

from typing import TYPE_CHECKING

from awsync.cli.output import narrate, on_terminal, say, table
from awsync.words import amount, clock, printable

if TYPE_CHECKING:
    from awsync.verify import Compared, Difference, Report


def show(report: "Report") -> None:
    """The result for a person, or as plain columns for a pipe."""
    asked = report.asked
    if asked is not None and asked.kept_from is not None:
        narrate(f"The store keeps nothing from before {clock(asked.kept_from)} UTC: that is not compared.")
    if report.compared and on_terminal():
        _short_table(report)
    elif report.compared:
        columns = ("source", "bucket", "from (UTC)", "to (UTC)", "agree", "ActivityWatch", "store", "result")
        numbers = ("agree", "ActivityWatch", "store")
        table(columns, [_bucket_row(each) for each in report.compared], numbers=numbers)
    for skipped in report.skipped:
        say(f"not compared: {skipped.source}/{skipped.bucket}: {skipped.why}")
    for unread in report.unread:
        where = unread.source if unread.bucket is None else f"{unread.source}/{unread.bucket}"
        narrate(f"awsync: {where}: {unread.reason} {unread.remedy}".rstrip())
    if report.differences:
        if on_terminal():
            _short_lines(report)
        else:
            heads = ("period (UTC)", "bucket", "series", "ActivityWatch", "store", "difference", "why")
            rows = [_row(each) for each in report.differences]
            table(heads, rows, numbers=("ActivityWatch", "store", "difference"))
        if report.left_out:
            say(f"... and {report.left_out:,} more; --json has them all.")
        for why in report.reasons():
            say(f"{why.value}: {why.words}")
    say(verdict(report))


def _short_table(report: "Report") -> None:
    """The buckets, so that they fit into 80 columns: the time is one for all, and what agrees says so."""
    start, end = min(each.start for each in report.compared), max(each.end for each in report.compared)
    say(f"{clock(start)} to {clock(end)} UTC:")
    several = len({each.source for each in report.compared}) > 1
    rows = [
        (
            f"{each.source}/{each.bucket}" if several else each.bucket,
            f"{each.agree:,}/{each.periods:,}",
            f"{_seconds(each.expected)} s",
            "the same" if each.ok else _apart(each.held - each.expected),
        )
        for each in report.compared
    ]
    numbers = ("agree", "ActivityWatch", "store")
    table(("bucket", "agree", "ActivityWatch", "store"), rows, numbers=numbers)


def _apart(microseconds: int) -> str:
    """How far the store is away; what is missing and what is too much may add up to nothing."""
    return f"{microseconds / 1e6:+,.3f} s" if microseconds else "differs"


def _short_lines(report: "Report") -> None:
    """The differences, each on two lines under its bucket and reason."""
    before = ""
    for each in report.differences:
        head = f"{each.source}/{each.bucket}: {each.why.value}"
        if head != before:
            say(printable(head))
            before = head
        both = f"ActivityWatch {_seconds(each.expected)} s, store {_seconds(each.held)} s"
        say(f"  {clock(each.start)}  {each.difference / 1e6:+,.3f} s  ({both})")
        say(printable(f"    {each.series}"))
    say()


def verdict(report: "Report") -> str:
    """The result in a sentence."""
    differing = [each for each in report.compared if not each.ok]
    if report.ok and not report.compared:
        return "There is nothing to compare."
    if report.ok:
        periods = sum(each.periods for each in report.compared)
        return f"The store says what ActivityWatch says: {amount(periods, 'period')} agree."
    differ = "differs" if len(differing) == 1 else "differ"
    told = [f"{len(differing)} of {amount(len(report.compared), 'bucket')} {differ}"]
    missing, extra = sum(each.missing for each in differing), sum(each.extra for each in differing)
    told += [f"{_seconds(missing)} s missing"] if missing else []
    told += [f"{_seconds(extra)} s too many"] if extra else []
    told += [f"{len(report.unread)} could not be read"] if report.unread else []
    return f"{', '.join(told)}."


def mended_words(mended: object) -> str:
    """What was sent for a stretch of a bucket, in a sentence."""
    from awsync.verify import Mended

    assert isinstance(mended, Mended)
    told = f"{mended.source}/{mended.bucket}: {amount(mended.samples, 'correction')} sent"
    told += f" ({mended.microseconds / 1e6:+,.3f} s)"
    if mended.refused:
        told += f", {mended.refused} refused ({mended.words}): awsync quarantine list"
    if mended.hidden:
        told += f", {mended.hidden} taken and not shown: a store that deleted them hides them for some hours"
    return f"{told}."


def _bucket_row(found: "Compared") -> tuple[str, ...]:
    result = "agrees" if found.ok else amount(found.differences, "difference")
    return (
        found.source,
        found.bucket,
        clock(found.start),
        clock(found.end),
        f"{found.agree:,}/{found.periods:,}",
        _seconds(found.expected),
        _seconds(found.held),
        result,
    )


def _row(found: "Difference") -> tuple[str, ...]:
    return (
        clock(found.start),
        f"{found.source}/{found.bucket}",
        found.series,
        _seconds(found.expected),
        _seconds(found.held),
        f"{found.difference / 1e6:+,.3f}",
        found.why.value,
    )


def _seconds(microseconds: int) -> str:
    return f"{microseconds / 1e6:,.3f}"
