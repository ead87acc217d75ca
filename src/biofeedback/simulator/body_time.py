"""The time of the body that wears a strap: it starts with the first use."""

from __future__ import annotations

import asyncio

NS_PER_S = 1_000_000_000


class BodyTime:
    """Nanoseconds since the strap was first used, ``speed`` times as fast as life."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.speed = 1.0
        self._origin_s, self._origin_ns = 0.0, 0

    def begin(self) -> None:
        """Start; later calls change nothing."""
        if not self.begun.is_set():
            self._origin_s = asyncio.get_running_loop().time()
            self.begun.set()

    def now_ns(self) -> int:
        """Return the time; zero before the start."""
        if not self.begun.is_set():
            return 0
        elapsed_s = asyncio.get_running_loop().time() - self._origin_s
        return self._origin_ns + round(elapsed_s * self.speed * NS_PER_S)

    def hasten(self, speed: float) -> None:
        """Go on ``speed`` times as fast as life from now."""
        self._origin_ns = self.now_ns()
        self._origin_s = asyncio.get_running_loop().time()
        self.speed = speed

    def wait_s(self, t_ns: int) -> float:
        """Return how many real seconds are left until ``t_ns``."""
        # Against the target time, so that late wake-ups do not add up.
        return max(0.0, (t_ns - self.now_ns()) / self.speed / NS_PER_S)
