"""The clock of a replay: as fast as asked for, held, or set to another place."""

from __future__ import annotations

import asyncio

from biofeedback.errors import SettingsError
from biofeedback.session.clock import Clock

MIN_SPEED, MAX_SPEED = 0.25, 64.0


def check_speed(speed: float) -> None:
    """Raise unless a replay may run at ``speed``.

    Raises
    ------
    SettingsError
        When it is not from 0.25 to 64.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise SettingsError(
            f"A replay cannot run at {speed:g} times real time.",
            f"Choose a speed from {MIN_SPEED:g} to {MAX_SPEED:g}.",
        )


class ReplayClock:
    """Counts the nanoseconds of a recording, not those of the day.

    Parameters
    ----------
    base
        The clock behind it: that of the machine, or of a test.
    speed
        How many of its seconds pass in one of ``base``.
    """

    def __init__(self, base: Clock, speed: float = 1.0) -> None:
        check_speed(speed)
        self._base = base
        self._speed = speed
        self._playing = True
        self._here_ns = 0
        self._there_ns = base.now_ns()
        self._changed = asyncio.Event()

    @property
    def speed(self) -> float:
        """How many seconds of the recording pass in one of the day."""
        return self._speed

    @property
    def playing(self) -> bool:
        """Whether time passes."""
        return self._playing

    def now_ns(self) -> int:
        """Return the place in the recording."""
        if not self._playing:
            return self._here_ns
        passed_ns = self._base.now_ns() - self._there_ns
        return self._here_ns + int(passed_ns * self._speed)

    def set(
        self,
        *,
        at_ns: int | None = None,
        playing: bool | None = None,
        speed: float | None = None,
    ) -> None:
        """Change the place, whether time passes, or how fast; wakes who waits.

        Raises
        ------
        SettingsError
            When the speed is none that is offered; then nothing has changed.
        """
        if speed is not None:
            check_speed(speed)
        self._here_ns = self.now_ns() if at_ns is None else at_ns
        self._there_ns = self._base.now_ns()
        self._playing = self._playing if playing is None else playing
        self._speed = self._speed if speed is None else speed
        self._changed.set()

    async def sleep_until(self, t_ns: int) -> None:
        """Return at ``t_ns``, or whenever the clock was changed.

        So whoever waits asks again whether it is time.
        """
        self._changed.clear()
        changed = asyncio.ensure_future(self._changed.wait())
        waits: list[asyncio.Future[object]] = [changed]  # type: ignore[list-item]
        if self._playing:
            left_ns = t_ns - self.now_ns()
            if left_ns <= 0:
                changed.cancel()
                return
            until_ns = self._base.now_ns() + -int(-left_ns // self._speed)
            waits.append(asyncio.ensure_future(self._base.sleep_until(until_ns)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
