"""Places the session's time on LSL's clock.

LSL stamps are seconds of a machine's monotonic clock. The offset between it and the
session's clock is found once, when sending begins, and holds for the whole session: the
stamps keep the beats' own distances. A replay at speed s runs s times as fast, and so
do its stamps. Only when the session's clock itself has jumped (a replay that was paused
or moved, a computer that slept) is the offset found anew.
"""

from __future__ import annotations

from collections.abc import Callable

from biofeedback.session.clock import Clock

NS_PER_S = 1_000_000_000

JUMP_S = 0.25
"""A clock that is off by more than this has jumped; drift of two oscillators that
differ by 50 ppm takes more than an hour to get there."""

READINGS = 5


class Timeline:
    """Where the instants of a session lie on LSL's clock.

    Parameters
    ----------
    clock
        The session's.
    local_clock
        LSL's, in seconds.
    speed
        How many times real time the session's clock runs.
    """

    def __init__(
        self, clock: Clock, local_clock: Callable[[], float], speed: float = 1.0
    ) -> None:
        self._clock = clock
        self._local_clock = local_clock
        self._speed = speed
        self._origin_s = self._measured()

    def stamp_s(self, t_ms: float) -> float:
        """Return the LSL time of the session's instant ``t_ms`` (milliseconds)."""
        return self._origin_s + t_ms / 1000 / self._speed

    def begin_anew(self, speed: float) -> None:
        """Find the offset again, because the session's clock was set."""
        self._speed = speed
        self._origin_s = self._measured()

    def has_jumped(self) -> bool:
        """Say whether the session's clock has jumped; if so, find the offset again."""
        origin_s = self._measured()
        if abs(origin_s - self._origin_s) < JUMP_S:
            return False
        self._origin_s = origin_s
        return True

    def _measured(self) -> float:
        # LSL's time at the session's zero. Whatever happens between two readings
        # (another process has its turn) widens them: the narrowest pair counts.
        widest_s, origin_s = float("inf"), 0.0
        for _ in range(READINGS):
            before_s = self._local_clock()
            session_s = self._clock.now_ns() / NS_PER_S
            after_s = self._local_clock()
            if after_s - before_s < widest_s:
                widest_s = after_s - before_s
                origin_s = (before_s + after_s) / 2 - session_s / self._speed
        return origin_s
