"""The series budget, on its own: stable in any order of looking, never exceeded, and exact in its sums."""

from collections.abc import Collection, Iterable
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from awsync.admissions import Admitted, Day, Decisions, Unwritten, day_of
from awsync.budget import OTHER, Budget, Count, Folded
from awsync.ledger import Entry
from awsync.series import Amounts, Labels
from awsync.state import State
from awsync.state.admission import AdmissionBook
from awsync.timeline import DAY, HOUR
from awsync.verify.repairing import as_ledger

IDENTITY: Labels = (("__name__", "m"), ("bucket", "b"))
LIMIT = 40
WHOLE, FEW = 30, 34
NOON = 20_000 * DAY + 12 * HOUR


class Memory:
    """A book in memory."""

    def __init__(self) -> None:
        self.rows: list[Admitted] = []
        self.known: dict[int, Day] = {}

    def admitted(self, fingerprints: Collection[int]) -> Iterable[Admitted]:
        """All that is known of these label sets."""
        return [row for row in self.rows if row.fingerprint in fingerprints]

    def days(self, days: Collection[int]) -> Iterable[Day]:
        """Those of the days that admitted anything."""
        return [day for day in self.known.values() if day.day in days]

    def last(self) -> int:
        """The highest number."""
        return max((row.number for row in self.rows), default=0)

    def put(self, budget: Budget) -> None:
        """Writes down what a budget decided."""
        decisions = budget.decisions
        self.rows += decisions.admitted
        self.known |= {day.day: day for day in decisions.days}
        budget.written()


def series(title: object, app: object = "a", active: str = "true") -> Labels:
    return tuple(
        sorted((*IDENTITY, ("active", active), ("app", str(app)), ("title", str(title)))),
    )


def by_app(amounts: Amounts) -> dict[tuple[str, str, int], int]:
    """Sums by app, active and slot."""
    sums: dict[tuple[str, str, int], int] = {}
    for labels, slots in amounts.items():
        told = dict(labels)
        for slot_end, microseconds in slots.items():
            key = told["app"], told["active"], slot_end
            sums[key] = sums.get(key, 0) + microseconds
    return sums


def pages_of(amounts: Amounts, cuts: Collection[int]) -> list[Amounts]:
    """The same, page by page; a page ends with each of `cuts`."""
    ends = sorted({end for slots in amounts.values() for end in slots})
    pages: list[Amounts] = []
    begin = 0
    for stop in [*sorted(cuts), ends[-1]] if ends else []:
        page = {
            labels: inside
            for labels, slots in amounts.items()
            if (inside := {end: amount for end, amount in slots.items() if begin < end <= stop})
        }
        pages.append(page)
        begin = max(begin, stop)
    return pages


def merge(parts: Iterable[Amounts]) -> Amounts:
    """Pages as one."""
    whole: Amounts = {}
    for part in parts:
        for labels, slots in part.items():
            whole.setdefault(labels, {}).update(slots)
    return whole


def flat(amounts: Amounts) -> set[tuple[Labels, int, int]]:
    """Amounts without their order."""
    return {(labels, end, amount) for labels, slots in amounts.items() for end, amount in slots.items()}


SLOTS = st.integers(0, 4 * 24 - 1).map(lambda hour: 20_000 * DAY + (hour + 1) * HOUR)


def history(seed: int, events: int) -> Amounts:
    """A few days of many titles, some of which come again, of no more apps than the budget bears."""
    random = Random(seed)
    amounts: Amounts = {}
    for _ in range(events):
        labels = series(random.randrange(200), random.choice("ab"), random.choice(("true", "false")))
        slot_end = 20_000 * DAY + random.randrange(1, 4 * 24 + 1) * HOUR
        amounts.setdefault(labels, {})[slot_end] = random.randrange(1, 10)
    return amounts


# Most days of these are beyond the budget; one by one hypothesis does not draw that many.
HISTORIES = st.builds(history, st.integers(0, 2**32), st.integers(0, 400))


def run(amounts: Amounts, cuts: Collection[int] = (), restarts: Collection[int] = ()) -> Amounts:
    """What leaves for a history that is read in pages, by a process that ends behind some of them."""
    book = Memory()
    budget = Budget(LIMIT, IDENTITY, book)
    done: list[Amounts] = []
    for number, page in enumerate(pages_of(amounts, cuts)):
        done.append(budget.fold(page).amounts)
        book.put(budget)
        if number in restarts:
            budget = Budget(LIMIT, IDENTITY, book)
    return merge(done)


@given(HISTORIES, st.sets(SLOTS, max_size=8), st.sets(st.integers(0, 8)))
def test_any_cut_and_any_restart_give_the_same(amounts: Amounts, cuts: set[int], restarts: set[int]) -> None:
    """How a history is cut into pages, and where a process ends, changes nothing."""
    assert flat(run(amounts, cuts, restarts)) == flat(run(amounts))


@given(HISTORIES, st.sets(SLOTS, max_size=8))
def test_no_day_begins_more_series_than_it_may(amounts: Amounts, cuts: set[int]) -> None:
    """New in a day are never more than the budget, whatever comes, and its sum by app is exact."""
    folded = run(amounts, cuts)
    assert by_app(folded) == by_app(amounts)
    seen: set[Labels] = set()
    for day in range(20_000, 20_004):
        there = {labels for labels, slots in folded.items() for end in slots if day_of(end) == day}
        assert len(there - seen) <= LIMIT
        seen |= there


@given(HISTORIES, HISTORIES, st.sets(SLOTS, max_size=4))
def test_looking_again_gives_the_same_whatever_came_late(
    amounts: Amounts, late: Amounts, cuts: set[int]
) -> None:
    """A slot that is computed again, after days were added to and changed, folds as it did."""
    book = Memory()
    budget = Budget(LIMIT, IDENTITY, book)
    before = merge(budget.fold(page).amounts for page in pages_of(amounts, ()))
    book.put(budget)
    for page in pages_of(late, cuts):
        budget.fold(page)
    book.put(budget)
    again = Budget(LIMIT, IDENTITY, book)
    assert flat(merge(again.fold(page).amounts for page in pages_of(amounts, cuts))) == flat(before)


@given(HISTORIES, st.sets(SLOTS, max_size=4))
def test_the_store_tells_what_was_decided_where_nobody_remembers(amounts: Amounts, cuts: set[int]) -> None:
    """After a lost state the same leaves again, page by page, though a day's label sets come in parts."""
    before = run(amounts)
    budget = Budget(LIMIT, IDENTITY, Unwritten())
    pages = zip(pages_of(amounts, cuts), pages_of(before, cuts), strict=True)
    after = merge(
        budget.fold(page, as_ledger([Entry(*each[:2], 0, each[2]) for each in flat(held)])).amounts
        for page, held in pages
    )
    assert flat(after) == flat(before)


def flood(count: int, *, apps: int = 1, slot_end: int = NOON, begin: int = 0) -> Amounts:
    return {series(f"{n:06}", f"{n % apps:06}"): {slot_end: 1_000} for n in range(begin, begin + count)}


def titles(folded: Folded) -> list[str]:
    return [dict(labels)["title"] for labels in folded.amounts]


def test_the_first_of_a_slot_are_taken_in_the_order_of_their_labels() -> None:
    """What is admitted is no accident: by slot, then by labels."""
    amounts = dict(reversed(flood(100).items()))
    folded = Budget(LIMIT, IDENTITY, Unwritten()).fold(amounts)
    assert sorted(titles(folded)) == sorted([*(f"{n:06}" for n in range(WHOLE)), OTHER])
    assert folded.amounts[series(OTHER, "000000")] == {NOON: 70_000}
    assert len(folded.moved[day_of(NOON)]) == 70


def test_where_even_the_apps_are_too_many_only_the_sum_is_left() -> None:
    """100,000 apps in a day are within the budget too."""
    amounts = flood(100_000, apps=100_000)
    folded = Budget(1_000, IDENTITY, Unwritten()).fold(amounts).amounts
    assert len(folded) <= 1_000
    assert len({dict(labels)["app"] for labels in folded}) == 947
    assert sum(slots[NOON] for slots in folded.values()) == 100_000_000
    odd = {tuple(sorted((*IDENTITY, (f"k{n}", "v")))): {NOON: 1} for n in range(500)}
    assert len(Budget(LIMIT, IDENTITY, Unwritten()).fold(odd).amounts) <= LIMIT


def test_what_a_bucket_had_before_is_free() -> None:
    """A budget is for new series: those of an earlier day do not count, on as many days as come."""
    budget = Budget(LIMIT, IDENTITY, Unwritten())
    for day in range(5):
        budget.fold(flood(WHOLE, slot_end=NOON + day * DAY, begin=WHOLE * day))
    folded = budget.fold(flood(WHOLE * 6, slot_end=NOON + 5 * DAY))
    assert not folded.moved
    assert len(folded.amounts) == WHOLE * 6


def test_a_set_that_a_later_day_took_stays_folded_where_it_was() -> None:
    """An admission holds from its day on; what comes late into the day before does not unfold a full one."""
    budget = Budget(LIMIT, IDENTITY, Unwritten())
    budget.fold(flood(100))
    late = series("000099", "000000")
    assert not budget.fold({late: {NOON + DAY: 1}}).moved
    assert budget.fold({late: {NOON: 1}}).moved
    assert not budget.fold({late: {NOON - DAY: 1}}).moved
    assert budget.fold({late: {NOON: 1}}).moved
    assert not budget.fold({late: {NOON + DAY: 1}}).moved


def test_another_budget_holds_from_the_next_day_on() -> None:
    """A full day stays as it is, or what was sent of it would be sent in other series once more."""
    book = Memory()
    budget = Budget(LIMIT, IDENTITY, book)
    before = budget.fold(flood(100)).amounts
    book.put(budget)
    budget = Budget(1_000, IDENTITY, book)
    assert budget.fold(flood(100)).amounts == before
    assert not budget.fold(flood(100, slot_end=NOON + DAY)).moved


def test_what_was_taken_back_is_not_held() -> None:
    """A series whose sum a correction made nothing of says nothing of what was decided."""
    labels = series("x")
    gone = as_ledger([Entry(labels, NOON, 0, 5), Entry(labels, NOON, 1, -5)])
    budget = Budget(LIMIT, IDENTITY, Unwritten())
    budget.fold({}, gone)
    assert not budget.decisions


def test_a_page_is_left_as_it_was() -> None:
    """Folding makes new slots: who counted them may go on with his own."""
    amounts = flood(100) | {series(OTHER, "000000"): {NOON: 1}}
    before = {labels: dict(slots) for labels, slots in amounts.items()}
    folded = Budget(LIMIT, IDENTITY, Unwritten()).fold(amounts)
    assert amounts == before
    assert by_app(folded.amounts) == by_app(amounts)


def test_label_sets_are_counted_once_a_day() -> None:
    """The number that is said is of label sets, however many pages a day has."""
    count = Count()
    assert not count.sets
    for day, sets in [(2, {1, 2}), (2, {2, 3}), (3, {1}), (1, {9})]:
        count.add(day, sets)
    assert (count.sets, count.since, count.until) == (5, 1, 3)


def test_the_state_keeps_what_was_decided(tmp_path: Path) -> None:
    """By bucket, together with what is about to go out; another bucket begins with nothing."""
    with State(tmp_path, "sink", write=True) as state:
        book = state.admissions("s", "b")
        budget = Budget(LIMIT, IDENTITY, book)
        before = budget.fold(flood(100)).amounts
        decided = budget.decisions
        state.note_sending("s", [], {"b": decided})
        assert set(book.admitted({row.fingerprint for row in decided.admitted})) == set(decided.admitted)
        assert list(book.days([1, day_of(NOON)])) == list(decided.days)
        assert decided.days == [Day(day_of(NOON), WHOLE + 1, (WHOLE, None, None))]
        assert book.last() == WHOLE + 1
    with State(tmp_path, "sink", write=False) as state:
        again = Budget(LIMIT, IDENTITY, state.admissions("s", "b"))
        assert again.fold(flood(100)).amounts == before
        assert not again.decisions
        other = AdmissionBook(state.database, "sink", "s", "other")
        assert (other.last(), list(other.days([day_of(NOON)])), Decisions()) == (0, [], Decisions())
