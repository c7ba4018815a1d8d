"""Reads ahead of its consumer, so that waiting for the next item overlaps with work on the last.

May import: the standard library, msgspec.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class _Item(Struct, Generic[T], frozen=True):
    value: T


@asynccontextmanager
async def ahead(items: AsyncIterator[T], most: int) -> AsyncIterator[AsyncIterator[T]]:
    """An iterator over the same items, whose producer runs in a task of its own; `most` items may wait.

    An exception of the producer reaches the consumer after the items before it; leaving the block ends
    the producer.
    """
    queue: asyncio.Queue[_Item[T] | Exception | None] = asyncio.Queue(maxsize=most)

    async def produce() -> None:
        try:
            async for item in items:
                await queue.put(_Item(item))
        except Exception as error:  # noqa: BLE001 it is raised again where the items are consumed
            await queue.put(error)
        else:
            await queue.put(None)

    async def consume() -> AsyncIterator[T]:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item.value

    producer = asyncio.create_task(produce())
    try:
        yield consume()
    finally:
        producer.cancel()
        with suppress(asyncio.CancelledError):
            await producer
