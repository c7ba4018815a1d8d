"""Labels that every store takes as they are, and sums that lose nothing."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from awsync.activitywatch.client import ActivityWatch
from awsync.series import (
    MAX_LABELS,
    MAX_NAME,
    MAX_VALUE,
    RESERVED,
    Data,
    Edited,
    Labeller,
    Labels,
    data_labels,
    decoded,
    label_name,
    metric_name,
    seconds,
    stamp,
)
from awsync.settings import SourceSettings
from awsync.timeline import MICROSECONDS, Span

RESOLUTION = 300 * MICROSECONDS
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
thorough = settings(max_examples=60, deadline=None, derandomize=True)

keys = st.one_of(
    st.sampled_from(
        [
            *sorted(RESERVED),
            "",
            "_",
            "__",
            "data_user",
            "data_rest",
            "url",
            "foo-bar",
            "foo_bar",
            "foo.bar",
            "foo_bar_2",
        ]
    ),
    st.sampled_from(["$path", "größe", "1st", "日本", "a" * 150, "b" * 99]),
    st.text(max_size=120),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([10**400, "\ud83d", "a\udc00b", "x" * 5000, "x" * 4999 + "y", 1234567.0]),
    st.characters(categories=["Cs"]),
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=6)
datas = st.dictionaries(keys, values, max_size=40)


def labeller(**changes: str) -> Labeller:
    given = {"user": "anna", "host": "laptop", "bucket": "b_laptop", "client": "aw-watcher-window"} | changes
    return Labeller(user=given["user"], host=given["host"], bucket=given["bucket"], client=given["client"])


def labels_of(data: bytes) -> dict[str, str]:
    """The labels of data in JSON."""
    return data_labels(decoded(data))


def read(data: str) -> bytes:
    """The data of an event as it comes out of an answer of ActivityWatch."""
    body = f'[{{"id":1,"timestamp":"2026-11-20T10:00:00Z","duration":1,"data":{data}}}]'
    source = SourceSettings("laptop", "http://127.0.0.1:5600", "anna")
    return ActivityWatch(source).events(body.encode("utf-8", "surrogatepass"))[0].data


def assert_storable(labels: Labels) -> None:
    names = [name for name, _ in labels]
    assert names == sorted(set(names))
    assert len(labels) <= MAX_LABELS
    for name, value in labels:
        assert NAME.fullmatch(name), name
        assert name == "__name__" or not name.startswith("__")
        assert len(name) <= MAX_NAME
        assert value
        assert len(value) <= MAX_VALUE
        value.encode()


@thorough
@given(datas, st.booleans(), st.text(), st.text())
@example({"foo-bar": 1, "foo_bar": 2, "foo_bar_2": 3}, True, "", "")
@example({"a" * 150 + "-": 1, "a" * 150 + "_": 2}, True, "\ud83d", "日本")
@example({f"key {i}": i for i in range(60)} | {"data_rest": "mine"}, False, "anna", "")
def test_every_store_takes_the_labels(data: dict[str, Any], ascii_only: bool, user: str, client: str) -> None:
    """Labels are sorted, unique, valid, not empty and within the limits, whatever a watcher sends."""
    text = json.dumps(data, ensure_ascii=ascii_only)
    labels = labeller(user=user, client=client).labels(read(text))
    assert labels is not None
    assert_storable(labels)
    assert {"__name__", "bucket"} <= dict(labels).keys()


@thorough
@given(datas)
def test_same_data_gives_the_same_series(data: dict[str, Any]) -> None:
    """The order of keys, the spelling of the JSON, its neighbours and the cache change no label."""
    plain = read(json.dumps(data))
    known = labeller()
    labels = known.labels(plain)
    assert known.labels(plain) == labels
    assert labeller().labels(read(json.dumps(dict(reversed(data.items())), indent=1))) == labels
    beside = f'[{json.dumps(data)}, {{"title": "half an emoji \\ud83d", "number": NaN}}]'
    mended = read(beside)
    assert labeller().labels(json.dumps(json.loads(mended)[0]).encode()) == labels


@thorough
@given(st.dictionaries(st.text("abc_-.", max_size=4), st.sampled_from("xyz"), max_size=30))
def test_no_value_is_lost(data: dict[str, str]) -> None:
    """Keys that give one name get a label each; what is beyond the limit of labels is in `data_rest`."""
    labels = labels_of(json.dumps(data).encode())
    rest = json.loads(labels.pop("data_rest", "{}"))
    assert sorted([*labels.values(), *rest.values()]) == sorted(data.values())
    assert not rest or len(labels) == MAX_LABELS - len(RESERVED) - 1


def test_two_long_titles_stay_two() -> None:
    """Values that differ only behind the cut give two series; equal ones give one."""
    first, second = "t" * 5000 + "a", "t" * 5000 + "b"
    titles = [labels_of(_json({"title": t}))["title"] for t in (first, second, first)]
    assert titles[0] != titles[1]
    assert titles[0] == titles[2]
    assert all(len(title) == MAX_VALUE for title in titles)


def test_many_keys_differ_by_their_rest() -> None:
    """Events that differ only in their last key stay two series, also where a key is named as the rest is."""
    data = {f"key{i:02}": i for i in range(60)}
    assert labels_of(_json(data)) != labels_of(_json(data | {"key59": 0}))
    assert labels_of(_json(data | {"data_rest": "a"})) != labels_of(_json(data | {"data_rest": "b"}))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("title", "title"),
        ("foo-bar", "foo_bar"),
        ("$path", "_path"),
        ("größe", "gr__e"),
        ("", "unnamed"),
        ("日本", "unnamed"),
        ("1st", "_1st"),
        ("__1st", "_1st"),
        ("user", "data_user"),
        ("host", "data_host"),
        ("bucket", "data_bucket"),
        ("active", "data_active"),
        ("__name__", "data_name"),
        ("__meta", "meta"),
    ],
)
def test_names_of_keys(key: str, name: str) -> None:
    """A key keeps its name as far as a store takes it, and never takes the place of a label of ours."""
    assert label_name(key) == name


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("1234567.0", "1234567"),
        ("1234567", "1234567"),
        ("0.1", "0.1"),
        ("-0.0", "0"),
        ("1e400", "inf"),
        ("-1e400", "-inf"),
        ("true", "true"),
        ("false", "false"),
        ('{"b": [1, null], "a": "ü"}', '{"a":"ü","b":[1,null]}'),
        ('"a\\ud83d"', "a?"),
        ('"\\ud83d\\ude00"', "😀"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_values(raw: str, label: str) -> None:
    """A value reads as a person would write it, never as a programming language prints it."""
    assert labels_of(read(f'{{"key": {raw}}}')) == {"key": label}


@pytest.mark.parametrize("raw", ["null", '""', "NaN"])
def test_no_value_gives_no_label(raw: str) -> None:
    """An empty label would make a series that stores keep under another name."""
    assert labels_of(read(f'{{"key": {raw}}}')) == {}


@pytest.mark.parametrize("digits", [4_299, 4_301, 9_000])
def test_numbers_without_end_are_cut(digits: int) -> None:
    """A number longer than Python converts does not stop a bucket, beside half an emoji or not."""
    number = "9" * digits
    alone = labels_of(read(f'{{"key": {number}}}'))
    assert alone == labels_of(read(f'{{"key": {number}, "none": NaN}}'))
    assert len(alone["key"]) == MAX_VALUE


def test_bytes_that_are_no_text() -> None:
    """Bytes that are not UTF-8 become replacement marks instead of an error that stops a bucket."""
    assert labels_of(b'{"title":"a\xff\xfe"}') == {"title": "a\ufffd\ufffd"}


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("aw-watcher-window", "aw_watcher_window_seconds"),
        ("1password-watcher", "aw_1password_watcher_seconds"),
        ("", "aw_unknown_seconds"),
        ("日本", "aw_unknown_seconds"),
        ("aw.watcher.web", "aw_watcher_web_seconds"),
    ],
)
def test_metric_names(client: str, name: str) -> None:
    """A metric is named after its watcher, with a valid first letter and the unit."""
    assert metric_name(client) == name


def test_two_buckets_of_one_client_stay_two() -> None:
    """The bucket id is the identity: two browsers share a client, never a series."""
    assert labeller(bucket="web-firefox").labels(b"{}") != labeller(bucket="web-chrome").labels(b"{}")


def test_an_edit_decides_what_leaves() -> None:
    """Labels are made of what an edit leaves of the data; what it drops has no labels and no time."""

    def edit(data: Data) -> Edited | None:
        return None if data["app"] == "diary" else Edited({"app": data["app"]}, "Work > Programming")

    edited = Labeller(user="anna", host="laptop", bucket="b", client="c", edit=edit)
    labels = edited.labels(_json({"app": "vim", "title": "secret", "category": "mine"}))
    assert labels is not None
    assert {"app": "vim", "category": "Work > Programming"}.items() <= dict(labels).items()
    assert "secret" not in dict(labels).values()
    assert edited.labels(_json({"app": "diary"})) is None
    spans = [Span(0, 5, _json({"app": "diary"})), Span(5, 7, _json({"app": "vim"}))]
    assert edited.amounts(spans, RESOLUTION, until=RESOLUTION) == {labels: {RESOLUTION: 2}}


spans = st.lists(
    st.builds(
        lambda start, length, app: Span(start, start + length, b'{"app":"%s"}' % app),
        st.integers(0, 10 * RESOLUTION),
        st.integers(1, 5 * RESOLUTION),
        st.sampled_from([b"vim", b"firefox", b'b\\"q']),
    )
)


@thorough
@given(spans)
def test_amounts_add_up_to_the_spans(given_spans: list[Span]) -> None:
    """What all slots of all series hold is what the spans hold, series by series, to the microsecond."""
    amounts = labeller().amounts(given_spans, RESOLUTION, until=16 * RESOLUTION)
    lengths: dict[Labels, int] = {}
    for span in given_spans:
        labels = labeller().labels(span.data)
        assert labels is not None
        lengths[labels] = lengths.get(labels, 0) + span.end - span.start
    assert {labels: sum(per_slot.values()) for labels, per_slot in amounts.items()} == lengths
    assert all(slot_end % RESOLUTION == 0 for per_slot in amounts.values() for slot_end in per_slot)


def test_a_slot_ends_with_its_page() -> None:
    """Where the resolution was changed a page may end inside a slot: its sample then lies before that end."""
    (per_slot,) = labeller().amounts([Span(0, 500, b"{}")], 300, until=500).values()
    assert per_slot == {300: 300, 500: 200}


def test_stamps_lie_before_the_border() -> None:
    """A sample lies a millisecond before the end of its slot, and each correction one before that."""
    assert [stamp(RESOLUTION, correction) for correction in range(3)] == [299_999, 299_998, 299_997]
    assert seconds(1_500_000) == 1.5


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode()
