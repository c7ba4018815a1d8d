"""How another machine's clock stands to this one's, told by the Date header of an answer.

May import: the standard library, httpx.
"""

import time
from email.utils import parsedate_to_datetime

import httpx


async def clock_ahead(http: httpx.AsyncClient, url: str) -> float | None:
    """Seconds that the clock of the server at `url` is ahead (RFC 9110, 6.6.1); negative where it is behind.

    The header has whole seconds, so a difference of less than one is none. None where the server cannot be
    reached or does not tell.
    """
    before = time.time()
    try:
        answer = await http.get(url)
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError):
        return None
    after = time.time()
    if before - 1.0 <= told <= after:
        return 0.0
    return told - after if told > after else told + 1.0 - before
