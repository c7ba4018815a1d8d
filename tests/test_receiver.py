"""The embedded receiver: it refuses what the specification forbids, and holds exactly what it took."""

import http.client
import json
import math
from collections.abc import Iterator
from datetime import timedelta

import cramjam
import pytest
from google.protobuf.message import Message

from awsync.demo.receiver import Fault, Receiver
from awsync.remote_write import wire
from awsync.remote_write.generated import v1_pb2, v2_pb2
from awsync.series import Labels, Sample
from tests.servers import wait_until

NOW = 1_790_000_000.0
NOW_MS = int(NOW * 1000)
HOUR = 3_600_000
V1 = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "User-Agent": "test/1",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
V2 = V1 | {
    "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "X-Prometheus-Remote-Write-Version": "2.0.0",
}
A: Labels = (("__name__", "m_seconds"), ("app", "a"))
B: Labels = (("__name__", "m_seconds"), ("app", "b"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(clock=lambda: NOW) as running:
        yield running


def post(receiver: Receiver, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", int(receiver.url.rpartition(":")[2]), timeout=20)
    try:
        connection.request("POST", "/api/v1/write", body, headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def get(receiver: Receiver, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", int(receiver.url.rpartition(":")[2]), timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def packed(message: Message) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


def v1(*series: v1_pb2.TimeSeries) -> bytes:
    return packed(v1_pb2.WriteRequest(timeseries=series))


def v1_series(labels: list[tuple[str, str]], *stamps: int) -> v1_pb2.TimeSeries:
    return v1_pb2.TimeSeries(
        labels=[v1_pb2.Label(name=name, value=value) for name, value in labels],
        samples=[v1_pb2.Sample(timestamp=stamp, value=1) for stamp in stamps],
    )


def v2(symbols: list[str], refs: list[int], *stamps: int) -> bytes:
    samples = [v2_pb2.Sample(timestamp=stamp, value=1) for stamp in stamps]
    return packed(
        v2_pb2.Request(symbols=symbols, timeseries=[v2_pb2.TimeSeries(labels_refs=refs, samples=samples)])
    )


def test_both_protocols_store_what_they_are_sent(receiver: Receiver) -> None:
    """A 1.0 and a 2.0 request end in the same memory; only 2.0 is answered with Written headers."""
    first = [Sample(A, NOW_MS - 2, 1.5), Sample(B, NOW_MS - 2, 2.0)]
    second = [Sample(A, NOW_MS - 1, 3.0)]
    status, headers, _ = post(receiver, V1, wire.encode_v1(first))
    assert status == 204
    assert "x-prometheus-remote-write-samples-written" not in headers
    status, headers, _ = post(receiver, V2, wire.encode_v2(second))
    assert status == 204
    assert headers["x-prometheus-remote-write-samples-written"] == "1"
    assert headers["x-prometheus-remote-write-histograms-written"] == "0"
    assert headers["x-prometheus-remote-write-exemplars-written"] == "0"
    assert receiver.samples() == {A: {NOW_MS - 2: 1.5, NOW_MS - 1: 3.0}, B: {NOW_MS - 2: 2.0}}
    assert math.isclose(receiver.total_seconds(), 6.5)
    assert receiver.requests == {("1.0", 204): 1, ("2.0", 204): 1}
    assert json.loads(get(receiver, "/")[1]) == {"series": 2, "samples": 3, "seconds": 6.5, "requests": 2}


NAME = ("__name__", "m")


def words_only(value: object) -> str:
    """The id of a case: its words say what it is, its bytes do not."""
    return value if isinstance(value, str) else "body"


GOOD = [NOW_MS]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (v1(v1_series([("app", "x")], *GOOD)), "has no metric name"),
        (v1(v1_series([NAME, ("b", "x"), ("a", "x")], *GOOD)), "labels out of order: a after b"),
        (v1(v1_series([NAME, ("a", "x"), ("a", "y")], *GOOD)), "the label a twice"),
        (v1(v1_series([NAME, ("a", "")], *GOOD)), "the label a without a value"),
        (v1(v1_series([NAME, ("a-b", "x")], *GOOD)), "label name 'a-b'"),
        (v1(v1_series([("__name__", "1m")], *GOOD)), "metric name '1m'"),
        (v1(v1_series([NAME])), "must have samples or histograms"),
        (v1(v1_series([NAME], NOW_MS, NOW_MS - 1)), "samples out of order"),
        (v1(v1_series([NAME], NOW_MS, NOW_MS)), "two samples at"),
        (v1(v1_series([NAME], NOW_MS // 1000)), "not in milliseconds"),
        (v1(v1_series([NAME], NOW_MS * 1000)), f"{NOW_MS * 1000} is too far in the future"),
        (v1(v1_series([NAME], NOW_MS + 700_000)), "too far in the future"),
        (
            v1(v1_pb2.TimeSeries(labels=v1_series([NAME]).labels, histograms=[v1_pb2.Histogram()])),
            "histograms",
        ),
        (bytes(cramjam.snappy.compress(b"x")), "snappy block format"),
        (b"", "the body is not in the snappy block format"),
    ],
    ids=words_only,
)
def test_a_bad_1_0_request_is_refused_as_a_whole(receiver: Receiver, body: bytes, words: str) -> None:
    """Each rule of 1.0 is asked for, and the answer says which was broken; nothing of the request is kept."""
    status, _, text = post(receiver, V1, body)
    assert (status, words in text) == (400, True), text
    assert receiver.samples() == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (v2(["__name__", "m"], [0, 1], *GOOD), "first symbol must be the empty text"),
        (v2([], [0, 1], *GOOD), "the first symbol must be the empty text"),
        (v2(["", "__name__", "m", "m"], [1, 2], *GOOD), "a symbol is there twice"),
        (v2(["", "__name__", "m"], [1, 3], *GOOD), "names symbol 3"),
        (v2(["", "__name__", "m"], [1], *GOOD), "odd number"),
        (v2(["", "__name__", "m"], [1, 2]), "must have samples or histograms"),
        (v2(["", "__name__", "m"], [1, 2], 5), "not in milliseconds"),
    ],
    ids=words_only,
)
def test_a_bad_2_0_request_is_refused(receiver: Receiver, body: bytes, words: str) -> None:
    """Each rule that 2.0 adds is asked for, and the answer says which was broken."""
    status, _, text = post(receiver, V2, body)
    assert (status, words in text) == (400, True), text
    assert receiver.samples() == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Encoding": "gzip"}, 400),
        ({"Content-Encoding": ""}, 400),
        ({"User-Agent": ""}, 400),
        ({"X-Prometheus-Remote-Write-Version": "2.0.0"}, 400),
        ({"X-Prometheus-Remote-Write-Version": ""}, 400),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/x-protobuf;proto=prometheus.Nothing"}, 415),
        ({"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"}, 204),
    ],
)
def test_headers_are_asked_for(receiver: Receiver, headers: dict[str, str], status: int) -> None:
    """A sender that forgets a header of the specification does not get away with it here."""
    assert post(receiver, V1 | headers, wire.encode_v1([]))[0] == status


def test_2_0_writes_partially(receiver: Receiver) -> None:
    """The good samples of a 2.0 request stay, the header counts them, the text names the bad series."""
    post(receiver, V2, wire.encode_v2([Sample(A, NOW_MS, 1.0)]))
    status, headers, text = post(
        receiver, V2, wire.encode_v2([Sample(A, NOW_MS, 9.0), Sample(B, NOW_MS, 2.0)])
    )
    assert status == 400
    assert headers["x-prometheus-remote-write-samples-written"] == "1"
    assert "duplicate sample for timestamp" in text
    assert 'app="a"' in text
    assert receiver.samples() == {A: {NOW_MS: 1.0}, B: {NOW_MS: 2.0}}


def test_1_0_writes_all_or_nothing(receiver: Receiver) -> None:
    """One bad sample of a 1.0 request takes the good ones with it, as it does in Prometheus."""
    post(receiver, V1, wire.encode_v1([Sample(A, NOW_MS, 1.0)]))
    samples = [Sample(A, NOW_MS, 9.0), Sample(B, NOW_MS, 2.0)]
    assert post(receiver, V1, wire.encode_v1(samples))[0] == 400
    assert receiver.samples() == {A: {NOW_MS: 1.0}}


def test_the_same_again_changes_nothing(receiver: Receiver) -> None:
    """A request that is repeated after a lost answer is taken and counts once."""
    samples = [Sample(A, NOW_MS - 5, 1.0), Sample(A, NOW_MS, 2.0)]
    assert [post(receiver, V1, wire.encode_v1(samples))[0] for _ in range(2)] == [204, 204]
    assert receiver.samples() == {A: {NOW_MS - 5: 1.0, NOW_MS: 2.0}}


@pytest.mark.parametrize(
    ("window", "stamp", "words"),
    [
        (timedelta(0), NOW_MS - 2 * HOUR, "out of bounds"),
        (timedelta(0), NOW_MS - 2, "out of order sample"),
        (timedelta(0), NOW_MS - 1, ""),
        (timedelta(0), NOW_MS, ""),
        (timedelta(days=2), NOW_MS - 49 * HOUR, "too old sample"),
        (timedelta(days=2), NOW_MS - 47 * HOUR, ""),
        (None, NOW_MS - 10_000 * HOUR, ""),
    ],
)
def test_age_is_refused_as_prometheus_does(window: timedelta | None, stamp: int, words: str) -> None:
    """With a window the receiver has the acceptance border of a Prometheus that scrapes itself."""
    with Receiver(clock=lambda: NOW, out_of_order_window=window) as receiver:
        assert post(receiver, V1, wire.encode_v1([Sample(A, NOW_MS - 1, 1.0)]))[0] == 204
        status, _, text = post(receiver, V1, wire.encode_v1([Sample(A, stamp, 1.0)]))
        assert (status, words in text) == (400 if words else 204, True), text


def test_a_protocol_that_is_not_spoken_gets_415() -> None:
    """A receiver of 1.0 alone stores nothing of a 2.0 request and says so."""
    with Receiver(protocols={"1.0"}) as receiver:
        assert post(receiver, V2, wire.encode_v2([Sample(A, NOW_MS, 1.0)]))[0] == 415
        assert receiver.samples() == {}


def test_a_token_is_wanted() -> None:
    """Without the right token nothing is stored and nothing is shown."""
    with Receiver(token="right", clock=lambda: NOW) as receiver:
        body = wire.encode_v1([Sample(A, NOW_MS, 1.0)])
        assert post(receiver, V1, body)[0] == 401
        assert post(receiver, V1 | {"Authorization": "Bearer wrong"}, body)[0] == 401
        assert get(receiver, "/")[0] == 401
        assert receiver.samples() == {}
        assert post(receiver, V1 | {"Authorization": "Bearer right"}, body)[0] == 204


def test_it_says_who_it_is(receiver: Receiver) -> None:
    """Nobody mistakes it for a Prometheus, and a wrong path is told the right one."""
    assert (
        json.loads(get(receiver, "/api/v1/status/buildinfo")[1])["data"]["application"] == "awsync receiver"
    )
    assert get(receiver, "/api/v1/write")[0] == 405
    status, text = get(receiver, "/nothing")
    assert (status, "/api/v1/write" in text) == (404, True)


def test_a_body_without_a_bound_is_not_read(receiver: Receiver) -> None:
    """Memory is bounded by what is held: a body that is too long is refused by its length alone."""
    connection = http.client.HTTPConnection("127.0.0.1", int(receiver.url.rpartition(":")[2]), timeout=20)
    connection.putrequest("POST", "/api/v1/write")
    connection.putheader("Content-Length", str(wire.MAX_DECODED + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_faults_come_in_their_order(receiver: Receiver) -> None:
    """A scripted fault is what the sender sees, once, and `stored` decides what the memory holds."""
    body = [wire.encode_v1([Sample(A, NOW_MS + number, 1.0)]) for number in range(3)]
    receiver.fail(Fault(503, {"Retry-After": "7"}, "busy"), Fault(500, stored=True))
    status, headers, text = post(receiver, V1, body[0])
    assert (status, headers["retry-after"], text) == (503, "7", "busy")
    assert post(receiver, V1, body[1])[0] == 500
    assert post(receiver, V1, body[2])[0] == 204
    assert receiver.samples() == {A: {NOW_MS + 1: 1.0, NOW_MS + 2: 1.0}}


@pytest.mark.parametrize("stored", [False, True])
def test_a_connection_that_is_reset(receiver: Receiver, stored: bool) -> None:
    """The sender sees the connection break, whether the samples were stored or not."""
    receiver.fail(Fault(reset=True, stored=stored))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        post(receiver, V1, wire.encode_v1([Sample(A, NOW_MS, 1.0)]))
    assert bool(receiver.samples()) is stored


def test_stopping_does_not_wait_for_a_request_that_hangs() -> None:
    """`stop` ends what is held back and what idles, so that no test and no demo can hang on it."""
    receiver = Receiver(clock=lambda: NOW)
    receiver.start()
    receiver.fail(Fault(0, hang="after"))
    connection = http.client.HTTPConnection("127.0.0.1", int(receiver.url.rpartition(":")[2]), timeout=20)
    connection.request("POST", "/api/v1/write", wire.encode_v1([Sample(A, NOW_MS, 1.0)]), V1)
    wait_until(receiver.hung, "the request to hang")
    assert receiver.samples() == {A: {NOW_MS: 1.0}}
    receiver.stop()
    connection.close()
    assert receiver.hung() == 0
