"""What sensors on a chest see of a beating heart and a breath. Sans-I/O, numbers only.

The shapes are drawn to be found by a beat detector, not to be read by a physician.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biofeedback.simulator.body import Body

BEFORE_S, AFTER_S = 0.3, 0.6
"""How far the waves of one beat reach."""

# One bump for each wave: where its top is after the R peak (s), its width (s) and its
# height (µV), of a size usual in a chest lead. The T wave is placed apart, below.
_P, _Q, _R, _S = (
    (-0.16, 0.025, 90),
    (-0.028, 0.010, -90),
    (0, 0.011, 1050),
    (
        0.030,
        0.012,
        -220,
    ),
)
_T_S, _T_WIDTH_S, _T_UV = 0.26, 0.045, 260
WANDER_UV = 40.0
"""How far the breath moves the line."""


def ecg_uv(body: Body, times_s: NDArray[np.float64]) -> list[int]:
    """Return the ECG in µV at ``times_s``, which ascend."""
    beats = body.beats(times_s[0] - AFTER_S, times_s[-1] + BEFORE_S)
    total = WANDER_UV * np.array([body.breath(float(t))[0] - 0.5 for t in times_s])
    for beat_s in beats:
        since_s = times_s - beat_s
        for at_s, width_s, height_uv in (_P, _Q, _R, _S):
            total += height_uv * np.exp(-0.5 * ((since_s - at_s) / width_s) ** 2)
        total += _T_UV * np.exp(-0.5 * ((since_s - _T_S) / _T_WIDTH_S) ** 2)
    return [round(float(value)) for value in total]


LEAN_MG = (30.0, -180.0, 980.0)
"""Gravity, as the strap sits on a chest that sits upright."""
BREATH_MG = (4.0, 22.0, 9.0)
"""How a full breath tilts the strap."""
TREMOR_MG = 7.0
"""How the chest trembles at each beat."""


def acc_mg(
    body: Body, times_s: NDArray[np.float64], noise: np.random.Generator
) -> tuple[tuple[int, int, int], ...]:
    """Return the acceleration in mG along x, y, z at ``times_s``, which ascend."""
    full = np.array([body.breath(float(t))[0] for t in times_s])
    tremor = np.zeros_like(times_s)
    for beat_s in body.beats(times_s[0] - AFTER_S, times_s[-1]):
        since_s = times_s - beat_s
        tremor += np.where(
            since_s >= 0,
            TREMOR_MG * np.exp(-since_s / 0.06) * np.sin(2 * math.pi * 18 * since_s),
            0.0,
        )
    axes = [
        lean + tilt * full + noise.normal(0.0, 1.5, len(times_s))
        for lean, tilt in zip(LEAN_MG, BREATH_MG, strict=True)
    ]
    axes[2] = axes[2] + tremor
    return tuple(
        (round(float(x)), round(float(y)), round(float(z)))
        for x, y, z in zip(*axes, strict=True)
    )


def mean_bpm(rr_1024: Sequence[int]) -> int:
    """Return the heart rate of these intervals; 0 without any."""
    return round(60 * 1024 * len(rr_1024) / sum(rr_1024)) if rr_1024 else 0
