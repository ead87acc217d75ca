"""The newest five minutes of intervals, and the live windows over them."""

from __future__ import annotations

from collections import deque

import numpy as np

from biofeedback.model import Interval, WindowMetrics, Windows
from biofeedback.signal.time_domain import window_metrics

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
LONGEST_S = 300


class LiveWindows:
    """Holds what the longest window needs; older intervals fall out."""

    def __init__(self) -> None:
        self._intervals: deque[Interval] = deque()

    def add(self, interval: Interval) -> None:
        """Take the next interval."""
        self._intervals.append(interval)

    def within(self, end_ns: int, seconds: float) -> tuple[Interval, ...]:
        """Return the intervals whose beat lies in the last ``seconds``."""
        start_ns = end_ns - round(seconds * NS_PER_S)
        return tuple(i for i in self._intervals if start_ns < i.t_ns <= end_ns)

    def metrics(self, end_ns: int) -> Windows:
        """Return all live windows that end at ``end_ns``."""
        while (
            self._intervals
            and self._intervals[0].t_ns <= end_ns - LONGEST_S * NS_PER_S
        ):
            self._intervals.popleft()
        w30, w60, w300 = (self._window(end_ns, s) for s in (30, 60, 300))
        return Windows(w30=w30, w60=w60, w300=w300)

    def _window(self, end_ns: int, seconds: int) -> WindowMetrics:
        chosen = self.within(end_ns, seconds)
        start_ns = end_ns - seconds * NS_PER_S
        rr = np.array([i.rr_ms for i in chosen], dtype=np.float64)
        normal = np.array([i.nn_ms is not None for i in chosen], dtype=np.bool_)
        adjacent = np.array(
            [False]
            + [
                b.segment == a.segment and b.index == a.index + 1
                for a, b in zip(chosen, chosen[1:], strict=False)
            ],
            dtype=np.bool_,
        )[: len(chosen)]
        covered = sum(
            min(i.rr_ms, (i.t_ns - start_ns) / NS_PER_MS)
            for i in chosen
            if i.nn_ms is not None
        )
        return window_metrics(
            rr,
            normal,
            adjacent,
            length_ms=seconds * 1000.0,
            covered_ms=covered,
            complete=end_ns >= seconds * NS_PER_S,
        )
