"""The REST client of one ActivityWatch server.

Measured behaviour of the servers: aw-server (Python) selects events that touch [start, end], clips them to
it, adds a millisecond to the end, sends the newest first and closes each connection.

May import: httpx, msgspec, activitywatch, arriving, bounded, errors, lenient, settings, timeline.
"""

import asyncio
import ssl
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote
from weakref import WeakSet

import httpx
import msgspec
from msgspec.structs import replace

from awsync import __version__
from awsync.activitywatch.answers import Bucket, Info, Listing, WireEvent
from awsync.activitywatch.failures import BROKE, RAISED, failure, misfit, refusal
from awsync.activitywatch.moments import to_datetime
from awsync.arriving import Arriving, Told
from awsync.bounded import Answer, get
from awsync.errors import BucketGoneError, SourceError
from awsync.lenient import NotThatError, decode
from awsync.settings import SourceSettings
from awsync.timeline import Event

SILENCE = timedelta(seconds=60)
DEADLINE = timedelta(minutes=5)
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer: a slot is read whole, whatever it holds, and a page of 20,000 events has some 4 MiB."""

_ALIVE = timedelta(seconds=5)
_T = TypeVar("_T")


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
        self._source = source
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
            return self._decode(body, WireEvent).event()
        except (ValueError, OverflowError) as error:
            raise misfit(error, self._source) from error

    def count_in(self, body: bytes) -> int:
        """How many events `read` returned, without the cost of decoding them."""
        return len(self._decode(body, list[msgspec.Raw]))

    def events(self, body: bytes) -> list[Event]:
        """Decodes what `read` returned; takes CPU time, so callers move it off the event loop."""
        try:
            return [event.event() for event in self._decode(body, list[WireEvent])]
        except (ValueError, OverflowError) as error:
            raise misfit(error, self._source) from error

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
            except BROKE:
                # A connection that was kept may be dead, or hold what the answer before left in it.
                answer = await self._ask(path, params, told)
        except RAISED as error:
            raise failure(error, self._source, deadline=self._deadline, most=MOST_BYTES) from error
        self.skew = answer.skew
        if answer.status == httpx.codes.OK:
            return answer.body
        if answer.status == httpx.codes.NOT_FOUND and absent is not None:
            return absent
        raise refusal(answer, self._source)

    async def _ask(self, path: str, params: dict[str, str] | None, told: Told | None) -> Answer:
        self.requests += 1
        return await get(self._http, path, params, deadline=self._deadline, most=MOST_BYTES, told=told)

    def _decode(self, body: bytes, type_: type[_T]) -> _T:
        try:
            return decode(body, type_)
        except NotThatError as error:
            raise misfit(error, self._source) from error


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
