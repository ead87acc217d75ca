"""Asking what blocks, in a thread, and never leaving it behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(
    ask: Callable[..., T], *arguments: object, pool: Executor | None = None
) -> T:
    """Ask in a thread; a task that is cancelled waits for it all the same.

    What it opened would otherwise be nobody's, and what it uses be closed under it.
    """
    loop = asyncio.get_running_loop()
    asking = loop.run_in_executor(pool, ask, *arguments)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await asyncio.wait({asking})
        raise


class Threads:
    """A few threads of one's own, for what blocks for longer than others should wait.

    Parameters
    ----------
    n
        How many.
    name
        How each of their names begins.
    """

    def __init__(self, n: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(n, thread_name_prefix=name)

    async def ask(self, ask: Callable[..., T], *arguments: object) -> T:
        """Ask as :func:`in_thread` does, in one of these."""
        return await in_thread(ask, *arguments, pool=self._pool)

    def begin(self, ask: Callable[[], T]) -> asyncio.Future[T]:
        """Begin to ask; whoever begins it waits for it."""
        return asyncio.get_running_loop().run_in_executor(self._pool, ask)

    def close(self) -> None:
        """Ask nothing any more."""
        self._pool.shutdown(wait=False)
