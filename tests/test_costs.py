"""What a plan says of series, samples and labels equals a plain count, and what it foresees is no magic."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsync.costs.bill import Bill, costs
from awsync.costs.disk import Engine
from awsync.costs.distinct import Distinct
from awsync.costs.forecast import MONTH, YEAR, Growth
from awsync.costs.said import Reading, Skipped, Unread, Weighed
from awsync.costs.weighing import COMMON, Scale, Weight
from awsync.series import Amounts, Labels
from awsync.timeline import DAY, HOUR

IDENTITY = {"__name__": "aw_window_seconds", "user": "me", "host": "pc", "bucket": "b"}


def labels(**more: str) -> Labels:
    return tuple(sorted((IDENTITY | more).items()))


def slots(*hours: int) -> dict[int, int]:
    return {hour * HOUR: 1 for hour in hours}


names = st.sampled_from("abc")
label_sets = st.dictionaries(names, st.sampled_from("xyz"), max_size=3)
page = st.dictionaries(
    label_sets.map(lambda found: labels(**found)),
    st.sets(st.integers(1, 12), min_size=1, max_size=6),
    max_size=8,
)


@given(st.lists(page, min_size=1, max_size=6))
def test_everything_is_counted_as_a_plain_count_does(pages: list[dict[Labels, set[int]]]) -> None:
    """Samples, series, series of each day, values, and both without each label, whatever sets lack it."""
    scale, sent = Scale(), set[tuple[Labels, int]]()
    for number, found in enumerate(pages):
        amounts: Amounts = {
            known: {(12 * number + hour) * HOUR: 1 for hour in hours} for known, hours in found.items()
        }
        scale.add(amounts)
        sent |= {(known, end) for known, ends in amounts.items() for end in ends}
    weight = scale.weight(len(pages) * DAY // 2)
    assert weight.samples == len(sent)
    assert weight.series.total == len({known for known, _ in sent})
    assert weight.series.exact
    assert weight.daily_series == len({(known, (end - 1) // DAY) for known, end in sent})
    found_labels = {pair[0] for known, _ in sent for pair in known} - COMMON
    assert [each.label for each in weight.labels] == sorted(found_labels)
    for each in weight.labels:
        without = {(tuple(p for p in known if p[0] != each.label), end) for known, end in sent}
        assert each.samples == len(without)
        assert each.series.total == len({known for known, _ in without})
        assert each.values.total == len({p for known, _ in sent for p in known if p[0] == each.label})


def test_the_memory_of_a_count_is_bounded() -> None:
    """Beyond its limit a count keeps a share of what it saw, says so, and is still near the truth."""
    few, many = Distinct(1_000), Distinct(1_000)
    for number in range(50_000):
        assert few.add(hash(str(number % 900)), number // 500) == (number < 900)
        many.add(hash(str(number)), number // 500)
    assert (len(few), few.exact) == (900, True)
    assert not many.exact
    assert len(many._first) <= 1_000
    assert abs(len(many) - 50_000) < 10_000
    assert sum(many.by_day().values()) == len(many)
    copied = many.copy()
    copied.add(hash("another"), 99)
    assert len(many._first) <= len(copied._first)


def test_what_grows_goes_on_as_it_grew() -> None:
    """What was seen is told as it was; a line goes on as a line, a root as a root, and what ended ends."""
    line = Growth(100, 100, dict.fromkeys(range(100), 1))
    assert (line.after(30), line.after(MONTH), line.after(YEAR)) == (30, 30, 365)
    done = Growth(7, 100, {0: 7})
    assert done.after(YEAR) == 7
    root = Growth(100, 100, {0: 50, 24: 21, 70: 29})
    assert root.after(400) == pytest.approx(195, abs=10)
    late = Growth(50, 10, {9: 50})
    assert late.after(100) == 500


def test_too_short_a_time_foresees_nothing() -> None:
    """One day says nothing of the days to come, but an empty bucket stays empty."""
    assert Growth(5, 1, {0: 5}).after(1) == 5
    assert Growth(5, 1, {0: 5}).after(YEAR) is None
    assert Growth(0, 0, {}).after(YEAR) == 0


def weighed(
    bucket: str, *pages: Amounts, days: int, watcher: str = "w", keys: set[str] | None = None
) -> Weighed:
    scale = Scale()
    for amounts in pages:
        scale.add(amounts)
    return Weighed("s", bucket, watcher, 0, days * DAY, 1, scale.weight(days * DAY), frozenset(keys or ()))


def titles(days: int, each_day: int, label: str = "title") -> list[Amounts]:
    return [
        {
            labels(app=f"app {n % 3}", active="true", **{label: f"t {day} {n}"}): slots(24 * day + n + 1)
            for n in range(each_day)
        }
        for day in range(days)
    ]


def test_the_costliest_label_comes_first_with_lines_that_work() -> None:
    """Two browsers are one watcher; the lines are TOML, and name the key that the label was made of."""
    bill = Bill()
    said = (
        Reading("s", "a", 0.5),
        weighed("a", *titles(4, 6, "my_key"), days=4, watcher='odd "watcher" [1]', keys={"app", "my-key"}),
        weighed("b", *titles(4, 20, "domain"), days=4, watcher="web", keys={"URL", "app"}),
        weighed("c", *titles(4, 20, "domain"), days=4, watcher="web", keys={"URL", "app"}),
        Skipped("s", "d", "it is empty"),
        Unread("s/e", "gone", ""),
    )
    for each in said:
        bill.apply(each)
    cut = bill.first_to_cut()
    assert cut is not None
    assert (cut.watcher, cut.label, cut.key) == ("web", "domain", "domain")
    assert (cut.series, cut.series_without, cut.samples, cut.samples_without) == (160, 6, 160, 160)
    (rule,) = tomllib.loads(cut.lines)["rule"]
    assert (rule["watchers"], rule["set"]) == (["web"], {"domain": ""})
    odd = next(each for each in bill.cuts() if each.watcher.startswith("odd") and each.label == "my_key")
    (rule,) = tomllib.loads(odd.lines)["rule"]
    assert (rule["watchers"], rule["set"]) == (['odd "watcher" [[]1]'], {"my-key": ""})
    assert {each.label: each.key for each in bill.cuts() if each.watcher == "web"}["active"] is None
    assert (len(bill.buckets), len(bill.skipped), len(bill.unread)) == (3, 1, 1)
    assert bill.requests == 1


def test_a_year_is_a_year_of_what_was_read() -> None:
    """Samples are taken by the day; nothing is no cost, and more takes more of every disk."""
    small, large = weighed("a", *titles(10, 2), days=10), weighed("b", *titles(10, 20), days=10)
    one, other = costs([small]), costs([small, large])
    assert (one.seen.samples, one.day.samples, one.month.samples, one.year.samples) == (20, 2, 60, 730)
    assert (one.day.series, one.seen.series, one.year.series) == (2, 20, 730)
    for engine in Engine:
        assert 0 < one.day.bytes[engine] < one.year.bytes[engine] < other.year.bytes[engine]
    nothing = Weighed("s", "a", "w", 0, 0, 0, Scale().weight(0), frozenset())
    assert costs([nothing]).year.series == costs([nothing]).year.samples == 0
    assert isinstance(nothing.weight, Weight)
    assert Bill([nothing]).first_to_cut() is None


@pytest.mark.parametrize(("watcher", "bucket"), [("", "odd-bucket"), ("w", "odd-bucket")])
def test_a_bucket_without_a_client_is_named_by_its_id(watcher: str, bucket: str) -> None:
    """The rule has to find the bucket."""
    bill = Bill([weighed(bucket, *titles(3, 9), days=3, watcher=watcher, keys={"title"})])
    cut = bill.first_to_cut()
    assert cut is not None
    assert tomllib.loads(cut.lines)["rule"][0]["watchers"] == [watcher or bucket]
