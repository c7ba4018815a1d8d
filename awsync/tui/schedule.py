"""The schedule: cron in words, next runs, countdown; and the check of a cron that is being typed.

May import: textual, and of awsync schedule, words, tui cells, dialogs, paper, state, text.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from awsync.schedule import Schedule
from awsync.tui.cells import Tone
from awsync.tui.paper import Paper, Piece, TextLine, paragraph
from awsync.tui.state import Board
from awsync.tui.text import ago, bar, short
from awsync.words import span

NEXT_RUNS = 5
_PREVIEW_WIDTH = 66


@lru_cache(maxsize=16)
def parsed(expr: str) -> Schedule:
    """The schedule of an expression; raises ValueError with the reason where it is none."""
    return Schedule(expr)


def period(expr: str, now: int) -> int:
    """The shortest gap between the next runs, in microseconds."""
    runs = parsed(expr).upcoming(4, _moment(now))
    gaps = [after - before for before, after in pairwise(runs)]
    return min(gaps) // timedelta(microseconds=1)


def check(text: str, now: int) -> tuple[list[TextLine], bool]:
    """What a typed expression means, and whether it is one."""
    try:
        schedule = parsed(text)
    except ValueError as error:
        return [*paragraph(f"✗ {error}", _PREVIEW_WIDTH, Tone.BAD)], False
    lines: list[TextLine] = [[("✓ ", Tone.GOOD), (schedule.describe(), Tone.STRONG)], []]
    for run in schedule.upcoming(NEXT_RUNS, _moment(now)):
        away = span(run.timestamp() - now / 1e6)
        lines.append([(f"  {run:%a %Y-%m-%d %H:%M %Z}", Tone.PLAIN), (f"   in {away}", Tone.DIM)])
    return lines, True


class SchedulePanel(Paper):
    """When the next passes run, and how far the running one is."""

    def update(self, board: Board, cron: str, now: int) -> None:
        """Shows what holds now."""
        self.show([*_pass_lines(board, now, self.size.width), *_cron_lines(board, cron, now)])


def _pass_lines(board: Board, now: int, room: int) -> list[TextLine]:
    running = board.running
    if running is None:
        return []
    share = board.share
    cells = max(room - 7, 10)
    drawn = bar(share, cells)
    left = max((row.seconds_left or 0 for row in board.rows.values()), default=0)
    rest = f", {span(left)} left" if left >= 1 else ""
    return [
        [("» pass runs", Tone.BUSY), (f" for {span((now - running.started) / 1e6)}{rest}", Tone.PLAIN)],
        [(drawn, Tone.BUSY), ("░" * (cells - len(drawn)), Tone.DIM), (f" {share:4.0%}", Tone.STRONG)],
        [(f"{short(running.events)} events read, {short(running.samples)} samples", Tone.DIM)],
        [],
    ]


def _cron_lines(board: Board, cron: str, now: int) -> list[TextLine]:
    schedule = parsed(cron)
    lines: list[TextLine] = [[(schedule.describe(), Tone.STRONG), (f"  {cron}", Tone.DIM)]]
    if board.paused:
        lines.append([("‖ paused", Tone.WARN), (": p resumes", Tone.PLAIN)])
        return lines
    today = _moment(now).date()
    runs: list[Piece] = [
        (f"  {run:%H:%M %Z}" if run.date() == today else f"  {run:%a %Y-%m-%d %H:%M %Z}", Tone.PLAIN)
        for run in schedule.upcoming(NEXT_RUNS, _moment(now))
    ]
    if board.next_at is not None:
        lines.append([("next pass ", Tone.PLAIN), (ago(now - board.next_at), Tone.STRONG)])
    lines += [[run] for run in runs]
    lines.append([("c", Tone.ACCENT), (" changes it", Tone.DIM)])
    return lines


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1e6, UTC)
