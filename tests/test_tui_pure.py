"""The pure parts of the console under anything that can be thrown at them."""

import unicodedata
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast, get_args, get_type_hints

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from awsync.control import Activity, Said
from awsync.errors import SourceError
from awsync.events import (
    BucketFound,
    CheckpointMoved,
    Event,
    Level,
    PageRead,
    PassStarted,
    Work,
    describe,
)
from awsync.records import Checkpoint
from awsync.survey import BucketReport, SourceReport
from awsync.timeline import HOUR
from awsync.tui import rewinding, schedule
from awsync.tui.cells import GAP, Column, Tone, place
from awsync.tui.columns import FIELDS, Seen
from awsync.tui.folding import apply
from awsync.tui.header import Facts, first_line, second_line, troubles
from awsync.tui.logbook import KEPT, Logbook
from awsync.tui.matching import Pattern
from awsync.tui.rows import FAULTS, Health
from awsync.tui.state import Board
from awsync.tui.text import bar, clip, fit, plain, short, sparkline, width, wrap
from tests.scripted import NOW

NASTY = (
    "\x1b[31m", "\x1b]0;x\x07", "[red]", "[/]", "[@click=app.quit]", "\u202e", "\u2066", "\u200f", "\u061c",
    "👩\u200d👩\u200d👧", "🇩🇪", "e\u0301\u0327", "☝\U0001f3fd", "①\ufe0f\u20e3", "漢字",
    "ﷺ", "\u2028", "\x85", "\0",
    "\ud800", "\U000e0041", "مرحبا", "שלום", "\t", "\n", "\r", "\x7f", "\xad", "\u180e", "ก็", "㍿", "a", " ",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(NASTY) | st.text(max_size=4), max_size=12).map("".join)
CELLS = st.integers(0, 40)
OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_harmless(text: str) -> bool:
    """Nothing in it moves a cursor, sets a colour, or turns the direction of writing."""
    return not any(
        unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(letter)
        in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for letter in text
    )


@given(TEXTS)
@example("\u202eevil\x1b[31m")
def test_plain_text_is_harmless_and_stays_so(text: str) -> None:
    """No control character, surrogate or override of direction is left, and nothing is made plain twice."""
    once = plain(text)
    assert is_harmless(once)
    assert plain(once) == once
    once.encode()


@given(TEXTS, CELLS, st.booleans())
def test_a_cell_is_exactly_as_wide_as_asked(text: str, cells: int, right: bool) -> None:
    """A cell is never wider than its column, nor narrower, whatever stands in it."""
    assert width(fit(plain(text), cells, right=right)) == cells


@given(TEXTS, CELLS)
def test_clipped_text_fits_and_begins_as_it_did(text: str, cells: int) -> None:
    """What is cut ends in an ellipsis; what fits is untouched."""
    text = plain(text)
    cut = clip(text, cells)
    assert width(cut) <= cells
    assert cut == text if width(text) <= cells else text.startswith(cut.removesuffix("…"))


@given(TEXTS, st.integers(2, 40))
def test_wrapped_text_loses_only_spaces(text: str, cells: int) -> None:
    """Each line fits, and together the lines say all of it."""
    text = plain(text)
    lines = wrap(text, cells)
    assert all(width(line) <= cells for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXTS, TEXTS)
def test_a_filter_finds_words_and_its_inverse_leaves_them_out(pattern: str, text: str) -> None:
    """Any pattern is taken; a word and its inverse share all texts among them."""
    Pattern(pattern).matches(text)
    word = "".join(pattern.split()).lstrip("!")
    assume(word)
    assert Pattern(word).matches(text) is not Pattern(f"!{word}").matches(text)
    assert Pattern("").matches(text)
    assert Pattern("!").matches(text)


@given(st.lists(st.floats(0, 1e6), max_size=30), st.floats(1, 1e5))
def test_a_sparkline_has_a_sign_for_each_amount(amounts: list[float], full: float) -> None:
    """However much was done in an hour, its bar is one cell."""
    assert width(sparkline(amounts, full)) == len(amounts)


@given(st.floats(-1e3, 1e3), CELLS)
def test_a_bar_fits(share: float, cells: int) -> None:
    """A share below nothing or above all is no reason for a bar that does not fit."""
    assert width(bar(share, cells)) <= cells


@given(st.integers(0, 10**12))
def test_a_count_is_short(number: int) -> None:
    """A count never takes more than eight cells, up to a trillion."""
    assert len(short(number)) <= 10


COLUMNS = st.lists(
    st.builds(
        lambda narrow, more, rank: (narrow, narrow + more, rank),
        st.integers(1, 30), st.integers(0, 30), st.integers(0, 9),
    ),
    min_size=1, max_size=12,
).map(lambda shapes: [Column(f"c{n}", f"t{n}", *shape) for n, shape in enumerate(shapes)])  # fmt: skip


@given(COLUMNS, st.integers(0, 300))
def test_columns_never_exceed_the_width(columns: list[Column], cells: int) -> None:
    """What is shown fits, in its order, and no column stays that matters less than one that fell away."""
    shown = place(columns, cells)
    assert [placed.at for placed in shown] == sorted(placed.at for placed in shown)
    # Where no column has a rank the last one may be cut.
    whole = shown if any(placed.column.rank for placed in shown) else shown[:-1]
    assert all(placed.column.narrow <= placed.width for placed in whole)
    assert all(1 <= placed.width <= placed.column.wide for placed in shown)
    taken = sum(placed.width for placed in shown) + GAP * (len(shown) - 1)
    assert taken <= cells or len(shown) == 1
    kept = {placed.column.key for placed in shown}
    gone = [column.rank for column in columns if column.key not in kept]
    assert not gone or max(placed.column.rank for placed in shown) <= min(gone)


@given(TEXTS | st.from_regex(r"\A\s*\d{1,9}\s*[hdwm]\s*\Z") | st.datetimes().map(str), st.integers(0, 2**53))
def test_a_rewind_goes_to_the_past_or_gives_a_reason(text: str, now: int) -> None:
    """Whatever is typed is a moment of the past on the hour, the beginning, or refused in words."""
    try:
        position = rewinding.read(text, now).position
    except ValueError as error:
        position = None if str(error) else -1
    assert position is None or (0 <= position <= now and position % HOUR == 0)


CRON_FIELDS = st.sampled_from(
    ["*", "*/5", "0", "59", "31", "2", "L", "1-5", "MON", "60", "-1", "٣", "1,2", "?", "#"]
)


@settings(deadline=timedelta(seconds=5))
@given(TEXTS | st.lists(CRON_FIELDS, min_size=4, max_size=6).map(" ".join))
def test_a_schedule_that_is_typed_is_explained_or_refused(text: str) -> None:
    """No expression breaks the dialog; one that is taken shows five runs, one that is not a reason."""
    lines, usable = schedule.check(text, NOW)
    assert len(lines) == 2 + schedule.NEXT_RUNS if usable else lines
    assert all(is_harmless(part) for line in lines for part, _ in line)


NAMES = st.sampled_from(["laptop", "phone", "[b]x[/b]\x1b"])
BUCKETS = st.sampled_from(["window_pc", "afk_pc", "\u202eweb[/]"])
MOMENTS = st.integers(0, 2**53)


def _values(name: str, of: object) -> st.SearchStrategy[Any]:
    """Something for a field of an event; names are few, so that events meet the same rows."""
    if name in {"source", "bucket"}:
        few = NAMES if name == "source" else BUCKETS
        return few | st.none() if "None" in str(of) else few
    if of == int | None:
        return MOMENTS | st.none()
    if name == "sources":
        return st.lists(NAMES, min_size=1, max_size=2).map(tuple)
    by_type: dict[type, st.SearchStrategy[Any]] = {
        int: MOMENTS, str: TEXTS, float: st.floats(0, 1e9), bool: st.booleans(),
    }  # fmt: skip
    return by_type[of] if isinstance(of, type) and of in by_type else st.from_type(of)  # type: ignore[arg-type]


def _of(cls: type[Any]) -> st.SearchStrategy[Event]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _values(field.name, hints[field.name]) for field in fields(cls)})


EVENTS = st.one_of([_of(cls) for cls in get_args(Event)])
REPORTS = st.builds(
    BucketReport, source=NAMES, bucket=BUCKETS, watcher=TEXTS, type=TEXTS, host=TEXTS,
    events=st.integers(0, 10**9), newest=MOMENTS | st.none(), why_not=st.none() | TEXTS,
    excluded_by=st.none() | TEXTS,
)  # fmt: skip
SURVEYS = st.lists(
    st.builds(
        lambda name, buckets, down: SourceReport(
            name, "http://x", "" if down else "v1", () if down else buckets,
            SourceError("It is down.") if down else None,
        ),
        NAMES, st.lists(REPORTS, max_size=3), st.booleans(),
    ),
    max_size=3,
)  # fmt: skip
CHECKPOINTS = st.lists(st.builds(Checkpoint, NAMES, BUCKETS, position=MOMENTS | st.none()), max_size=3)
STEPS = st.lists(EVENTS | SURVEYS | CHECKPOINTS.map(tuple), max_size=25)


def take(board: Board, step: object, at: int) -> None:
    """One thing that happens to a board."""
    if isinstance(step, list):
        board.survey(step, at)
        for key in board.rows:
            board.activity(key, Activity(hours=(1e9,) * 24, today_seconds=1e9, today_events=3))
    elif isinstance(step, tuple):
        board.checkpoints(step)
    else:
        apply(board, Said(0, at, cast("Event", step)))


@settings(deadline=None, max_examples=200)
@given(STEPS, MOMENTS, st.booleans())
def test_a_board_takes_anything_and_stays_sane(steps: list[Any], now: int, paused: bool) -> None:
    """No order of events, surveys and checkpoints breaks the board or makes it say what cannot be."""
    board = Board(paused=paused)
    for step in steps:
        before = board.version
        take(board, step, now)
        assert board.version > before
    around = board.surroundings(now)
    assert 0 <= board.share <= 1
    assert board.pending >= 0
    for row in board.rows.values():
        condition = row.condition(around)
        assert 0 <= row.share <= 1
        assert row.lag is None or row.lag >= 0
        assert row.seconds_left is None or row.seconds_left >= 0
        assert not row.excluded or condition.health not in FAULTS
        assert condition.words
        for column in FIELDS:
            seen = Seen(row, condition, around)
            column.sort_key(seen)
            assert column.cell(seen) is not None
    facts = Facts(("live", Tone.GOOD), schedule.parsed("*/5 * * * *"), now)
    assert first_line(board, facts)
    assert second_line(board, now)
    troubles(board, facts)


@given(st.lists(EVENTS, max_size=20))
def test_the_log_says_one_harmless_line_for_each_event(events: list[Event]) -> None:
    """A sentence never breaks its line, and each level shows what the one above it shows."""
    book = Logbook()
    for event in events:
        book.say(Said(0, NOW, event))
    everything = book.since(0, Level.DEBUG, Pattern())
    assert [line.number for line in everything] == list(range(1, len(events) + 1))
    assert all(is_harmless(str(line)) for line in everything)
    texts = [{line.number for line in book.since(0, level, Pattern())} for level in Level]
    assert all(above >= below for above, below in pairwise(texts))
    assert [line.text for line in everything] == [plain(describe(event)) for event in events]


@pytest.mark.parametrize("kept", [Level.WARNING, Level.ERROR])
def test_details_push_no_warning_out_of_the_log(kept: Level) -> None:
    """However much is said in detail, what matters stays; and the log is bounded."""
    book = Logbook()
    book.write(NOW, kept, "mind this")
    for number in range(3 * KEPT):
        book.write(NOW, Level.DEBUG, f"detail {number}")
    assert book.since(0, kept, Pattern())[0].text == "mind this"
    assert len(book.since(0, Level.DEBUG, Pattern())) <= 2 * KEPT


def test_only_what_needs_a_look_is_a_fault() -> None:
    """A watcher that is left out, new, catching up or well is none."""
    assert set(Health) - FAULTS == {
        Health.EXCLUDED, Health.BELOW, Health.NEW, Health.CATCHING_UP, Health.IN_SYNC,
    }  # fmt: skip


def test_the_time_left_counts_from_a_buckets_own_pages() -> None:
    """A bucket that is found while another is being read does not count that one's time as its own."""
    board = Board()
    second = 1_000_000
    due: dict[str, Any] = {
        "watcher": "w",
        "host": "h",
        "type": "t",
        "newest": 100 * second,
        "due_to": 100 * second,
    }
    told: list[tuple[int, Event]] = [
        (0, PassStarted(at=0, sources=("s",), sink="x")),
        *((0, BucketFound(source="s", bucket=bucket, due_from=0, **due)) for bucket in ("a", "b")),
    ]
    for at, bucket, position in ((10, "a", 100), (20, "b", 50)):
        told += [
            (at * second, PageRead(source="s", bucket=bucket, work=Work.FORWARD, start=0,
                                   end=position * second, events=1)),
            (at * second, CheckpointMoved(source="s", bucket=bucket, position=position * second, samples=1)),
        ]  # fmt: skip
    for number, (at, event) in enumerate(told):
        apply(board, Said(number, at, event))
    assert board.rows["s", "b"].seconds_left == 10.0
