"""The clock of a session of elsewhere: measured by round trips, not by time of day."""

from __future__ import annotations

from biofeedback.service.elsewhere.envelopes import Held
from biofeedback.session.clock import NS_PER_S, Clock

GOOD_FOR_NS = 30 * NS_PER_S
"""A reading is kept so long before a less exact one: clocks drift by microseconds
a second."""


class MirrorClock:
    """Time since a session started at its origin, as well as it can be told from here.

    Parameters
    ----------
    base
        The clock of this node.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._at_ns = self._there_ns = self._utc_ns = 0
        self._trip_ns = 0
        self._rate: float | None = None

    def hear(self, held: Held, *, asked_ns: int, now_ns: int) -> None:
        """Take what the origin said between these two readings of ``base``.

        The middle of the round trip is right within half of it.
        """
        trip_ns = now_ns - asked_ns
        middle_ns = asked_ns + trip_ns // 2
        self._utc_ns = held.utc_ns - middle_ns
        if held.rate == self._rate == 1.0 and trip_ns > self._trip_ns:
            is_new = middle_ns - self._at_ns <= GOOD_FOR_NS
            if is_new and abs(held.now_ns - self._at(middle_ns)) <= trip_ns:
                return  # what is known is more exact, and fits
        self._at_ns, self._there_ns = middle_ns, held.now_ns
        self._trip_ns, self._rate = trip_ns, held.rate

    def now_ns(self) -> int:
        """Return nanoseconds since the start of the session."""
        return self._at(self._base.now_ns())

    def _at(self, base_ns: int) -> int:
        passed_ns = base_ns - self._at_ns
        rate = 1.0 if self._rate is None else self._rate
        return self._there_ns + (passed_ns if rate == 1 else int(passed_ns * rate))

    def utc_ns(self) -> int:
        """Return the time of day at the origin."""
        return self._base.now_ns() + self._utc_ns

    async def sleep_until(self, t_ns: int) -> None:
        """Wait for ``t_ns``."""
        left_ns = max(0, t_ns - self.now_ns())
        rate = self._rate or 1.0  # one that is held may go on at any moment
        await self._base.sleep_until(self._base.now_ns() + int(left_ns / rate))
