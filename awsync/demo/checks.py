"""What the embedded receiver asks of a request before it looks at a sample: headers, message, series.

Source: Prometheus remote write specifications 1.0 and 2.0-rc.4.

May import: series, remote_write.wire, remote_write.rules and demo.memory.
"""

from collections.abc import Mapping

from awsync.demo.memory import shown
from awsync.remote_write import wire
from awsync.remote_write.rules import label_fault, order_fault
from awsync.series import Labels, Sample

_PROTOS = {"prometheus.WriteRequest": "1.0", "io.prometheus.write.v2.Request": "2.0"}


def protocol_of(content_type: str) -> str | None:
    """What a Content-Type means; without a parameter it is 1.0 (2.0 specification, "Protobuf Message")."""
    kind, *parameters = [part.strip() for part in content_type.split(";")]
    if kind.lower() != "application/x-protobuf":
        return None
    proto = next((p.removeprefix("proto=") for p in parameters if p.startswith("proto=")), None)
    return "1.0" if proto is None else _PROTOS.get(proto)


def header_fault(headers: Mapping[str, str], protocol: str) -> str | None:
    """What is wrong with the headers (names in lower case) of a request in this protocol, or None."""
    if headers.get("content-encoding") != "snappy":
        return "Content-Encoding must be snappy"
    if not headers.get("user-agent"):
        return "User-Agent is missing"
    wanted = "0.1." if protocol == "1.0" else "2.0."
    if not headers.get("x-prometheus-remote-write-version", "").startswith(wanted):
        return f"X-Prometheus-Remote-Write-Version must start with {wanted} for this Content-Type"
    return None


def read_v1(body: bytes) -> tuple[list[Sample], list[str]]:
    """The samples in the order of the request, and a sentence for each bad series.

    Raises ValueError for a body that is no message.
    """
    samples: list[Sample] = []
    faults: list[str] = []
    for series in wire.read_v1(body).timeseries:
        labels = tuple((label.name, label.value) for label in series.labels)
        points = [Sample(labels, sample.timestamp, sample.value) for sample in series.samples]
        fault = _series_fault(labels, points, len(series.histograms))
        faults += [] if fault is None else [fault]
        samples += points
    return samples, faults


def read_v2(body: bytes) -> tuple[list[Sample], list[str]]:
    """The samples of the good series in the order of the request, and a sentence for each bad series.

    Raises ValueError for a body that is no message, and for wrong symbols: then no series can be trusted.
    """
    request = wire.read_v2(body)
    symbols = list(request.symbols)
    if not symbols or symbols[0]:
        raise ValueError("the first symbol must be the empty text")
    if len(set(symbols)) < len(symbols):
        raise ValueError("a symbol is there twice")
    samples: list[Sample] = []
    faults: list[str] = []
    for series in request.timeseries:
        labels = wire.labels_of(series.labels_refs, symbols)
        points = [Sample(labels, sample.timestamp, sample.value) for sample in series.samples]
        fault = _series_fault(labels, points, len(series.histograms))
        if max(series.metadata.help_ref, series.metadata.unit_ref) >= len(symbols):
            fault = f"series {shown(labels)} has metadata that names no symbol"
        if fault is None:
            samples += points
        else:
            faults.append(fault)
    return samples, faults


def _series_fault(labels: Labels, points: list[Sample], histograms: int) -> str | None:
    fault = label_fault(labels) or order_fault([point.timestamp_ms for point in points])
    if fault is None and bool(points) == bool(histograms):
        fault = "must have samples or histograms, and not both"
    if fault is None and histograms:
        fault = "has histograms, which this receiver does not take"
    return None if fault is None else f"series {shown(labels)} {fault}"
