"""`awsync sync`: one pass, or passes for ever on the cron.

May import: typer, cli, errors; at call time the engine and what it needs.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from awsync.cli.flags import settings_flags
from awsync.cli.output import LogFormat, LogLines, document, narrate, one_source, say, table
from awsync.cli.settings import load_with_store
from awsync.errors import StateDamagedError, StateError
from awsync.events import Event, Level, SettingsReloaded, folded, set_aside
from awsync.settings import Listen
from awsync.words import amount, clock

if TYPE_CHECKING:
    from socket import socket

    from awsync.engine import Engine
    from awsync.state import State
    from awsync.summary import PassSummary
    from awsync.telemetry.own_series import OwnSeries

ONCE_PATIENCE = 15.0
"""Seconds of a failing store that `--once` bears: a blip, not an outage."""
INTERRUPTED = 130


@settings_flags
def sync(
    flags: dict[str, object],
    once: Annotated[bool, typer.Option("--once", help="One pass, then exit.")] = False,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="One pass that looks back over lookback at once, then exit.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary of --once as JSON on stdout.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="Log lines as text or JSON.")] = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every page and batch.")] = False,
) -> None:
    """Deliver what is new: at once, and then at the times of the cron.

    It reads config.toml again when it changes, and SIGTERM stops it within a second.
    A pass looks for changed history once an hour, with --recheck at once.
    One pass ends with 0 only if all that was due is delivered.
    """
    from awsync.config.command_line import shown_command
    from awsync.engine import Engine, system_clock
    from awsync.state import State
    from awsync.telemetry.own_series import begun

    settings, sink = load_with_store(flags)
    lines = LogLines(log_format, Level.DEBUG if verbose else Level.INFO)
    with State(settings.state_dir, sink, write=True) as state:
        state.database.announce(shown_command(), system_clock())
        once = once or recheck
        own = begun(state, system_clock)
        engine = Engine(settings, state, patience=ONCE_PATIENCE if once else None, own=own)
        # Damage is met again by the pass, where it can be mended.
        with suppress(StateDamagedError):
            _say_other_sinks(state)
        if once:
            raise typer.Exit(run_once(engine, lines, as_json=json, verbose=verbose, recheck=recheck))
        raise typer.Exit(_run_service(engine, own, lines, flags))


def _say_other_sinks(state: "State") -> None:
    for sink in state.other_sinks() if not state.checkpoints() else []:
        narrate(f"This state folder also has checkpoints for {sink}; this store starts from the beginning.")


def run_once(
    engine: "Engine", lines: LogLines, *, as_json: bool, verbose: bool, recheck: bool = False
) -> int:
    """One pass and its summary; returns the exit code. `recheck` looks back without waiting for the hour."""
    from awsync.cli.progress import Progress
    from awsync.journal import Recorder
    from awsync.summary import PassSummary

    summary = PassSummary()
    watched = sys.stderr.isatty() and not verbose
    with (
        Recorder(engine.settings.state_dir) as recorder,
        Progress(summary) if watched else _Plain(lines) as face,
    ):

        def emit(event: Event) -> None:
            recorder.record(event)
            if engine.own is not None:
                engine.own.hear(event)
            summary.apply(event)
            face.apply(event)

        database = engine.state.database
        if database.begun_anew is not None:
            emit(database.begun_anew)
        try:
            code = _run(lambda: _once(engine, emit, recheck=recheck), lines)
        except StateDamagedError as error:
            emit(database.begin_anew(error.reason))
            raise StateError(error.message, "Run awsync again: it finds out what the store lacks.") from error
    if code == 0 or summary.finished is not None:
        if as_json:
            document(summary.document())
        else:
            show(summary)
    return code


async def _once(engine: "Engine", emit: Callable[[Event], None], *, recheck: bool) -> int:
    return 0 if (await engine.one_pass(emit, look_back=recheck)).complete else 1


def _run_service(engine: "Engine", own: "OwnSeries", lines: LogLines, flags: dict[str, object]) -> int:
    from awsync.conductor import Conductor
    from awsync.config import Watched
    from awsync.events import JournalBegunAnew
    from awsync.journal import Recorder

    listen = engine.settings.metrics_listen
    with _bound(listen) as bound, Recorder(engine.settings.state_dir) as recorder:

        def emit(event: Event) -> None:
            recorder.record(event)
            own.hear(event)
            lines.apply(event)
            if isinstance(event, SettingsReloaded) and engine.settings.metrics_listen != listen:
                lines.say("metrics-listen has changed; restart awsync for that.")

        if (begun_anew := engine.state.database.begun_anew) is not None:
            emit(begun_anew)
        if recorder.begun_anew:
            emit(JournalBegunAnew(reason=recorder.begun_anew))
        conductor = Conductor(engine, emit, reload=Watched(flags), asked=recorder.take)

        async def work() -> int:
            async with _shown(engine, own, bound):
                if bound is not None:
                    lines.say(f"Metrics are shown at http://{listen}/metrics.")
                await conductor.run()
            return 0

        return _run(work, lines, stopped=0)


def _bound(listen: Listen | None) -> AbstractContextManager["socket | None"]:
    """The socket for the metrics, where they are wanted."""
    if listen is None:
        return nullcontext()
    from awsync.telemetry.endpoint import bind

    return bind(listen)


def _shown(engine: "Engine", own: "OwnSeries", bound: "socket | None") -> AbstractAsyncContextManager[object]:
    """Shows the metrics on the socket."""
    if bound is None:
        return nullcontext()
    from awsync.schedule import Schedule
    from awsync.telemetry.endpoint import Endpoint
    from awsync.telemetry.pages import pages

    return Endpoint(bound, pages(own.figures, own.clock, lambda: Schedule.of(engine.settings)))


def _run(
    work: Callable[[], Coroutine[None, None, int]], lines: LogLines, *, stopped: int = INTERRUPTED
) -> int:
    """Runs until done or told to stop: Ctrl-C gives 130, SIGTERM `stopped`."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work())
        terminated = asyncio.Event()

        def terminate() -> None:
            terminated.set()
            task.cancel()

        if sys.platform != "win32":
            loop.add_signal_handler(signal.SIGTERM, terminate)
        try:
            return await task
        except asyncio.CancelledError:
            if not terminated.is_set():
                raise
            lines.say("Stopped; what was not confirmed is sent by the next pass.")
            return stopped

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        lines.say("Interrupted; what was not confirmed is sent by the next pass.")
        return INTERRUPTED
    finally:
        # asyncio leaves the default behind, whatever there was.
        signal.signal(signal.SIGTERM, before)


class _Plain:
    """Log lines behind the same face as the progress bars."""

    def __init__(self, lines: LogLines) -> None:
        self._lines = lines

    def __enter__(self) -> "_Plain":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def apply(self, event: Event) -> None:
        self._lines.apply(event)


def show(summary: "PassSummary") -> None:
    """The summary of a pass for a person, or as plain columns for a pipe."""
    assert summary.finished is not None
    totals = summary.finished.totals
    columns = ("source", "bucket", "events", "samples", "checkpoint (UTC)", "state")
    rows = [
        (
            row.source,
            row.bucket,
            f"{row.events:,}",
            f"{row.samples:,}",
            "" if row.position is None else clock(row.position),
            row.state,
        )
        for row in summary.rows.values()
    ]
    if rows:
        table(columns, rows, numbers=("events", "samples"), idle=one_source(rows))
    verdict = "Complete" if summary.finished.complete else "Incomplete"
    where = f" to {summary.store}" if summary.store else ""
    say(
        f"{verdict} in {summary.finished.elapsed:.1f} s: {amount(totals.events, 'event')} read, "
        f"{amount(totals.samples, 'sample')} of {amount(totals.series, 'series')} delivered{where} "
        f"in {amount(totals.requests, 'request')}{folded(totals)}{set_aside(totals)}."
    )
