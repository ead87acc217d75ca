"""Respiratory sinus arrhythmia per paced breath: how far the heart answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.interpolation import cubic
from biofeedback.signal.series import NS_PER_MS, NS_PER_S, Series

Breath: TypeAlias = tuple[int, int]
"""Start and end of a breath in ns of the session."""

Swing: TypeAlias = tuple[float, float]
"""Peak-to-trough of one breath in bpm and in ms."""

RECENT_NS = 60 * NS_PER_S
MIN_BREATHS = 3
MAX_FLAGGED_SHARE = 0.05
STEP_S = 0.1
REMEMBERED = 64
MARGIN = 3
"""Intervals taken on either side of a breath, so its ends lie inside the spline."""


class Rsa(Value, frozen=True):
    """Mean peak-to-trough of heart rate and of NN over ``n_breaths`` breaths."""

    rsa_bpm: float
    rsa_ms: float
    n_breaths: int


def rsa(
    series: Series,
    breaths: Sequence[Breath],
    end_ns: int,
    recent_ns: int | None = RECENT_NS,
    swing_of: Callable[[Series, int, int], Swing | None] | None = None,
) -> Rsa | None:
    """Return RSA over the complete breaths of the last ``recent_ns``.

    Peak-to-trough after Grossman, with two deviations: breath boundaries are those of
    the pacer (no breath is measured), and both extremes are searched over the whole
    breath, because the heart answers slow breathing with a delay. Heart rate is
    interpolated between mid-interval times, where it belongs.

    ``None`` with fewer than three breaths free of gaps and flags, or when more than
    5 % of the intervals are flagged. ``recent_ns=None`` takes all breaths.
    """
    swing_of = swing_of or breath_swing
    start_ns = 0 if recent_ns is None else max(0, end_ns - recent_ns)
    window = series.between(start_ns, end_ns)
    if not len(window):
        return None
    if np.count_nonzero(~window.normal) > MAX_FLAGGED_SHARE * len(window):
        return None
    newest_ns = int(window.t_ns[-1])
    swings = [
        swing
        for begin_ns, stop_ns in breaths
        if start_ns <= begin_ns < stop_ns <= newest_ns
        and (swing := swing_of(series, begin_ns, stop_ns)) is not None
    ]
    if len(swings) < MIN_BREATHS:
        return None
    n = len(swings)
    return Rsa(
        rsa_bpm=sum(bpm for bpm, _ in swings) / n,
        rsa_ms=sum(ms for _, ms in swings) / n,
        n_breaths=n,
    )


class Swings:
    """Remembers the swings of breaths that later beats can no longer change."""

    def __init__(self) -> None:
        self._known: dict[Breath, Swing | None] = {}

    def __call__(self, series: Series, begin_ns: int, stop_ns: int) -> Swing | None:
        """Return :func:`breath_swing`, computed once per breath."""
        breath = (begin_ns, stop_ns)
        if breath in self._known:
            return self._known[breath]
        swing = breath_swing(series, begin_ns, stop_ns)
        last = int(np.searchsorted(series.t_ns, stop_ns, side="left"))
        if len(series) > last + MARGIN:
            self._known[breath] = swing
            while len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return swing


def breath_swing(series: Series, begin_ns: int, stop_ns: int) -> Swing | None:
    """Return peak-to-trough of one breath in bpm and ms, or ``None`` if not clean."""
    first = int(np.searchsorted(series.t_ns, begin_ns, side="left"))
    last = int(np.searchsorted(series.t_ns, stop_ns, side="left"))
    if last >= len(series) or last - first < 2:
        return None
    inside = series.slice(first, last + 1)
    reaches_back = inside.t_ns[0] - inside.rr_ms[0] * NS_PER_MS <= begin_ns or first > 0
    if not (inside.normal.all() and inside.joined[1:].all() and reaches_back):
        return None
    if first > 0 and not series.joined[first]:
        return None
    around = _clean_around(series, first, last)
    middle_s = (around.t_ns - begin_ns) / NS_PER_S - around.rr_ms / 2000
    length_s = (stop_ns - begin_ns) / NS_PER_S
    at = np.arange(0, length_s + STEP_S / 2, STEP_S)
    at = at[(at >= middle_s[0]) & (at <= middle_s[-1])]
    if not len(at):
        return None
    hr_bpm = cubic(middle_s, 60_000 / around.rr_ms, at)
    highest, lowest = float(hr_bpm.max()), float(hr_bpm.min())
    return highest - lowest, 60_000 / lowest - 60_000 / highest


def _clean_around(series: Series, first: int, last: int) -> Series:
    normal, joined = series.normal, series.joined
    begin, stop = first, last + 1
    while begin > max(0, first - MARGIN) and joined[begin] and normal[begin - 1]:
        begin -= 1
    while stop < min(len(series), last + 1 + MARGIN) and joined[stop] and normal[stop]:
        stop += 1
    return series.slice(begin, stop)
