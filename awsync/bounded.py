"""Answers that have bounds: a server that trickles or never ends costs no pass and no memory.

May import: httpx, msgspec, arriving, skew.
"""

import asyncio
import time
from datetime import timedelta

import httpx
from msgspec import Struct

from awsync.arriving import Told
from awsync.skew import ahead

MOST_REDIRECTS = 5
MOST_ERROR_BYTES = 4096
"""Of an answer that is an error only the beginning is read: it is shown, not understood."""


class TooLargeError(Exception):
    """The answer has more bytes than it may have."""


class LedAwayError(Exception):
    """The server leads to another one; the text is its address, without what may be secret in it."""


class Answer(Struct, frozen=True):
    """An answer as far as it was read; `path` is the one that gave it, behind any redirect.

    `skew` is how many seconds its server's clock is ahead of this machine's, None where it does not tell.
    """

    status: int
    path: str
    body: bytes
    skew: float | None


async def get(
    http: httpx.AsyncClient,
    path: str,
    params: dict[str, str] | None,
    *,
    deadline: timedelta,
    most: int,
    told: Told | None = None,
) -> Answer:
    """One GET, redirects included, in `deadline` and of at most `most` bytes, counted when unpacked.

    Redirects are followed here, for httpx would read the bodies of those whole, and only on the same server:
    what stands behind another address is nothing that anybody agreed to ask. `told` is told the size of a
    good answer before it is read, where its server says it. Raises TooLargeError, LedAwayError, TimeoutError
    at the deadline, and what httpx raises.
    """
    async with asyncio.timeout(deadline.total_seconds()):
        request = http.build_request("GET", path, params=params)
        for _ in range(MOST_REDIRECTS + 1):
            before = time.time()
            response = await http.send(request, stream=True, follow_redirects=False)
            skew = ahead(response.headers, before, time.time())
            try:
                if response.next_request is None:
                    size = _size(response)
                    if told is not None and size is not None and size <= most:
                        told(size)
                    return Answer(response.status_code, request.url.path, await read(response, most), skew)
            finally:
                await response.aclose()
            if _origin(response.next_request.url) != _origin(request.url):
                raise LedAwayError(_bare(response.next_request.url))
            request = response.next_request
    raise httpx.TooManyRedirects(f"more than {MOST_REDIRECTS} redirects")


def _size(response: httpx.Response) -> int | None:
    """Bytes of a good answer, where its headers tell them; those of a packed one say nothing of it."""
    length = response.headers.get("Content-Length", "")
    if response.status_code != httpx.codes.OK or "Content-Encoding" in response.headers:
        return None
    return int(length) if length.isascii() and length.isdigit() else None


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _bare(url: httpx.URL) -> str:
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


async def read(response: httpx.Response, most: int) -> bytes:
    """The body of a streamed answer, of at most `most` bytes when unpacked; raises TooLargeError.

    Of an error there is the beginning.
    """
    good = response.status_code == httpx.codes.OK
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > (most if good else MOST_ERROR_BYTES):
            if good:
                raise TooLargeError
            break
    return b"".join(parts)
