"""What the ledger promises: the store's sums equal ActivityWatch's, whatever changed in between."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from awsync.ledger import (
    Entry,
    Mark,
    Range,
    all_entries,
    covered,
    due,
    from_store,
    joined,
    lacking,
    merged,
    without,
)
from awsync.series import Amounts, Labels, Sample
from awsync.timeline import HOUR, MICROSECONDS, Span, slots

RESOLUTION = 300 * MICROSECONDS
VIM: Labels = (("__name__", "aw_seconds"), ("app", "vim"))
FIREFOX: Labels = (("__name__", "aw_seconds"), ("app", "firefox"))
thorough = settings(max_examples=200, deadline=None, derandomize=True)


class Store:
    """A store that keeps the first value of each series and moment, with the ledger that belongs to it."""

    def __init__(self) -> None:
        self.ledger: dict[Labels, dict[int, list[Entry]]] = {}
        self.samples: dict[tuple[Labels, int], Sample] = {}

    def take(self, entries: Iterable[Entry]) -> list[Entry]:
        """Delivers entries; the same moment of a series must always bring the same value."""
        taken = list(entries)
        for entry in taken:
            sample = entry.sample
            assert self.samples.setdefault((sample.labels, sample.timestamp_ms), sample) == sample
            known = self.ledger.setdefault(entry.labels, {}).setdefault(entry.slot_end, [])
            if entry not in known:
                known.append(entry)
        return taken

    def sums(self) -> Amounts:
        """Microseconds by series and slot, from the samples alone."""
        sums: Amounts = {}
        for labels, timestamp_ms in self.samples:
            slot_end = -(-timestamp_ms * 1000 // RESOLUTION) * RESOLUTION
            value = self.samples[labels, timestamp_ms].value
            per_slot = sums.setdefault(labels, {})
            per_slot[slot_end] = per_slot.get(slot_end, 0) + round(value * MICROSECONDS)
        return _without_zeros(sums)


def _without_zeros(amounts: Amounts) -> Amounts:
    kept = {labels: {end: n for end, n in slots.items() if n} for labels, slots in amounts.items()}
    return {labels: slots for labels, slots in kept.items() if slots}


amounts_of = st.dictionaries(
    st.sampled_from([VIM, FIREFOX]),
    st.dictionaries(st.integers(1, 6).map(lambda n: n * RESOLUTION), st.integers(0, RESOLUTION)),
)


@thorough
@given(st.lists(amounts_of, max_size=6))
def test_the_store_holds_what_history_says(changes: list[Amounts]) -> None:
    """After each change of history the differences make every slot exact, and then nothing more is due."""
    store = Store()
    for amounts in changes:
        store.take(due(amounts, store.ledger, again=False))
        assert store.sums() == _without_zeros(amounts)
        assert list(due(amounts, store.ledger, again=False)) == []


@thorough
@given(st.lists(amounts_of, min_size=1, max_size=5))
def test_again_repeats_what_was_sent(changes: list[Amounts]) -> None:
    """A rewound checkpoint sends the very samples that were sent before, and changes no sum."""
    store = Store()
    for amounts in changes:
        store.take(due(amounts, store.ledger, again=False))
    before = dict(store.samples)
    repeated = store.take(due(changes[-1], store.ledger, again=True))
    assert store.samples == before
    assert sorted(repeated) == sorted(
        entry for per_slot in store.ledger.values() for entries in per_slot.values() for entry in entries
    )


@thorough
@given(st.lists(amounts_of, min_size=2, max_size=5))
def test_again_takes_a_change_along(changes: list[Amounts]) -> None:
    """What changed since is corrected by a repeat too, behind what it repeats."""
    store = Store()
    for amounts in changes:
        store.take(due(amounts, store.ledger, again=True))
        assert store.sums() == _without_zeros(amounts)


@thorough
@given(st.lists(amounts_of, min_size=1, max_size=5), amounts_of, st.integers(0, 4))
def test_a_forgotten_ledger_is_read_from_the_store(
    changes: list[Amounts], now: Amounts, remembered: int
) -> None:
    """What the store holds tells every slot and correction, and with it only differences go out."""
    store = Store()
    for amounts in changes:
        store.take(due(amounts, store.ledger, again=False))
    series: dict[Labels, dict[int, tuple[float, ...]]] = {}
    for (labels, timestamp_ms), sample in store.samples.items():
        series.setdefault(labels, {})[timestamp_ms] = (sample.value,)
    held = from_store(series, 0, 7 * RESOLUTION, RESOLUTION)
    assert sorted(all_entries(held)) == sorted(all_entries(store.ledger))

    part = {labels: dict(list(slots.items())[:remembered]) for labels, slots in store.ledger.items()}
    assert lacking(part, held) == []
    known = merged(part, held)
    assert sorted(all_entries(known)) == sorted(all_entries(held))
    sent = store.take(due(now, known, again=False))
    assert store.sums() == _without_zeros(now)
    assert not set(sent) & set(all_entries(held))


def test_what_the_store_lost_is_sent_again() -> None:
    """An entry that the ledger knows and the store does not hold goes out as it was."""
    kept, lost = Entry(VIM, RESOLUTION, 0, 5), Entry(VIM, RESOLUTION, 1, -2)
    ledger = {VIM: {RESOLUTION: [kept, lost]}}
    held = {VIM: {RESOLUTION: [kept]}}
    assert lacking(ledger, held) == [lost]
    assert list(all_entries(merged(ledger, held))) == [kept, lost]


spans = st.lists(
    st.builds(
        lambda start, length: Span(start, min(start + length, 4 * HOUR), b""),
        st.integers(0, 4 * HOUR - 1),
        st.integers(1, HOUR),
    ),
    max_size=8,
)
resolutions = st.lists(st.sampled_from([1, 5, 12, 15, 60]), min_size=2, max_size=4)


@thorough
@given(spans, resolutions)
def test_another_resolution_keeps_the_sums(given_spans: list[Span], minutes: list[int]) -> None:
    """The same history in slots of another length changes no sum over an hour."""
    store = Store()
    for minute in minutes:
        amounts: Amounts = {VIM: {}}
        for slot_end, microseconds, _ in slots(given_spans, minute * 60 * MICROSECONDS):
            amounts[VIM][slot_end] = amounts[VIM].get(slot_end, 0) + microseconds
        store.take(due(amounts, store.ledger, again=False))
        hours: dict[int, int] = {}
        for labels, timestamp_ms in store.samples:
            hour = timestamp_ms * 1000 // HOUR
            value = store.samples[labels, timestamp_ms].value
            hours[hour] = hours.get(hour, 0) + round(value * MICROSECONDS)
        wanted: dict[int, int] = {}
        for slot_end, microseconds, _ in slots(given_spans, HOUR):
            wanted[slot_end // HOUR - 1] = wanted.get(slot_end // HOUR - 1, 0) + microseconds
        assert {hour: n for hour, n in hours.items() if n} == wanted


def test_a_correction_may_be_negative() -> None:
    """Activity that was deleted leaves as a negative sample one millisecond before the slot's own."""
    sent = Entry(VIM, RESOLUTION, 0, 60 * MICROSECONDS)
    (correction,) = due({}, {VIM: {RESOLUTION: [sent]}}, again=False)
    assert correction.sample == Sample(VIM, 299_998, -60.0)


marks = st.sampled_from(Mark)
ranges = st.lists(
    st.builds(
        lambda start, length, mark, since: Range(start, start + length, "words", since, 0, mark),
        st.integers(0, 30),
        st.integers(1, 10),
        marks,
        st.integers(0, 5),
    ),
    max_size=6,
)


def _moments(held: Iterable[Range], mark: Mark) -> set[int]:
    return {moment for range_ in held if range_.mark is mark for moment in range(range_.start, range_.end)}


@thorough
@given(ranges, st.integers(0, 40), st.integers(0, 40), marks)
def test_without_takes_out_one_stretch(held: list[Range], one: int, other: int, mark: Mark) -> None:
    """What was delivered leaves the set-aside time, and nothing else does."""
    start, end = sorted((one, other))
    left = without(held, start, end)
    assert _moments(left, mark) == _moments(held, mark) - set(range(start, end))
    assert all(range_.start < range_.end for range_ in left)


@thorough
@given(ranges, marks)
def test_joined_keeps_all_time_in_few_ranges(held: list[Range], mark: Mark) -> None:
    """Ranges that touch become one of their kind; no moment is lost, and the oldest `since` stays."""
    result = joined(held)
    assert _moments(result, mark) == _moments(held, mark)
    own = sorted((range_.start, range_.end) for range_ in result if range_.mark is mark)
    assert all(before[1] < after[0] for before, after in pairwise(own))
    for range_ in result:
        inside = [r.since for r in held if r.mark is range_.mark and range_.start <= r.start < range_.end]
        assert range_.since == min(inside)


def test_covered_wants_the_whole_stretch() -> None:
    """A range counts as known only where touching ranges hold all of it."""
    held = [Range(0, 5, "old", 1), Range(5, 9, "old", 2), Range(20, 30, "old", 3)]
    assert covered(held, Range(3, 9, "old", 9))
    assert not covered(held, Range(3, 10, "old", 9))
    assert not covered([], Range(1, 2, "old", 9))
