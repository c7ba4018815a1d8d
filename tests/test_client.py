"""One request, one verdict: against scripted answers, the embedded receiver, TLS, and real stores."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from awsync.demo.checks import read_v1, read_v2
from awsync.remote_write import client as client_module
from awsync.remote_write import wire
from awsync.remote_write.client import Cause, Client, Delivered, Rejected, Retry, StoreReached
from awsync.remote_write.verdicts import cause_of
from awsync.series import Labels, Sample
from awsync.settings import StoreSettings

URL = "http://store.test:9090/api/v1/write"
STORE = StoreSettings(write_url=URL, base_url="http://store.test:9090")
A: Labels = (("__name__", "aw_test_seconds"), ("bucket", "b"), ("user", "u"))
NOW_MS = int(time.time() * 1000)
SAMPLES = [Sample(A, NOW_MS - 600_000, 1.0), Sample(A, NOW_MS - 300_000, 2.0)]
TWO = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
WRITTEN = {"X-Prometheus-Remote-Write-Samples-Written": "2"}
NONE_WRITTEN = {"X-Prometheus-Remote-Write-Samples-Written": "0"}

Handler = Callable[[httpx.Request], httpx.Response]


class Scripted:
    """A store whose answers are written down; it remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.requests.append(request)
        return self.answers.pop(0)

    def client(self, store: StoreSettings = STORE) -> Client:
        """A client that talks to this store."""
        return Client(store, transport=httpx.MockTransport(self))


def answer(status: int, body: str | bytes = "", headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, content=body, headers=headers or {})


def speaks_2_0() -> httpx.Response:
    return answer(204, headers=NONE_WRITTEN)


@pytest.mark.parametrize(
    ("answers", "protocol"),
    [
        pytest.param([speaks_2_0()], "2.0", id="written headers"),
        pytest.param([answer(204)], "1.0", id="204 that says nothing"),
        pytest.param([answer(200, "ok")], "1.0", id="200 that says nothing"),
        pytest.param(
            [answer(204, headers={"X-Prometheus-Remote-Write-Samples-Written": "x"})], "1.0", id="odd"
        ),
        pytest.param(
            [answer(204, headers={"X-Prometheus-Remote-Write-Histograms-Written": "0"})], "2.0", id="one"
        ),
        pytest.param([answer(415, "unsupported")], "1.0", id="415"),
        pytest.param([answer(400, "bad data"), answer(204)], "1.0", id="400 to 2.0 alone"),
    ],
)
async def test_probe_finds_the_protocol(answers: list[httpx.Response], protocol: str) -> None:
    """Only Written headers prove 2.0: three stores answer 204 to it and store nothing."""
    store = Scripted(*answers)
    client = store.client()
    reached = await client.open()
    assert isinstance(reached, StoreReached)
    assert reached.protocol == client.protocol == protocol
    assert read_v2(store.requests[0].content) == ([], [])
    assert len(store.requests) == len(answers)
    await client.aclose()


@pytest.mark.parametrize(
    ("status", "body", "headers", "remedy"),
    [
        (
            404,
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver",
            {},
            "start Prom",
        ),
        (
            404,  # Prometheus 2.42
            "remote write receiver needs to be enabled with --enable-feature=remote-write-receiver",
            {},
            "start Prometheus with --web.enable-remote-write-receiver",
        ),
        (404, "404 page not found", {}, "check the path"),
        (405, "Method Not Allowed", {}, "check the path"),
        (401, "Unauthorized", {}, "wants credentials: set bearer-token"),
        (401, "no org id", {}, "X-Scope-OrgID"),
        (403, "no", {}, "right to write"),
        (402, "pay", {}, "does not know 402"),
        (
            301,
            "",
            {"Location": "https://store.test:9090/w"},
            "write https://store.test:9090/w in prometheus-url",
        ),
        (
            307,
            "",
            {"Location": "http://other.test/w?k=secret"},
            "write http://other.test/w in prometheus-url",
        ),
        (
            308,
            "",
            {"Location": "https://u:secret@store.test/w"},
            "write https://store.test/w in prometheus-url",
        ),
        (302, "", {}, "Check prometheus-url"),
    ],
)
async def test_probe_parks(status: int, body: str, headers: dict[str, str], remedy: str) -> None:
    """What only a person can mend parks the store, at the probe and at a delivery, with one sentence."""
    probe = Scripted(answer(status, body, headers)).client()
    delivery = Scripted(speaks_2_0(), answer(status, body, headers)).client()
    await delivery.open()
    for verdict in (await probe.open(), await delivery.send(SAMPLES)):
        assert isinstance(verdict, Rejected)
        assert verdict.cause is Cause.PARKED
        assert verdict.status == status
        assert remedy in verdict.remedy
        assert "secret" not in f"{verdict}"


async def test_probe_parks_what_refuses_an_empty_request() -> None:
    """A 400 to a request without a sample speaks of the store, never of samples to set aside."""
    client = Scripted(answer(400, "what?"), answer(400, "out of order")).client()
    verdict = await client.open()
    assert isinstance(verdict, Rejected)
    assert (verdict.cause, verdict.words) == (Cause.PARKED, "out of order")
    assert client.protocol is None


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, "out of bounds", Cause.TOO_OLD),
        (400, "out of order sample", Cause.TOO_OLD),
        (400, "too old sample", Cause.TOO_OLD),
        (400, "out of bounds: timestamp is too far in the future", Cause.INVALID),
        (400, "the sample has been rejected because its timestamp is too old (err-mimir-x)", Cause.TOO_OLD),
        (
            400,
            "received a sample whose timestamp is too far in the future (err-mimir-too-far-in-future)",
            Cause.INVALID,
        ),
        (400, "duplicate sample for timestamp 5; overrides not allowed", Cause.INVALID),
        (400, "duplicate sample for timestamp\nout of order sample", Cause.INVALID),
        (400, "", Cause.INVALID),
        (409, "conflict", Cause.INVALID),
        (422, "invalid label", Cause.INVALID),
        (400, 'unsupported path requested: "/x"', Cause.PARKED),
        (400, "Client sent an HTTP request to an HTTPS server.", Cause.PARKED),
        (400, "snappy: decoded length 33554433 exceeds limit 33554432", Cause.TOO_LARGE),
        (413, "", Cause.TOO_LARGE),
        (500, "too old sample", Cause.TOO_OLD),
        (500, 'label name "a" is not unique: invalid sample', Cause.INVALID),
        (500, "empty labelset: invalid sample", Cause.INVALID),
    ],
)
@pytest.mark.parametrize("protocol", ["1.0", "2.0"])
async def test_refusals(status: int, body: str, cause: Cause, protocol: str) -> None:
    """Each refusal has its cause, in both protocols, and keeps the store's own words."""
    headers = NONE_WRITTEN if protocol == "2.0" else {}
    client = Scripted(answer(204, headers=headers), answer(status, body, headers)).client()
    await client.open()
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Rejected)
    assert (verdict.cause, verdict.status) == (cause, status)
    assert body in verdict.words
    assert verdict.remedy


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
async def test_retries(status: int) -> None:
    """What passes by itself is to be tried again, with the store's reason and its wish for when."""
    client = Scripted(answer(204), answer(status, "busy", {"Retry-After": "12"})).client()
    await client.open()
    verdict = await client.send(SAMPLES)
    assert verdict == Retry(f"{URL} answered {status}: busy", 12.0, status)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 1e9, 1e10),
        ("soon", None, None),
        ("-5", None, None),
        ("inf", None, None),
        ("", None, None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None, None),
    ],
)
async def test_retry_after(text: str, low: float | None, high: float | None) -> None:
    """Retry-After is seconds or a date; nonsense in it harms nobody."""
    client = Scripted(answer(503, headers={"Retry-After": text})).client()
    verdict = await client.open()
    assert isinstance(verdict, Retry)
    if low is None or high is None:
        assert verdict.after is None
    else:
        assert verdict.after is not None
        assert low <= verdict.after <= high


@pytest.mark.parametrize("written", ["0", "1", "3"])
async def test_2_0_is_delivered_only_when_all_was_written(written: str) -> None:
    """A success that counts another number of samples is no delivery."""
    client = Scripted(
        speaks_2_0(),
        answer(204, headers={"X-Prometheus-Remote-Write-Samples-Written": written}),
        answer(204, headers=WRITTEN),
    ).client()
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Rejected)
    assert (verdict.cause, verdict.written) == (Cause.INVALID, int(written))
    assert isinstance(await client.send(SAMPLES), Delivered)


async def test_2_0_partial_write_says_how_many() -> None:
    """The number that a 2.0 store kept reaches whoever splits the rest."""
    headers = {"X-Prometheus-Remote-Write-Samples-Written": "1"}
    client = Scripted(speaks_2_0(), answer(400, "out of order sample for series {}", headers)).client()
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Rejected)
    assert (verdict.cause, verdict.written) == (Cause.TOO_OLD, 1)


@pytest.mark.parametrize("denial", [answer(415), answer(204), answer(200), answer(400, "cannot parse")])
async def test_fallback_to_1_0_within_one_call(denial: httpx.Response) -> None:
    """A store that lost its 2.0 (another version, another proxy) gets the same samples in 1.0 at once."""
    store = Scripted(speaks_2_0(), denial, answer(204), answer(204))
    client = store.client()
    assert isinstance(await client.send(SAMPLES), Delivered)
    assert client.protocol == "1.0"
    assert read_v1(store.requests[2].content) == (SAMPLES, [])
    assert store.requests[2].headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert isinstance(await client.send(SAMPLES), Delivered)
    assert len(store.requests) == 4


async def test_a_forced_protocol_is_kept() -> None:
    """`protocol = "1.0"` never tries 2.0, and `"2.0"` never falls back."""
    store = Scripted(speaks_2_0(), speaks_2_0())
    client = store.client(replace(STORE, protocol="1.0"))
    assert isinstance(await client.send(SAMPLES), Delivered)
    assert [request.headers["content-type"] for request in store.requests] == ["application/x-protobuf"] * 2
    for first in ([answer(204)], [answer(415)], [speaks_2_0(), answer(204)], [speaks_2_0(), answer(415)]):
        store = Scripted(*first)
        verdict = await store.client(replace(STORE, protocol="2.0")).send(SAMPLES)
        assert isinstance(verdict, Rejected)
        assert verdict.cause is Cause.PARKED
        assert 'protocol = "auto"' in verdict.remedy
        assert all(request.headers["content-type"] == TWO for request in store.requests)


async def test_a_redirect_within_the_server_is_followed_once() -> None:
    """A 307 to the same server keeps its method and body; a second one parks."""
    there = {"Location": "/prometheus/api/v1/write"}
    store = Scripted(answer(307, headers=there), speaks_2_0())
    assert isinstance(await store.client().open(), StoreReached)
    assert [request.method for request in store.requests] == ["POST", "POST"]
    assert store.requests[1].url.path == "/prometheus/api/v1/write"
    assert store.requests[1].content == store.requests[0].content
    store = Scripted(answer(308, headers=there), answer(308, headers=there))
    verdict = await store.client().open()
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.PARKED


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe out of order", b"out of order \x1b[31m" + b"x" * 1_000_000],
    ids=["not UTF-8", "long, with a colour"],
)
async def test_the_words_of_the_store_are_tamed(body: bytes) -> None:
    """Whatever a store says fits a line of a terminal: valid text, at most 1024 characters, no controls."""
    client = Scripted(answer(204), answer(400, body)).client()
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.TOO_OLD
    assert len(verdict.words) <= 1024
    assert verdict.words.isprintable()


async def test_an_answer_that_cannot_be_unpacked_keeps_its_status() -> None:
    """A body that claims to be gzip and is not does not turn a success into a failure."""

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(204, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    client = Client(STORE, transport=httpx.MockTransport(respond))
    assert isinstance(await client.send(SAMPLES), Delivered)


class NeverEnding(httpx.AsyncByteStream):
    """A body that begins and does not go on."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()


async def test_a_body_that_never_ends_keeps_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body of a success is ignored: samples that a store has taken are not called lost over it."""
    monkeypatch.setattr(client_module, "_BODY_TIMEOUT", 0.05)

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=NeverEnding())

    settings = replace(STORE, timeout=timedelta(seconds=5))
    client = Client(settings, transport=httpx.MockTransport(respond))
    assert isinstance(await client.send(SAMPLES), Delivered)


async def test_what_cannot_be_encoded_is_refused_here() -> None:
    """A series that a store would drop in silence gets a verdict with its name, and no request."""
    store = Scripted(answer(204))
    verdict = await store.client().send([Sample((("__name__", "m"), ("app", "\ud83d")), NOW_MS, 1.0)])
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.INVALID
    assert "m has a label that is not valid Unicode" in verdict.words
    assert len(store.requests) == 1


async def test_too_much_for_one_request_is_to_be_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request above what any store takes is told apart from bad samples."""
    client = Scripted(answer(204)).client()
    await client.open()
    monkeypatch.setattr(wire, "MAX_DECODED", 10)
    verdict = await client.send(SAMPLES)
    assert isinstance(verdict, Rejected)
    assert verdict.cause is Cause.TOO_LARGE


async def test_nothing_to_send_needs_no_request() -> None:
    """An empty batch is delivered without troubling the store."""
    store = Scripted()
    assert await store.client().send([]) == Delivered(0, 0, 0.0)


def test_cause_needs_no_words() -> None:
    """An answer without words is about invalid samples, for age cannot be assumed."""
    assert cause_of("\n \n") is Cause.INVALID
