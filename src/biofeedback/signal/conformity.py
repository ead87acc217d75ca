"""Ours beside NeuroKit2's: what the referee is asked, and how far the answers are."""

from __future__ import annotations

import numpy as np

from biofeedback.model import RefereeValues, Value
from biofeedback.signal.frequency_domain import welch_300
from biofeedback.signal.interpolation import quadratic
from biofeedback.signal.lane import Lane
from biofeedback.signal.resampling import RATE_HZ
from biofeedback.signal.series import UNITS_PER_S, Floats

MIN_NN = 10
LF_WINDOW_S = 300
"""Shorter windows have no LF: NeuroKit2 drops what is below 4/T (§4.2)."""


class RefereeWindow(Value, frozen=True):
    """One live window as NeuroKit2 gets it, and what the engine made of it.

    ``nn_t_s`` is the beat clock (summed RR), never arrival times: NeuroKit2 takes a
    mismatch of more than 10 ms between times and intervals for a gap.
    """

    window_s: int
    nn_ms: tuple[float, ...]
    nn_t_s: tuple[float, ...]
    ours: RefereeValues


def referee_window(lane: Lane, end: int, window_s: int) -> RefereeWindow | None:
    """Return a live window for the referee; ``None`` if it holds too few NN.

    Unlike the live metrics it is not gated: it compares two programs on the same
    intervals, it does not describe a person.
    """
    window = lane.series.on_clock(end - window_s * UNITS_PER_S, end)
    normal = window.normal
    if np.count_nonzero(normal) < MIN_NN:
        return None
    nn_ms = window.rr_ms[normal]
    nn_t_s = (window.clock[normal] - window.clock[0]) / UNITS_PER_S
    numbers = lane.ungated(end, window_s * UNITS_PER_S)
    lf_ms2 = hf_ms2 = None
    if window_s >= LF_WINDOW_S:
        lf_ms2, hf_ms2 = welch_300(even_samples(nn_ms, nn_t_s))
    return RefereeWindow(
        window_s=window_s,
        nn_ms=tuple(nn_ms.tolist()),
        nn_t_s=tuple(nn_t_s.tolist()),
        ours=RefereeValues(
            hr_bpm=numbers.hr_bpm,
            rmssd_ms=numbers.rmssd_ms,
            sdnn_ms=numbers.sdnn_ms,
            pnn50_pct=numbers.pnn50_pct,
            lf_ms2=lf_ms2,
            hf_ms2=hf_ms2,
        ),
    )


def even_samples(nn_ms: Floats, nn_t_s: Floats) -> Floats:
    """Resample NN to 4 Hz with NeuroKit2's quadratic spline and its grid."""
    step_s = 1 / RATE_HZ
    begin_s, end_s = float(nn_t_s[0]), float(nn_t_s[-1])
    at = np.arange(begin_s, end_s + step_s, step_s)  # may end a step behind
    samples = quadratic(nn_t_s, nn_ms, np.minimum(at, end_s))
    samples[at > end_s] = nn_ms[-1]
    return samples


def differences(ours: RefereeValues, theirs: RefereeValues) -> dict[str, float]:
    """Return the absolute difference of each value that both have, in its own unit."""
    pairs = {
        name: (getattr(ours, name), getattr(theirs, name))
        for name in RefereeValues.__struct_fields__
    }
    return {
        name: abs(own - other)
        for name, (own, other) in pairs.items()
        if own is not None and other is not None
    }


def max_difference(ours: RefereeValues, theirs: RefereeValues) -> float | None:
    """Return the largest of :func:`differences`; ``None``: nothing to compare."""
    return max(differences(ours, theirs).values(), default=None)
