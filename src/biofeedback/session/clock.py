"""Clocks of a session: real, scaled for replay, or held by a test.

All three count integer nanoseconds from the start of the session. The core never
asks for the time; only sources and the runner hold a clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """Time since the session started, and a way to wait for it."""

    def now_ns(self) -> int:
        """Return nanoseconds since the start of the session."""
        ...

    async def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns`` or, if that has passed, at once."""
        ...


class WallClock:
    """The monotonic clock of this machine, at ``speed`` times real time."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self._speed = speed
        self._start_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Return nanoseconds since the start of the session."""
        elapsed_ns = time.monotonic_ns() - self._start_ns
        return elapsed_ns if self._speed == 1 else int(elapsed_ns * self._speed)

    async def sleep_until(self, t_ns: int) -> None:
        """Wait for ``t_ns``, compensating for late wake-ups."""
        while (wait_ns := t_ns - self.now_ns()) > 0:  # noqa: ASYNC110 (time is up)
            await asyncio.sleep(wait_ns / NS_PER_S / self._speed)


class ManualClock:
    """A clock that moves only when told to: for tests and instant replay."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        """Return nanoseconds since the start of the session."""
        return self._now_ns

    async def sleep_until(self, t_ns: int) -> None:
        """Wait until :meth:`advance` has reached ``t_ns``."""
        if t_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (t_ns, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on, waking each sleeper at its own instant, in order."""
        target_ns = self._now_ns + round(seconds * NS_PER_S)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target_ns:
            t_ns, _, future = heapq.heappop(self._sleepers)
            self._now_ns = max(self._now_ns, t_ns)
            if not future.done():
                future.set_result(None)
            await _settle()
        self._now_ns = target_ns
        await _settle()


async def _settle() -> None:
    # Let every task that was woken run until it waits again.
    for _ in range(10):
        await asyncio.sleep(0)
