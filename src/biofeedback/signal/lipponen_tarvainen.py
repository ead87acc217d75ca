"""Classes of false intervals after Lipponen & Tarvainen 2019, as NeuroKit2 codes them.

J. A. Lipponen and M. P. Tarvainen, "A robust algorithm for heart rate variability time
series artefact correction using novel beat classification", J Med Eng Technol 43:173
(2019); :func:`scan` is the flow of its Figure 1. NeuroKit2 0.2.13 is the definition
(``signal_fixpeaks.py: _find_artifacts``, one pass), flag for flag. Intervals are in
seconds, as there.

A change from one interval to the next (dRR) is weighed against the quartiles of the 91
changes around it; the distance of an interval from the median of 11 around it (mRR)
against those of the 91 distances around. So a judgement depends on nothing that lies
more than :data:`FAR` beats away: once those are there it is final.

Deviations
----------
- Nothing is corrected, only flagged.
- NeuroKit2 sets the mean of all intervals before the first. A live series does not know
  it yet: the mean of its first 120 stands there, one of the 46 values or more that the
  first beats are weighed against.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from biofeedback.model import Label
from biofeedback.signal.series import Floats

C1, C2 = 0.13, 0.17
ALPHA = 5.2
SIDE = 45
"""91 beats, centred."""

MEDIAN_SIDE = 5
"""11 beats, centred."""

FAR = SIDE + MEDIAN_SIDE + 1
"""Beats to the right that a judgement depends on: a distance's median reaches five
beats further, and the beat after it may be judged with it."""

FILLER_BEATS = 120
TOGETHER = 8192


class Spread:
    """The threshold of a run of changes, of which the next one holds most as well.

    They are kept sorted: to move on by a beat costs two places, not an order.
    """

    def __init__(self) -> None:
        self._first = self._stop = 0
        self._ordered: list[float] = []

    def limit(
        self, changes_s: Sequence[float], base: int, first: int, stop: int
    ) -> float:
        """Return the threshold of changes ``first`` to before ``stop``.

        ``base`` is the number of the first of ``changes_s``. Numbers are those of one
        series, at every call.
        """
        ordered = self._ordered
        gone, new = first - self._first, stop - self._stop
        if not (0 <= gone <= 2 and 0 <= new <= 2 and self._first > base):
            ordered[:] = sorted(map(abs, changes_s[first - base : stop - base]))
        else:
            for change_s in changes_s[self._first - base : first - base]:
                del ordered[bisect_left(ordered, abs(change_s))]
            for change_s in changes_s[self._stop - base : stop - base]:
                insort(ordered, abs(change_s))
        self._first, self._stop = first, stop
        return _limit(ordered)


class View:
    """What the beats of a series are judged by, computed when it is asked for.

    Parameters
    ----------
    rr_s
        The newest intervals; the first of the whole series is the filler.
    changes_s
        From each interval to the next: one for each but the first of ``rr_s``.
    base
        The number of that first one in the series.
    spread
        Remembers the changes around the beat that was judged before this one.
    """

    def __init__(
        self,
        rr_s: Sequence[float],
        changes_s: Sequence[float],
        base: int = 0,
        spread: Spread | None = None,
    ) -> None:
        self._rr_s = rr_s
        self._changes_s = changes_s
        self._base = base
        self._spread = spread
        self._newest = base + len(rr_s) - 1

    def __len__(self) -> int:
        return self._newest + 1

    def rr_s(self, k: int) -> float:
        """Return interval ``k``."""
        return self._rr_s[k - self._base]

    def change(self, k: int) -> float:
        """Return dRR of beat ``k`` in units of its threshold; mirrored at the ends."""
        if k > self._newest:
            k = 2 * self._newest - k
        k = abs(k)
        first, stop = max(0, k - SIDE), min(self._newest, k + SIDE) + 1
        base = self._base + 1
        if first and self._spread is not None:
            limit = self._spread.limit(self._changes_s, base, first, stop)
            return _ratio(self._changes_s[k - base], limit)
        around = self._changes_s[max(0, first - base) : stop - base]
        if first:
            return _ratio(around[k - first], _threshold(around))
        # NeuroKit2 has the mean of all changes for that of the first interval.
        mean = (self._rr_s[-1] - self._rr_s[0]) / max(self._newest, 1)
        return _ratio(around[k - 1] if k else mean, _threshold([mean, *around]))

    def median_s(self, k: int) -> float:
        """Return the median of the intervals around ``k``."""
        first, stop = max(0, k - MEDIAN_SIDE), min(self._newest, k + MEDIAN_SIDE) + 1
        return _median(self._rr_s[first - self._base : stop - self._base])

    def limit_s(self, k: int) -> float:
        """Return the threshold of the distance of interval ``k`` from its median."""
        first, stop = max(0, k - SIDE), min(self._newest, k + SIDE) + 1
        return _threshold([self._apart_s(j) for j in range(first, stop)])

    def apart(self, k: int) -> float:
        """Return mRR of interval ``k`` in units of its threshold."""
        return _ratio(self._apart_s(k), self.limit_s(k))

    def _apart_s(self, k: int) -> float:
        apart_s = self.rr_s(k) - self.median_s(k)
        return 2 * apart_s if apart_s < 0 else apart_s


def scan(view: View, i: int) -> tuple[Label, ...]:
    """Judge beat ``i``, and with it the next one where the two belong together.

    Returns
    -------
    One label, or two. Beat ``i`` must have two beats behind it.
    """
    change = view.change(i)
    if abs(change) <= 1:
        return (Label.NORMAL,)
    beside = _extreme(change > 0, view.change(i - 1), view.change(i + 1))
    if (change > 1 and beside < -C1 * change - C2) or (
        change < -1 and beside > -C1 * change + C2
    ):
        return (Label.ECTOPIC,)
    if not (abs(change) > 1 or abs(view.apart(i)) > 3):  # NaN: all around is even
        return (Label.NORMAL,)
    found = [_long_or_short(view, i)]
    if abs(view.change(i + 1)) < abs(view.change(i + 2)):
        found.append(_long_or_short(view, i + 1))
    return tuple(found)


def _long_or_short(view: View, j: int) -> Label:
    change, one, two = (view.change(k) for k in (j, j + 1, j + 2))
    s22 = 0.0 if math.isnan(change) else _extreme(change < 0, one, two)
    long = change > 1 and s22 < -1
    short = change < -1 and s22 > 1
    if not (long or short or abs(view.apart(j)) > 3):
        return Label.NORMAL
    rr_s, median_s, limit_s = view.rr_s(j), view.median_s(j), view.limit_s(j)
    if short and abs(rr_s + view.rr_s(j + 1) - median_s) < limit_s:
        return Label.EXTRA
    if long and abs(rr_s / 2 - median_s) < limit_s:
        return Label.MISSED
    return Label.LONG_SHORT


def classify(rr_s: Floats) -> list[Label]:
    """Judge a whole series of intervals in seconds, shape (n,).

    >>> rr_s = np.full(60, 0.9) + 0.01 * np.sin(np.arange(60))
    >>> rr_s[30:32] = 0.6, 1.2
    >>> [k for k, label in enumerate(classify(rr_s)) if label is not Label.NORMAL]
    [30, 31]
    """
    filler = float(np.mean(rr_s[:FILLER_BEATS])) if len(rr_s) else 1.0
    view = _Whole(np.concatenate(([filler], rr_s)))
    labels = [Label.NORMAL] * len(view)
    free = 0
    for i in view.suspects.tolist():
        if free <= i < len(view) - 2:
            found = scan(view, i)
            labels[i : i + len(found)] = found
            free = i + len(found)
    return labels[1:]


class _Whole(View):
    """A whole series: the same numbers, computed all at once."""

    def __init__(self, rr_s: Floats) -> None:
        super().__init__(rr_s.tolist(), np.diff(rr_s).tolist())
        n = len(rr_s)
        changes = np.diff(rr_s, prepend=np.nan)
        changes[0] = (rr_s[-1] - rr_s[0]) / max(n - 1, 1)
        change = _ratios(changes, _thresholds(changes))
        self.suspects = np.flatnonzero(~(np.abs(change) <= 1))
        medians = np.array([self.median_s(k) for k in range(min(n, MEDIAN_SIDE))])
        if n > 2 * MEDIAN_SIDE:
            around = sliding_window_view(rr_s, 2 * MEDIAN_SIDE + 1)
            middle = np.partition(around, MEDIAN_SIDE)[:, MEDIAN_SIDE]
            medians = np.concatenate((medians, middle))
        ends = [super(_Whole, self).median_s(k) for k in range(len(medians), n)]
        medians = np.concatenate((medians, ends))
        apart = rr_s - medians
        apart[apart < 0] *= 2
        limits = _thresholds(apart)
        self._change: list[float] = change.tolist()
        self._limits: list[float] = limits.tolist()
        self._aparts: list[float] = _ratios(apart, limits).tolist()

    def change(self, k: int) -> float:
        if k >= len(self):
            k = 2 * (len(self) - 1) - k
        return self._change[abs(k)]

    def limit_s(self, k: int) -> float:
        return self._limits[k]

    def apart(self, k: int) -> float:
        return self._aparts[k]


def _thresholds(values: Floats) -> Floats:
    """Return the threshold around each value."""
    n, width = len(values), 2 * SIDE + 1
    found = np.empty(n)
    listed = values.tolist()
    inner = range(SIDE, max(SIDE, n - SIDE))
    for k in (*range(min(SIDE, n)), *range(inner.stop, n)):
        found[k] = _threshold(listed[max(0, k - SIDE) : k + SIDE + 1])
    if len(inner):
        windows = sliding_window_view(np.abs(values), width)
        half = SIDE // 2
        ranks = (half, half + 1, 3 * half + 1, 3 * half + 2)
        for start in range(0, len(inner), TOGETHER):
            ordered = np.partition(windows[start : start + TOGETHER], ranks)
            one, two, three, four = (ordered[:, rank] for rank in ranks)
            q1 = one + (two - one) * 0.5
            q3 = three + (four - three) * 0.5
            here = SIDE + start
            found[here : here + len(ordered)] = ALPHA * ((q3 - q1) / 2)
    return found


def _ratios(values: Floats, limits: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(limits == 0, np.nan, values / limits)


def _threshold(values: Sequence[float]) -> float:
    """Return 5.2 times half the distance between the quartiles of |values|."""
    return _limit(sorted(map(abs, values)))


def _limit(ordered: Sequence[float]) -> float:
    return ALPHA * ((_quantile(ordered, 0.75) - _quantile(ordered, 0.25)) / 2)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile, between two values as pandas draws it."""
    place = (len(ordered) - 1) * share
    k = int(place)
    low = ordered[k]
    return low if k == place else low + (ordered[k + 1] - low) * (place - k)


def _median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    if len(values) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def _ratio(value: float, limit: float) -> float:
    return value / limit if limit != 0 else math.nan


def _extreme(largest: bool, one: float, two: float) -> float:
    """Return the larger or smaller of two; NaN if one is, as NumPy does."""
    if math.isnan(one) or math.isnan(two):
        return math.nan
    return max(one, two) if largest else min(one, two)
