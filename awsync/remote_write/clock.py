"""How the store's clock stands to this machine's: a sample from the future poisons some stores.

May import: httpx, settings, skew and the other modules of remote_write.
"""

import httpx

from awsync.remote_write.connection import open_http
from awsync.settings import StoreSettings
from awsync.skew import clock_ahead


async def ahead_by(
    store: StoreSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> float | None:
    """Seconds that the store's clock is ahead; None where it cannot be reached or does not tell."""
    async with open_http(store, transport) as http:
        return await clock_ahead(http, store.base_url or store.write_url)
