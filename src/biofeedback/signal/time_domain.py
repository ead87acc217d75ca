"""Time-domain metrics of one window: HR, RMSSD, SDNN, pNN50, coverage.

Definitions (Task Force 1996, Eur Heart J 17:354; deviations in ``docs/signal.md``):

- HR is 60000 / mean NN, the time-weighted mean.
- RMSSD is over differences of truly adjacent NN: same segment, no beat between.
- SDNN has ``ddof=1``.
- pNN50 counts differences strictly above 50 ms; its denominator is the number of
  differences plus one, as in NeuroKit2.

On the 1/1024 s grid of BLE every sum here is exact in binary.
"""

from __future__ import annotations

import math

import numpy as np

from biofeedback.model import Value, WindowMetrics
from biofeedback.signal.series import (
    ECTOPIC,
    NS_PER_MS,
    NS_PER_S,
    Flags,
    Floats,
    Series,
)

MIN_COVERAGE = 0.75
"""Of a window, to show variability for it. A live window always lacks the last one or
two seconds, which the strap has not sent yet (7 % of 30 s); below three quarters the
number would belong to a shorter window than its name says."""

MIN_HR_NS = 10 * NS_PER_S
"""NN to show a mean heart rate (Shaffer & Ginsberg 2017, table of short windows)."""

MIN_PNN50_NS = 60 * NS_PER_S
"""pNN50 counts rare events: not below a minute (Baek 2015)."""

MAX_ECTOPIC_SHARE = 0.15
MIN_BEATS_TO_REFUSE = 20
"""Above this share of ectopic intervals the rhythm does not suit HRV."""

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


def time_domain(series: Series, start_ns: int, end_ns: int) -> WindowMetrics:
    """Return the metrics of the window (``start_ns``, ``end_ns``].

    An interval belongs to the window in which it ends. ``coverage`` is seconds of NN
    inside the window (those at its edges clipped) divided by its length. Values are
    ``None`` until the window lies after the start of the session and holds enough
    (constants above), and where the rhythm does not suit.
    """
    length_ns = end_ns - start_ns
    window = series.between(start_ns, end_ns)
    n, normal = len(window), window.normal
    n_nn = int(np.count_nonzero(normal))
    nn_ms = window.rr_ms[normal]
    coverage = _covered_ns(series, start_ns, end_ns) / length_ns
    metrics = WindowMetrics(
        coverage=coverage,
        n_nn=n_nn,
        artefact_pct=100 * (n - n_nn) / n if n else 0.0,
        hr_bpm=None,
        rmssd_ms=None,
        sdnn_ms=None,
        pnn50_pct=None,
    )
    if unsuitable(window) is not None:
        return metrics
    enough = start_ns >= 0 and coverage >= MIN_COVERAGE
    enough_for_hr = nn_ms.sum() * NS_PER_MS >= min(MIN_HR_NS, length_ns * MIN_COVERAGE)
    if not (enough or enough_for_hr):
        return metrics
    numbers = judged_variability(window)
    return WindowMetrics(
        coverage=coverage,
        n_nn=n_nn,
        artefact_pct=metrics.artefact_pct,
        hr_bpm=numbers.hr_bpm if enough_for_hr else None,
        rmssd_ms=numbers.rmssd_ms if enough else None,
        sdnn_ms=numbers.sdnn_ms if enough else None,
        pnn50_pct=(numbers.pnn50_pct if enough and length_ns >= MIN_PNN50_NS else None),
    )


def unsuitable(series: Series) -> str | None:
    """Say why the rhythm of ``series`` does not suit HRV, or ``None`` if it does."""
    n = len(series)
    n_ectopic = int(np.count_nonzero(series.label == ECTOPIC))
    if n >= MIN_BEATS_TO_REFUSE and n_ectopic > MAX_ECTOPIC_SHARE * n:
        return UNSUITABLE
    return None


def _variability_of(series: Series, chosen: Flags) -> Variability:
    adjacent = series.joined[1:] & chosen[1:] & chosen[:-1]
    return variability(series.rr_ms[chosen], np.diff(series.rr_ms)[adjacent])


def _covered_ns(series: Series, start_ns: int, end_ns: int) -> float:
    first = int(np.searchsorted(series.t_ns, start_ns, side="right"))
    stop = int(np.searchsorted(series.t_ns, end_ns, side="right"))
    # An interval that ends after the window may have begun inside it.
    part = series.slice(first, min(stop + 1, len(series)))
    begins = part.t_ns - part.rr_ms * NS_PER_MS
    inside = np.minimum(part.t_ns, end_ns) - np.maximum(begins, start_ns)
    covered = float(np.maximum(inside, 0.0)[part.normal].sum())
    return min(covered, float(end_ns - start_ns))
