"""The same work for many things, some at a time: where most of the work is waiting for a store far away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_END = object()


async def for_each(items: AsyncIterator[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do `work` for every item, at most `at_once` together.

    The first error ends the rest and is raised as it is. An item is taken only when somebody is free for it, so
    however many there are, they are never all in memory.
    """
    turn = asyncio.Lock()

    async def take_and_work() -> None:
        while True:
            async with turn:
                item = await anext(items, _END)
            if item is _END:
                return
            await work(item)  # type: ignore[arg-type]  # the end was sorted out above

    crew = [asyncio.create_task(take_and_work()) for _ in range(at_once)]
    try:
        await asyncio.gather(*crew)
    finally:
        for task in crew:
            task.cancel()
        await asyncio.gather(*crew, return_exceptions=True)
