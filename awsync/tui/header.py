"""The header that says the truth: who syncs, from where, to where, and what is wrong.

May import: textual, rich, and of awsync control, schedule (its type), words, tui cells, columns, peers,
schedule, state, text, tones.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from awsync.control import Agent
from awsync.tui.cells import Tone
from awsync.tui.columns import moment
from awsync.tui.peers import Peer
from awsync.tui.schedule import in_force
from awsync.tui.state import Board
from awsync.tui.text import ago, clip, plain, width, wrap
from awsync.tui.tones import drawn, style
from awsync.words import amount, span

if TYPE_CHECKING:
    from awsync.schedule import Schedule

SKEW_FROM = 2.0
"""Seconds between two clocks from which on a person should know."""
SINCE_FROM = 60_000_000
"""A trouble that is younger (in microseconds) is just now."""
TRYING_FROM = 500_000
"""A try that is nearer (in microseconds), or is being made, is no wait any more."""
_FACT_LINES = 2
_TROUBLE_LINES = 3
_NAMED_SOURCES = 3

Piece = tuple[str, Tone]


class Facts(Struct, frozen=True):
    """What the header shows beside the board. `mode` says who runs the engine, `shorter` in less room."""

    mode: Piece
    schedule: "Schedule | None"
    now: int
    ended: str = ""
    shorter: Sequence[Piece] = ()


def facts(agent: Agent | None, now: int) -> Facts:
    """Who runs the engine, told by the agent; None while the console starts."""
    schedule = in_force(agent)
    if agent is None:
        return Facts(("starting", Tone.DIM), schedule, now)
    if agent.service_ended:
        ended = "The observed service has ended: nothing is synced. T lets this console sync."
        return Facts(("! not syncing", Tone.BAD), schedule, now, ended)
    if agent.observing is not None:
        modes = [f"◉ observing pid {agent.observing}", f"◉ observing {agent.observing}", "◉ observing"]
        mode, *shorter = ((text, Tone.BUSY) for text in modes)
        return Facts(mode, schedule, now, shorter=shorter)
    return Facts(("● live", Tone.GOOD), schedule, now)


def first_line(board: Board, facts: Facts) -> list[Piece]:
    """Who runs the engine, what it does now, what waits, and when it last succeeded."""
    pieces = [("awsync", Tone.ACCENT), facts.mode]
    if board.running is not None:
        about = f" over {board.running.about}" if board.running.about else ""
        share = f" {board.share:.0%}" if board.share < 1 else ""
        pieces.append((f"» pass{about} runs{share}", Tone.BUSY))
    elif board.paused:
        pieces.append(("‖ paused, p resumes", Tone.WARN))
    elif board.next_at is not None:
        pieces.append((f"next pass {ago(facts.now - board.next_at)}", Tone.PLAIN))
    if any(board.aside):
        pieces.append((f"! {sum(board.aside):,} set aside (Q)", Tone.WARN))
    if board.pending >= 1_000_000:
        pieces.append((f"{span(board.pending / 1e6)} pending", Tone.PLAIN))
    if board.unsent:
        pieces.append((f"{amount(board.unsent, 'watcher')} not sent yet", Tone.PLAIN))
    # On a narrow screen what waits has to be read; what is dim falls away.
    if board.last_success is None:
        pieces.append(("no pass succeeded yet", Tone.DIM))
    else:
        pieces.append((f"success {ago(facts.now - board.last_success)}", Tone.DIM))
    if facts.schedule is not None:
        pieces.append((facts.schedule.describe(), Tone.DIM))
    return pieces


def first_lines(board: Board, facts: Facts) -> list[list[Piece]]:
    """The first line, and then the same in ever less room."""
    whole = first_line(board, facts)
    return [whole, *([mode if piece == facts.mode else piece for piece in whole] for mode in facts.shorter)]


def second_line(board: Board, now: int) -> list[Piece]:
    """From where to where, and since when."""
    sources = [_peer(fact, fact.name, known=bool(fact.version)) for fact in board.sources.values()]
    if len(sources) > _NAMED_SOURCES:
        down = sum(bool(fact.trouble) for fact in board.sources.values())
        sources = [(f"{amount(len(sources), 'source')}, {down} down", Tone.BAD if down else Tone.PLAIN)]
    # It comes with its kind, such as "v0.14.0 (rust)", and perhaps with a commit that tells nobody anything.
    versions = sorted({fact.version.split("+")[0] for fact in board.sources.values() if fact.version})
    store = board.store
    name = f"{store.engine} {store.version}".strip() or "store"
    where = urlsplit(store.sink).netloc or store.sink
    off = [(fact.name, skew) for fact in board.sources.values() if (skew := _skew(fact))]
    off += [("store", skew)] if (skew := _skew(store)) else []
    pieces = [
        *sources,
        # On a narrow screen it is the clock that has to be read.
        *((f"ActivityWatch {version}", Tone.PLAIN) for version in versions[:1] if not off),
        ("→", Tone.DIM),
        _peer(store, f"{name} {where}", known=bool(store.protocol)),
    ]
    if store.trouble:
        pieces.append(("parked", Tone.BAD) if store.parked else ("retrying", Tone.WARN))
    pieces += [(f"! {whose}'s clock {skew}", Tone.WARN) for whose, skew in off]
    if store.protocol:
        pieces.append((f"remote write {store.protocol}", Tone.DIM))
    if (since := board.connected_since) is not None:
        pieces.append((f"connected since {moment(since, now)}", Tone.DIM))
    return pieces


def _skew(peer: Peer) -> str:
    """How far a clock is off, where a person should know; empty where it is right or not known."""
    if peer.skew is None or abs(peer.skew) < SKEW_FROM:
        return ""
    return f"{span(peer.skew)} {'ahead' if peer.skew > 0 else 'behind'}"


def _peer(peer: Peer, name: str, *, known: bool) -> Piece:
    if peer.trouble:
        return f"✗ {name}", Tone.BAD
    return (f"● {name}", Tone.GOOD) if known else (f"○ {name}", Tone.DIM)


def troubles(board: Board, facts: Facts) -> list[str]:
    """What is wrong now, a sentence each, with what to do about it."""
    found = [
        f"{fact.name}: {fact.trouble}{_since(fact, facts.now)}"
        for fact in board.sources.values()
        if fact.trouble
    ]
    if board.store.trouble:
        tail = _next_try(board.store.retry_at, facts.now)
        where = "" if board.store.sink in board.store.trouble else f"{board.store.sink}: "
        found.append(f"{where}{board.store.trouble}{tail}{_since(board.store, facts.now)}")
    return [*filter(None, [facts.ended]), *found, *board.troubles.values()]


def _next_try(retry_at: int | None, now: int) -> str:
    if retry_at is None:
        return ""
    return f" Next try {ago(now - retry_at)}." if retry_at - now >= TRYING_FROM else " Trying again."


def _since(peer: Peer, now: int) -> str:
    return "" if peer.since is None or now - peer.since < SINCE_FROM else f" Since {moment(peer.since, now)}."


def _between(before: str, text: str) -> str:
    """A point between two facts, none beside the arrow."""
    return "  " if "→" in (before, text) else " · "


def _needed(pieces: Sequence[Piece]) -> int:
    """The cells of what has to be read."""
    texts = [text for text, tone in pieces if tone is not Tone.DIM]
    between = sum(width(_between(before, text)) for before, text in pairwise(texts))
    return 1 + sum(width(plain(text)) for text in texts) + between


class Header(Widget):
    """Two lines of facts, and up to three of trouble."""

    def __init__(self) -> None:
        super().__init__()
        self._first: list[list[Piece]] = [[("awsync", Tone.ACCENT)]]
        self._second: list[Piece] = []
        self._troubles: list[str] = []
        self._clock = ""
        self._wrapped: list[str] = []

    def show(self, board: Board, facts: Facts) -> None:
        """Shows what holds now; draws only where something changed."""
        seen = (self._first, self._second, self._troubles, self._clock)
        self._first, self._second = first_lines(board, facts), second_line(board, facts.now)
        self._troubles = troubles(board, facts)
        self._clock = datetime.fromtimestamp(facts.now // 1_000_000, UTC).strftime("%H:%M UTC")
        if (self._first, self._second, self._troubles, self._clock) != seen:
            wrapped = self._wrap(self.size.width)
            self.refresh(layout=len(wrapped) != len(self._wrapped))
            self._wrapped = wrapped

    def _wrap(self, cells: int) -> list[str]:
        room = max(cells - 4, 20)
        each = 1 if len(self._troubles) > 1 else _TROUBLE_LINES
        lines: list[str] = []
        for trouble in self._troubles[:_TROUBLE_LINES]:
            parts = wrap(plain(trouble), room)
            if len(parts) > each:
                parts = [*parts[: each - 1], clip(f"{parts[each - 1]} {parts[each]}", room)]
            lines += [f" ✗ {parts[0]}", *(f"   {part}" for part in parts[1:])]
        return lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Two lines, and those of the trouble."""
        return _FACT_LINES + len(self._wrap(width))

    def on_resize(self) -> None:
        """The sentences break elsewhere."""
        wrapped = self._wrap(self.size.width)
        if wrapped != self._wrapped:
            self._wrapped = wrapped
            self.refresh(layout=True)

    def render_line(self, y: int) -> Strip:
        """Draws a line."""
        if y == 0:
            room = self._room(self._clock)
            fitting = (line for line in self._first if _needed(line) <= room)
            return self._fact_strip(next(fitting, self._first[-1]), self._clock)
        if y == 1:
            return self._fact_strip(self._second, "")
        number = y - _FACT_LINES
        look = style(self, Tone.TROUBLE)
        text = self._wrapped[number] if number < len(self._wrapped) else ""
        return drawn(self, [Segment(text, look)], self.size.width, look)

    def _room(self, right: str) -> int:
        return self.size.width - (len(right) + 2 if right else 1)

    def _fact_strip(self, pieces: list[Piece], right: str) -> Strip:
        room = self._room(right)
        segments, taken = [Segment(" ")], 1
        for number, (raw, tone) in enumerate(pieces):
            text = plain(raw)
            separator = _between(pieces[number - 1][0], raw) if number else ""
            if taken + len(separator) + width(text) > room:
                if tone is Tone.DIM:
                    continue
                text = clip(text, room - taken - len(separator))
            if not text:
                break
            segments += [Segment(separator, style(self, Tone.DIM)), Segment(text, style(self, tone))]
            taken += len(separator) + width(text)
        if right:
            gap = " " * (self.size.width - 1 - len(right) - taken)
            segments += [Segment(gap), Segment(right, style(self, Tone.DIM))]
        return drawn(self, segments, self.size.width)
