"""One request to the store and its verdict. It speaks HTTP; it does not loop, wait or decide what comes next.

May import: settings, series, remote_write.* and httpx.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import httpx
from msgspec import Struct

from awsync.remote_write import wire
from awsync.remote_write.connection import bare_url, open_http, shown_url
from awsync.remote_write.failures import verdict_of_failure
from awsync.remote_write.verdicts import (
    INVALID_REMEDY,
    LARGE_REMEDY,
    MAX_WORDS,
    Cause,
    Delivered,
    Rejected,
    Retry,
    Verdict,
    clean,
    samples_written,
    verdict_of,
)
from awsync.remote_write.wire import Metadata
from awsync.series import Sample
from awsync.settings import StoreSettings
from awsync.skew import ahead

__all__ = ["Cause", "Client", "Delivered", "Rejected", "Retry", "StoreReached", "Verdict"]

Version = Literal["1.0", "2.0"]

_CONTENT_TYPES = {
    "1.0": "application/x-protobuf",
    "2.0": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
}
_BODY_TIMEOUT = 5.0
"""Seconds for the body of an answer whose status is known already."""
_VERSIONS = {"1.0": "0.1.0", "2.0": "2.0.0"}
_NO_2_0 = Rejected(
    Cause.PARKED,
    "The store does not prove that it speaks remote write 2.0: its answer has no Written headers.",
    'Set protocol = "auto" or "1.0".',
)


class StoreReached(Struct, frozen=True):
    """The store takes remote write in this protocol; `elapsed` is in seconds."""

    protocol: Version
    elapsed: float


class _Answer(Struct, frozen=True):
    status: int
    headers: httpx.Headers
    words: str
    shown: str

    @property
    def speaks_2_0(self) -> bool:
        return samples_written(self.headers) is not None


class Client:
    """Sends to one store over one pool of connections that are kept alive.

    Raises ConfigError at once for a header, certificate or key that cannot be used.
    """

    def __init__(self, store: StoreSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.http = open_http(store, transport)
        """The same connections and credentials, for questions to the store's other pages (store.py)."""
        self._forced: Version | None = None if store.protocol == "auto" else store.protocol
        self._protocol: Version | None = None
        self._url = httpx.URL(bare_url(store.write_url))
        self._timeout = store.timeout.total_seconds()
        self._signed = "authorization" in self.http.headers
        self.skew: float | None = None
        """Seconds that the store's clock is ahead of this machine's, by its last answer; None if untold."""

    @property
    def protocol(self) -> Version | None:
        """What the store was found to speak; None before it answered."""
        return self._protocol

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.http.aclose()

    async def open(self) -> StoreReached | Retry | Rejected:
        """Asks the store with one empty request whether it takes remote write, and which.

        Three stores answer 204 to a 2.0 request and store nothing (FACTS C), so only the Written headers
        prove 2.0. Without them, or after 415, the store speaks 1.0. After 400, which old receivers give to
        any 2.0 request, an empty 1.0 request follows.
        """
        started = time.perf_counter()
        answer = await self._post(self._forced or "2.0", _empty(self._forced or "2.0"))
        if self._forced is None and isinstance(answer, _Answer) and answer.status == 400:
            answer = await self._post("1.0", _empty("1.0"))
        if not isinstance(answer, _Answer):
            return answer
        protocol: Version = "2.0" if answer.speaks_2_0 and self._forced != "1.0" else "1.0"
        if self._forced == "2.0" and protocol == "1.0" and (_is_success(answer) or answer.status == 415):
            return _NO_2_0
        if not _is_success(answer) and answer.status != 415:
            return _about_the_store(self._verdict(answer))
        self._protocol = protocol
        return StoreReached(protocol, time.perf_counter() - started)

    async def send(
        self,
        samples: Sequence[Sample],
        *,
        attempt: int = 0,
        metadata: Mapping[str, Metadata] = wire.NO_OTHERS,
    ) -> Verdict:
        """Sends the samples in one request; `attempt` counts from 0 and is told to the store.

        A metric is described as one of activity, unless `metadata` describes it.

        An unopened client opens itself first. When a store that was thought to speak 2.0 turns out not to,
        the samples go again in 1.0 at once. A 307 or 308 to the same scheme, host and port is followed, once
        per request; any other redirect parks the store, for credentials go only where they were meant to go.
        """
        if not samples:
            return Delivered(0, 0, 0.0)
        if self._protocol is None:
            reached = await self.open()
            if not isinstance(reached, StoreReached):
                return reached
        if self._protocol == "2.0":
            verdict = await self._send_in("2.0", samples, attempt, metadata)
            if verdict is not _NO_2_0 or self._forced == "2.0":
                return verdict
            self._protocol = "1.0"
        return await self._send_in("1.0", samples, attempt, metadata)

    async def _send_in(
        self, protocol: Version, samples: Sequence[Sample], attempt: int, metadata: Mapping[str, Metadata]
    ) -> Verdict:
        encode = wire.encode_v2 if protocol == "2.0" else wire.encode_v1
        try:
            body = await asyncio.to_thread(encode, samples, metadata)
        except wire.TooLargeError as error:
            return Rejected(Cause.TOO_LARGE, str(error), LARGE_REMEDY)
        except ValueError as error:
            return Rejected(Cause.INVALID, f"Not sent: {error}.", INVALID_REMEDY)
        started = time.perf_counter()
        answer = await self._post(protocol, body, attempt)
        if not isinstance(answer, _Answer):
            return answer
        verdict = None if _is_success(answer) else self._verdict(answer)
        if protocol == "2.0" and not answer.speaks_2_0 and _denies_2_0(answer, verdict):
            return _NO_2_0
        if verdict is not None:
            return verdict
        written = samples_written(answer.headers)
        if protocol == "2.0" and written != len(samples):
            words = f"The store answered {answer.status}, but wrote {written} of {len(samples)} samples."
            return Rejected(Cause.INVALID, words, INVALID_REMEDY, answer.status, written)
        return Delivered(len(samples), len(body), time.perf_counter() - started)

    async def _post(self, protocol: Version, body: bytes, attempt: int = 0) -> _Answer | Retry | Rejected:
        """One request, or two where the first is redirected; the settings' timeout bounds them together."""
        url = self._url
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": _CONTENT_TYPES[protocol],
            "X-Prometheus-Remote-Write-Version": _VERSIONS[protocol],
        }
        if attempt:
            headers["Retry-Attempt"] = str(attempt)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._ask(url, headers, body)
                target = _same_place(answer, url)
                if target is not None:
                    answer = await self._ask(target, headers, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return verdict_of_failure(error, shown_url(url), self._timeout)
        if 300 <= answer.status < 400:
            return _redirected(answer)
        if _is_success(answer) and _is_web_page(answer):
            return Retry(
                f"{answer.shown} answered {answer.status} with a web page, which no store does. "
                "Is there a login page or a proxy before it?",
                status=answer.status,
            )
        return answer

    async def _ask(self, url: httpx.URL, headers: dict[str, str], body: bytes) -> _Answer:
        shown = shown_url(self._url)
        before = time.time()
        async with self.http.stream("POST", url, headers=headers, content=body) as response:
            self.skew = ahead(response.headers, before, time.time())
            return _Answer(response.status_code, response.headers, await _words(response), shown)

    def _verdict(self, answer: _Answer) -> Retry | Rejected:
        return verdict_of(answer.status, answer.words, answer.headers, answer.shown, signed=self._signed)


def _empty(protocol: Version) -> bytes:
    return wire.encode_v2([]) if protocol == "2.0" else wire.encode_v1([])


def _is_success(answer: _Answer) -> bool:
    return 200 <= answer.status < 300


def _is_web_page(answer: _Answer) -> bool:
    """A captive portal says 200 to everything: taken for a store's, that answer would lose what was sent."""
    kind = answer.headers.get("content-type", "").lower()
    return kind.startswith("text/html") or answer.words[:15].lower().startswith(("<!doctype html", "<html"))


def _denies_2_0(answer: _Answer, verdict: Retry | Rejected | None) -> bool:
    """Whether an answer without Written headers means that the store cannot read 2.0 (FACTS F2.8, F2.9)."""
    if verdict is None or answer.status == 415:
        return True
    about_samples = isinstance(verdict, Rejected) and verdict.cause in (Cause.INVALID, Cause.TOO_OLD)
    return answer.status == 400 and about_samples


def _about_the_store(verdict: Retry | Rejected) -> Retry | Rejected:
    """A refusal of the empty request cannot speak of samples: the store or its address is wrong."""
    if isinstance(verdict, Retry) or verdict.cause is Cause.PARKED:
        return verdict
    remedy = "The store refuses an empty request: check that prometheus-url is the address of remote write."
    return Rejected(Cause.PARKED, verdict.words, remedy, verdict.status)


async def _words(response: httpx.Response) -> str:
    """The start of the body; what cannot be read does not change what the status says.

    An unread rest closes the connection instead of being downloaded.
    """
    read = bytearray()
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in response.aiter_bytes():
                read += chunk
                if len(read) >= MAX_WORDS:
                    break
    return clean(bytes(read[:MAX_WORDS]))


def _same_place(answer: _Answer, url: httpx.URL) -> httpx.URL | None:
    """Where a redirect leads that keeps the method and stays on the server, or None."""
    if answer.status not in (307, 308):
        return None
    target = _location(answer, url)
    if target is None or (target.scheme, target.netloc) != (url.scheme, url.netloc):
        return None
    return target


def _location(answer: _Answer, url: httpx.URL | str) -> httpx.URL | None:
    try:
        return httpx.URL(url).join(answer.headers["location"]).copy_with(username=None, password=None)
    except (KeyError, httpx.InvalidURL, ValueError):
        return None


def _redirected(answer: _Answer) -> Rejected:
    target = _location(answer, answer.shown)
    words = (
        f"{answer.shown} answered {answer.status} and leads to {shown_url(target) if target else 'nowhere'}."
    )
    if target is None:
        remedy = "Check prometheus-url."
    else:
        remedy = f"If you trust that address, write {shown_url(target)} in prometheus-url."
    return Rejected(Cause.PARKED, words, remedy, answer.status)
