"""How the heart answers one breath of the pacer: how far it swings, and how late."""

from __future__ import annotations

import cmath
import math
from functools import lru_cache

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.interpolation import cubic
from biofeedback.signal.series import NORMAL, NS_PER_S, Complexes, Floats, Series

MIN_BEATS = 3
"""Beats in a breath below which it has no shape."""

MARGIN = 2
"""Intervals taken on either side of a breath, so its ends lie inside the spline; what
is further off moves its ends by less than a tenth of its own size."""

POINTS = 128
"""Points a breath is looked at: 0.16 s apart in the slowest on offer, 3 a minute."""

FLAT_BPM = 1e-6
"""A fundamental below this is the rounding of an even heart."""


class Shape(Value, frozen=True):
    """How the pacer moves within one breath.

    ``hold_in_share`` and ``hold_out_share`` are shares of the whole breath,
    ``inhale_share`` of what the holds leave.
    """

    inhale_share: float = 0.4
    hold_in_share: float = 0.0
    hold_out_share: float = 0.0


USUAL = Shape()


class PacedBreath(Value, frozen=True):
    """How the heart answered one breath of the pacer.

    ``phase_deg`` (−180 to 180) is how far heart rate lags the pacer's fullness, 0 when
    both rise and fall together; ``None`` for an even heart. ``strength`` (0 to 1) is
    the share of heart rate's movement that keeps the pacer's time.
    """

    begin_ns: int
    end_ns: int
    rsa_bpm: float
    rsa_ms: float
    phase_deg: float | None
    strength: float


def paced_breath(
    series: Series,
    begin_ns: int,
    end_ns: int,
    *,
    inhale_share: float,
    hold_in_share: float = 0.0,
    hold_out_share: float = 0.0,
) -> PacedBreath | None:
    """Return the heart's answer to the breath from ``begin_ns`` to ``end_ns``.

    Peak-to-trough after Grossman, van Beek and Wientjes 1990 (Psychophysiology 27:702);
    phase as the angle between the fundamentals (one cycle a breath) of heart rate and
    of the pacer's fullness.

    Parameters
    ----------
    series
        Judged intervals around the breath.
    begin_ns, end_ns
        When the pacer began and ended it.
    inhale_share, hold_in_share, hold_out_share
        See :class:`Shape`.

    Returns
    -------
    ``None`` unless the breath holds three beats or more and is free of gaps and flags.

    Notes
    -----
    *Deviations* from Grossman: breath boundaries are those of the pacer, as no breath
    is measured, and both extremes are searched over the whole breath, because the heart
    answers slow breathing with a delay.

    Heart rate is the natural cubic spline through 60 000 / NN at mid-interval times:
    an interval is known only at its end, half of it late. What is taken as trend is
    the line from heart rate at the breath's begin to that at its end. They are one
    period apart, so what repeats with the breath cancels whatever its shape; a fitted
    line would take a part of an uneven breath with it. One breath, no longer span: it
    is the shortest that holds whole cycles, and each breath then counts for itself.

    An interval is the mean over its length: at 0.1 Hz and 60 bpm 1.6 % of the swing
    are lost, at 0.3 Hz 14 %. Phase is not moved by it.

    Examples
    --------
    Heart rate that follows the lungs by 1 s of 10 s lags 36°:

    >>> import numpy as np
    >>> t, beats, rr = 0.0, [], []
    >>> while t < 40:
    ...     lungs = -np.cos(2 * np.pi * (t + 0.43 - 1.0) / 10)
    ...     rr.append(60_000 / (70 + 6 * lungs))
    ...     t += rr[-1] / 1000
    ...     beats.append(round(t * 1e9))
    >>> n = len(rr)
    >>> series = Series(np.array(beats), np.array(rr), np.zeros(n, int),
    ...     np.arange(n) > 0)
    >>> found = paced_breath(series, 10**10, 2 * 10**10, inhale_share=0.5)
    >>> round(found.rsa_bpm), round(found.phase_deg), round(found.strength, 2)
    (12, 36, 1.0)
    """
    first, last = series.t_ns.searchsorted((begin_ns, end_ns)).tolist()
    if last >= len(series) or last - first < MIN_BEATS:
        return None
    span = _clean_span(series, first, last, begin_ns)
    if span is None:
        return None
    rr_ms = series.rr_ms[span]
    middle_s = (series.t_ns[span] - begin_ns) / NS_PER_S - rr_ms / 2000
    instants, turn = _grid()
    at_s = instants * ((end_ns - begin_ns) / NS_PER_S)
    hr_bpm = cubic(middle_s, 60_000 / rr_ms, at_s)
    highest, lowest = float(hr_bpm.max()), float(hr_bpm.min())
    level = hr_bpm - (hr_bpm[-1] - hr_bpm[0]) * instants
    heart = 2 * complex(level[:-1] @ turn) / POINTS
    phase_deg, strength = None, 0.0
    if abs(heart) > FLAT_BPM:
        moved = level[:-1] - level[:-1].sum() / POINTS
        strength = min(1.0, abs(heart) ** 2 / 2 / (float(moved @ moved) / POINTS))
        lungs = _fullness(inhale_share, hold_in_share, hold_out_share)
        phase_deg = math.degrees(cmath.phase(lungs * heart.conjugate()))
    return PacedBreath(
        begin_ns=begin_ns,
        end_ns=end_ns,
        rsa_bpm=highest - lowest,
        rsa_ms=60_000 / lowest - 60_000 / highest,
        phase_deg=phase_deg,
        strength=strength,
    )


def breath_swing(
    series: Series, begin_ns: int, end_ns: int, shape: Shape = USUAL
) -> PacedBreath | None:
    """Return :func:`paced_breath` of a breath of this shape."""
    return paced_breath(
        series,
        begin_ns,
        end_ns,
        inhale_share=shape.inhale_share,
        hold_in_share=shape.hold_in_share,
        hold_out_share=shape.hold_out_share,
    )


def _clean_span(series: Series, first: int, last: int, begin_ns: int) -> slice | None:
    """Return the intervals of a clean breath and up to two on either side."""
    begin, stop = max(0, first - MARGIN), min(len(series), last + 1 + MARGIN)
    normal = (series.label[begin:stop] == NORMAL).tolist()
    joined = series.joined[begin:stop].tolist()
    i, j = first - begin, last - begin
    if not (all(normal[i : j + 1]) and all(joined[i + 1 : j + 1])):
        return None
    if not joined[i]:
        reaches_ns = int(series.t_ns[first]) - round(series.rr_ms[first] * 1e6)
        if reaches_ns > begin_ns:
            return None
    while i > 0 and joined[i] and normal[i - 1]:
        i -= 1
    while j + 1 < len(normal) and joined[j + 1] and normal[j + 1]:
        j += 1
    return slice(begin + i, begin + j + 1)


@lru_cache(1)
def _grid() -> tuple[Floats, Complexes]:
    """Return the instants of a breath, ends included, and one turn over it."""
    instants: Floats = np.arange(POINTS + 1) / POINTS
    return instants, np.exp(-2j * np.pi * instants[:-1])


@lru_cache(64)
def _fullness(
    inhale_share: float, hold_in_share: float, hold_out_share: float
) -> complex:
    """Return the fundamental of the pacer's fullness: half cosines up and down."""
    instants, turn = _grid()
    moving = 1 - hold_in_share - hold_out_share
    inhale = moving * inhale_share
    out_from = inhale + hold_in_share
    rising = np.clip(instants[:-1] / inhale, 0, 1)
    falling = np.clip((instants[:-1] - out_from) / (moving - inhale), 0, 1)
    full = (np.cos(np.pi * falling) - np.cos(np.pi * rising)) / 2
    return complex(full @ turn)
