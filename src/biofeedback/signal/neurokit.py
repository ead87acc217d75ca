"""NeuroKit2 as referee and for the full analysis: the only file that imports it.

It takes seconds and two hundred MiB to import, so it is imported inside the functions,
which run in a worker process and take and return plain values. What NeuroKit2 0.2.13
gets wrong on the way, and how it is avoided, stands in ``docs/signal.md``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import RefereeValues

RATE_HZ = 4
"""Passed always: the default of 100 Hz and ``normalize=True`` give other numbers."""

ADJACENT_MS = 10.0
"""NeuroKit2's tolerance between the distance of two beats and their interval."""

NONLINEAR_BEATS = 600
"""Non-linear measures take time that grows with the square of the beats (0.2 s for
350), so they are computed on the last ten minutes or so, and the result says so."""

LEAST_ECG_S = 3.0
"""NeuroKit2's filters and means raise errors on less than about a second."""

LEAST_KURTOSIS = 4.0
"""Of a filtered ECG. Noise has 3, and the detector would find beats in it; an ECG has
more than 5 (Li, Mark & Clifford 2008, Physiol Meas 29:15), less when the heart is fast.
The worst 10 s of a Polar H10 with premature beats have 7.3."""

MOST_PINNED = 0.25
"""The share of samples that may be the highest or the lowest of all. Clipped R waves
are a few in a hundred; more is an amplifier that rests on its limits."""


def referee(nn_ms: Sequence[float], nn_t_s: Sequence[float]) -> RefereeValues:
    """Return NeuroKit2's values for NN intervals on the beat clock.

    Parameters
    ----------
    nn_ms
        NN intervals in ms.
    nn_t_s
        Beat times in s by summed RR: NeuroKit2 takes two neighbours for adjacent only
        if their times differ by the interval, to 10 ms.
    """
    time = _time(nn_ms, nn_t_s)
    frequency = _frequency(nn_ms, nn_t_s)
    mean_ms = time.get("MeanNN")
    return RefereeValues(
        hr_bpm=60_000 / mean_ms if mean_ms else None,
        rmssd_ms=time.get("RMSSD"),
        sdnn_ms=time.get("SDNN"),
        pnn50_pct=time.get("pNN50"),
        lf_ms2=frequency.get("LF"),
        hf_ms2=frequency.get("HF"),
    )


def full_analysis(nn_ms: Sequence[float], nn_t_s: Sequence[float]) -> dict[str, object]:
    """Return all of NeuroKit2's HRV indices, in names of its own, ready for JSON.

    ``None`` stands for what it could not compute. The non-linear indices are those of
    the last ``nonlinear_beats`` intervals. Its spectrum bridges the ``n_bridged`` gaps.
    """
    import neurokit2

    last = slice(-NONLINEAR_BEATS, None)
    apart_ms = 1000 * np.diff(np.array(nn_t_s)) - np.array(nn_ms)[1:]
    return {
        "neurokit2": str(neurokit2.__version__),
        "parameters": {"normalize": False, "interpolation_rate_hz": RATE_HZ},
        "n_nn": len(nn_ms),
        "n_bridged": int(np.count_nonzero(apart_ms > ADJACENT_MS)),
        "time": _time(nn_ms, nn_t_s),
        "frequency": _frequency(nn_ms, nn_t_s),
        "nonlinear": _nonlinear(nn_ms[last], nn_t_s[last]),
        "nonlinear_beats": min(len(nn_ms), NONLINEAR_BEATS),
    }


def r_peaks(
    ecg_uv: Sequence[float] | NDArray[np.generic], rate_hz: float
) -> tuple[int, ...]:
    """Return where NeuroKit2's detector finds R peaks: indices of samples.

    Parameters
    ----------
    ecg_uv
        Raw samples of one unbroken stretch, shape (N,), in any unit.
    rate_hz
        Of the samples; nominal will do.

    Returns
    -------
    ``ecg_findpeaks(method="neurokit")`` on ``ecg_clean(method="neurokit")``, nothing
    corrected, ascending. Empty where there is nothing to detect in: too short, flat,
    saturated (:data:`MOST_PINNED`), or shaped like noise (:data:`LEAST_KURTOSIS`).
    :func:`biofeedback.signal.ecg.refine` places peaks between the samples.
    """
    import neurokit2

    samples = np.asarray(ecg_uv, np.float64)
    if len(samples) < LEAST_ECG_S * rate_hz or not np.isfinite(samples).all():
        return ()
    pinned = (samples == samples.max()) | (samples == samples.min())
    if pinned.mean() > MOST_PINNED:
        return ()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            clean = np.asarray(neurokit2.ecg_clean(samples, sampling_rate=rate_hz))
            if not _kurtosis(clean) >= LEAST_KURTOSIS:
                return ()
            found = neurokit2.ecg_findpeaks(clean, sampling_rate=rate_hz)
        except (ValueError, TypeError, IndexError):
            return ()
    return tuple(int(peak) for peak in found["ECG_R_Peaks"])


def _kurtosis(samples: NDArray[np.float64]) -> float:
    """Return how peaked they are: 3 for noise, NaN for nothing."""
    away = samples - samples.mean()
    return float(np.mean(away**4) / np.mean(away**2) ** 2)


def _time(nn_ms: Sequence[float], nn_t_s: Sequence[float]) -> dict[str, float | None]:
    import neurokit2

    return _ask(neurokit2.hrv_time, nn_ms, nn_t_s)


def _frequency(
    nn_ms: Sequence[float], nn_t_s: Sequence[float]
) -> dict[str, float | None]:
    import neurokit2

    return _ask(
        neurokit2.hrv_frequency,
        nn_ms,
        nn_t_s,
        normalize=False,
        interpolation_rate=RATE_HZ,
    )


def _nonlinear(
    nn_ms: Sequence[float], nn_t_s: Sequence[float]
) -> dict[str, float | None]:
    import neurokit2

    return _ask(neurokit2.hrv_nonlinear, nn_ms, nn_t_s)


def _ask(
    function: Callable[..., Any],
    nn_ms: Sequence[float],
    nn_t_s: Sequence[float],
    **options: object,
) -> dict[str, float | None]:
    """Call one of the ``hrv_`` functions; nothing where it cannot compute."""
    info = {"RRI": np.array(nn_ms, float), "RRI_Time": np.array(nn_t_s, float)}
    if len(nn_ms) < 4:
        return {}  # it raises IndexError or ValueError instead of answering
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            row = function(info, **options).iloc[0]
        except (ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError):
            return {}
    return {
        str(name).removeprefix("HRV_"): float(value) if math.isfinite(value) else None
        for name, value in row.items()
    }
