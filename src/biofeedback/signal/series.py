"""Judged intervals as arrays: what every number of this package is computed from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Interval, Label

Floats: TypeAlias = NDArray[np.float64]
Complexes: TypeAlias = NDArray[np.complex128]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

UNITS_PER_MS = 640
"""Intervals are summed as whole numbers of 1/640 ms: the coarsest grid on which both
1/1024 s (625 units), in which straps send them, and 0.1 ms of text files are whole.
Sums and sums of squares are then exact for ever."""

UNITS_PER_S = 1000 * UNITS_PER_MS

LEAST_GAP = 20 * UNITS_PER_MS
"""A gap stays a gap for who compares distances with intervals, as NeuroKit2 does to
10 ms, even where the arrivals would leave no room for one."""

LABELS = tuple(Label)
NUMBERS = {label: number for number, label in enumerate(LABELS)}
NORMAL = NUMBERS[Label.NORMAL]


def units(rr_ms: float) -> int:
    """Return an interval in units of 1/640 ms.

    >>> units(1000 / 1024), units(812.5)
    (625, 520000)
    """
    return round(rr_ms * UNITS_PER_MS)


def units_between(begin_ns: int, end_ns: int) -> int:
    """Return the time from ``begin_ns`` to ``end_ns`` in units, rounded down."""
    return (end_ns - begin_ns) * 16 // 25_000


class Series:
    """Intervals in the order of their beats, as columns of equal length.

    Attributes
    ----------
    t_ns
        Time of the beat that ends each interval; never decreasing.
    rr_ms
        Intervals as measured.
    label
        What each was judged to be: its place in :data:`LABELS`.
    joined
        Whether each follows the one before it without a gap.
    abrupt
        Whether each is the turning point of two opposite jumps.
    clock
        Where each beat lies on the beat clock: the exact sum of all RR so far in units
        of 1/640 ms, and at a gap the distance by ``t_ns``. Zero is where the first
        interval began. However RR were packed into notifications, joined beats lie
        exactly their RR apart.
    """

    __slots__ = ("abrupt", "clock", "joined", "label", "rr_ms", "t_ns")

    def __init__(
        self,
        t_ns: Ints,
        rr_ms: Floats,
        label: Ints,
        joined: Flags,
        abrupt: Flags | None = None,
        clock: Ints | None = None,
    ) -> None:
        self.t_ns = t_ns
        self.rr_ms = rr_ms
        self.label = label
        self.joined = joined
        self.abrupt = np.zeros(len(t_ns), np.bool_) if abrupt is None else abrupt
        self.clock = _clock(t_ns, self.rr, joined) if clock is None else clock

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Series:
        """Return ``intervals`` as columns."""
        found = list(intervals)
        n = len(found)
        segment = np.fromiter((i.segment for i in found), np.int64, n)
        index = np.fromiter((i.index for i in found), np.int64, n)
        joined = np.zeros(n, np.bool_)
        joined[1:] = (np.diff(segment) == 0) & (np.diff(index) == 1)
        return cls(
            np.fromiter((i.t_ns for i in found), np.int64, n),
            np.fromiter((i.rr_ms for i in found), np.float64, n),
            np.fromiter((NUMBERS[i.label] for i in found), np.int64, n),
            joined,
            np.fromiter((i.abrupt for i in found), np.bool_, n),
        )

    def __len__(self) -> int:
        return len(self.t_ns)

    @property
    def normal(self) -> Flags:
        """Which intervals are NN."""
        normal: Flags = self.label == NORMAL
        return normal

    @property
    def rr(self) -> Ints:
        """Intervals in units of 1/640 ms."""
        return np.rint(self.rr_ms * UNITS_PER_MS).astype(np.int64)

    def timed(self) -> Series:
        """Return the rows that moved time on: without intervals no heart made.

        Those follow the beat before them at once (see
        :class:`~biofeedback.signal.beats.BeatClock`), so what stands on both sides of
        one truly is adjacent.
        """
        moved = np.ones(len(self), np.bool_)
        moved[1:] = (np.diff(self.t_ns) > 0) | ~self.joined[1:]
        if moved.all():
            return self
        return Series(
            self.t_ns[moved],
            self.rr_ms[moved],
            self.label[moved],
            self.joined[moved],
            self.abrupt[moved],
        )

    def slice(self, first: int, stop: int) -> Series:
        """Return the rows from ``first`` up to ``stop``, without copying them."""
        rows = slice(first, stop)
        return Series(
            self.t_ns[rows],
            self.rr_ms[rows],
            self.label[rows],
            self.joined[rows],
            self.abrupt[rows],
            self.clock[rows],
        )

    def between(self, start_ns: int, end_ns: int) -> Series:
        """Return the intervals whose beat lies in (``start_ns``, ``end_ns``]."""
        first, stop = np.searchsorted(self.t_ns, (start_ns, end_ns), side="right")
        return self.slice(int(first), int(stop))

    def on_clock(self, start: int, end: int) -> Series:
        """Return the intervals that end in (``start``, ``end``] on the beat clock."""
        first, stop = np.searchsorted(self.clock, (start, end), side="right")
        return self.slice(int(first), int(stop))


def _clock(t_ns: Ints, rr: Ints, joined: Flags) -> Ints:
    steps = rr.copy()
    for i in (np.flatnonzero(~joined[1:]) + 1).tolist():
        elapsed = units_between(int(t_ns[i - 1]), int(t_ns[i]))
        steps[i] = max(elapsed, int(rr[i]) + LEAST_GAP)
    return np.cumsum(steps)
