"""The client of ActivityWatch: typed answers, and one sentence of the right kind for each failure."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from awsync.activitywatch.answers import Bucket, Info
from awsync.activitywatch.client import ActivityWatch
from awsync.activitywatch.moments import to_datetime, to_microseconds
from awsync.errors import (
    BucketGoneError,
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
)
from awsync.series import data_labels, decoded
from awsync.settings import Secret, SourceSettings
from awsync.timeline import Event

TOKEN = "k3y-0f-anna"
URL = "http://127.0.0.1:5600"
SOURCE = SourceSettings("laptop", URL, "anna", token=Secret(TOKEN))
TEN = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC."""


def client(
    answer: Callable[[httpx.Request], httpx.Response], source: SourceSettings = SOURCE
) -> ActivityWatch:
    return ActivityWatch(source, transport=httpx.MockTransport(answer))


def always(status: int, body: bytes | str = b"", **headers: str) -> ActivityWatch:
    return client(lambda _: httpx.Response(status, content=body, headers=headers))


def event_json(
    timestamp: str = "2026-11-20T10:00:00+00:00", duration: str = "1.5", data: str = "{}"
) -> bytes:
    return f'[{{"id":1,"timestamp":"{timestamp}","duration":{duration},"data":{data}}}]'.encode()


async def failure(aw: ActivityWatch) -> SourceError:
    """What reading a bucket fails with, after looking that it is one line and shows no token."""
    async with aw:
        with pytest.raises(SourceError) as caught:
            aw.events(await aw.read("window", TEN, TEN))
    error = caught.value
    assert "\n" not in str(error)
    shown = f"{error!s} {error!r} {error.__cause__!r} {aw!r}"
    assert TOKEN not in shown
    return error


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, SourceRefusedError, 'refused the request (401). Set token or token-file of source "laptop"'),
        (403, SourceRefusedError, "refused the request (403)"),
        (404, BucketGoneError, "has no /api/0/buckets/window/events (404)"),
        (400, SourceAnswerError, "answered 400 to /api/0/buckets/window/events: host header is invalid"),
        (500, SourceAnswerError, "answered 500 to /api/0/buckets/window/events: host header is invalid"),
        (502, SourceAnswerError, "answered 502"),
        (204, SourceAnswerError, "answered 204"),
    ],
)
async def test_statuses(status: int, kind: type[SourceError], words: str) -> None:
    """Each status says in one sentence what happened, where, and what to do."""
    error = await failure(always(status, "" if status == 204 else "host header\n\tis invalid"))
    assert type(error) is kind
    assert words in str(error)
    assert URL in str(error)


async def test_a_missing_api_is_no_missing_bucket() -> None:
    """A 404 outside of a bucket means that this is no ActivityWatch, not that a bucket was deleted."""
    async with always(404, "nothing here") as aw:
        with pytest.raises(SourceAnswerError, match="answered 404 to /api/0/info: nothing here"):
            await aw.info()


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Log in</title>",
        b"",
        b"[",
        b"{}",
        b'{"message": "hello"}',
        b"null",
        b"[1]",
        b'[{"id": 1}]',
        event_json(timestamp="yesterday"),
        event_json(timestamp="0000-01-01T00:00:00Z"),
        event_json(duration='"long"'),
        event_json(duration="1e300"),
        event_json(data="[" * 5000 + "]" * 5000),
    ],
    ids=range(13),
)
async def test_answers_that_are_not_activitywatch(body: bytes) -> None:
    """A login page, a proxy's words or broken JSON are an answer error that names the server."""
    error = await failure(always(200, body))
    assert type(error) is SourceAnswerError
    assert str(error).startswith(f"{URL} answered something that is not ActivityWatch's (")
    assert 'Correct aw-url of source "laptop"' in str(error)


async def test_long_answers_are_cut() -> None:
    """An error page of a megabyte does not become a sentence of a megabyte."""
    assert len(str(await failure(always(500, "x" * 1_000_000)))) < 500


async def test_an_answer_that_echoes_the_token() -> None:
    """A proxy may answer with the request's own headers: the token in it is not shown."""
    echo = client(lambda request: httpx.Response(500, text=f"bad: {request.headers['authorization']}"))
    assert "bad: Bearer ***" in str(await failure(echo))


async def test_the_token_is_sent() -> None:
    """A server with an API key gets it, one without gets no header."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json=[])

    for source in (SOURCE, SourceSettings("laptop", URL, "anna")):
        async with client(answer, source) as aw:
            await aw.read("window", TEN, TEN)
    assert seen == [f"Bearer {TOKEN}", None]


async def test_a_redirect_to_another_host_is_told_and_not_followed() -> None:
    """A stranger gets neither the key nor a request; a redirect within the server is followed."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url.copy_with(query=None)))
        if request.url.path == "/login":
            return httpx.Response(302, headers={"location": f"http://a:{TOKEN}@stranger.example/?k={TOKEN}"})
        return httpx.Response(308, headers={"location": "/login"})

    error = await failure(client(answer))
    assert type(error) is SourceAnswerError
    assert "leads to http://stranger.example/." in str(error)
    assert seen == [f"{URL}/api/0/buckets/window/events", f"{URL}/login"]


def _raises(error: Exception) -> ActivityWatch:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return client(answer)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout(""), "did not answer in time. Is its machine"),
        (httpx.ConnectTimeout(""), "did not answer in time"),
        (
            httpx.ConnectError("All connection attempts failed"),
            "cannot be reached (connection refused). Start",
        ),
        (httpx.ConnectError(""), "cannot be reached (connection refused)"),
        (httpx.ReadError(""), "broke off its answer (the connection broke)"),
        (httpx.RemoteProtocolError("Server disconnected"), "no whole HTTP answer (Server disconnected)"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "(Name or service not known)"),
        (httpx.InvalidURL("no port"), "cannot be reached (no port)"),
    ],
)
async def test_servers_that_do_not_answer(error: Exception, words: str) -> None:
    """A server that is down, asleep or unknown is unreachable, with the cause as far as it is known."""
    found = await failure(_raises(error))
    assert type(found) is SourceUnreachableError
    assert words in str(found)
    assert URL in str(found)


async def test_a_real_refusal() -> None:
    """A port where nobody listens says that the connection was refused."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = await failure(ActivityWatch(SourceSettings("laptop", url, "anna")))
    assert f"{url} cannot be reached (connection refused)" in str(error)


async def test_a_real_timeout() -> None:
    """A server that takes the request and stays silent is not waited for without end."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = SourceSettings("laptop", f"http://127.0.0.1:{silent.getsockname()[1]}", "anna")
        error = await failure(ActivityWatch(source, timeout=timedelta(milliseconds=50)))
    assert "did not answer in time" in str(error)


def events_of(body: bytes) -> list[Event]:
    return always(200).events(body)


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        (b'{"title":"a\\ud83d"}', {"title": "a?"}),
        (b'{"title":"a\xff"}', {"title": "a\ufffd"}),
        (b'{"title":"a\xf0\x9f"}', {"title": "a\ufffd"}),
        (b'{"x":NaN,"y":Infinity,"z":1}', {"z": "1"}),
        (b'{"x":NaN,"big":1e400,"small":-1e400}', {"big": "inf", "small": "-inf"}),
        (b'{"x":NaN,"title":"\\ud83d\xff"}', {"title": "?\ufffd"}),
        (b'{"x":NaN,"whole":1234567.0,"title":"\\ud83d\\ude00"}', {"whole": "1234567", "title": "😀"}),
    ],
    ids=range(7),
)
def test_what_lenient_servers_send(data: bytes, labels: dict[str, str]) -> None:
    """Halves of emoji, bytes that are no text and numbers that are none do not stop a bucket."""
    (event,) = events_of(event_json().replace(b"{}", data))
    assert (event.id, event.start, event.end) == (1, TEN, TEN + 1_500_000)
    assert data_labels(decoded(event.data)) == labels


@pytest.mark.parametrize(
    ("timestamp", "duration", "start", "end"),
    [
        ("2026-11-20T10:00:00+00:00", "0", 0, 0),
        ("2026-11-20T10:00:00", "0", 0, 0),
        ("2026-11-20T12:00:00.5+02:00", "0", 500_000, 500_000),
        ("2026-11-20T10:00:00.123000+00:00", "10.987654", 123_000, 11_110_654),
        ("2026-11-20T10:00:00Z", "-5.0", 0, -5_000_000),
        ("2026-11-20T10:00:00.123456789Z", "0.000000211", 123_456, 123_457),
        ("2026-11-20T10:00:00.9999999Z", "1", 999_999, 1_999_999),
        ("2026-11-20T10:00:00Z", "216000.000001", 0, 216_000_000_001),
    ],
)
def test_times(timestamp: str, duration: str, start: int, end: int) -> None:
    """Times become microseconds, whatever the zone and the number of digits, and ends are cut only once."""
    (event,) = events_of(event_json(timestamp, duration))
    assert (event.start - TEN, event.end - TEN) == (start, end)


@pytest.mark.parametrize("nanoseconds", [1, 499, 500, 999, 123_456_789])
def test_a_clipped_copy_ends_where_the_event_does(nanoseconds: int) -> None:
    """aw-server-rust clips in nanoseconds: a page border inside an event moves its end by no microsecond."""
    for length in (1_000_000_001, 1_000_000_500, 1_999_999_999):
        whole = event_json(f"2026-11-20T09:59:59.{nanoseconds:09}Z", f"{length / 1e9:.9f}")
        cut = length - (1_000_000_000 - nanoseconds)
        clipped = event_json("2026-11-20T10:00:00Z", f"{cut / 1e9:.9f}")
        assert events_of(whole)[0].end == events_of(clipped)[0].end


@pytest.mark.parametrize("bucket", ["a b", "x?y", "sp%41ce", "größe", "a/b", "a#b", "日本", "a+b&c=d"])
async def test_odd_bucket_ids(bucket: str) -> None:
    """An id is one part of the path, whatever is in it, and never another path or a query."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode().partition("?")[0])
        return httpx.Response(200, json=[] if "count" not in request.url.path else 3)

    async with client(answer) as aw:
        await aw.read(bucket, TEN, TEN)
        assert await aw.count(bucket) == 3
    quoted = paths[0].removeprefix("/api/0/buckets/").removesuffix("/events")
    assert paths == [f"/api/0/buckets/{quoted}/events", f"/api/0/buckets/{quoted}/events/count"]
    assert httpx.URL(f"http://h/{quoted}").path == f"/{bucket}"
    assert "/" not in quoted


async def test_requests_are_what_the_servers_understand() -> None:
    """Moments go out with a zone and an escaped plus sign; all else is an error 500 of aw-server."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        return httpx.Response(200, json=[])

    async with client(answer) as aw:
        await aw.read("window", TEN, TEN + 1, limit=7)
        assert await aw.newest_before("window", TEN, 3) == []
        assert aw.requests == 2
    assert seen == [
        "start=2026-11-20T10%3A00%3A00%2B00%3A00&end=2026-11-20T10%3A00%3A00.000001%2B00%3A00&limit=7",
        "end=2026-11-20T10%3A00%3A00%2B00%3A00&limit=3",
    ]


async def test_an_event_that_is_gone_is_none() -> None:
    """Events get deleted between two requests; that is no failure."""
    async with always(404, "null") as aw:
        assert await aw.event("window", 7) is None


PYTHON = b"""{"b_window": {"id": "b_window", "created": "2026-11-20T10:00:00.123000+00:00", "name": null,
 "type": "currentwindow", "client": "aw-watcher-window", "hostname": "laptop", "data": {},
 "last_updated": "2026-11-20T10:00:01+00:00"},
 "a_empty": {"id": "a_empty", "created": "2026-11-20T10:00:00+00:00", "name": null,
 "type": "t", "client": "c", "hostname": "", "data": {}}}"""
RUST = b"""{"b": {"id": "b", "type": "t", "client": "c", "hostname": "h", "created": null, "data": {},
 "metadata": {"start": "2026-11-20T10:00:00.000000001Z", "end": "2026-11-20T10:00:02Z"},
 "events": null, "last_updated": null}}"""


async def test_buckets_of_both_servers() -> None:
    """Both servers' lists give the same: ids in order, newest end, oldest start, or that it is empty."""
    async with always(200, PYTHON) as aw:
        empty, window = await aw.buckets()
    assert (empty.id, empty.newest, empty.oldest, empty.hostname) == ("a_empty", None, None, "")
    assert window.created == datetime(2026, 11, 20, 10, 0, 0, 123_000, UTC)
    assert (window.newest, window.oldest, window.client) == (TEN + 1_000_000, None, "aw-watcher-window")
    async with always(200, RUST) as aw:
        (bucket,) = await aw.buckets()
    assert (bucket.newest, bucket.oldest, bucket.created) == (TEN + 2_000_000, TEN, None)


async def test_info() -> None:
    """A server says what it is; one without a device id is one too."""
    async with always(200, b'{"hostname":"h","version":"v0.14.0 (rust)","testing":false}') as aw:
        assert await aw.info() == Info("h", "v0.14.0 (rust)")


async def test_a_trailing_slash_in_the_address() -> None:
    """An address with a slash at its end, or with a path, is asked as it is meant."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(str(request.url))
        return httpx.Response(200, json={})

    for url in (URL, f"{URL}/", f"{URL}/behind/proxy/"):
        async with client(answer, SourceSettings("laptop", url, "anna")) as aw:
            await aw.buckets()
    assert paths == [f"{URL}/api/0/buckets/", f"{URL}/api/0/buckets/", f"{URL}/behind/proxy/api/0/buckets/"]


def test_moments_convert_both_ways() -> None:
    """Microseconds and datetimes are the same moment, and a moment without a zone is UTC."""
    assert to_microseconds(to_datetime(TEN + 1)) == TEN + 1
    assert to_microseconds(datetime(2026, 11, 20, 10)) == TEN  # noqa: DTZ001 aw-server may send such
    assert Bucket("b", "t", "c", "h", last_updated=datetime(2026, 11, 20, 10)).newest == TEN  # noqa: DTZ001
