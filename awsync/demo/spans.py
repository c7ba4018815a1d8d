"""When a made-up person is before the screen: work with breaks, evenings, free days.

May import: recorded, the standard library and msgspec.
"""

from collections.abc import Iterator
from random import Random
from typing import Literal

from msgspec import Struct

from awsync.demo.recorded import MILLISECOND, MINUTE, whole_ms

Mode = Literal["work", "leisure", "video"]


class Span(Struct, frozen=True):
    """A stretch of time before the screen; during a video nobody touches the machine."""

    start_us: int
    end_us: int
    mode: Mode


def working_day(midnight: int, random: Random) -> Iterator[Span]:
    """A day of work with lunch, often an evening after it; `midnight` in microseconds since the epoch."""

    def at(hour: float, spread_minutes: float) -> int:
        return midnight + whole_ms(hour * 60 * MINUTE + random.gauss(0, spread_minutes / 2) * MINUTE)

    lunch = at(12.3, 20)
    yield from broken_by_breaks(at(8.5, 20), lunch, random)
    yield from broken_by_breaks(lunch + whole_ms(random.uniform(35, 60) * MINUTE), at(17.6, 30), random)
    if random.random() < 0.75:
        yield from _evening(at(20, 40), random)


def free_day(midnight: int, random: Random) -> Iterator[Span]:
    """A day without work; `midnight` in microseconds since the epoch."""
    start = midnight + whole_ms(random.uniform(9, 11) * 60 * MINUTE)
    for _ in range(random.randint(1, 3)):
        end = start + whole_ms(random.uniform(15, 60) * MINUTE)
        yield Span(start, end, "leisure")
        start = end + whole_ms(random.uniform(60, 120) * MINUTE)
    if random.random() < 0.5:
        yield from _evening(midnight + whole_ms(random.uniform(20, 21) * 60 * MINUTE), random)


def _evening(start: int, random: Random) -> Iterator[Span]:
    end = start + whole_ms(random.uniform(20, 60) * MINUTE)
    yield Span(start, end, "leisure")
    if random.random() < 0.5:
        yield Span(end + MILLISECOND, end + whole_ms(random.uniform(15, 50) * MINUTE), "video")


def broken_by_breaks(start: int, end: int, random: Random) -> Iterator[Span]:
    """Work from `start` to `end`, in microseconds since the epoch, with short breaks."""
    while start < end:
        pause = start + whole_ms(random.uniform(35, 90) * MINUTE)
        if pause + 20 * MINUTE > end:
            pause = end
        yield Span(start, pause, "work")
        start = pause + whole_ms(random.uniform(4, 15) * MINUTE)
