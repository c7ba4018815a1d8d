"""The REST client of one ActivityWatch server: typed answers, and one sentence for each way it can fail.

Measured behaviour of the servers: aw-server (Python) selects events that touch [start, end], clips them to
it, adds a millisecond to the end, sends the newest first and closes each connection.

May import: httpx, msgspec, errors, settings, skew, timeline.
"""

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from math import isfinite
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from awsync import __version__
from awsync.errors import (
    BucketGoneError,
    SourceAnswerError,
    SourceRefusedError,
    SourceUnreachableError,
)
from awsync.settings import SourceSettings
from awsync.skew import clock_ahead
from awsync.timeline import Event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROSECOND_TEXT = len("2026-11-20T10:04:00.123456+00:00")
_FINER = re.compile(r"\.\d{6}(\d{1,3})")
_MOST_DIGITS = 4_300  # Python converts no longer text to an integer
_T = TypeVar("_T")


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch; a moment without a zone is UTC, as aw-server takes it."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """The moment in UTC that lies so many microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)


class Info(msgspec.Struct, frozen=True):
    """What a server says of itself."""

    hostname: str
    version: str
    device_id: str = ""


class _Metadata(msgspec.Struct, frozen=True):
    start: datetime | None = None
    end: datetime | None = None


class Bucket(msgspec.Struct, frozen=True):
    """A bucket as the server lists it."""

    id: str
    type: str
    client: str
    hostname: str
    created: datetime | None = None
    last_updated: datetime | None = None
    metadata: _Metadata = _Metadata()

    @property
    def newest(self) -> int | None:
        """End of the newest event in microseconds; None for an empty bucket.

        aw-server-rust always sends `last_updated` as null and keeps the truth in `metadata`.
        """
        end = self.metadata.end or self.last_updated
        return None if end is None else to_microseconds(end)

    @property
    def oldest(self) -> int | None:
        """Start of the oldest event in microseconds, where the server tells it (aw-server-rust)."""
        return None if self.metadata.start is None else to_microseconds(self.metadata.start)


class _Event(msgspec.Struct):
    id: int
    timestamp: str
    duration: float
    data: msgspec.Raw

    def event(self) -> Event:
        """Cut to microseconds at the very end, so that a clipped copy ends where the whole event does."""
        if len(self.timestamp) <= _MICROSECOND_TEXT and self.timestamp.endswith("+00:00"):
            start = (datetime.fromisoformat(self.timestamp) - EPOCH) // _MICROSECOND
            return Event(self.id, start, start + round(self.duration * 1e9) // 1_000, bytes(self.data))
        nanoseconds = _nanoseconds(self.timestamp)
        end = nanoseconds + round(self.duration * 1e9)
        return Event(self.id, nanoseconds // 1_000, end // 1_000, bytes(self.data))


class ActivityWatch:
    """One connection pool to one server; all methods raise SourceError with a sentence for the user."""

    def __init__(
        self,
        source: SourceSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: timedelta = timedelta(seconds=60),
    ) -> None:
        headers = {"User-Agent": f"awsync/{__version__}"}
        if source.token is not None:
            headers["Authorization"] = f"Bearer {source.token.value}"
        self.requests = 0
        """How many requests were made so far."""
        self.url = source.aw_url
        self.name = source.name
        self._token = source.token
        self._http = httpx.AsyncClient(
            base_url=source.aw_url.rstrip("/") + "/api/0/",
            headers=headers,
            timeout=timeout.total_seconds(),
            transport=transport,
            verify=_tls(source.aw_url),
            follow_redirects=True,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def info(self) -> Info:
        """Host name, version and device id; answers without an API key too."""
        return self._decode(await self._get("info"), Info)

    async def clock_ahead(self) -> float | None:
        """Seconds that the server's clock is ahead of this machine's; None where it does not tell."""
        return await clock_ahead(self._http, "info")

    async def buckets(self) -> list[Bucket]:
        """Every bucket, ordered by id."""
        buckets = self._decode(await self._get("buckets/"), dict[str, Bucket])
        return sorted(buckets.values(), key=lambda bucket: bucket.id)

    async def count(self, bucket: str, *, until: int | None = None) -> int:
        """Events in the bucket, or those that start not after `until` (microseconds; aw-server-rust: all)."""
        params = {} if until is None else {"end": _iso(until)}
        return self._decode(await self._get(f"buckets/{_quoted(bucket)}/events/count", params), int)

    async def read(self, bucket: str, start: int | None, end: int, limit: int = -1) -> bytes:
        """The events that touch [start, end] (microseconds) as the server's JSON text, for `events`.

        Without `start` it is the bucket's beginning, which costs aw-server (Python) some 5 % less.
        """
        since = {} if start is None else {"start": _iso(start)}
        params = {**since, "end": _iso(end), "limit": str(limit)}
        return await self._get(f"buckets/{_quoted(bucket)}/events", params)

    async def newest_before(self, bucket: str, moment: int, limit: int) -> list[Event]:
        """The `limit` events that start last before `moment`, newest first, with their true starts."""
        params = {"end": _iso(moment), "limit": str(limit)}
        return self.events(await self._get(f"buckets/{_quoted(bucket)}/events", params))

    async def event(self, bucket: str, event_id: int) -> Event | None:
        """One event, unclipped; None when it was deleted."""
        try:
            body = await self._get(f"buckets/{_quoted(bucket)}/events/{event_id}")
        except BucketGoneError:
            return None
        try:
            return self._decode(body, _Event).event()
        except (ValueError, OverflowError) as error:
            raise self._misfit(error) from error

    def events(self, body: bytes) -> list[Event]:
        """Decodes what `read` returned; takes CPU time, so callers move it off the event loop."""
        try:
            return [event.event() for event in self._decode(body, list[_Event])]
        except (ValueError, OverflowError) as error:
            raise self._misfit(error) from error

    async def _get(self, path: str, params: dict[str, str] | None = None) -> bytes:
        self.requests += 1
        try:
            answer = await self._http.get(path, params=params)
        except httpx.TimeoutException as error:
            raise SourceUnreachableError(
                f"ActivityWatch at {self.url} did not answer in time.", "Is its machine overloaded or asleep?"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceUnreachableError(
                f"ActivityWatch at {self.url} cannot be reached ({_cause(error)}).",
                f'Start ActivityWatch, or correct aw-url of source "{self.name}".',
            ) from error
        if answer.status_code == httpx.codes.OK:
            return answer.content
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> Exception:
        status, path = answer.status_code, answer.request.url.path
        if status in {401, 403}:
            return SourceRefusedError(
                f"ActivityWatch at {self.url} refused the request ({status}).",
                f'Set token or token-file of source "{self.name}" to the api_key in its config.toml.',
            )
        if status == 404 and "/buckets/" in path:
            return BucketGoneError(f"ActivityWatch at {self.url} has no {path} (404).")
        words = " ".join(self._without_token(answer.text)[:200].split())
        return SourceAnswerError(
            f"ActivityWatch at {self.url} answered {status} to {path}: {words}",
            "Is aw-url the address of an ActivityWatch server? Its own log says more.",
        )

    def _without_token(self, text: str) -> str:
        """Some proxies answer with the request itself, headers and all."""
        return text if self._token is None else text.replace(self._token.value, str(self._token))

    def _decode(self, body: bytes, type_: type[_T]) -> _T:
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        try:
            return msgspec.json.decode(_mended(body), type=type_)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self._misfit(error) from error

    def _misfit(self, error: Exception) -> SourceAnswerError:
        return SourceAnswerError(
            f"{self.url} answered something that is not ActivityWatch's ({error}).",
            f'Correct aw-url of source "{self.name}", or see what stands between (a proxy, a login).',
        )


def _mended(body: bytes) -> bytes:
    """The same JSON without what only lenient parsers read: lone surrogates, bad UTF-8, NaN.

    aw-server stores and sends them as watchers gave them; a title cut in the middle of an emoji is common.
    Numbers that Python cannot hold become the text that their label has anyway.
    """
    value = json.loads(
        body.decode("utf-8", "replace"),
        parse_constant=lambda _: None,
        parse_float=_finite,
        parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else digits,
    )
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _finite(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else str(number)


def _nanoseconds(timestamp: str) -> int:
    """A timestamp as nanoseconds since the epoch; aw-server-rust sends nine digits of a second."""
    whole = to_microseconds(datetime.fromisoformat(timestamp)) * 1_000
    finer = _FINER.search(timestamp)
    return whole if finer is None else whole + int(finer[1].ljust(3, "0"))


def _tls(url: str) -> ssl.SSLContext:
    """The system's trust; for a plain connection one that trusts nobody, for it costs nothing to make."""
    if url.startswith("https:"):
        return httpx.create_ssl_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _quoted(bucket: str) -> str:
    return quote(bucket, safe="")


def _iso(moment: int) -> str:
    return to_datetime(moment).isoformat()


def _cause(error: Exception) -> str:
    text = str(error).strip()
    if text and "All connection attempts failed" not in text:
        return text
    return "connection refused" if isinstance(error, httpx.ConnectError) else "the connection broke"
