"""The way from the engine to the servers, and the clock that both go by.

A transport takes the addresses that a reader sees to the ports that are free today, and lets a picture be
taken in the middle of a pass: it holds a write back, cuts a server off, or has one answer with an error.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Collection, Iterator
from datetime import datetime

import httpx

from awsync.demo.receiver import Receiver
from awsync.series import Sample
from tests.pictures import queries

LAPTOP, PHONE, STORE = "localhost:5600", "phone.lan:5600", "localhost:9090"
HOSTS = {LAPTOP: "laptop", PHONE: "phone"}
PATIENCE = 60.0
_NOBODY = "127.0.0.1:9"
_BYTES_A_SECOND = 150_000
_QUIET_SECONDS = 0.15
_SETTLED_SECONDS = 0.5


class Clock:
    """A clock that stands still until it is set, and a stopwatch that runs with what is sent."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.seconds = 0.0

    def __call__(self) -> int:
        """Microseconds since the epoch."""
        return round(self.moment.timestamp() * 1_000_000)

    def stopwatch(self) -> float:
        """Seconds."""
        self.seconds += 0.07
        return self.seconds


class Wire(httpx.AsyncBaseTransport):
    """The way from the engine to the servers, with a gate before the store.

    `down` are places where nobody answers; there the store refuses once, and then lets one wait, so that the
    time until the next try stands still. `failing` is a part of a path that ActivityWatch cannot answer.
    `asked` is the store that answers queries too, if there is one, and `lost` what it does not hold any more.
    """

    def __init__(self, clock: Clock) -> None:
        self.places: dict[str, str] = {}
        self.down: set[str] = set()
        self.failing = ""
        self.asked: Receiver | None = None
        self.lost: Collection[Sample] = ()
        self.held = 0
        self.refused = self.waits = False
        self._open = asyncio.Event()
        self._open.set()
        self._came = asyncio.Event()
        self._clock = clock
        self._under_way = 0
        self._busy = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._quiet_since = 0.0
        self._real = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Takes the request to its server."""
        place = f"{request.url.host}:{request.url.port}"
        if place in self.down:
            if place == STORE and self.refused:
                self.waits = True
                await asyncio.Event().wait()
            self.refused |= place == STORE
        if self.failing and f"{self.failing}/events?" in str(request.url):
            return httpx.Response(500, json={"message": "database disk image is malformed"}, request=request)
        if self.asked is not None and place == STORE and request.url.path == queries.PATH:
            return queries.answer(await request.aread(), self.asked.samples(), self.lost)
        if place == PHONE and place not in self.down:
            await self._laptop_first()
        elif request.method == "POST":
            await self._gate(request)
        there = _NOBODY if place in self.down else self.places.get(place, _NOBODY)
        host, _, port = there.partition(":")
        request.url = request.url.copy_with(host=host, port=int(port))
        request.headers["Host"] = there
        with self._one_more():
            answer = await self._real.handle_async_request(request)
            await answer.aread()
        if request.url.path.endswith("/info"):
            return httpx.Response(200, json=json.loads(answer.content) | {"hostname": HOSTS[place]})
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def aclose(self) -> None:
        """Every client closes its transport; this one is shared."""

    def quiet(self) -> bool:
        """Whether nothing has been asked for a while."""
        return self._idle.is_set() and time.monotonic() - self._quiet_since > _SETTLED_SECONDS

    def close_gate(self) -> None:
        """Writes that come now are held back."""
        self._open.clear()

    def open_gate(self) -> None:
        """Lets writes through."""
        self._open.set()

    async def let_one_through(self) -> None:
        """Answers the write that is held back, and holds back the next."""
        self._came.clear()
        self._open.set()
        self._open.clear()
        async with asyncio.timeout(PATIENCE):
            await self._came.wait()

    @contextlib.contextmanager
    def _one_more(self) -> Iterator[None]:
        self._under_way += 1
        self._idle.clear()
        self._busy.set()
        try:
            yield
        finally:
            self._under_way -= 1
            self._quiet_since = time.monotonic()
            if not self._under_way:
                self._busy.clear()
                self._idle.set()

    async def _gate(self, request: httpx.Request) -> None:
        body = await request.aread()
        if len(body) > 1_000:  # a probe of the protocol is no delivery
            self.held += 1
            self._came.set()
            await self._open.wait()
        self._clock.seconds += len(body) / _BYTES_A_SECOND

    async def _laptop_first(self) -> None:
        """The order of what two sources say would else depend on the moment."""
        with contextlib.suppress(TimeoutError):
            while True:
                await self._idle.wait()
                async with asyncio.timeout(self._quiet_since + _QUIET_SECONDS - time.monotonic()):
                    await self._busy.wait()
