"""How fast somebody breathes, as measured: by what the heart or the chest shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from biofeedback.model import Breathing
from biofeedback.signal.frequency_domain import BIN_HZ, NO_PEAK
from biofeedback.signal.series import Floats

BREATHING_HZ = (0.045, 0.5)
"""2.7 to 30 breaths a minute; RR tells up to 24 only, where its spectrum ends."""

RR_LOBE_HZ = 2 / 64
"""Half the width of a line in a Hann spectrum of 64 s."""

SLOW_WAVE_BREATHS_PER_MIN = (4.0, 7.5)
"""Where waves of blood pressure move the heart whether or not a breath does."""

LARGE_MS2 = 2000.0
"""More than such a wave has while it makes up most of the spectrum. Chosen on one
person: such peaks held up to 71 % of the spectrum while calculating, 82 % and more
while paced (and 80 % in one of 14 windows of walking)."""

RR_SLOWER, RR_SLOW_WAVE, RR_FASTER = (0.67, 15.0), (0.89, 18.0), (0.40, 6.0)
ACC = (0.67, 12.0)
"""The share of power around the peak at which half the rates are right, and how fast
that grows (logistic). Fitted to hearts and chests with planted breaths, so confidence
is how often a rate is within 0.5 a minute among those; ``docs/signal.md``."""

MIN_CONFIDENCE = 0.7
"""Below, nobody can say whether the pacer was followed."""

FOLLOWED_BREATHS_PER_MIN = 0.5
"""As close as a step of a resonance assessment must be (Lehrer's condition)."""


def breathing_from_rr(density: Floats) -> Breathing | None:
    """Return how fast somebody breathes by the newest spectrum of NN.

    The heart quickens with each breath in, so the highest peak of the spectrum is the
    breath's if breathing moves the heart most. Whether it does cannot be seen in RR: a
    slow wave of blood pressure near 0.1 Hz looks like six breaths a minute.

    Parameters
    ----------
    density
        Power spectral density of 64 s, as of
        :func:`~biofeedback.signal.frequency_domain.psd_64`, shape (53,).

    Returns
    -------
    ``None`` where no peak lies in 0.045 to 0.4 Hz. ``confidence`` is a logistic curve
    of the share of that band's power within ± 1/32 Hz of the peak; a steeper one in
    4 to 7.5 breaths a minute, where that wave may be what is seen, unless the peak
    holds 2000 ms² or more.

    Examples
    --------
    >>> from biofeedback.signal.frequency_domain import psd_64
    >>> at_s = np.arange(256) / 4
    >>> found = breathing_from_rr(psd_64(900 + 40 * np.sin(2 * np.pi * 0.1 * at_s)))
    >>> round(found.breaths_per_min, 1), round(found.confidence, 2)
    (6.0, 0.88)
    """
    peak = breathing_peak(density, BIN_HZ, RR_LOBE_HZ)
    return None if peak is None else breathing_of(peak)


def breathing_of(peak: Sequence[float]) -> Breathing | None:
    """Return how fast somebody breathes by one row of :func:`breathing_peaks` of NN."""
    rate, share, power = peak
    if math.isnan(rate):
        return None
    slowest, fastest = SLOW_WAVE_BREATHS_PER_MIN
    curve = RR_SLOW_WAVE
    if rate < slowest or (rate <= fastest and power >= LARGE_MS2):
        curve = RR_SLOWER
    elif rate > fastest:
        curve = RR_FASTER
    return Breathing(
        breaths_per_min=rate, confidence=_logistic(share, curve), source="rr"
    )


def rr_breathing_peaks(density: Floats) -> Floats:
    """Return :func:`breathing_peaks` of spectra of NN, shape (..., 53)."""
    return breathing_peaks(density, BIN_HZ, RR_LOBE_HZ)


def usual_breathing(density: Floats) -> Breathing | None:
    """Return the median rate of several spectra of NN, of those that are sure of one.

    Parameters
    ----------
    density
        As for :func:`breathing_from_rr`, shape (n, 53).

    Returns
    -------
    ``None`` where none is sure (0.7); ``confidence`` is then the mean over all spectra,
    0 for those without a peak, so it is low where few were sure.
    """
    found = [breathing_from_rr(row) for row in density]
    sure = [b.breaths_per_min for b in found if b and b.confidence >= MIN_CONFIDENCE]
    if not sure:
        return None
    return Breathing(
        breaths_per_min=float(np.median(sure)),
        confidence=sum(b.confidence if b else 0.0 for b in found) / len(found),
        source="rr",
    )


def breathing_from_density(
    density: Floats, bin_hz: float, lobe_hz: float
) -> Breathing | None:
    """Return how fast the chest moves by the spectrum of its tilt.

    Parameters
    ----------
    density
        Power in steps of ``bin_hz`` from 0 on, shape (n,).
    bin_hz, lobe_hz
        The step, and half the width of a line in it.
    """
    peak = breathing_peak(density, bin_hz, lobe_hz)
    if peak is None:
        return None
    rate, share, _ = peak
    return Breathing(
        breaths_per_min=rate, confidence=_logistic(share, ACC), source="acc"
    )


def best(acc: Breathing | None, rr: Breathing | None) -> Breathing | None:
    """Return what the chest shows where that is sure enough, else what the heart does.

    Where neither is, the surer one.
    """
    if acc is None or rr is None:
        return acc or rr
    sure = acc.confidence >= MIN_CONFIDENCE or acc.confidence >= rr.confidence
    return acc if sure else rr


def followed(measured: Breathing | None, pace_breaths_per_min: float) -> bool | None:
    """Say whether the measured breath is the pacer's: within 0.5 a minute.

    ``None`` when the measurement's confidence is below 0.7.

    >>> breath = Breathing(breaths_per_min=6.2, confidence=0.9, source="acc")
    >>> followed(breath, 6), followed(breath, 5), followed(None, 6)
    (True, False, None)
    """
    if measured is None or measured.confidence < MIN_CONFIDENCE:
        return None
    off = abs(measured.breaths_per_min - pace_breaths_per_min)
    return off <= FOLLOWED_BREATHS_PER_MIN


def breathing_peak(
    density: Floats, bin_hz: float, lobe_hz: float
) -> tuple[float, float, float] | None:
    """Return :func:`breathing_peaks` of one spectrum, shape (n,): the same bits."""
    row: list[float] = density.tolist()
    low_hz, high_hz = BREATHING_HZ
    first = math.floor(low_hz / bin_hz)
    stop = min(len(row) - 1, math.ceil(high_hz / bin_hz) + 1)
    band = row[first:stop]
    k = first + band.index(max(band))
    left, here, right = map(math.sqrt, row[k - 1 : k + 2])
    if not (here > left and here >= right and here > NO_PEAK):
        return None
    peak_hz = (k + 0.5 * (left - right) / (left - 2 * here + right)) * bin_hz
    if not low_hz <= peak_hz <= high_hz:
        return None
    below = [0.0, *accumulate(band)]
    lobe = round(lobe_hz / bin_hz)
    around = below[min(stop, k + lobe + 1) - first]
    around -= below[max(first, k - lobe) - first]
    return 60 * peak_hz, around / below[-1], around * bin_hz


def breathing_peaks(density: Floats, bin_hz: float, lobe_hz: float) -> Floats:
    """Return the highest peak of each spectrum in 0.045 to 0.5 Hz.

    Parameters
    ----------
    density
        Power in steps of ``bin_hz`` from 0 on, shape (n,) or (S, n).
    bin_hz, lobe_hz
        The step, and half the width of a line in it.

    Returns
    -------
    Shape (S, 3): where it is (a minute), the share of the band's power within half a
    line's width of it, and that power; NaN where there is none. A row has the same bits
    alone and among others.
    """
    rows = np.atleast_2d(density)
    n = rows.shape[1]
    low_hz, high_hz = BREATHING_HZ
    first = math.floor(low_hz / bin_hz)
    stop = min(n - 1, math.ceil(high_hz / bin_hz) + 1)
    k = first + rows[:, first:stop].argmax(axis=1)
    at = np.arange(len(rows)) * n + k
    left, here, right = (np.sqrt(rows.ravel()[at + side]) for side in (-1, 0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        peak_hz = (k + 0.5 * (left - right) / (left - 2 * here + right)) * bin_hz
        found = (here > left) & (here >= right) & (here > NO_PEAK)
        found &= (peak_hz >= low_hz) & (peak_hz <= high_hz)
    below = np.zeros((len(rows), stop - first + 1))
    np.cumsum(rows[:, first:stop], axis=1, out=below[:, 1:])
    lobe = round(lobe_hz / bin_hz)
    row = np.arange(len(rows))
    around = below[row, np.minimum(stop, k + lobe + 1) - first]
    around -= below[row, np.maximum(first, k - lobe) - first]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = around / below[:, -1]
    answer = np.stack((60 * peak_hz, share, around * bin_hz), axis=1)
    answer[~found] = np.nan
    return answer


def _logistic(share: float, curve: tuple[float, float]) -> float:
    middle, steepness = curve
    return 1 / (1 + math.exp(-steepness * (share - middle)))
