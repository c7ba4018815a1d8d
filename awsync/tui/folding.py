"""The engine's events folded into the board: what each kind of event changes in what is known.

May import: the standard library, control, events, and of tui state.
"""

from functools import singledispatch

from awsync.control import Said
from awsync.events import (
    BatchDelivered,
    BucketFound,
    BucketSkipped,
    CheckpointMoved,
    CheckpointRewound,
    Event,
    NextPass,
    PageRead,
    PassFailed,
    PassFinished,
    PassStarted,
    Paused,
    Resumed,
    RetryScheduled,
    RunEnded,
    RunStarted,
    SettingsReloaded,
    SourceFailed,
    SourceReached,
    StoreParked,
    StoreReached,
)
from awsync.tui.state import Board, Running


def apply(board: Board, said: Said) -> None:
    """Takes in one event."""
    board.version += 1
    board.log.say(said)
    _fold(said.event, board, said.at)


@singledispatch
def _fold(event: Event, board: Board, at: int) -> None:
    """Takes an event into the board; most that is only said needs nothing more."""


@_fold.register
def _(event: RunStarted, board: Board, at: int) -> None:
    board.settle_down()
    board.paused, board.next_at = False, None
    board.troubles.clear()
    for peer in (board.store, *board.sources.values()):
        peer.forget()


@_fold.register
def _(event: RunEnded, board: Board, at: int) -> None:
    board.settle_down()
    board.next_at = None


@_fold.register
def _(event: PassStarted, board: Board, at: int) -> None:
    board.settle_down()
    board.running = Running(event.at, about=event.bucket or "")
    board.next_at = None
    board.store.sink = event.sink
    board.troubles.pop("pass", None)


@_fold.register
def _(event: SourceReached, board: Board, at: int) -> None:
    fact = board.source(event.source)
    fact.url, fact.version, fact.hostname = event.url, event.version, event.hostname
    fact.buckets = event.buckets
    fact.answered(at)


@_fold.register
def _(event: SourceFailed, board: Board, at: int) -> None:
    words = f"{event.reason} {event.remedy}".rstrip()
    if event.bucket is None:
        board.source(event.source).failed(words, at)
    else:
        board.row(event.source, event.bucket).fault = words


@_fold.register
def _(event: BucketFound, board: Board, at: int) -> None:
    row = board.row(event.source, event.bucket)
    row.watcher, row.host, row.type = event.watcher, event.host, event.type
    row.newest = max(event.newest, row.newest or 0)
    row.due_from, row.due_to = event.due_from, event.due_to
    row.position = event.due_from
    row.why_not, row.excluded, row.fault = None, False, ""
    row.moving_since, row.moved_at = at, at


@_fold.register
def _(event: BucketSkipped, board: Board, at: int) -> None:
    row = board.row(event.source, event.bucket)
    row.watcher, row.host, row.type = event.watcher, event.host, event.type
    row.why_not, row.excluded = event.why, event.why.startswith("excluded")


@_fold.register
def _(event: PageRead, board: Board, at: int) -> None:
    running = board.running
    if running is None:
        return
    running.events += event.events
    row = board.row(event.source, event.bucket)
    if row.key not in running.reading:
        # It was found while another bucket was being read: its own time runs from the end of that one.
        running.reading.add(row.key)
        row.moving_since = row.moved_at = max(running.read_at, row.moving_since or 0)
    running.read_at = at


@_fold.register
def _(event: CheckpointMoved, board: Board, at: int) -> None:
    row = board.row(event.source, event.bucket)
    row.position, row.moved_at = event.position, at


@_fold.register
def _(event: CheckpointRewound, board: Board, at: int) -> None:
    board.row(event.source, event.bucket).position = event.position


@_fold.register
def _(event: StoreReached, board: Board, at: int) -> None:
    store = board.store
    known = event.engine != "unknown"
    store.sink, store.protocol = event.sink, event.protocol
    store.engine, store.version = (event.engine, event.version) if known else ("", "")
    store.answered(at)


@_fold.register
def _(event: StoreParked, board: Board, at: int) -> None:
    board.store.sink = event.sink
    board.store.failed(f"{event.reason} {event.remedy}".rstrip(), at)
    board.store.retry_at, board.store.parked = None, True


@_fold.register
def _(event: RetryScheduled, board: Board, at: int) -> None:
    board.store.sink = event.sink
    board.store.failed(event.reason, at)
    board.store.parked = False
    board.store.retry_at = at + int(event.delay * 1e6)


@_fold.register
def _(event: BatchDelivered, board: Board, at: int) -> None:
    board.store.answered(at)
    board.store.protocol = event.protocol
    if board.running is not None:
        board.running.samples += event.samples
        board.running.requests += 1


@_fold.register
def _(event: PassFinished, board: Board, at: int) -> None:
    board.settle_down()
    if event.complete:
        board.last_success = event.at
        board.store.answered(at)
    board.troubles.pop("pass", None)


@_fold.register
def _(event: PassFailed, board: Board, at: int) -> None:
    board.settle_down()
    board.troubles["pass"] = f"{event.reason} {event.remedy}".rstrip()


@_fold.register
def _(event: NextPass, board: Board, at: int) -> None:
    board.next_at = event.at


@_fold.register
def _(event: Paused, board: Board, at: int) -> None:
    board.paused, board.next_at = True, None


@_fold.register
def _(event: Resumed, board: Board, at: int) -> None:
    board.paused = False


@_fold.register
def _(event: SettingsReloaded, board: Board, at: int) -> None:
    if event.problem:
        board.troubles["settings"] = f"The old settings stay: {event.problem}"
    else:
        board.troubles.pop("settings", None)
