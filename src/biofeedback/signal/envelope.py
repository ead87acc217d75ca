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
    corners: list[tuple[int, int]] = []
    for point in points:
        _push(corners, point)
    return _slope(corners, sum(x for x, _ in points) / len(points))


def _slope(corners: Sequence[tuple[int, int]], mean: float) -> float:
    """Return how steep the lower hull is above ``mean``."""
    slope = next(
        (
            (right[1] - left[1]) / (right[0] - left[0])
            for left, right in pairwise(corners)
            if left[0] <= mean <= right[0]
        ),
        0.0,
    )
    return max(-MAX_DRIFT, min(MAX_DRIFT, slope))


def _push(hull: list[tuple[int, int]], point: tuple[int, int]) -> None:
    """Go on with a lower convex hull to a point right of it."""
    x, y = point
    while len(hull) >= 2:
        (x0, y0), (x1, y1) = hull[-2], hull[-1]
        if (x1 - x0) * (y - y0) > (x - x0) * (y1 - y0):
            break
        hull.pop()
    hull.append(point)


class Hull:
    """The lower hull of points that come by rising x, and go again in that order.

    A point costs the same however many there are: one that goes only lays bare those
    up to the next corner, which stays a corner.
    """

    def __init__(self) -> None:
        self._corners: list[tuple[int, int]] = []
        self._points: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, point: tuple[int, int]) -> None:
        """Add a point to the right of all others."""
        self._points.append(point)
        self._total += point[0]
        _push(self._corners, point)

    def drop(self) -> None:
        """Forget the leftmost point."""
        gone = self._points.popleft()
        self._total -= gone[0]
        corners = self._corners
        if len(corners) < 2:
            corners.clear()
            return
        bared: list[tuple[int, int]] = []
        for point in self._points:
            _push(bared, point)
            if point == corners[1]:
                break
        corners[:2] = bared

    def lean(self, newest: tuple[int, int]) -> float | None:
        """Return :func:`lean` of the points and ``newest``, which is not kept."""
        n = len(self._points) + 1
        if n < 2 or newest[0] - self._points[0][0] < FIT_NS:
            return None
        corners = self._corners.copy()
        _push(corners, newest)
        return _slope(corners, (self._total + newest[0]) / n)


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
        self._hull = Hull()  # of all points but the newest, which may yet sink

    def __bool__(self) -> bool:
        return bool(self._points)

    @property
    def drift(self) -> float | None:
        """How :func:`lean` says that the smallest value of each stretch leans."""
        return self._hull.lean(self._points[-1]) if self._points else None

    def add(self, x_ns: int, y_ns: int) -> bool:
        """Take a value; say whether a new stretch began with it."""
        began = x_ns // self._bucket_ns != self._bucket
        if began:
            self._bucket = x_ns // self._bucket_ns
            if self._points:
                self._hull.add(self._points[-1])
                if len(self._points) == self._points.maxlen:
                    self._hull.drop()
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
