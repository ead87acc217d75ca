"""Time-domain metrics of one window: HR, RMSSD, SDNN, pNN50, coverage.

Definitions (Task Force 1996, Eur Heart J 17:354; deviations in ``docs/signal.md``):

- HR is 60000 / mean NN, the time-weighted mean.
- RMSSD is over differences of truly adjacent NN: same segment, no beat between.
- SDNN has ``ddof=1``.
- pNN50 counts differences strictly above 50 ms; its denominator is the number of
  differences plus one, as in NeuroKit2.

A window is computed from exact sums (:mod:`~biofeedback.signal.sums`), in two shapes
that give the same bits: :func:`metrics` for one, :func:`many_metrics` for many. A whole
recording is computed from its intervals (:func:`judged_variability`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from biofeedback.model import Value, WindowMetrics
from biofeedback.signal.series import (
    UNITS_PER_MS,
    UNITS_PER_S,
    Flags,
    Floats,
    Ints,
    Series,
)
from biofeedback.signal.sums import (
    DIFF_SQUARED,
    N_ABOVE_50,
    N_ABRUPT,
    N_BEATS,
    N_DIFF,
    N_NN,
    NN,
    NN_SQUARED,
)

MIN_COVERAGE = 0.75
"""Of a window, to show variability for it: below three quarters the number would belong
to a shorter window than its name says."""

MIN_HR = 10 * UNITS_PER_S
"""NN to show a mean heart rate (Shaffer & Ginsberg 2017, table of short windows)."""

MIN_PNN50 = 60 * UNITS_PER_S
"""pNN50 counts rare events: not below a minute (Baek 2015)."""

MAX_ABRUPT_SHARE = 0.15
MIN_BEATS_TO_REFUSE = 20
"""Above this share of abrupt intervals the rhythm does not suit HRV. The rule is
absolute: where every second beat is premature, thresholds that follow the intervals
find nothing amiss (``docs/signal.md``)."""

MINUTE_UNITS = 60_000 * UNITS_PER_MS

UNSUITABLE = (
    "This rhythm does not suit heart rate variability: too many of its intervals "
    "change abruptly."
)


class Variability(Value, frozen=True):
    """The four numbers of a set of intervals, ungated; ``None`` is: not defined."""

    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None


def variability(rr_ms: Floats, differences_ms: Floats) -> Variability:
    """Compute the four numbers from intervals and their valid differences.

    Parameters
    ----------
    rr_ms
        Intervals in ms, shape (n,).
    differences_ms
        Differences of those that are truly adjacent, shape (≤ n - 1,).

    Examples
    --------
    >>> rr = np.array([1000.0, 1060.0, 1000.0])
    >>> variability(rr, np.diff(rr)).rmssd_ms
    60.0
    """
    n, n_differences = len(rr_ms), len(differences_ms)
    mean_ms = float(rr_ms.sum()) / n if n else math.nan
    rmssd_ms = sdnn_ms = pnn50_pct = None
    if n > 1:
        deviations = rr_ms - mean_ms
        sdnn_ms = math.sqrt(float((deviations * deviations).sum()) / (n - 1))
    if n_differences:
        squares = float((differences_ms * differences_ms).sum())
        rmssd_ms = math.sqrt(squares / n_differences)
        above = int(np.count_nonzero(np.abs(differences_ms) > 50))
        pnn50_pct = above / (n_differences + 1) * 100
    return Variability(
        hr_bpm=60_000 / mean_ms if n else None,
        rmssd_ms=rmssd_ms,
        sdnn_ms=sdnn_ms,
        pnn50_pct=pnn50_pct,
    )


def judged_variability(series: Series) -> Variability:
    """Return the numbers of the NN of ``series``; nothing crosses a gap or a flag."""
    return _variability_of(series, series.normal)


def raw_variability(series: Series) -> Variability:
    """Return the numbers of all intervals as measured; nothing crosses a gap."""
    return _variability_of(series, np.ones(len(series), np.bool_))


def unsuitable(series: Series) -> str | None:
    """Say why the rhythm of ``series`` does not suit HRV, or ``None`` if it does."""
    n_abrupt = int(np.count_nonzero(series.abrupt))
    return UNSUITABLE if refused(n_abrupt, len(series)) else None


def refused(n_abrupt: int, n_beats: int) -> bool:
    """Say whether so many abrupt intervals are too many.

    >>> refused(3, 60), refused(10, 60)
    (False, True)
    """
    return n_beats >= MIN_BEATS_TO_REFUSE and n_abrupt > MAX_ABRUPT_SHARE * n_beats


def metrics(
    sums: Sequence[int],
    *,
    length: int,
    overhang: int,
    whole: bool,
    provisional: bool = False,
) -> WindowMetrics:
    """Return the metrics of one window from its sums.

    Parameters
    ----------
    sums
        The window's eight sums (columns of :mod:`~biofeedback.signal.sums`).
    length
        Of the window, in units.
    overhang
        How much of its first NN lies before it, in units: not covered by it.
    whole
        Whether it lies after the start of what was recorded.
    provisional
        Whether one of its intervals may yet be judged otherwise.

    Returns
    -------
    Values are ``None`` where the window holds too little (constants above) and where
    the rhythm does not suit. ``coverage`` is seconds of NN inside the window divided by
    its length, at most 1.

    Examples
    --------
    A minute of 61 intervals, alternating between 970 and 1000 ms:

    >>> from biofeedback.signal.sums import rows
    >>> rr = np.array([970, 1000] * 30 + [970]) * 640
    >>> yes, no = np.ones(61, bool), np.zeros(61, bool)
    >>> sums = rows(rr, yes, yes, no).sum(axis=0).tolist()
    >>> found = metrics(sums, length=60 * 640_000, overhang=0, whole=True)
    >>> found.rmssd_ms, found.pnn50_pct, round(found.coverage, 4)
    (30.0, 0.0, 1.0012)
    """
    covered, squared, n_nn, diff_squared, n_diff, n_above, n_abrupt, n = sums
    coverage = (covered - overhang) / length
    suits = not refused(n_abrupt, n)
    enough = whole and coverage >= MIN_COVERAGE and suits
    enough_for_hr = covered >= min(MIN_HR, MIN_COVERAGE * length) and suits
    # The lines of from_sums, without a value that would live for a microsecond.
    hr_bpm = rmssd_ms = sdnn_ms = pnn50_pct = None
    if enough_for_hr and n_nn:
        hr_bpm = float(MINUTE_UNITS * n_nn) / covered
    if enough and n_nn > 1:
        spread = float(n_nn * squared - covered * covered)
        sdnn_ms = math.sqrt(spread / float(n_nn * (n_nn - 1))) / UNITS_PER_MS
    if enough and n_diff:
        rmssd_ms = math.sqrt(float(diff_squared) / n_diff) / UNITS_PER_MS
        if length >= MIN_PNN50:
            pnn50_pct = n_above / (n_diff + 1) * 100
    return WindowMetrics(
        coverage=coverage,
        n_nn=n_nn,
        artefact_pct=100 * (n - n_nn) / n if n else 0.0,
        hr_bpm=hr_bpm,
        rmssd_ms=rmssd_ms,
        sdnn_ms=sdnn_ms,
        pnn50_pct=pnn50_pct,
        provisional=provisional,
    )


def from_sums(sums: Sequence[int]) -> Variability:
    """Compute the four numbers from a window's eight sums, ungated."""
    n, n_diff, total = sums[N_NN], sums[N_DIFF], sums[NN]
    rmssd_ms = sdnn_ms = pnn50_pct = None
    if n > 1:
        spread = float(n * sums[NN_SQUARED] - total * total)
        sdnn_ms = math.sqrt(spread / float(n * (n - 1))) / UNITS_PER_MS
    if n_diff:
        rmssd_ms = math.sqrt(float(sums[DIFF_SQUARED]) / n_diff) / UNITS_PER_MS
        pnn50_pct = sums[N_ABOVE_50] / (n_diff + 1) * 100
    return Variability(
        hr_bpm=float(MINUTE_UNITS * n) / total if n else None,
        rmssd_ms=rmssd_ms,
        sdnn_ms=sdnn_ms,
        pnn50_pct=pnn50_pct,
    )


COVERAGE, COUNT, ARTEFACT_PCT, HR, RMSSD, SDNN, PNN50 = range(7)


def many_metrics(sums: Ints, *, length: Ints, overhang: Ints, whole: Flags) -> Floats:
    """Return :func:`metrics` of many windows at once, NaN where that has ``None``.

    Parameters
    ----------
    sums
        Shape (..., 8).
    length, overhang, whole
        As for :func:`metrics`, shapes that broadcast to (...).

    Returns
    -------
    Shape (..., 7): coverage, NN count, artefact %, HR, RMSSD, SDNN, pNN50.
    """
    columns = np.moveaxis(sums, -1, 0)
    n, n_nn, covered, n_diff = (columns[k] for k in (N_BEATS, N_NN, NN, N_DIFF))
    found = np.empty((*n.shape, 7))
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = (covered - overhang) / length
        suits = (n < MIN_BEATS_TO_REFUSE) | (columns[N_ABRUPT] <= MAX_ABRUPT_SHARE * n)
        enough = whole & (coverage >= MIN_COVERAGE) & suits
        enough_for_hr = (covered >= np.minimum(MIN_HR, MIN_COVERAGE * length)) & suits
        spread = _spread(n_nn, columns[NN_SQUARED], covered)
        sdnn = np.sqrt(spread / (n_nn * (n_nn - 1))) / UNITS_PER_MS
        rmssd = np.sqrt(columns[DIFF_SQUARED] / n_diff) / UNITS_PER_MS
        pnn50 = columns[N_ABOVE_50] / (n_diff + 1) * 100
        differ = enough & (n_diff > 0)
        found[..., COVERAGE] = coverage
        found[..., COUNT] = n_nn
        found[..., ARTEFACT_PCT] = np.where(n > 0, 100 * (n - n_nn) / n, 0.0)
        found[..., HR] = np.where(enough_for_hr, MINUTE_UNITS * n_nn / covered, np.nan)
        found[..., RMSSD] = np.where(differ, rmssd, np.nan)
        found[..., SDNN] = np.where(enough & (n_nn > 1), sdnn, np.nan)
        found[..., PNN50] = np.where(differ & (length >= MIN_PNN50), pnn50, np.nan)
    return found


def window_metrics(row: Sequence[float], provisional: bool = False) -> WindowMetrics:
    """Return one row of :func:`many_metrics` as a value."""
    hr, rmssd, sdnn, pnn50 = (None if math.isnan(x) else x for x in row[HR:])
    return WindowMetrics(
        coverage=row[COVERAGE],
        n_nn=int(row[COUNT]),
        artefact_pct=row[ARTEFACT_PCT],
        hr_bpm=hr,
        rmssd_ms=rmssd,
        sdnn_ms=sdnn,
        pnn50_pct=pnn50,
        provisional=provisional,
    )


def _spread(n: Ints, squared: Ints, total: Ints) -> Ints | Floats:
    """Return n Σx² - (Σx)², exactly also where 64 bits do not hold it."""
    if n.size and int(n.max()) * int(squared.max()) >= 2**63:  # hours in one window
        n, squared, total = (column.astype(object) for column in (n, squared, total))
        exact: Floats = (n * squared - total * total).astype(np.float64)
        return exact
    return n * squared - total * total


def _variability_of(series: Series, chosen: Flags) -> Variability:
    adjacent = series.joined[1:] & chosen[1:] & chosen[:-1]
    return variability(series.rr_ms[chosen], np.diff(series.rr_ms)[adjacent])
