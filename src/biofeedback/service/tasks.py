"""Work that nobody may tear: it goes on when the one who asked for it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Tasks:
    """What goes on in the background of one service.

    Attributes
    ----------
    going_on
        Those that are not done.
    """

    def __init__(self) -> None:
        self.going_on: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin ``work``; keep hold of it until it is done."""
        task = asyncio.create_task(work)
        self.going_on.add(task)
        task.add_done_callback(self.going_on.discard)
        return task

    async def kept(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for ``work``; it goes on to its end whether or not anybody waits."""
        return await asyncio.shield(self.spawn(work))

    async def wait(self, seconds: float) -> None:
        """Wait until all is done, at most ``seconds``."""
        if self.going_on:
            await asyncio.wait(self.going_on, timeout=seconds)

    async def cancel(self) -> None:
        """End what still goes on."""
        left = tuple(self.going_on)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
