"""Hearts to measure with: breathing at 0.1 Hz with noise, on the 1/1024 s grid."""

from __future__ import annotations

from functools import cache

import numpy as np

from biofeedback.model import Beat
from biofeedback.signal.series import Floats

NS_PER_S = 1_000_000_000


@cache
def beats(length_s: float, seed: int) -> tuple[Beat, ...]:
    """Return ``length_s`` seconds of one heart."""
    random = np.random.default_rng(seed)
    found: list[Beat] = []
    counts, t_s = 0, 0.0
    while t_s < length_s:
        rr = 855 + 60 * np.sin(0.2 * np.pi * t_s + seed) + random.normal(0, 15)
        count = round(rr * 1.024)
        counts += count
        t_s = counts / 1024
        found.append(
            Beat(
                index=len(found),
                segment=0,
                t_ns=round(t_s * NS_PER_S),
                rr_ms=count * 125 / 128,
                uncertainty_ms=0.0,
            )
        )
    return tuple(found)


def rr_ms(length_s: float, seed: int = 0) -> Floats:
    """Return the same heart's intervals."""
    return np.array([beat.rr_ms for beat in beats(length_s, seed)])
