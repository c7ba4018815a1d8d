"""What verify works out without servers: periods, what differs and why, and the corrections that mend it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from awsync.ledger import Entry, Ledger, Mark, Quarantined, Range, from_store
from awsync.records import Checkpoint
from awsync.series import Amounts, Labels, stamp
from awsync.timeline import DAY, HOUR, MICROSECONDS, MILLISECOND, MINUTE
from awsync.verify.checking import span_of
from awsync.verify.comparing import Comparer, Comparison, Known, Look
from awsync.verify.periods import By, Periods
from awsync.verify.repairing import as_ledger, beside, chosen, corrections
from awsync.verify.report import Difference, Report, Why

RESOLUTION = 5 * MINUTE
SLOTS = 36
END = SLOTS * RESOLUTION
A: Labels = (("__name__", "m"), ("app", "a"))
B: Labels = (("__name__", "m"), ("app", "b"))
COMPARER = Comparer("default", "bucket", RESOLUTION, Periods(By.HOUR))
KNOWN = Known(position=END, remembered=0, ledger={})

thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
labels_of = st.sampled_from([A, B])
ends_of = st.integers(1, SLOTS).map(lambda slot: slot * RESOLUTION)
amount_of = st.integers(1, 300_000).map(lambda ms: ms * MILLISECOND)
entries_of = st.lists(st.builds(Entry, labels_of, ends_of, st.integers(0, 2), amount_of), max_size=30)
amounts_of = st.dictionaries(labels_of, st.dictionaries(ends_of, amount_of, min_size=1, max_size=12))


class Shelf:
    """A store that keeps every sample as often as it comes, as VictoriaMetrics does."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.held: dict[Labels, dict[int, tuple[float, ...]]] = {}
        for entry in entries:
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """Keeps one more."""
        kept = self.held.setdefault(entry.labels, {})
        at = entry.sample.timestamp_ms
        kept[at] = (*kept.get(at, ()), entry.sample.value)

    def look(self, wanted: Amounts) -> Look:
        """This store beside what ActivityWatch says."""
        return Look(0, END, wanted, self.held)


def compared(
    wanted: Mapping[int, int], held: Sequence[Entry], known: Known = KNOWN
) -> dict[Why, tuple[int, int]]:
    """What ActivityWatch and the store say of one series, by reason, in seconds."""
    found = COMPARER.compare(Shelf(held).look({A: dict(wanted)} if wanted else {}), known)
    return {
        each.why: (each.expected // MICROSECONDS, each.held // MICROSECONDS) for each in found.differences
    }


def entry(slot: int, seconds: int, correction: int = 0) -> Entry:
    return Entry(A, slot * RESOLUTION, correction, seconds * MICROSECONDS)


def quarantined(held: Entry, mark: Mark = Mark.HELD) -> Quarantined:
    return Quarantined(1, "default", "bucket", held, "no", 0, 0, "", mark)


WANTED = {RESOLUTION: 30 * MICROSECONDS}


@pytest.mark.parametrize(
    ("wanted", "held", "known", "why"),
    [
        pytest.param(WANTED, [entry(1, 30)], KNOWN, {}, id="equal"),
        pytest.param(WANTED, [entry(1, 20), entry(1, 10, 1)], KNOWN, {}, id="equal in parts"),
        pytest.param(WANTED, [], KNOWN, {Why.CHANGED: (30, 0)}, id="came late"),
        pytest.param(WANTED, [], replace(KNOWN, remembered=END), {Why.LACKING: (30, 0)}, id="lacking"),
        pytest.param(
            WANTED, [], replace(KNOWN, ledger=as_ledger([entry(1, 30)])), {Why.LOST: (30, 0)}, id="lost"
        ),
        pytest.param(WANTED, [], replace(KNOWN, position=0), {Why.PENDING: (30, 0)}, id="pending"),
        pytest.param(
            WANTED,
            [entry(1, 10)],
            replace(KNOWN, ranges=[Range(0, END, "too old", 0)]),
            {Why.SET_ASIDE: (30, 10)},
            id="set aside",
        ),
        pytest.param(
            WANTED,
            [],
            replace(KNOWN, ranges=[Range(0, END, "too old", 0, mark=Mark.DROPPED)]),
            {Why.GIVEN_UP: (30, 0)},
            id="a range that was given up",
        ),
        pytest.param(
            WANTED,
            [],
            replace(KNOWN, quarantine=[quarantined(entry(1, 30))]),
            {Why.QUARANTINED: (30, 0)},
            id="quarantined",
        ),
        pytest.param(
            WANTED,
            [entry(1, 7)],
            replace(KNOWN, remembered=END, quarantine=[quarantined(entry(1, 20, 1), Mark.DROPPED)]),
            {Why.GIVEN_UP: (20, 0), Why.LACKING: (10, 7)},
            id="given up in part",
        ),
        pytest.param(WANTED, [entry(1, 30), entry(1, 30)], KNOWN, {Why.DOUBLED: (30, 60)}, id="twice"),
        pytest.param(WANTED, [entry(1, 30), entry(1, 30, 5)], KNOWN, {Why.DOUBLED: (30, 60)}, id="double"),
        pytest.param(
            WANTED,
            [entry(1, 60)],
            replace(KNOWN, ledger=as_ledger([entry(1, 60)])),
            {Why.CHANGED: (30, 60)},
            id="became half",
        ),
        pytest.param(
            WANTED, [entry(1, 45)], replace(KNOWN, remembered=END), {Why.TOO_MUCH: (30, 45)}, id="too much"
        ),
        pytest.param(
            {}, [entry(1, 45)], replace(KNOWN, remembered=END), {Why.UNKNOWN: (0, 45)}, id="unknown"
        ),
        pytest.param(WANTED, [entry(1, 30)], replace(KNOWN, relabelled=END), {}, id="equal, earlier"),
        pytest.param(
            WANTED, [entry(1, 20)], replace(KNOWN, relabelled=END), {Why.RELABELLED: (30, 20)}, id="earlier"
        ),
        pytest.param(
            WANTED,
            [entry(1, 7)],
            replace(KNOWN, relabelled=END, quarantine=[quarantined(entry(1, 20, 1))]),
            {Why.QUARANTINED: (20, 0), Why.RELABELLED: (10, 7)},
            id="earlier, in part quarantined",
        ),
        pytest.param(
            WANTED, [], replace(KNOWN, relabelled=END, position=0), {Why.PENDING: (30, 0)}, id="sent again"
        ),
    ],
)
def test_why(
    wanted: Mapping[int, int], held: Sequence[Entry], known: Known, why: dict[Why, tuple[int, int]]
) -> None:
    """Each way of being different has its own reason, with what both sides say."""
    assert compared(wanted, held, known) == why


def test_time_with_earlier_labels_is_compared_by_its_sums() -> None:
    """Until the labels changed only bucket and `active` tell series apart; behind that every label does.

    Nothing of that time is mended, for nobody knows under which label.
    """

    def of(active: str, **labels: str) -> Labels:
        return tuple(sorted({"__name__": "m", "bucket": "b", "active": active, **labels}.items()))

    def slot(number: int, seconds: int) -> dict[int, int]:
        return {number * RESOLUTION: seconds * MICROSECONDS}

    wanted = {
        of("true", app="a", category="New"): slot(1, 20) | slot(12, 5) | slot(20, 9),
        of("false", app="a", category="New"): slot(1, 3),
    }
    old = [
        Entry(of("true", app="a", title="x"), RESOLUTION, 0, 12 * MICROSECONDS),
        Entry(of("true", app="b"), RESOLUTION, 0, 8 * MICROSECONDS),
        Entry(of("true", app="b"), 12 * RESOLUTION, 0, 5 * MICROSECONDS),
        Entry(of("false", app="b"), RESOLUTION, 0, 3 * MICROSECONDS),
    ]
    new = [Entry(of("true", app="a", category="New"), 20 * RESOLUTION, 0, 9 * MICROSECONDS)]
    known = replace(KNOWN, relabelled=12 * RESOLUTION)
    found = COMPARER.compare(Shelf([*old, *new]).look(wanted), known)
    assert (found.rows, found.periods, found.agree) == ([], 2, 2)
    assert found.held.keys() == {each.labels for each in [*old, *new]}

    found = COMPARER.compare(Shelf([*old[1:], *new]).look(wanted), known)
    ((row,), slots) = found.rows, found.repairable
    assert (row.difference.labels, row.difference.why) == (of("true"), Why.RELABELLED)
    assert (row.difference.expected, row.difference.held) == (25 * MICROSECONDS, 13 * MICROSECONDS)
    assert (slots, found.sure, row.difference.why.fault) == ({}, False, True)

    found = COMPARER.compare(Shelf([*old, *new]).look(wanted), replace(KNOWN, relabelled=0, remembered=END))
    assert {row.difference.why for row in found.rows} == {Why.UNKNOWN, Why.LACKING}


def test_what_was_given_up_is_no_fault() -> None:
    """Somebody decided that: it is said, and the periods agree."""
    known = replace(KNOWN, quarantine=[quarantined(entry(1, 30), Mark.DROPPED)])
    found = COMPARER.compare(Shelf([]).look({A: dict(WANTED)}), known)
    assert (found.periods, found.agree, len(found.rows)) == (1, 1, 1)


@thorough
@given(amounts_of, entries_of, entries_of, st.sampled_from(list(By)))
def test_the_rows_are_all_of_the_difference(
    wanted: Amounts, held: list[Entry], sent: list[Entry], by: By
) -> None:
    """What differs in the rows is what differs in all, and a period without a row agrees."""
    comparer = replace(COMPARER, periods=Periods(by, UTC))
    known = replace(KNOWN, ledger=as_ledger(sent))
    found = comparer.compare(Shelf(held).look(wanted), known)
    assert sum(each.difference for each in found.differences) == found.held_sum - found.expected_sum
    assert found.held_sum == sum(each.microseconds for each in held)
    assert found.expected_sum == sum(sum(slots.values()) for slots in wanted.values())
    assert found.periods - found.agree == len({each.start for each in found.differences})


@thorough
@given(amounts_of, entries_of, entries_of, entries_of)
def test_corrections_mend_everything_once(
    wanted: Amounts, held: list[Entry], sent: list[Entry], waiting: list[Entry]
) -> None:
    """Whatever a store holds, and whatever is remembered of it, one round of corrections makes it true."""
    shelf = Shelf(held)
    aside = {(each.labels, each.slot_end): each._replace(correction=each.correction + 3) for each in waiting}
    known = replace(KNOWN, ledger=_unique(sent), quarantine=[quarantined(each) for each in aside.values()])
    before = COMPARER.compare(shelf.look(wanted), known)
    for each in _mend(shelf, wanted, known, before):
        assert each.sample.timestamp_ms not in shelf.held.get(each.labels, {}), "every place is free"
        shelf.take(each)
    after = COMPARER.compare(shelf.look(wanted), known)
    assert {each.why for each in after.differences} <= {Why.QUARANTINED}
    assert _mend(shelf, wanted, known, after) == []


@thorough
@given(amounts_of, entries_of)
def test_what_is_hidden_goes_out_at_a_new_place_once(wanted: Amounts, sent: list[Entry]) -> None:
    """A store that shows nothing of what it took gets it once more, elsewhere, and then no more."""
    known = replace(KNOWN, ledger=_unique([each for each in sent if not each.correction]))
    look = Shelf([]).look(wanted)
    slots = COMPARER.compare(look, known).repairable
    first = corrections(look, {}, known, slots)
    second = beside(look, {}, known, slots, first)
    assert not {(each.labels, each.sample.timestamp_ms) for each in first}.intersection(
        (each.labels, each.sample.timestamp_ms) for each in second
    )
    amounts = {(each.labels, each.slot_end): each.microseconds for each in second}
    assert amounts == {
        (labels, end): amount for labels, ends in wanted.items() for end, amount in ends.items()
    }
    known = replace(known, ledger=as_ledger(second))
    assert beside(look, {}, known, slots, corrections(look, {}, known, slots)) == []


def _unique(entries: Sequence[Entry]) -> Ledger:
    return as_ledger({(each.labels, each.slot_end, each.correction): each for each in entries}.values())


def _mend(shelf: Shelf, wanted: Amounts, known: Known, found: Comparison) -> list[Entry]:
    slots = found.repairable
    if not slots:
        return []
    held = chosen(from_store(shelf.held, 0, END, RESOLUTION), slots)
    return corrections(shelf.look(wanted), held, known, slots)


ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"))]


@thorough
@given(st.integers(0, 20_000 * 24 * 12), st.sampled_from(ZONES), st.sampled_from(list(By)))
def test_periods_hold_every_slot_once(slot: int, zone: tzinfo, by: By) -> None:
    """A period ends where the next begins, on a full hour, and is a local day wherever a zone allows it."""
    periods = Periods(by, zone)
    slot_end = 1_000_000_000 * MICROSECONDS // HOUR * HOUR + slot * RESOLUTION
    start = periods.of_slot(slot_end)
    end = periods.end_of(start)
    assert start < slot_end <= end
    assert (start % HOUR, periods.start_of(start), periods.start_of(end)) == (0, start, end)
    assert periods.start_of(end - 1) == start
    if by is By.DAY:
        assert 23 * HOUR <= end - start <= 25 * HOUR
        local = datetime.fromtimestamp(start / MICROSECONDS, zone)
        assert (local.hour, local.minute) in {(0, 0), (23, 30), (23, 0), (0, 30)}


def test_the_time_that_is_compared() -> None:
    """From where it was to begin to what was delivered or should be, and never the future."""
    now = 100 * DAY
    half = Checkpoint("s", "b", began=90 * DAY, position=95 * DAY)
    assert (span_of(half, 80 * DAY, 99 * DAY, now, RESOLUTION).start) == 90 * DAY
    assert (span_of(half, 92 * DAY, 99 * DAY, now, RESOLUTION).end) == 99 * DAY
    ahead = replace(half, position=200 * DAY)
    assert (span_of(ahead, 92 * DAY, 99 * DAY, now, RESOLUTION).end) == now
    assert stamp(RESOLUTION) == RESOLUTION // MILLISECOND - 1


def test_a_reason_with_thousands_of_differences_hides_no_other() -> None:
    """What is shown has some of each reason, and says how many more there are."""
    report = Report(most=2)
    for why in [*[Why.PENDING] * 5, Why.LOST, *[Why.PENDING] * 4]:
        report.apply(Difference("default", "bucket", A, 0, HOUR, MICROSECONDS, 0, why))
    assert [each.why for each in report.differences] == [Why.PENDING, Why.PENDING, Why.LOST]
    assert report.left_out == 7
    assert set(report.reasons()) == {Why.PENDING, Why.LOST}
