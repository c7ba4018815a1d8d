"""Which buckets are synced, and which stretches of their time are due."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from awsync.activitywatch.answers import Bucket
from awsync.activitywatch.moments import to_datetime
from awsync.events import Work
from awsync.ledger import Mark, Range
from awsync.planning import (
    Stretch,
    first_open_slot,
    look_back_is_due,
    out_of_future,
    retries,
    stretches,
    unwanted,
    went_back,
)
from awsync.records import Checkpoint, Settled
from awsync.series import stamp
from awsync.settings import SourceSettings
from awsync.state import State
from awsync.timeline import HOUR, MICROSECONDS, Carry

SLOT = 300 * MICROSECONDS


def bucket(newest: int | None = 20 * HOUR) -> Bucket:
    end = None if newest is None else to_datetime(newest)
    return Bucket(
        "aw-watcher-window_laptop", "currentwindow", "aw-watcher-window", "laptop", last_updated=end
    )


def checkpoint(position: int | None = None, **more: int) -> Checkpoint:
    carry = None if position is None else Carry({1: 2})
    return Checkpoint("laptop", bucket().id, position=position, carry=carry, **more)


@pytest.mark.parametrize(
    ("included", "excluded", "why"),
    [
        ((), (), None),
        (("aw-watcher-window",), (), None),
        (("aw-watcher-*",), (), None),
        (("*_laptop",), (), None),
        (("aw-watcher-afk", "aw-watcher-window"), (), None),
        (("aw-watcher",), (), "not among included-watchers"),
        ((), ("aw-watcher-afk",), None),
        ((), ("*window*",), 'excluded by "*window*"'),
        (("*",), ("aw-watcher-window_laptop",), 'excluded by "aw-watcher-window_laptop"'),
        (("AW-*",), (), "not among included-watchers"),
    ],
)
def test_globs_choose_buckets(included: tuple[str, ...], excluded: tuple[str, ...], why: str | None) -> None:
    """Globs match the whole client or the whole bucket id, and what is excluded stays excluded."""
    source = SourceSettings("laptop", "", "", excluded_watchers=excluded, included_watchers=included)
    assert unwanted(bucket(), source) == why


@given(st.integers(0, 10**12), st.sampled_from([1, 5, 60]))
def test_the_first_open_slot_is_taken_and_the_one_before_is_not(floor: int, minutes: int) -> None:
    """A range set aside is cut exactly where the store begins to take samples."""
    resolution = minutes * 60 * MICROSECONDS
    start = first_open_slot(floor, resolution)
    assert start is not None
    assert start % resolution == 0
    assert stamp(start + resolution) >= floor > stamp(start)


def test_no_floor_no_slot() -> None:
    """A store that does not tell its limit opens nothing."""
    assert first_open_slot(None, SLOT) is None


def test_a_look_back_is_due_once_an_hour() -> None:
    """What was sent is computed again after an hour, and not for a bucket that sent nothing."""
    assert not look_back_is_due(checkpoint(), 10 * HOUR)
    assert not look_back_is_due(checkpoint(5 * HOUR, looked_back=9 * HOUR + 1), 10 * HOUR)
    assert look_back_is_due(checkpoint(5 * HOUR, looked_back=9 * HOUR), 10 * HOUR)


def test_the_first_pass_asks_what_was_before() -> None:
    """A history that begins in its middle must know what was open there: its carry is asked for."""
    assert stretches(bucket(), checkpoint(), HOUR, 9 * HOUR, None) == [
        Stretch(bucket(), Work.FORWARD, HOUR, 9 * HOUR, None)
    ]


def test_only_the_first_pass_reads_from_the_beginning() -> None:
    """A bucket whose events hold no time carries nothing, and is still not read from its beginning again."""
    first = Checkpoint("laptop", bucket().id, carry=Carry())
    assert [each.beginning for each in stretches(bucket(), first, HOUR, 9 * HOUR, None)] == [True]
    later = Checkpoint("laptop", bucket().id, position=HOUR, carry=Carry())
    assert [each.beginning for each in stretches(bucket(), later, HOUR, 9 * HOUR, None)] == [False]
    cut = Checkpoint("laptop", bucket().id)
    assert [each.beginning for each in stretches(bucket(), cut, HOUR, 9 * HOUR, None)] == [False]


def test_a_later_pass_goes_on_with_its_carry() -> None:
    """What the last page of one pass knew is what the first page of the next begins with."""
    assert stretches(bucket(), checkpoint(HOUR), HOUR, 9 * HOUR, None) == [
        Stretch(bucket(), Work.FORWARD, HOUR, 9 * HOUR, Carry({1: 2}))
    ]


@pytest.mark.parametrize(
    ("newest", "closed"),
    [(20 * HOUR, 5 * HOUR), (20 * HOUR, 4 * HOUR), (5 * HOUR, 9 * HOUR), (None, 9 * HOUR)],
)
def test_nothing_new_costs_no_read(newest: int | None, closed: int) -> None:
    """Without a closed slot, or without an event behind the checkpoint, nothing is due."""
    assert stretches(bucket(newest), checkpoint(5 * HOUR), 5 * HOUR, closed, None) == []


@pytest.mark.parametrize(
    ("began", "ledger_from", "start"),
    [
        (0, 0, 3 * HOUR),
        (4 * HOUR, 0, 4 * HOUR),
        (0, 4 * HOUR, 4 * HOUR),
        (0, 5 * HOUR, None),
        (6 * HOUR, 0, None),
    ],
)
def test_the_look_back_stays_where_the_ledger_knows(began: int, ledger_from: int, start: int | None) -> None:
    """Nothing is computed again that was never sent, or whose ledger is forgotten: it would be sent twice."""
    known = checkpoint(5 * HOUR, began=began, ledger_from=ledger_from)
    found = stretches(bucket(), known, 5 * HOUR, 5 * HOUR, 3 * HOUR)
    wanted = [] if start is None else [Stretch(bucket(), Work.LOOK_BACK, start, 5 * HOUR, None)]
    assert found == wanted


def test_a_look_back_comes_before_what_is_new() -> None:
    """Corrections are computed against the ledger before new pages add to it."""
    found = stretches(bucket(), checkpoint(5 * HOUR, began=0), 5 * HOUR, 6 * HOUR, 3 * HOUR)
    assert [stretch.work for stretch in found] == [Work.LOOK_BACK, Work.FORWARD]


OLD = Range(0, 4 * HOUR, "too old", 0)
ASKED = Range(5 * HOUR, 6 * HOUR, "too old", 0, mark=Mark.RETRY)


@pytest.mark.parametrize(
    ("floor", "blind", "starts"),
    [
        (None, False, [5 * HOUR]),
        (None, True, [0, 5 * HOUR]),
        (0, False, [0, 5 * HOUR]),
        (3 * 3_600_000, False, [3 * HOUR, 5 * HOUR]),
        (9 * 3_600_000, False, [5 * HOUR]),
        (9 * 3_600_000, True, [5 * HOUR]),
    ],
)
def test_what_was_set_aside_is_tried_when_it_may_pass(
    floor: int | None, blind: bool, starts: list[int]
) -> None:
    """Age is tried where the store's limit allows it, else once an hour, and always where somebody asks."""
    found = retries(bucket(), [OLD, ASKED], floor, SLOT, blind=blind)
    assert [stretch.start for stretch in found] == starts
    assert all(stretch.work is Work.SET_ASIDE and stretch.carry is None for stretch in found)
    assert {stretch.end for stretch in found} <= {OLD.end, ASKED.end}


@pytest.mark.parametrize(
    ("moved", "back"),
    [
        ({"position": 4 * HOUR, "newest": 3 * HOUR + 5, "looked_back": 4 * HOUR, "ledger_from": 0}, None),
        ({"position": 99 * HOUR, "newest": 3 * HOUR + 5}, 3 * HOUR),
        ({"position": 99 * HOUR, "newest": 90 * HOUR}, 5 * HOUR),
        ({"position": 3 * HOUR, "looked_back": 99 * HOUR}, 5 * HOUR),
        ({"position": 3 * HOUR, "newest": HOUR, "ledger_from": 99 * HOUR}, HOUR),
        ({"position": 5 * HOUR + SLOT, "newest": HOUR, "began": 5 * HOUR + SLOT}, None),
        ({"position": 99 * HOUR, "newest": HOUR, "began": 2 * HOUR + SLOT}, 2 * HOUR + SLOT),
    ],
)
def test_what_a_clock_that_was_ahead_left_is_taken_back(moved: dict[str, int], back: int | None) -> None:
    """A checkpoint in the future goes back to the hour of what ActivityWatch held; a sound one stays."""
    known = replace(checkpoint(0), **moved)
    assert out_of_future(known, now=5 * HOUR + 7) == back


def test_only_a_history_that_cannot_overlap_goes_back() -> None:
    """A newest event that is older than the one before tells of a restored database, or of overlaps."""
    known = replace(checkpoint(0), newest=9 * HOUR)
    assert went_back(bucket(newest=8 * HOUR), known)
    assert not went_back(bucket(newest=9 * HOUR), known)
    assert not went_back(replace(bucket(newest=8 * HOUR), type="general.stopwatch"), known)
    assert not went_back(bucket(newest=8 * HOUR), checkpoint(0))


def test_a_longer_lookback_sends_nothing_twice(tmp_path: Path) -> None:
    """Raising `lookback` in the settings looks back no further than the ledger of the shorter one reached."""
    now, day = 400 * HOUR, timedelta(days=1) // timedelta(microseconds=1)
    page = Settled("laptop", bucket().id, Work.FORWARD, 0, now, now, Carry())
    with State(tmp_path, "sink", write=True) as state:
        state.commit([page], now=now, keep_from=now - day)
        known = state.checkpoint("laptop", bucket().id)
        (back,) = stretches(bucket(), known, now, now, now - 7 * day)
        assert back.start == now - day
