"""Time-domain metrics of one window. (First version; see docs/signal.md.)"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import WindowMetrics

MIN_COVERAGE = 0.5
MIN_NN = 10
"""Too few intervals say nothing about variability."""


def window_metrics(
    rr_ms: NDArray[np.float64],
    normal: NDArray[np.bool_],
    adjacent: NDArray[np.bool_],
    *,
    length_ms: float,
    covered_ms: float,
    complete: bool,
) -> WindowMetrics:
    """Return the metrics of the intervals ``rr_ms`` in a window.

    Parameters
    ----------
    rr_ms
        All intervals of the window, shape (n,), in ms.
    normal
        Which of them are NN.
    adjacent
        Which of them directly follow the interval before them, shape (n,).
    length_ms, covered_ms
        The window, and how much of it NN intervals fill.
    complete
        Whether the session has lasted as long as the window.
    """
    nn = rr_ms[normal]
    pair = adjacent[1:] & normal[1:] & normal[:-1]
    diff = np.diff(rr_ms)[pair]
    coverage = min(covered_ms / length_ms, 1.0)
    enough = complete and coverage >= MIN_COVERAGE and nn.size >= MIN_NN
    has_hr = covered_ms >= 10_000
    return WindowMetrics(
        coverage=coverage,
        n_nn=int(nn.size),
        artefact_pct=float(100 * (1 - normal.mean())) if normal.size else 0.0,
        hr_bpm=float(60_000 / nn.mean()) if has_hr and nn.size else None,
        rmssd_ms=float(np.sqrt(np.mean(diff**2))) if enough and diff.size else None,
        sdnn_ms=float(nn.std(ddof=1)) if enough else None,
        pnn50_pct=(
            float(100 * np.count_nonzero(np.abs(diff) > 50) / (diff.size + 1))
            if enough and diff.size
            else None
        ),
    )
