"""The REST client of one ActivityWatch server: typed answers, and one sentence for each way it can fail.

Measured behaviour of the servers: aw-server (Python) selects events that touch [start, end], clips them to
it, adds a millisecond to the end, sends the newest first and closes each connection.

May import: httpx, msgspec, arriving, bounded, errors, lenient, settings, timeline.
"""

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote
from weakref import WeakSet

import httpx
import msgspec
from msgspec.structs import replace

from awsync import __version__
from awsync.arriving import Arriving, Told
from awsync.bounded import Answer, LedAwayError, TooLargeError, get
from awsync.errors import (
    GONE_REMEDY,
    AnswerTooLargeError,
    BucketGoneError,
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnreachableError,
)
from awsync.lenient import NotThatError, decode
from awsync.settings import SourceSettings
from awsync.timeline import Event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROSECOND_TEXT = len("2026-11-20T10:04:00.123456+00:00")
_FINER = re.compile(r"\.\d{6}(\d{1,3})")
SILENCE = timedelta(seconds=60)
DEADLINE = timedelta(minutes=5)
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer: a slot is read whole, whatever it holds, and a page of 20,000 events has some 4 MiB."""

_MOST_WORDS = 200
_BROKE = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_ALIVE = timedelta(seconds=5)
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


class Listing(msgspec.Struct, frozen=True):
    """The buckets of a server, and the errors of those whose entry cannot be read, by id.

    `others` are there too, but nobody asks for them.
    """

    buckets: list[Bucket]
    unreadable: dict[str, SourceError]
    others: list[Bucket] = msgspec.field(default_factory=list)


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
    """One connection pool to one server; all methods raise SourceError with a sentence for the user.

    `timeout` is how long the server may be silent, `deadline` how long one answer may take in all.
    """

    def __init__(
        self,
        source: SourceSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: timedelta = SILENCE,
        deadline: timedelta = DEADLINE,
    ) -> None:
        headers = {"User-Agent": f"awsync/{__version__}"}
        if source.token is not None:
            headers["Authorization"] = f"Bearer {source.token.value}"
        self.requests = 0
        """How many requests were made so far."""
        self.skew: float | None = None
        """Seconds that the server's clock is ahead of this machine's, by its last answer; None if untold."""
        self.url = source.aw_url
        self.name = source.name
        self._token = source.token
        self._http = httpx.AsyncClient(
            base_url=source.aw_url.rstrip("/") + "/api/0/",
            headers=headers,
            timeout=timeout.total_seconds(),
            transport=transport,
            verify=_tls(source.aw_url),
        )
        self._deadline = deadline
        self._arriving: WeakSet[Arriving] = WeakSet()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for arriving in list(self._arriving):
            await arriving.leave()
        await self._http.aclose()

    async def info(self) -> Info:
        """Host name, version and device id; answers without an API key too."""
        return self._decode(await self._get("info"), Info)

    async def settings(self) -> dict[str, object]:
        """What the web page keeps at the server; empty at a server that keeps nothing (aw-server 0.12)."""
        return self._decode(await self._get("settings", absent=b"{}"), dict[str, object])

    async def answers(self) -> bool:
        """Whether the server is there at all, told within seconds: after one of its answers failed."""
        try:
            async with asyncio.timeout(_ALIVE.total_seconds()):
                await self.info()
        except (SourceError, TimeoutError):
            return False
        return True

    async def listing(self) -> Listing:
        """Every bucket, ordered by id; an entry that is no bucket's spoils no other."""
        entries = self._decode(await self._get("buckets/"), dict[str, msgspec.Raw])
        buckets: list[Bucket] = []
        unreadable: dict[str, SourceError] = {}
        for id_, entry in sorted(entries.items()):
            try:
                buckets.append(replace(self._decode(bytes(entry), Bucket), id=id_))
            except SourceError as error:
                unreadable[id_] = error
        return Listing(buckets, unreadable)

    async def buckets(self) -> list[Bucket]:
        """Every bucket, ordered by id."""
        listing = await self.listing()
        for error in listing.unreadable.values():
            raise error
        return listing.buckets

    async def count(self, bucket: str, *, until: int | None = None) -> int:
        """Events in the bucket, or those that start not after `until` (microseconds; aw-server-rust: all)."""
        params = {} if until is None else {"end": _iso(until)}
        return self._decode(await self._get(f"buckets/{_quoted(bucket)}/events/count", params), int)

    async def read(self, bucket: str, start: int | None, end: int, limit: int = -1) -> bytes:
        """The events that touch [start, end] (microseconds) as the server's JSON text, for `events`.

        Without `start` it is the bucket's beginning, which costs aw-server (Python) some 5 % less.
        """
        return await self._get(*_events(bucket, start, end, limit))

    def begin(self, bucket: str, start: int | None, end: int, limit: int = -1) -> Arriving:
        """What `read` returns, on its way; what is left of it ends with this client."""
        path, params = _events(bucket, start, end, limit)
        arriving = Arriving(lambda told: self._get(path, params, told=told))
        self._arriving.add(arriving)
        return arriving

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

    def count_in(self, body: bytes) -> int:
        """How many events `read` returned, without the cost of decoding them."""
        return len(self._decode(body, list[msgspec.Raw]))

    def events(self, body: bytes) -> list[Event]:
        """Decodes what `read` returned; takes CPU time, so callers move it off the event loop."""
        try:
            return [event.event() for event in self._decode(body, list[_Event])]
        except (ValueError, OverflowError) as error:
            raise self._misfit(error) from error

    async def _get(
        self,
        path: str,
        params: dict[str, str] | None = None,
        *,
        absent: bytes | None = None,
        told: Told | None = None,
    ) -> bytes:
        """The body of an answer; `absent` stands for one that is not there (404)."""
        try:
            try:
                answer = await self._ask(path, params, told)
            except _BROKE:
                # A connection that was kept may be dead, or hold what the answer before left in it.
                answer = await self._ask(path, params, told)
        except TooLargeError as error:
            raise AnswerTooLargeError(
                f"{self.url} answered more than {MOST_BYTES >> 20} MiB to one request.",
                f'Is aw-url of source "{self.name}" the address of an ActivityWatch server?',
            ) from error
        except LedAwayError as error:
            raise SourceAnswerError(
                f"ActivityWatch at {self.url} leads to {error}.",
                f'If you trust that address, write it in aw-url of source "{self.name}".',
            ) from error
        except (httpx.TooManyRedirects, httpx.DecodingError) as error:
            raise self._misfit(error) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error
        self.skew = answer.skew
        if answer.status == httpx.codes.OK:
            return answer.body
        if answer.status == httpx.codes.NOT_FOUND and absent is not None:
            return absent
        raise self._refusal(answer)

    async def _ask(self, path: str, params: dict[str, str] | None, told: Told | None) -> Answer:
        self.requests += 1
        return await get(self._http, path, params, deadline=self._deadline, most=MOST_BYTES, told=told)

    def _unreachable(self, error: Exception) -> SourceUnreachableError:
        if isinstance(error, httpx.TimeoutException):
            return SourceUnreachableError(
                f"ActivityWatch at {self.url} did not answer in time.", "Is its machine overloaded or asleep?"
            )
        if isinstance(error, TimeoutError):
            seconds = self._deadline.total_seconds()
            return SourceUnreachableError(
                f"ActivityWatch at {self.url} did not finish its answer within {seconds:g} s.",
                "Is its machine, or the network to it, overloaded?",
            )
        if isinstance(error, _BROKE):
            broke = isinstance(error, httpx.NetworkError)
            what = "broke off its answer" if broke else "gave no whole HTTP answer"
            return SourceUnreachableError(
                f"ActivityWatch at {self.url} {what} ({_cause(error)}).",
                "Its own log may say why, or what stands between (a proxy) does it.",
            )
        return SourceUnreachableError(
            f"ActivityWatch at {self.url} cannot be reached ({_cause(error)}).",
            f'Start ActivityWatch, or correct aw-url of source "{self.name}".',
        )

    def _refusal(self, answer: Answer) -> SourceError:
        status, path = answer.status, _shown(answer.path)
        if status in {401, 403}:
            return SourceRefusedError(
                f"ActivityWatch at {self.url} refused the request ({status}).",
                f'Set token or token-file of source "{self.name}" to the api_key in its config.toml.',
            )
        if status == 404 and "/buckets/" in path:
            return BucketGoneError(f"ActivityWatch at {self.url} has no {path} (404).", GONE_REMEDY)
        words = _shown(self._without_token(answer.body.decode("utf-8", "replace")))
        return SourceAnswerError(
            f"ActivityWatch at {self.url} answered {status} to {path}: {words}",
            "Is aw-url the address of an ActivityWatch server? Its own log says more.",
        )

    def _without_token(self, text: str) -> str:
        """Some proxies answer with the request itself, headers and all."""
        return text if self._token is None else text.replace(self._token.value, str(self._token))

    def _decode(self, body: bytes, type_: type[_T]) -> _T:
        try:
            return decode(body, type_)
        except NotThatError as error:
            raise self._misfit(error) from error

    def _misfit(self, error: Exception) -> SourceAnswerError:
        return SourceAnswerError(
            f"{self.url} answered something that is not ActivityWatch's ({_shown(str(error))}).",
            f'Correct aw-url of source "{self.name}", or see what stands between (a proxy, a login).',
        )


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


def _events(bucket: str, start: int | None, end: int, limit: int) -> tuple[str, dict[str, str]]:
    since = {} if start is None else {"start": _iso(start)}
    return f"buckets/{_quoted(bucket)}/events", {**since, "end": _iso(end), "limit": str(limit)}


def _quoted(bucket: str) -> str:
    return quote(bucket, safe="")


def _iso(moment: int) -> str:
    return to_datetime(moment).isoformat()


def _shown(text: str) -> str:
    """The start of a text of theirs on one line, without what a terminal would obey."""
    words = " ".join(text[:_MOST_WORDS].split())
    return "".join(c if c.isprintable() else "?" for c in words)


def _cause(error: Exception) -> str:
    text = str(error).partition(": bytearray")[0].strip().rstrip(".")
    if text and "All connection attempts failed" not in text:
        return text
    return "connection refused" if isinstance(error, httpx.ConnectError) else "the connection broke"
