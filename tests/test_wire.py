"""The messages of remote write, checked against the specification and not only against ourselves."""

import re
import struct
from collections.abc import Callable, Sequence

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsync.demo.checks import read_v1, read_v2
from awsync.remote_write import wire
from awsync.remote_write.generated import v1_pb2, v2_pb2
from awsync.series import Labels, Sample

Encode = Callable[[Sequence[Sample]], bytes]

NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SERIES = st.builds(
    lambda metric, labels: tuple(sorted({**labels, "__name__": metric}.items())),
    st.from_regex(r"\A[a-zA-Z_:][a-zA-Z0-9_:]{0,20}\Z"),
    st.dictionaries(NAMES, VALUES, max_size=5),
)
POINTS = st.dictionaries(
    st.integers(min_value=0, max_value=2**62), st.floats(allow_nan=False), min_size=1, max_size=6
)


@st.composite
def requests(draw: st.DrawFn) -> list[Sample]:
    """Samples of several series in any order, no timestamp of a series twice."""
    by_series = draw(st.dictionaries(SERIES, POINTS, max_size=6))
    samples = [
        Sample(labels, ts, value) for labels, points in by_series.items() for ts, value in points.items()
    ]
    return draw(st.permutations(samples))


@given(requests())
def test_v1_round_trip(samples: list[Sample]) -> None:
    """Nothing is lost, doubled or changed on the way into a 1.0 request."""
    read, faults = read_v1(wire.encode_v1(samples))
    assert (sorted(read), faults) == (sorted(samples), [])


@given(requests())
def test_v2_round_trip(samples: list[Sample]) -> None:
    """Nothing is lost, doubled or changed on the way into a 2.0 request."""
    read, faults = read_v2(wire.encode_v2(samples))
    assert (sorted(read), faults) == (sorted(samples), [])


@given(requests())
def test_v1_order(samples: list[Sample]) -> None:
    """A label set comes once, its labels sorted, its samples rising: stores lose what is out of order."""
    request = wire.read_v1(wire.encode_v1(samples))
    series = [tuple((label.name, label.value) for label in entry.labels) for entry in request.timeseries]
    assert len(set(series)) == len(series)
    assert all(list(labels) == sorted(labels) for labels in series)
    for entry in request.timeseries:
        stamps = [sample.timestamp for sample in entry.samples]
        assert stamps
        assert stamps == sorted(set(stamps))


@given(requests())
def test_v2_symbols(samples: list[Sample]) -> None:
    """Symbols begin with the empty text, come once, and hold every reference, those of metadata too."""
    request = wire.read_v2(wire.encode_v2(samples))
    symbols = list(request.symbols)
    assert symbols[0] == ""
    assert len(set(symbols)) == len(symbols)
    for entry in request.timeseries:
        assert len(entry.labels_refs) % 2 == 0
        assert max(entry.labels_refs) < len(symbols)
        assert 0 not in entry.labels_refs
        stamps = [sample.timestamp for sample in entry.samples]
        assert stamps == sorted(set(stamps))
        assert entry.metadata.type == v2_pb2.Metadata.METRIC_TYPE_GAUGE
        assert symbols[entry.metadata.unit_ref] == "seconds"
        assert symbols[entry.metadata.help_ref]


def test_v1_metadata_names_each_metric_once() -> None:
    """VictoriaMetrics keeps 1.0 metadata: a gauge in seconds with a help text for each metric."""
    samples = [
        Sample((("__name__", name), ("app", app)), 1, 1.0) for name in ("b", "a") for app in ("x", "y")
    ]
    metadata = wire.read_v1(wire.encode_v1(samples)).metadata
    assert [entry.metric_family_name for entry in metadata] == ["a", "b"]
    assert all(entry.type == v1_pb2.MetricMetadata.GAUGE and entry.unit == "seconds" for entry in metadata)
    assert all(entry.help for entry in metadata)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field, written by hand."""
    return bytes([number << 3 | 2, len(payload)]) + payload


SAMPLE_BYTES = b"\x09" + struct.pack("<d", 2.5) + b"\x10\x07"


def test_v1_bytes() -> None:
    """Field numbers and types are those of prometheus.WriteRequest, written out by hand here."""
    labels = _field(1, _field(1, b"__name__") + _field(2, b"m"))
    series = _field(1, labels + _field(2, SAMPLE_BYTES))
    help_text = wire.ACTIVITY.help.encode()
    metadata = _field(3, b"\x08\x02" + _field(2, b"m") + _field(4, help_text) + _field(5, b"seconds"))
    body = wire.encode_v1([Sample((("__name__", "m"),), 7, 2.5)])
    assert bytes(cramjam.snappy.decompress_raw(body)) == series + metadata


def test_v2_bytes() -> None:
    """Field numbers and types are those of io.prometheus.write.v2.Request, written out by hand here."""
    texts = [b"", wire.ACTIVITY.help.encode(), b"seconds", b"__name__", b"m"]
    symbols = b"".join(_field(4, text) for text in texts)
    metadata = _field(5, b"\x08\x02\x18\x01\x20\x02")
    series = _field(5, _field(1, b"\x03\x04") + _field(2, SAMPLE_BYTES) + metadata)
    body = wire.encode_v2([Sample((("__name__", "m"),), 7, 2.5)])
    assert bytes(cramjam.snappy.decompress_raw(body)) == symbols + series


@pytest.mark.parametrize("encode", [wire.encode_v1, wire.encode_v2])
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((("__name__", "m"), ("app", "\ud83d")), "m has a label that is not valid Unicode"),
        ((("__name__", "m"), ("app", "")), "m has the label app without a value"),
        ((("__name__", "m"), ("app", "x"), ("app", "y")), "m has the label app twice"),
        ((("__name__", "m"), ("b", "x"), ("a", "y")), "m has labels out of order: a after b"),
        ((("__name__", "m"), ("", "x")), "m has the label name ''"),
        ((("__name__", "m"), ("foo-bar", "x")), "m has the label name 'foo-bar'"),
        ((("__name__", "m"), ("größe", "x")), "m has the label name 'größe'"),
        ((("__name__", "m"), ("__zone", "x")), "m has the label __zone"),
        ((("__name__", "a.b"),), "a.b has the metric name 'a.b'"),
        ((("__name__", "\ud83d"),), r"\ud83d has the metric name '\ud83d'"),
        ((("app", "x"),), "a series without a name has no metric name"),
        ((), "a series without a name has no metric name"),
    ],
)
def test_a_series_that_a_store_drops_in_silence_is_refused(
    encode: Encode, labels: Labels, words: str
) -> None:
    """Stores answer 204 and drop such a series, so it must not be sent; the error can always be printed."""
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        encode([Sample(labels, 1, 1.0)])
    assert not isinstance(caught.value, UnicodeError)
    assert str(caught.value).encode()


@pytest.mark.parametrize("encode", [wire.encode_v1, wire.encode_v2])
def test_one_timestamp_twice_is_refused(encode: Encode) -> None:
    """Prometheus keeps the first of two such samples and answers 204: the second would be lost."""
    labels = (("__name__", "m"),)
    with pytest.raises(ValueError, match="m has two samples with the same timestamp"):
        encode([Sample(labels, 5, 1.0), Sample(labels, 4, 1.0), Sample(labels, 5, 1.0)])


def test_a_request_that_no_store_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message above 32 MiB is told apart, so that it is split and not set aside."""
    monkeypatch.setattr(wire, "MAX_DECODED", 200)
    samples = [Sample((("__name__", "m"), ("app", str(number))), 1, 1.0) for number in range(20)]
    with pytest.raises(wire.TooLargeError):
        wire.encode_v2(samples)
    assert read_v1(wire.encode_v1(samples[:1])) == (samples[:1], [])


def _request(refs: list[int], symbols: list[str]) -> bytes:
    request = v2_pb2.Request(symbols=symbols)
    request.timeseries.add(labels_refs=refs)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not in the snappy block format"),
        (b"\xff\x06\x00\x00sNaPpY", "not in the snappy block format"),
        (bytes(cramjam.snappy.compress(b"framed")), "not in the snappy block format"),
        (b"\xff\xff\xff\xff\x0f", "exceeds the limit"),
        (bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff")), "is not a io.prometheus.write.v2.Request"),
        (_request([1], ["", "a"]), "an odd number"),
        (_request([1, 2], ["", "a"]), "names symbol 2, but there are 2"),
    ],
)
def test_a_malformed_body_is_named(body: bytes, words: str) -> None:
    """Whatever arrives, reading it ends in a ValueError that says what is wrong, before memory is spent."""
    with pytest.raises(ValueError, match=words):
        read_v2(body)
