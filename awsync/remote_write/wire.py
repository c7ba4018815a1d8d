"""Samples to the body of a remote write request, 1.0 and 2.0; and the message of such a body.

A body is the protobuf message in the snappy block format; the framed format is refused by every store.
Source: Prometheus remote write specifications 1.0 and 2.0-rc.4.

May import: series and remote_write.rules, protobuf and cramjam.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import cramjam
from google.protobuf.message import DecodeError
from msgspec import Struct

from awsync.remote_write.generated import v1_pb2, v2_pb2
from awsync.remote_write.rules import label_fault, metric_of
from awsync.series import Labels, Sample

MAX_DECODED = 32 * 1024 * 1024
"""Bytes of a message before compression: Prometheus and VictoriaMetrics refuse more (FACTS B1)."""

MetricKind = Literal["gauge", "counter", "summary"]


class Metadata(Struct, frozen=True):
    """What a store is told of a metric; `family` is what it belongs to, where that has another name."""

    kind: MetricKind
    help: str
    unit: str = ""
    family: str = ""


ACTIVITY = Metadata("gauge", "Seconds of activity in the slot that ends with the sample.", "seconds")
NO_OTHERS: Mapping[str, Metadata] = MappingProxyType({})

Points = list[tuple[int, float]]


class TooLargeError(ValueError):
    """The message would be larger than any store takes."""


def encode_v1(samples: Sequence[Sample], metadata: Mapping[str, Metadata] = NO_OTHERS) -> bytes:
    """The compressed `prometheus.WriteRequest` of these samples; a metric without `metadata` is activity.

    Raises ValueError for a series or an order that a store would drop silently.
    """
    request = v1_pb2.WriteRequest()
    by_series = _by_series(samples)
    for labels, points in by_series.items():
        try:
            request.timeseries.add(
                labels=[v1_pb2.Label(name=name, value=value) for name, value in labels],
                samples=[v1_pb2.Sample(value=value, timestamp=stamp) for stamp, value in points],
            )
        except UnicodeEncodeError:
            raise _not_unicode(labels) from None
    metrics = {metric_of(series) for series in by_series}
    told = {metric: metadata.get(metric, ACTIVITY) for metric in metrics}
    for family, of in sorted({each.family or metric: each for metric, each in told.items()}.items()):
        request.metadata.add(
            type=of.kind.upper(),
            metric_family_name=family,
            help=of.help,
            unit=of.unit,
        )
    return _compress(request.SerializeToString())


def encode_v2(samples: Sequence[Sample], metadata: Mapping[str, Metadata] = NO_OTHERS) -> bytes:
    """The compressed `io.prometheus.write.v2.Request` of these samples; as encode_v1.

    Raises ValueError for a series or an order that a store would drop silently.
    """
    request = v2_pb2.Request()
    symbols = {"": 0}
    told = {each: _metadata_v2(each, symbols) for each in (ACTIVITY, *metadata.values())}
    for labels, points in _by_series(samples).items():
        request.timeseries.add(
            labels_refs=[symbols.setdefault(text, len(symbols)) for pair in labels for text in pair],
            samples=[v2_pb2.Sample(value=value, timestamp=stamp) for stamp, value in points],
            metadata=told[metadata.get(metric_of(labels), ACTIVITY) if metadata else ACTIVITY],
        )
    try:
        request.symbols.extend(symbols)
    except UnicodeEncodeError:
        raise _not_unicode(next(s.labels for s in samples if not _is_unicode(s.labels))) from None
    return _compress(request.SerializeToString())


def _metadata_v2(of: Metadata, symbols: dict[str, int]) -> v2_pb2.Metadata:
    """The metadata of a series; its texts are added to the symbols."""
    return v2_pb2.Metadata(
        type=f"METRIC_TYPE_{of.kind.upper()}",
        help_ref=symbols.setdefault(of.help, len(symbols)),
        unit_ref=symbols.setdefault(of.unit, len(symbols)),
    )


def read_v1(body: bytes) -> v1_pb2.WriteRequest:
    """The message of a compressed 1.0 request; raises ValueError for a malformed one."""
    message = v1_pb2.WriteRequest()
    _parse(message, body)
    return message


def read_v2(body: bytes) -> v2_pb2.Request:
    """The message of a compressed 2.0 request; raises ValueError for a malformed one."""
    message = v2_pb2.Request()
    _parse(message, body)
    return message


def labels_of(refs: Sequence[int], symbols: Sequence[str]) -> Labels:
    """The labels that these references name; raises ValueError for one outside the symbols."""
    if len(refs) % 2:
        raise ValueError(f"labels_refs has {len(refs)} entries, an odd number")
    if refs and max(refs) >= len(symbols):
        raise ValueError(f"labels_refs names symbol {max(refs)}, but there are {len(symbols)}")
    texts = [symbols[ref] for ref in refs]
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def _by_series(samples: Sequence[Sample]) -> dict[Labels, Points]:
    """The points of each series by time, each series checked; in the order in which the series come."""
    # Samples of a series mostly share one tuple of labels: its identity is cheaper to look up than its hash.
    by_identity: dict[int, tuple[Labels, Points]] = {}
    for labels, stamp, value in samples:
        known = by_identity.get(id(labels))
        if known is None:
            known = by_identity[id(labels)] = (labels, [])
        known[1].append((stamp, value))
    by_series: dict[Labels, Points] = {}
    for labels, points in by_identity.values():
        by_series.setdefault(labels, []).extend(points)
    for labels, points in by_series.items():
        fault = label_fault(labels)
        if fault is None and len(points) > 1:
            points.sort()
            stamps = [stamp for stamp, _ in points]
            if len(set(stamps)) < len(stamps):
                fault = "has two samples with the same timestamp"
        if fault is not None:
            raise ValueError(f"{metric_of(labels)} {fault}")
    return by_series


def _compress(message: bytes) -> bytes:
    if len(message) > MAX_DECODED:
        raise TooLargeError(f"the request has {len(message)} bytes, a store takes at most {MAX_DECODED}")
    return bytes(cramjam.snappy.compress_raw(message))


def _parse(message: v1_pb2.WriteRequest | v2_pb2.Request, body: bytes) -> None:
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > MAX_DECODED:
            raise ValueError(f"the decoded length {size} exceeds the limit of {MAX_DECODED} bytes")
        raw = bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError:
        raise ValueError("the body is not in the snappy block format") from None
    try:
        message.ParseFromString(raw)
    except DecodeError:
        raise ValueError(f"the body is not a {message.DESCRIPTOR.full_name} message") from None


def _is_unicode(labels: Labels) -> bool:
    try:
        "".join(text for pair in labels for text in pair).encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_unicode(labels: Labels) -> ValueError:
    return ValueError(f"{metric_of(labels)} has a label that is not valid Unicode text (a lone surrogate)")
