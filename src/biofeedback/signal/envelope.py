"""The lower edge of delays, and how it leans: one clock seen through late messages.

What is stamped on one clock and arrives on another is late by a delay that varies and
is never negative. Arrival minus stamp, the *lag*, so lies above a line: the offset
between the clocks, leaning by the drift of one against the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

NS_PER_S = 1_000_000_000

FIT_NS = 180 * NS_PER_S
"""Below this the delays would look like drift: it counts as none."""

MAX_DRIFT = 200e-6
"""No two crystals differ by more; a fit beyond has seen something else."""


def lean(points: Sequence[tuple[int, int]]) -> float | None:
    """Return the slope of the line that leans against the points from below.

    Of all lines below the points the one closest to them on average touches at the
    edge of their lower hull above the mean (Moon, Skelly and Towsley, INFOCOM 1999).

    Parameters
    ----------
    points
        Stamps and lags in ns, stamps rising.

    Returns
    -------
    ns of lag per ns, within ± 200 ppm; ``None`` for less than three minutes.

    Examples
    --------
    >>> minute = 60 * NS_PER_S
    >>> late = [(k * minute, k * minute // 10**5 + 5 * (k % 2)) for k in range(9)]
    >>> round(1e6 * lean(late))
    10
    """
    if len(points) < 2 or points[-1][0] - points[0][0] < FIT_NS:
        return None
    mean = sum(x for x, _ in points) / len(points)
    slope = next(
        (
            (right[1] - left[1]) / (right[0] - left[0])
            for left, right in pairwise(_lower_hull(points))
            if left[0] <= mean <= right[0]
        ),
        0.0,
    )
    return max(-MAX_DRIFT, min(MAX_DRIFT, slope))


def _lower_hull(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the lower convex hull of points that are sorted by x."""
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) >= 2:
            (x0, y0), (x1, y1) = hull[-2], hull[-1]
            if (x1 - x0) * (y - y0) > (x - x0) * (y1 - y0):
                break
            hull.pop()
        hull.append((x, y))
    return hull


class LowerEdge:
    """The line below the values that came lately.

    Parameters
    ----------
    bucket_ns
        The smallest value of each such stretch is remembered.
    memory, recent
        How many stretches the drift is fitted to, and below how many the line lies.
    """

    def __init__(self, bucket_ns: int, memory: int, recent: int) -> None:
        self._bucket_ns = bucket_ns
        self._recent = recent
        self._points: deque[tuple[int, int]] = deque(maxlen=memory)
        self._bucket: int | None = None
        self._slope = 0.0
        self._low = 0  # of the recent values, brought back to where x is 0

    def __bool__(self) -> bool:
        return bool(self._points)

    @property
    def points(self) -> Sequence[tuple[int, int]]:
        """The smallest value of each stretch, and when it was."""
        return self._points

    def add(self, x_ns: int, y_ns: int) -> bool:
        """Take a value; say whether a new stretch began with it."""
        began = x_ns // self._bucket_ns != self._bucket
        if began:
            self._bucket = x_ns // self._bucket_ns
            self._points.append((x_ns, y_ns))
            self.lean(self._slope)
        elif y_ns < self._points[-1][1]:
            self._points[-1] = (x_ns, y_ns)
            self._low = min(self._low, y_ns - round(self._slope * x_ns))
        return began

    def lean(self, slope: float) -> None:
        """Let the line lean as the clocks drift apart: ns per ns."""
        self._slope = slope
        newest = list(self._points)[-self._recent :]
        self._low = min((y - round(slope * x) for x, y in newest), default=0)

    def at(self, x_ns: int) -> int:
        """Return where the line is at ``x_ns``."""
        return self._low + round(self._slope * x_ns)
