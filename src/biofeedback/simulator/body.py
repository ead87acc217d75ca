"""Someone who wears a strap: one series of beats that every signal is made from.

RR intervals, ECG, pulse intervals and the tremor of the chest come from the same
beats, so that whoever detects beats in one can be checked against another. Sans-I/O.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

from biofeedback.simulator.heart import Breath, Heart, natural_breath, profile_named

COUNTS_PER_S = 1024
MEMORY = 512
"""How many beats are kept: some minutes."""

NextRR = Callable[[float], float | None]
"""The interval in milliseconds that begins at a time in seconds; ``None``: no more."""


class Body:
    """Beats on the strap's own grid of 1/1024 s, so that summed RR is exact for ever.

    The first interval begins at zero, where a beat is.

    Parameters
    ----------
    next_rr_ms
        Where the intervals come from; by default a calm heart.
    breath
        How the lungs move; may be changed at any time.
    """

    def __init__(
        self, next_rr_ms: NextRR | None = None, breath: Breath = natural_breath
    ) -> None:
        self.breath = breath
        if next_rr_ms is None:
            heart = Heart(profile_named("calm"), seed=1)
            next_rr_ms = lambda t_s: heart.next_rr_ms(t_s, self.breath)  # noqa: E731
        self._next_rr_ms = next_rr_ms
        self._counts = 0  # the time of the last beat
        self._ended = False
        self._times: list[int] = [0]
        self._rr: list[int] = [0]  # the interval that ended with each

    @classmethod
    def of_heart(cls, heart: Heart, breath: Breath = natural_breath) -> Body:
        """Return someone with this heart."""
        body = cls(breath=breath)
        body._next_rr_ms = lambda t_s: heart.next_rr_ms(t_s, body.breath)
        return body

    @classmethod
    def of_rr(cls, rr_ms: Iterable[float]) -> Body:
        """Return someone whose heart beats at these intervals, and then no more."""
        intervals = iter(rr_ms)
        return cls(lambda t_s: next(intervals, None))

    def live(self, t_s: float) -> None:
        """Let the heart beat until it has beaten after ``t_s``."""
        while self._counts <= t_s * COUNTS_PER_S and not self._ended:
            rr_ms = self._next_rr_ms(self._counts / COUNTS_PER_S)
            if rr_ms is None:
                self._ended = True
                return
            rr = round(rr_ms * COUNTS_PER_S / 1000)
            self._counts += rr
            self._times.append(self._counts)
            self._rr.append(rr)
        if len(self._times) > 2 * MEMORY:
            del self._times[:-MEMORY], self._rr[:-MEMORY]

    def intervals(self, after_s: float, until_s: float) -> tuple[int, ...]:
        """Return the RR in 1/1024 s that ended in ``(after_s, until_s]``."""
        self.live(until_s)
        start = bisect_right(self._times, after_s * COUNTS_PER_S)
        end = bisect_right(self._times, until_s * COUNTS_PER_S)
        return tuple(self._rr[max(start, 1) if self._times[0] == 0 else start : end])

    def recent(self, t_s: float, count: int) -> tuple[int, ...]:
        """Return the last ``count`` RR up to the first that ends after ``t_s``."""
        self.live(t_s)
        end = bisect_right(self._times, t_s * COUNTS_PER_S) + 1
        return tuple(rr for rr in self._rr[max(0, end - count) : end] if rr)

    def beats(self, start_s: float, end_s: float) -> tuple[float, ...]:
        """Return the times in seconds of the beats in ``[start_s, end_s)``."""
        self.live(end_s)
        start = bisect_left(self._times, start_s * COUNTS_PER_S)
        end = bisect_left(self._times, end_s * COUNTS_PER_S)
        return tuple(counts / COUNTS_PER_S for counts in self._times[start:end])
