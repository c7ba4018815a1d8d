"""`awsync verify`: does the store say what ActivityWatch says, and if not, why; with --repair, mended.

May import: typer, cli, errors; at call time config, state, verify.
"""

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import LogFormat, LogLines, document, say
from awsync.cli.settings import load_with_store
from awsync.cli.typed import length_of
from awsync.cli.verified import mended_words, show
from awsync.cli.watch import Watch
from awsync.events import Event, Level
from awsync.words import iso

if TYPE_CHECKING:
    from awsync.settings import Settings
    from awsync.state import State
    from awsync.verify import Difference, Question, Report, Said

MOST_ROWS = 10
"""So many differences of each reason are shown: who has thousands wants to know why. --json has them all."""


@settings_flags
def verify(
    flags: dict[str, object],
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back, such as 30d.")] = "30d",
    by: Annotated[str, typer.Option(metavar="hour|day", help="The periods that are compared.")] = "day",
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only this source.")] = None,
    bucket: Annotated[str | None, typer.Option(metavar="ID", help="Only this bucket.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Send the differences as corrections, then verify again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Compare the store with ActivityWatch, and say what differs and why.

    Exit code 1 if anything does. It only reads, unless it is to repair.
    """
    from awsync.config.command_line import shown_command
    from awsync.engine import system_clock
    from awsync.state import State
    from awsync.verify import By, Question

    length = length_of(since, "--since")
    if by not in set(By):
        raise typer.BadParameter(f'"{by}" is not hour or day.', param_hint="--by")
    question = Question(length, By(by), source, bucket, repair=repair)
    settings, sink = load_with_store(flags)
    with ExitStack() as opened:
        state = opened.enter_context(State(settings.state_dir, sink, write=repair))
        if repair:
            state.database.announce(shown_command(), system_clock())
        code = asyncio.run(_verify(settings, state, question, as_json=json))
    raise typer.Exit(code)


async def _verify(settings: "Settings", state: "State", question: "Question", *, as_json: bool) -> int:
    from msgspec.structs import replace

    first = await _run(settings, state, question, as_json=as_json)
    report = first
    if question.repair and first.mended:
        if not as_json:
            show(first)
            for mended in first.mended:
                say(mended_words(mended))
            say()
        report = await _run(settings, state, replace(question, repair=False), as_json=as_json)
    if as_json:
        document(_document(report, first))
    else:
        show(report)
    return 0 if report.ok else 1


async def _run(settings: "Settings", state: "State", question: "Question", *, as_json: bool) -> "Report":
    """One verification; what is said of the store on the way goes to stderr."""
    from contextlib import aclosing

    from awsync.journal import Recorder
    from awsync.verify import Report
    from awsync.verify import verify as compare

    report = Report(most=None if as_json else MOST_ROWS)
    lines = LogLines(LogFormat.TEXT, Level.WARNING)
    with ExitStack() as opened:
        # Who repairs holds the state, and with it the journal.
        recorder = opened.enter_context(Recorder(settings.state_dir)) if question.repair else None

        def emit(event: Event) -> None:
            lines.apply(event)
            if recorder is not None:
                recorder.record(event)

        reached = _Reached(opened.enter_context(Watch("Verifying")))
        async with aclosing(compare(settings, state, question, emit=emit)) as found:
            async for said in found:
                report.apply(said)
                reached.apply(said)
    return report


class _Reached:
    """Tells which bucket is being compared, and how far."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._from = 0
        self._to = 0

    def apply(self, said: "Said") -> None:
        """Shows how far it is."""
        from awsync.verify import Begun, Reached

        if isinstance(said, Begun):
            self._from, self._to = said.start, said.end
            self._watch.tell(f"{said.source}/{said.bucket} ...")
        elif isinstance(said, Reached) and self._to > self._from:
            share = (said.until - self._from) / (self._to - self._from)
            self._watch.tell(f"{said.source}/{said.bucket} {share:.0%}")


def _document(report: "Report", first: "Report") -> dict[str, object]:
    asked = report.asked
    return {
        "ok": report.ok,
        "store": None
        if asked is None
        else {"url": asked.url, "engine": asked.engine, "version": asked.version},
        "kept_from": None if asked is None else iso(asked.kept_from),
        "buckets": [
            {
                "source": each.source,
                "bucket": each.bucket,
                "from": iso(each.start),
                "to": iso(each.end),
                "ok": each.ok,
                "periods": each.periods,
                "agree": each.agree,
                "activitywatch_seconds": each.expected / 1e6,
                "store_seconds": each.held / 1e6,
                "missing_seconds": each.missing / 1e6,
                "extra_seconds": each.extra / 1e6,
            }
            for each in report.compared
        ],
        "differences": [_difference_document(each) for each in report.differences],
        "skipped": [
            {"source": each.source, "bucket": each.bucket, "why": each.why} for each in report.skipped
        ],
        "unread": [
            {"source": each.source, "bucket": each.bucket, "reason": each.reason, "remedy": each.remedy}
            for each in report.unread
        ],
        "repaired": [
            {
                "source": each.source,
                "bucket": each.bucket,
                "samples": each.samples,
                "seconds": each.microseconds / 1e6,
                "refused": each.refused,
                "hidden": each.hidden,
                "words": each.words,
            }
            for each in first.mended
        ],
        "found_before": [_difference_document(each) for each in first.differences] if first.mended else [],
    }


def _difference_document(found: "Difference") -> dict[str, object]:
    return {
        "source": found.source,
        "bucket": found.bucket,
        "labels": dict(found.labels),
        "from": iso(found.start),
        "to": iso(found.end),
        "activitywatch_seconds": found.expected / 1e6,
        "store_seconds": found.held / 1e6,
        "difference_seconds": found.difference / 1e6,
        "why": found.why.value,
    }
