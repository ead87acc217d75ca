"""How late the event loop is: everything that is live waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from biofeedback.figures import AnyFigure, Durations

LOOK_EVERY_S = 0.25


class LoopLag:
    """Sets itself a time again and again, and counts how much later it was called."""

    def __init__(self, *, every_s: float = LOOK_EVERY_S) -> None:
        self._every_s = every_s
        self._late = Durations()
        self._next: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Begin."""
        self._set()

    async def close(self) -> None:
        """End; may be called without having begun."""
        if self._next is not None:
            self._next.cancel()

    def figures(self) -> Iterator[AnyFigure]:
        """Return how late it has been."""
        yield self._late.spread(
            "loop_lag_seconds",
            f"How late the event loop came to what was due; looked at every "
            f"{self._every_s:g} seconds.",
        )

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._every_s
        self._next = loop.call_at(due_s, self._called, due_s)

    def _called(self, due_s: float) -> None:
        self._late.take(max(asyncio.get_running_loop().time() - due_s, 0.0))
        self._set()
