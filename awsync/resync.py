"""Whether a part of the history can be sent again with the labels of now, so that no sum doubles.

For that the store must tell what it holds, and take samples of that age in any order: what it holds under
earlier labels is taken back by a correction in the same slot.

May import: errors, knowledge, settings, remote_write.
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

import httpx

from awsync.errors import AwsyncError
from awsync.knowledge import Knowledge
from awsync.remote_write.client import Client
from awsync.remote_write.queries import QueryError
from awsync.settings import StoreSettings
from awsync.timeline import HOUR, MILLISECOND
from awsync.words import clock as told

_A_PASS = HOUR
"""Until a pass has sent it, what is old enough now grows older."""


async def check_resync(
    store: StoreSettings,
    since: int,
    *,
    clock: Callable[[], int],
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Raises AwsyncError, with what to change, where time from `since` on cannot be sent again."""
    async with aclosing(Client(store, transport=transport)) as client:
        knowledge = Knowledge(client, store, clock)
        await knowledge.ask()
        now_ms = clock() // MILLISECOND
        try:
            # Any series will do, one that is not there too: it is the answer that counts.
            await knowledge.samples((("bucket", "awsync"),), now_ms - 1, now_ms)
        except QueryError as error:
            raise AwsyncError(
                f"What the store holds cannot be found out, so it would count twice: {error.message}",
                error.remedy,
            ) from error
    oldest = (since - _A_PASS) // MILLISECOND
    floor = knowledge.floor
    if floor is not None and floor > oldest:
        raise AwsyncError(
            f"The store takes nothing from before {told(floor * MILLISECOND)} UTC: older time cannot be "
            "corrected.",
            knowledge.remedy(oldest),
        )
    if knowledge.facts.engine == "Prometheus" and knowledge.facts.out_of_order_window == timedelta(0):
        raise AwsyncError(
            "This Prometheus takes the samples of a series in their order only, and no corrections.",
            knowledge.remedy(min(oldest, oldest if floor is None else floor - 1)),
        )
