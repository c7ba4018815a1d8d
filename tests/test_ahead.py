"""Reading ahead: overlap without losing an item, an error or the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from awsync.ahead import ahead


async def numbers(count: int, error: Exception | None = None) -> AsyncIterator[int]:
    for number in range(count):
        yield number
    if error is not None:
        raise error


@pytest.mark.parametrize("count", [0, 1, 2, 50])
async def test_every_item_comes_once_and_in_order(count: int) -> None:
    """Reading ahead changes nothing about what is read."""
    async with ahead(numbers(count), 2) as items:
        assert [item async for item in items] == list(range(count))


async def test_none_is_an_item_too() -> None:
    """No item is taken for the end."""

    async def nothings() -> AsyncIterator[None]:
        yield None
        yield None

    async with ahead(nothings(), 2) as items:
        assert [item async for item in items] == [None, None]


async def test_the_next_item_is_made_while_one_is_in_work() -> None:
    """The producer works while the consumer does, and stays a bounded way ahead of it."""
    made = [asyncio.Event() for _ in range(20)]

    async def produce() -> AsyncIterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    async with ahead(produce(), 2) as items:
        async for item in items:
            await asyncio.wait_for(made[min(item + 1, 19)].wait(), 5)
            assert sum(event.is_set() for event in made) <= item + 4


async def test_an_error_comes_after_the_items_before_it() -> None:
    """What was read before a failure is still worked on."""
    async with ahead(numbers(3, ValueError("broken")), 2) as items:
        assert [await anext(items) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="broken"):
            await anext(items)


async def test_an_item_that_is_an_exception_is_not_raised() -> None:
    """Only what the producer raises is raised."""

    async def things() -> AsyncIterator[Exception]:
        yield ValueError("an item")

    async with ahead(things(), 2) as items:
        assert [str(item) async for item in items] == ["an item"]


async def test_leaving_ends_the_producer() -> None:
    """A consumer that fails leaves no read running behind it."""
    waiting, ended = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[int]:
        try:
            yield 1
            waiting.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def consume() -> None:
        async with ahead(stuck(), 2) as items:
            assert await anext(items) == 1
            await waiting.wait()
            raise RuntimeError("consumer")

    with pytest.raises(RuntimeError, match="consumer"):
        await consume()
    assert ended.is_set()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_cancelling_the_consumer_ends_both() -> None:
    """Cancelling a pass stops its reader too, and the cancellation is not swallowed."""
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def stuck() -> AsyncIterator[int]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            ended.set()

    async def consume() -> None:
        async with ahead(stuck(), 2) as items:
            await anext(items)

    task = asyncio.create_task(consume())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
