"""Spectra of NN intervals: 64 s for the live view, 300 s for the referee.

Recipes stand in ``docs/signal.md``; a power without its recipe means nothing, tools
differ by a quarter on the same data.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.interpolation import cubic
from biofeedback.signal.series import NS_PER_S, Floats, Series

RATE_HZ = 4.0
SEGMENT_S = 64
SAMPLES = int(SEGMENT_S * RATE_HZ)
PADDED = 2048
"""Zero-padded length: 0.002 Hz between bins, so a peak can be read between those of
64 s (0.0156 Hz apart)."""

LF_HZ = (0.04, 0.15)
HF_HZ = (0.15, 0.40)
TOTAL_HZ = (0.0033, 0.40)
PEAK_HZ = (0.04, 0.26)
"""2.4 to 15.6 breaths a minute: all paces on offer up to a calm natural breath."""

PEAK_HALF_WIDTH_HZ = 0.015
MAX_FLAGGED_SHARE = 0.05
"""More flagged intervals than this and a spectrum is mostly interpolation (§4.8)."""

MAX_AGE_NS = 5 * NS_PER_S
MIN_WELCH_SAMPLES = 16

LISTENING = "A spectrum needs 64 s of beats without a gap."
FLAGGED = "More than 5 % of the last 64 s are not normal intervals."


class Spectrum(Value, frozen=True):
    """What one spectrum tells, or the ``reason`` why it tells nothing.

    ``coherence_ratio`` is P(peak ± 0.015 Hz) / (P(0.0033–0.4 Hz) − P(peak)).
    """

    lf_ms2: float | None = None
    hf_ms2: float | None = None
    lf_peak_hz: float | None = None
    coherence_ratio: float | None = None
    reason: str | None = None


def spectrum(series: Series, end_ns: int) -> Spectrum:
    """Return the spectrum of the 64 s that end with the newest beat at ``end_ns``."""
    samples, reason = segment_samples(series, end_ns)
    return Spectrum(reason=reason) if samples is None else describe(psd_64(samples))


def segment_samples(series: Series, end_ns: int) -> tuple[Floats | None, str | None]:
    """Resample the newest 64 s to 4 Hz: 256 NN values in ms, or the reason why not.

    The intervals must follow one another without a gap. Flagged ones (at most 5 %)
    are left out and the spline passes over them.
    """
    stop = int(np.searchsorted(series.t_ns, end_ns, side="right"))
    if not stop or end_ns - series.t_ns[stop - 1] > MAX_AGE_NS:
        return None, LISTENING
    # 64 s of shortest intervals are at most this many beats.
    run = series.slice(max(0, stop - 4 * SEGMENT_S), stop)
    gaps = np.flatnonzero(~run.joined)
    run = run.slice(int(gaps[-1]) if len(gaps) else 0, len(run))
    # Seconds before the newest beat; exact sums of RR.
    age_s = (run.rr_ms.sum() - np.cumsum(run.rr_ms)) / 1000
    older = np.flatnonzero(age_s >= SEGMENT_S)
    if not len(older):
        return None, LISTENING
    first = int(older[-1])
    normal = run.normal[first:]
    if np.count_nonzero(~normal) > MAX_FLAGGED_SHARE * len(normal):
        return None, FLAGGED
    at = np.arange(SAMPLES) / RATE_HZ - (SEGMENT_S - 1 / RATE_HZ)
    return cubic(-age_s[first:][normal], run.rr_ms[first:][normal], at), None


def psd_64(samples_ms: Floats) -> Floats:
    """Return the one-sided power spectral density (ms²/Hz) of 256 samples.

    Straight line removed, one Hann segment, zero-padded to 2048; shape (1025,).
    """
    time, window, norm = _shape()
    centred = samples_ms - samples_ms.sum() / SAMPLES
    centred = centred - time * float((time * centred).sum() / (time * time).sum())
    transform = np.fft.rfft(centred * window, PADDED)
    power = transform.real**2 + transform.imag**2
    power[1:-1] *= 2
    density: Floats = power * norm
    return density


def describe(density: Floats) -> Spectrum:
    """Read bands, peak and ratio off a density of :func:`psd_64`."""
    total = _power(density, *TOTAL_HZ)
    peak_hz = _peak_hz(density)
    ratio = None
    if peak_hz is not None:
        around = _power(
            density, peak_hz - PEAK_HALF_WIDTH_HZ, peak_hz + PEAK_HALF_WIDTH_HZ
        )
        ratio = around / (total - around) if total > around else None
    return Spectrum(
        lf_ms2=_power(density, *LF_HZ),
        hf_ms2=_power(density, *HF_HZ),
        lf_peak_hz=peak_hz,
        coherence_ratio=ratio,
    )


def welch_300(samples_ms: Floats) -> tuple[float | None, float | None]:
    """Return LF and HF (ms²) of evenly sampled NN (4 Hz) as NeuroKit2 0.2.13 does.

    Welch with half-length Hann segments, half overlapping, padded to twice their
    length; bins below 4 / T are dropped; the trapezoid rule over low ≤ f < high.
    Equal to ``hrv_frequency(normalize=False, interpolation_rate=4)`` on the same
    samples, and meant for that comparison.
    """
    lowest_hz = 2 * RATE_HZ / (len(samples_ms) / 2)
    n = min(int(2 / lowest_hz * RATE_HZ), len(samples_ms) // 2)
    if n < MIN_WELCH_SAMPLES:
        return None, None
    # Hann with period n, as scipy.signal.get_window gives it.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    centred = samples_ms - np.mean(samples_ms)
    starts = range(0, len(centred) - n + 1, n - n // 2)
    rows = np.stack([centred[start : start + n] * window for start in starts])
    transform = np.fft.rfft(rows, 2 * n)
    power = transform.real**2 + transform.imag**2
    power[:, 1:-1] *= 2
    mean: Floats = power.mean(axis=0)
    density = mean / (RATE_HZ * float((window * window).sum()))
    hz = np.arange(n + 1, dtype=np.float64) * (RATE_HZ / (2 * n))
    kept = hz >= lowest_hz
    return (
        _trapezoid(hz[kept], density[kept], *LF_HZ),
        _trapezoid(hz[kept], density[kept], *HF_HZ),
    )


@cache
def _shape() -> tuple[Floats, Floats, float]:
    ramp = np.arange(SAMPLES, dtype=np.float64)
    time: Floats = ramp - (SAMPLES - 1) / 2
    window: Floats = 0.5 - 0.5 * np.cos(2 * np.pi * ramp / SAMPLES)
    return time, window, 1 / (RATE_HZ * float((window * window).sum()))


def _power(density: Floats, low_hz: float, high_hz: float) -> float:
    bin_hz = RATE_HZ / PADDED
    first = max(0, math.ceil(low_hz / bin_hz))
    stop = math.ceil(high_hz / bin_hz)
    return float(density[first:stop].sum()) * bin_hz


def _peak_hz(density: Floats) -> float | None:
    """Find the highest local maximum in the band, between bins by a parabola."""
    bin_hz = RATE_HZ / PADDED
    first = math.ceil(PEAK_HZ[0] / bin_hz)
    stop = math.floor(PEAK_HZ[1] / bin_hz) + 1
    k = first + int(np.argmax(density[first:stop]))
    left, here, right = (float(p) for p in density[k - 1 : k + 2])
    if not (here > left and here >= right):
        return None  # the band's edge: the peak lies outside, or there is none
    return (k + 0.5 * (left - right) / (left - 2 * here + right)) * bin_hz


def _trapezoid(
    hz: Floats, density: Floats, low_hz: float, high_hz: float
) -> float | None:
    band = (hz >= low_hz) & (hz < high_hz)
    if not band.any():
        return None
    return float(np.trapezoid(density[band], hz[band]))
