"""Asks a store for its clock: a sample from the future poisons some stores.

May import: the standard library, httpx, settings, skew and the other modules of remote_write.
"""

import time

import httpx

from awsync.remote_write.connection import open_http
from awsync.settings import StoreSettings
from awsync.skew import ahead


async def ahead_by(
    store: StoreSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> float | None:
    """Seconds that the store's clock is ahead; None where it cannot be reached or does not tell."""
    async with open_http(store, transport) as http:
        before = time.time()
        try:
            answer = await http.get(store.base_url or store.write_url)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return ahead(answer.headers, before, time.time())
