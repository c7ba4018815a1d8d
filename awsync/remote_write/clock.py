"""How the store's clock stands to this machine's: a sample from the future poisons some stores.

May import: the standard library, httpx, settings and the other modules of remote_write.
"""

import time
from email.utils import parsedate_to_datetime

import httpx

from awsync.remote_write.connection import open_http
from awsync.settings import StoreSettings


async def ahead_by(
    store: StoreSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> float | None:
    """Seconds that the store's clock is ahead, from the Date header of an answer (RFC 9110, 6.6.1).

    The header has whole seconds, so a difference of less than one is none. None where the store cannot be
    reached or does not tell.
    """
    async with open_http(store, transport) as http:
        before = time.time()
        try:
            answer = await http.get(store.base_url or store.write_url)
            told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError):
            return None
        after = time.time()
    if before - 1.0 <= told <= after:
        return 0.0
    return told - after if told > after else told + 1.0 - before
