"""One tick a second for all live sessions of a service: their numbers at one go.

Each session could compute its numbers by itself, and does where there is no ticker. A
hundred together cost a tenth of that. The numbers are the same to the last bit, so a
replay, which is always alone, gives the same messages.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from biofeedback.session.clock import NS_PER_S, Clock
from biofeedback.signal.fleet import Fleet

if TYPE_CHECKING:
    from biofeedback.session.runner import LiveSession

_LOGGER = logging.getLogger(__name__)

TOGETHER = 4
"""Sessions that are told their numbers before others get a turn: some two milliseconds.
What arrives meanwhile is not kept waiting for a whole house."""


class Ticker:
    """Ticks the sessions that joined, each at its own time.

    Parameters
    ----------
    clock
        Whose whole seconds it ticks at.

    Attributes
    ----------
    fleet
        What the sessions keep their numbers in.
    """

    def __init__(self, clock: Clock) -> None:
        self.fleet = Fleet()
        self._clock = clock
        self._sessions: list[LiveSession] = []
        self._task: asyncio.Task[None] | None = None

    def join(self, session: LiveSession) -> None:
        """Tick ``session`` from the next second on."""
        self._sessions.append(session)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="ticker")

    def leave(self, session: LiveSession) -> None:
        """Do not tick ``session`` any more."""
        self._sessions.remove(session)
        if not self._sessions and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            second = self._clock.now_ns() // NS_PER_S + 1
            await self._clock.sleep_until(second * NS_PER_S)
            try:
                await self.tick()
            except Exception:
                _LOGGER.exception("A tick failed")

    async def tick(self) -> None:
        """Tick every session once."""
        sessions = tuple(self._sessions)
        now_ns = [session.clock.now_ns() for session in sessions]
        lanes = [session.pipeline.windows.lane for session in sessions]
        found = self.fleet.tick(lanes, now_ns)
        for k, session in enumerate(sessions):
            if not session.ended.is_set():
                session.tick(now_ns[k], found.of(k))
            if k % TOGETHER == TOGETHER - 1:
                await asyncio.sleep(0)
