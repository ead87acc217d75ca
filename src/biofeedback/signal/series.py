"""Judged intervals as arrays: what every number of this package is computed from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Interval, Label

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_NUMBERS = {label: number for number, label in enumerate(Label)}
NORMAL = _NUMBERS[Label.NORMAL]
ECTOPIC = _NUMBERS[Label.ECTOPIC]


class Series:
    """Intervals in the order of their beats, as columns of equal length.

    Attributes
    ----------
    t_ns
        Time of the beat that ends each interval; never decreasing.
    rr_ms
        Intervals as measured.
    label
        What each was judged to be.
    joined
        Whether each follows the one before it without a gap.
    """

    __slots__ = ("joined", "label", "rr_ms", "t_ns")

    def __init__(self, t_ns: Ints, rr_ms: Floats, label: Ints, joined: Flags) -> None:
        self.t_ns = t_ns
        self.rr_ms = rr_ms
        self.label = label
        self.joined = joined

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Series:
        """Return ``intervals`` as columns."""
        growing = GrowingSeries()
        for interval in intervals:
            growing.add(interval)
        return growing.view()

    def __len__(self) -> int:
        return len(self.t_ns)

    @property
    def normal(self) -> Flags:
        """Which intervals are NN."""
        normal: Flags = self.label == NORMAL
        return normal

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
            self.t_ns[moved], self.rr_ms[moved], self.label[moved], self.joined[moved]
        )

    def slice(self, first: int, stop: int) -> Series:
        """Return the rows from ``first`` up to ``stop``, without copying them."""
        rows = slice(first, stop)
        return Series(
            self.t_ns[rows], self.rr_ms[rows], self.label[rows], self.joined[rows]
        )

    def between(self, start_ns: int, end_ns: int) -> Series:
        """Return the intervals whose beat lies in (``start_ns``, ``end_ns``]."""
        first, stop = np.searchsorted(self.t_ns, (start_ns, end_ns), side="right")
        return self.slice(int(first), int(stop))

    def beat_clock_ms(self) -> Floats:
        """Return beat times in ms, from the first beat, by summing RR.

        Where a gap lies between two beats their distance is taken from ``t_ns``. The
        distance of joined beats is exactly their RR, whatever correction ``t_ns`` was
        given meanwhile.
        """
        steps = self.rr_ms.copy()
        if not len(steps):
            return steps
        steps[0] = 0.0
        for i in np.flatnonzero(~self.joined[1:]) + 1:
            elapsed_ms = (self.t_ns[i] - self.t_ns[i - 1]) / NS_PER_MS
            # A gap stays a gap for who compares distances with intervals.
            steps[i] = max(elapsed_ms, self.rr_ms[i] + 20.0)
        return np.cumsum(steps)


class GrowingSeries:
    """A :class:`Series` that beats are added to; forgets what is older on request."""

    def __init__(self, capacity: int = 1024) -> None:
        self._allocate(capacity)
        self._first = self._stop = 0
        self._index: int | None = None
        self._segment: int | None = None

    def add(self, interval: Interval) -> None:
        """Append one interval."""
        if self._stop == len(self._t_ns):
            self._make_room()
        row = self._stop
        self._t_ns[row] = interval.t_ns
        self._rr_ms[row] = interval.rr_ms
        self._label[row] = _NUMBERS[interval.label]
        self._joined[row] = (
            self._segment == interval.segment and self._index == interval.index - 1
        )
        self._segment, self._index = interval.segment, interval.index
        self._stop += 1

    def forget_before(self, t_ns: int) -> None:
        """Drop the intervals that ended at ``t_ns`` or before."""
        ages = self._t_ns[self._first : self._stop]
        self._first += int(np.searchsorted(ages, t_ns, side="right"))

    def view(self) -> Series:
        """Return what is held now; valid until the next :meth:`add`."""
        rows = slice(self._first, self._stop)
        return Series(
            self._t_ns[rows], self._rr_ms[rows], self._label[rows], self._joined[rows]
        )

    def _allocate(self, capacity: int) -> None:
        self._t_ns = np.empty(capacity, np.int64)
        self._rr_ms = np.empty(capacity, np.float64)
        self._label = np.empty(capacity, np.int64)
        self._joined = np.empty(capacity, np.bool_)

    def _make_room(self) -> None:
        held = self.view()
        self._allocate(max(2 * len(held), 1024))
        self._first, self._stop = 0, len(held)
        self._t_ns[: self._stop] = held.t_ns
        self._rr_ms[: self._stop] = held.rr_ms
        self._label[: self._stop] = held.label
        self._joined[: self._stop] = held.joined
