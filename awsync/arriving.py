"""An answer on its way: how large it is is known while it still comes in, so that the next can be asked for.

A server that has said how long its answer is has worked it out; to send it costs it next to nothing.

May import: the standard library.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Told = Callable[[int], None]
"""Is told the size of an answer in bytes, before it is read."""


class Arriving:
    """One answer, asked for at once; it goes on coming in whoever waits for it, until it is left."""

    def __init__(self, ask: Callable[[Told], Coroutine[Any, Any, bytes]]) -> None:
        self._size: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._whole = asyncio.create_task(ask(self._tell))
        self._whole.add_done_callback(self._end)

    async def size(self) -> int:
        """Its bytes, as soon as they are known; raises what the request raised. Ends it where cancelled."""
        try:
            return await self._size
        except asyncio.CancelledError:
            await self.leave()
            raise

    async def whole(self) -> bytes:
        """All of it; raises what the request raised."""
        return await self._whole

    async def leave(self) -> None:
        """Ends the request, where it is under way."""
        self._whole.cancel()
        await asyncio.wait([self._whole])

    def _tell(self, size: int) -> None:
        if not self._size.done():
            self._size.set_result(size)

    def _end(self, whole: asyncio.Task[bytes]) -> None:
        """Where nobody was told before, the end tells; a failure that nobody waits for is quiet."""
        error = None if whole.cancelled() else whole.exception()
        if self._size.done():
            return
        if whole.cancelled():
            self._size.cancel()
        elif error is not None:
            self._size.set_exception(error)
            self._size.exception()
        else:
            self._size.set_result(len(whole.result()))
