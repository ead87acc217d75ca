"""Timing calls, and what the machine itself needs for the bare minimum."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np


def median_us(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of ``call`` in µs, after one call to warm up."""
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def floor_us(n_sessions: int) -> dict[str, float]:
    """Return what one session costs at the least, in µs: transform and memory.

    The bare transform of one 64 s segment, padded as the engine's, and a copy of what a
    tick reads of a session: its segment, and nine rows of sums.
    """
    samples = np.random.default_rng(0).normal(0, 30, (n_sessions, 256))
    read = np.zeros((n_sessions, 256 + 9 * 8))
    target = np.empty_like(read)
    transform = median_us(lambda: np.fft.rfft(samples, 512), 15)
    copy = median_us(lambda: np.copyto(target, read), 15)
    return {"rfft_us": transform / n_sessions, "copy_us": copy / n_sessions}
