"""The schedule: cron in words, next runs, countdown; and the check of a cron that is being typed.

May import: textual, and of awsync control, schedule, splay, state (its types), words, tui cells, columns,
paper, state, text.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from awsync.control import Agent
from awsync.tui.cells import Tone
from awsync.tui.columns import moment
from awsync.tui.paper import Paper, TextLine, paragraph
from awsync.tui.state import Board
from awsync.tui.text import ago, bar, short
from awsync.words import span

if TYPE_CHECKING:
    from awsync.records import PassRecord
    from awsync.schedule import Schedule
    from awsync.splay import Splay

NEXT_RUNS = 5
_PREVIEW_WIDTH = 66
_PAST: Sequence[TextLine] = (
    [],
    [
        ("last passes", Tone.STRONG),
        ("           samples  ", Tone.DIM),
        ("P", Tone.KEY),
        (" all", Tone.DIM),
    ],
)
_PAST_CELLS = len("✓ 15:04:05   1234.5 s  12,345 ")


@lru_cache(maxsize=16)
def parsed(expr: str, splay: "Splay | None" = None) -> "Schedule":
    """The schedule of an expression; raises ValueError with the reason where it is none."""
    # It loads croniter, which the first picture does not wait for.
    from awsync.schedule import Schedule
    from awsync.splay import PUNCTUAL

    return Schedule(expr, splay=splay or PUNCTUAL)


def in_force(agent: Agent | None) -> "Schedule | None":
    """The schedule of an agent; None until there is one."""
    if agent is None:
        return None
    from awsync.splay import splay_of

    return parsed(agent.settings.cron, splay_of(agent.settings))


def period(expr: str, now: int) -> int:
    """The shortest gap between the next runs, in microseconds."""
    runs = parsed(expr).upcoming(4, _moment(now))
    gaps = [after - before for before, after in pairwise(runs)]
    return min(gaps) // timedelta(microseconds=1)


def check(text: str, now: int, splay: "Splay | None" = None) -> tuple[list[TextLine], bool]:
    """What a typed expression means, and whether it is one."""
    try:
        schedule = parsed(text, splay)
    except ValueError as error:
        return [*paragraph(f"✗ {error}", _PREVIEW_WIDTH, Tone.BAD)], False
    lines: list[TextLine] = [[("✓ ", Tone.GOOD), (schedule.describe(), Tone.STRONG)], []]
    for run in schedule.upcoming(NEXT_RUNS, _moment(now)):
        told = f"  {run:%a %Y-%m-%d} {_clock(run, schedule)} {run:%Z}"
        away = span(run.timestamp() - now / 1e6)
        lines.append([(told, Tone.PLAIN), (f"   in {away}", Tone.DIM)])
    return lines, True


class SchedulePanel(Paper):
    """How far the running pass is, when the next ones run, and what the last ones did if there is room."""

    def update(self, board: Board, schedule: "Schedule | None", now: int) -> None:
        """Shows what holds now."""
        width = self.size.width
        lines = [*_pass_lines(board, now, width), *_cron_lines(board, schedule, now, width)]
        room = self.size.height - len(lines) - len(_PAST)
        self.show([*lines, *_past_lines(board, now, width, room)])


def _pass_lines(board: Board, now: int, room: int) -> list[TextLine]:
    running = board.running
    if running is None:
        return []
    head: TextLine = [("» pass runs", Tone.BUSY), (f" for {span((now - running.started) / 1e6)}", Tone.PLAIN)]
    if not any(row.due_to > row.due_from for row in board.rows.values()):
        return [head, []]
    share = board.share
    cells = max(room - 7, 10)
    drawn = bar(share, cells)
    left = max((row.seconds_left or 0 for row in board.rows.values()), default=0)
    rest = f", {span(left)} left" if left >= 1 else ""
    return [
        [*head, (rest, Tone.PLAIN)],
        [(drawn, Tone.BUSY), ("░" * (cells - len(drawn)), Tone.DIM), (f" {share:4.0%}", Tone.STRONG)],
        [(f"{short(running.events)} events read, {short(running.samples)} samples", Tone.DIM)],
        [],
    ]


def _cron_lines(board: Board, schedule: "Schedule | None", now: int, room: int) -> list[TextLine]:
    if schedule is None:
        return []
    lines: list[TextLine] = [[(schedule.describe(), Tone.STRONG), (f"  {schedule.expr}", Tone.DIM)]]
    if board.paused:
        lines.append([("‖ paused", Tone.WARN), (": p resumes", Tone.PLAIN)])
        return lines
    runs = schedule.upcoming(NEXT_RUNS, _moment(now))
    if board.next_at is not None:
        lines.append([("next pass ", Tone.PLAIN), (ago(now - board.next_at), Tone.STRONG)])
    lines.append([(_times(runs, schedule, now, room), Tone.PLAIN)])
    lines.append([("c", Tone.KEY), (" changes it", Tone.DIM)])
    return lines


def _times(runs: Sequence[datetime], schedule: "Schedule", now: int, room: int) -> str:
    """The next runs, as many as fit a line, each with its day where that is another one than before."""
    today = day = _moment(now).astimezone(runs[0].tzinfo).date()
    line, zone = "", f" {runs[0]:%Z}"
    for run in runs:
        away = (run.date() - today).days
        told = "" if run.date() == day else f"{run:%a} " if away < 7 else f"{run:%Y-%m-%d} "
        word = told + _clock(run, schedule)
        if line and len(line) + 2 + len(word) + len(zone) > room:
            break
        line, day = f"{line}  {word}".lstrip(), run.date()
    return f"{line}{zone}"


def _clock(run: datetime, schedule: "Schedule") -> str:
    """The time of a run; a cron alone knows no seconds."""
    return f"{run:%H:%M:%S}" if schedule.later else f"{run:%H:%M}"


def _past_lines(board: Board, now: int, width: int, room: int) -> list[TextLine]:
    """The last passes, as many as there is room for."""
    ended = [record for record in board.passes if record.elapsed is not None][: max(room, 0)]
    if not ended:
        return []
    most = max(record.totals.samples for record in ended)
    return [*_PAST, *(_past(record, most, now, width - _PAST_CELLS) for record in ended)]


def _past(record: "PassRecord", most: int, now: int, cells: int) -> TextLine:
    samples = record.totals.samples
    return [
        ("✓ ", Tone.GOOD) if record.complete else ("! ", Tone.WARN),
        (moment(record.started, now).ljust(11), Tone.PLAIN),
        (f"{record.elapsed:6.1f} s", Tone.DIM),
        (short(samples).rjust(8), Tone.PLAIN),
        (f" {bar(samples / most, cells) if most else ''}", Tone.GOOD if record.complete else Tone.WARN),
    ]


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1e6, UTC)
