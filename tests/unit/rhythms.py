"""Intervals with known answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from biofeedback.model import Beat, Interval
from biofeedback.signal.artefacts import judge_all
from biofeedback.signal.fleet import Fleet
from biofeedback.signal.lane import Lane
from biofeedback.signal.series import Series


def beats(rr_ms: Sequence[float], segments: Sequence[int] | None = None) -> list[Beat]:
    """Beats one after the other from 0; a new segment follows without lost time."""
    times = np.cumsum(np.asarray(rr_ms, float))
    return [
        Beat(
            index=i,
            segment=0 if segments is None else segments[i],
            t_ns=round(times[i] * 1e6),
            rr_ms=float(rr),
            uncertainty_ms=0.0,
        )
        for i, rr in enumerate(rr_ms)
    ]


def judged(
    rr_ms: Sequence[float], segments: Sequence[int] | None = None
) -> tuple[Interval, ...]:
    return judge_all(beats(rr_ms, segments))


def series(rr_ms: Sequence[float], segments: Sequence[int] | None = None) -> Series:
    return Series.of(judged(rr_ms, segments))


def lane_of(intervals: Iterable[Interval], fleet: Fleet | None = None) -> Lane:
    """A lane that was given these judgements."""
    lane = (fleet or Fleet()).open()
    for interval in intervals:
        lane.take(interval)
    return lane


def on_grid(rr_ms: float) -> float:
    """Round to 1/1024 s, as the Heart Rate Service sends it."""
    return round(rr_ms * 1.024) / 1.024


def modulated(rr_at: Callable[[float], float], length_s: float) -> list[float]:
    """Intervals that follow a function of the time each begins at."""
    t, found = 0.0, []
    while t < length_s:
        rr = rr_at(t)
        found.append(rr)
        t += rr / 1000
    return found


def sine(
    hz: float,
    *,
    amplitude_ms: float,
    length_s: float,
    noise_ms: float = 0,
    seed: int = 0,
) -> list[float]:
    random = np.random.default_rng(seed)
    return modulated(
        lambda t: on_grid(
            900 + amplitude_ms * np.sin(2 * np.pi * hz * t) + random.normal(0, noise_ms)
        ),
        length_s,
    )


def rest(n: int, seed: int = 0) -> list[float]:
    """Clean resting intervals on the 1/1024 s grid."""
    random = np.random.default_rng(seed)
    return [on_grid(rr) for rr in 850 + random.normal(0, 25, n)]


def annotated_beats(path: Path) -> tuple[list[float], list[bool]]:
    """RR (ms) and prematurity of their beats from a WFDB annotation file at 360 Hz.

    Two bytes each: six bits of type, ten of time; types 59 to 63 steer.
    """
    data = path.read_bytes()
    at, sample, previous = 0, 0, None
    rr_ms: list[float] = []
    premature: list[bool] = []
    while at + 1 < len(data):
        word = data[at] | data[at + 1] << 8
        at += 2
        kind, value = word >> 10, word & 0x3FF
        if word == 0:
            break
        if kind == 59:
            high, low = data[at] | data[at + 1] << 8, data[at + 2] | data[at + 3] << 8
            sample += high << 16 | low
            at += 4
        elif kind == 63:
            at += value + (value & 1)
        elif kind < 59:
            sample += value
            if kind in (1, 5, 8):  # N, V, A
                if previous is not None:
                    rr_ms.append((sample - previous) / 0.36)
                    premature.append(kind != 1)
                previous = sample
    return rr_ms, premature
