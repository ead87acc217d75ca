"""Spectra of NN intervals: the 64 s segment that everything is read from.

A live spectrum is one such segment; a longer one is the mean of segments that overlap
by half (Welch 1967, IEEE Trans Audio Electroacoust 15:70). Recipes stand in
``docs/signal.md``; a power without its recipe means nothing, tools differ by a quarter
on the same data.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import accumulate, pairwise

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.resampling import RATE_HZ
from biofeedback.signal.series import Complexes, Floats

SEGMENT_S = 64
SAMPLES = SEGMENT_S * RATE_HZ
HOP = SAMPLES // 2

PADDED = 2 * SAMPLES
"""Zero-padded to this, so a peak can be read between the bins of 64 s, 0.0156 Hz
apart."""

BIN_HZ = RATE_HZ / PADDED
BINS = 53
"""Up to the first bin above 0.4 Hz; what is faster is no one's business here."""

LF_HZ = (0.04, 0.15)
HF_HZ = (0.15, 0.40)
TOTAL_HZ = (0.0033, 0.40)
PEAK_HZ = (0.04, 0.26)
"""2.4 to 15.6 breaths a minute: all paces on offer up to a calm natural breath."""

_PEAK_BINS = (math.ceil(PEAK_HZ[0] / BIN_HZ), math.floor(PEAK_HZ[1] / BIN_HZ) + 1)

PEAK_HALF_WIDTH_HZ = 0.015
NO_PEAK = 1e-6
"""An amplitude (ms/√Hz) below this is the rounding of an even heart."""

MAX_FLAGGED_SHARE = 0.05
"""More flagged intervals than this and a spectrum is mostly interpolation (§4.8)."""

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


def psd_64(samples_ms: Floats) -> Floats:
    """Return the one-sided power spectral density (ms²/Hz) of 64 s segments.

    Straight line removed, one periodic Hann window, zero-padded to 512.

    Parameters
    ----------
    samples_ms
        NN at 4 Hz in ms, shape (..., 256): any number of segments at once.

    Returns
    -------
    Shape (..., 53): 0 to 0.40625 Hz in steps of 1/128 Hz. A segment's row has the same
    bits alone and among others.

    Notes
    -----
    Equal to ``scipy.signal.welch(x, 4, "hann", nperseg=256, nfft=512,
    detrend="linear")`` to 1e-12 relative. ``numpy.fft`` gives a row the same bits
    however many there are, which ``scipy.fft`` does not at all lengths.

    Examples
    --------
    A sine of 60 ms at 0.1 Hz has a power of 60²/2 ms²:

    >>> sine = 60 * np.sin(2 * np.pi * 0.1 * np.arange(256) / 4)
    >>> lf_ms2, hf_ms2, peak_hz, ratio = describe(psd_64(sine)).tolist()
    >>> round(lf_ms2), round(peak_hz, 3)
    (1800, 0.1)
    """
    if samples_ms.ndim == 1:
        return _psd_64_of_one(samples_ms)
    time, window, level_of, slope_of, norm = _shape()
    level = samples_ms.sum(axis=-1, keepdims=True) / SAMPLES
    slope = (samples_ms * time).sum(axis=-1, keepdims=True)
    transform = np.fft.rfft(samples_ms * window, PADDED)[..., :BINS]
    # The straight line is taken out of the transform, where it is 53 numbers, not 256.
    transform = transform - (level * level_of + slope * slope_of)
    density: Floats = transform.real**2 + transform.imag**2
    density *= norm
    return density


def _psd_64_of_one(samples_ms: Floats) -> Floats:
    """Return :func:`psd_64` of one segment: the same steps, in fewer calls."""
    time, window, level_of, slope_of, norm = _shape()
    level = float(np.add.reduce(samples_ms)) / SAMPLES
    slope = float(np.add.reduce(samples_ms * time))
    transform = np.fft.rfft(samples_ms * window, PADDED)[:BINS]
    line = level_of * level
    line += slope_of * slope
    transform -= line
    real, imag = transform.real, transform.imag
    density: Floats = real * real
    density += imag * imag
    density *= norm
    return density


LF, HF, PEAK, RATIO = range(4)


def describe(density: Floats) -> Floats:
    """Read bands, peak and ratio off densities of :func:`psd_64`.

    Between bins a density is a straight line, so bands end where they say. The peak is
    the highest local maximum in 0.04 to 0.26 Hz, placed by a parabola through the
    amplitudes of three bins (within 0.00012 Hz on a pure sine).

    Returns
    -------
    Shape (..., 4): LF and HF in ms², the peak in Hz, the coherence ratio; NaN where
    there is no peak.
    """
    rows = density.reshape(-1, BINS)
    below = np.zeros_like(rows)
    np.cumsum((rows[:, 1:] + rows[:, :-1]) * (BIN_HZ / 2), axis=1, out=below[:, 1:])
    found = np.empty((len(rows), 4))
    found[:, LF] = _between(rows, below, LF_HZ)
    found[:, HF] = _between(rows, below, HF_HZ)
    peak_hz = found[:, PEAK] = _peaks_hz(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        around = _up_to(rows, below, peak_hz + PEAK_HALF_WIDTH_HZ)
        around -= _up_to(rows, below, peak_hz - PEAK_HALF_WIDTH_HZ)
        rest = _between(rows, below, TOTAL_HZ) - around
        found[:, RATIO] = np.where(rest > 0, around / rest, np.nan)
    return found.reshape(*density.shape[:-1], 4)


def describe_one(density: Floats) -> Spectrum:
    """Return what :func:`describe` reads off one density, shape (53,): the same bits.

    For one person: some twenty operations on numbers take a tenth of the time that as
    many on arrays of one row do.
    """
    row: list[float] = density.tolist()
    half = BIN_HZ / 2
    steps = [(here + before) * half for before, here in pairwise(row)]
    below = list(accumulate(steps, initial=0.0))

    def up_to(hz: float) -> float:
        k = int(hz / BIN_HZ)
        share = hz / BIN_HZ - k
        bend = 0.5 * share * (row[k + 1] - row[k])
        return below[k] + BIN_HZ * share * (row[k] + bend)

    middle = up_to(LF_HZ[1])  # where HF begins as well
    highest = up_to(HF_HZ[1])  # and where the total ends
    lf_ms2, hf_ms2 = middle - up_to(LF_HZ[0]), highest - middle
    first, stop = _PEAK_BINS
    k = row.index(max(row[first:stop]), first)
    left, here, right = map(math.sqrt, row[k - 1 : k + 2])
    if not (here > left and here >= right and here > NO_PEAK):
        return Spectrum(lf_ms2=lf_ms2, hf_ms2=hf_ms2)
    peak_hz = (k + 0.5 * (left - right) / (left - 2 * here + right)) * BIN_HZ
    around = up_to(peak_hz + PEAK_HALF_WIDTH_HZ)
    around -= up_to(peak_hz - PEAK_HALF_WIDTH_HZ)
    rest = (highest - up_to(TOTAL_HZ[0])) - around
    return Spectrum(
        lf_ms2=lf_ms2,
        hf_ms2=hf_ms2,
        lf_peak_hz=peak_hz,
        coherence_ratio=around / rest if rest > 0 else None,
    )


def spectrum_of(described: Floats) -> Spectrum:
    """Return one row of :func:`describe` as a value."""
    lf, hf, peak, ratio = (known(value) for value in described.tolist())
    return Spectrum(lf_ms2=lf, hf_ms2=hf, lf_peak_hz=peak, coherence_ratio=ratio)


def known(value: float) -> float | None:
    """Return ``None`` for NaN, which stays inside NumPy."""
    return None if math.isnan(value) else value


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
def _shape() -> tuple[Floats, Floats, Complexes, Complexes, Floats]:
    """Return time, window, the transforms of level and slope 1, and the norm."""
    ramp = np.arange(SAMPLES, dtype=np.float64)
    time: Floats = ramp - (SAMPLES - 1) / 2
    window: Floats = 0.5 - 0.5 * np.cos(2 * np.pi * ramp / SAMPLES)
    level = np.fft.rfft(window, PADDED)[:BINS]
    slope = np.fft.rfft(window * time / float((time * time).sum()), PADDED)[:BINS]
    norm = np.full(BINS, 2 / (RATE_HZ * float((window * window).sum())))
    norm[0] /= 2
    return time, window, level, slope, norm


def _between(rows: Floats, below: Floats, band_hz: tuple[float, float]) -> Floats:
    """Return the power of each row in a band."""
    low, high = (_up_to_bin(rows, below, hz) for hz in band_hz)
    power: Floats = high - low
    return power


def _up_to_bin(rows: Floats, below: Floats, hz: float) -> Floats:
    k = int(hz / BIN_HZ)
    share = hz / BIN_HZ - k
    bend = 0.5 * share * (rows[:, k + 1] - rows[:, k])
    power: Floats = below[:, k] + BIN_HZ * share * (rows[:, k] + bend)
    return power


def _up_to(rows: Floats, below: Floats, hz: Floats) -> Floats:
    """Return the power of each row up to a frequency of its own."""
    there_is = ~np.isnan(hz)
    position = np.where(there_is, hz, 0.0) / BIN_HZ
    k = position.astype(np.int64)
    share = position - k
    at = np.arange(len(rows)) * BINS + k
    here, there = rows.ravel()[at], rows.ravel()[at + 1]
    bend = 0.5 * share * (there - here)
    power = below.ravel()[at] + BIN_HZ * share * (here + bend)
    return np.where(there_is, power, np.nan)


def _peaks_hz(rows: Floats) -> Floats:
    first = math.ceil(PEAK_HZ[0] / BIN_HZ)
    stop = math.floor(PEAK_HZ[1] / BIN_HZ) + 1
    k = first + np.argmax(rows[:, first:stop], axis=1)
    at = np.arange(len(rows)) * BINS + k
    left, here, right = (np.sqrt(rows.ravel()[at + side]) for side in (-1, 0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        place = k + 0.5 * (left - right) / (left - 2 * here + right)
    # At the band's edge the peak lies outside, or there is none.
    inside = (here > left) & (here >= right) & (here > NO_PEAK)
    return np.where(inside, place * BIN_HZ, np.nan)


def _trapezoid(
    hz: Floats, density: Floats, low_hz: float, high_hz: float
) -> float | None:
    band = (hz >= low_hz) & (hz < high_hz)
    if not band.any():
        return None
    return float(np.trapezoid(density[band], hz[band]))
