"""Breath and movement from a strap's accelerometer.

A breath tilts the strap: gravity moves by some 10–60 mG from one axis to another. What
is faster than a breath, or larger, is movement.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from biofeedback.model import Breathing
from biofeedback.signal.breathing import breathing_from_density
from biofeedback.signal.series import NS_PER_S, Floats, Ints

BLOCK_MS = 200
"""Samples are averaged over this: 5 a second remain, no tremor of the heart among
them."""

AXES = 3
MIN_S, MAX_S = 30, 64
"""How much of the newest breathing is looked at: three breaths of six a minute."""

MAX_AGE_NS = 3 * NS_PER_S
PADDED = 1024
BAND_HZ = (0.045, 0.5)

SHAKEN_MG = 30.0
"""Movement within 0.2 s (root mean square of three axes over 1 s). The tremor of heart
beats and the sensor's noise make up 3 mG in the simulated strap; walking makes 100 and
more."""

TURNED_MG = 100.0
"""Change of a 1 s mean over 2 s: a turn by 6°. Deep breaths tilt by 3° at most."""

PER_S = 1000 // BLOCK_MS
MOVING_S = 5
"""Who moved within this is moving."""


class AccBreathing:
    """Takes frames of acceleration; tells breath and movement of the newest minute.

    Memory is constant, and a sample costs the same however long the session is.
    """

    def __init__(self) -> None:
        self._size = MAX_S * PER_S
        self._blocks = np.zeros((2 * self._size, AXES + 1))  # x, y, z, variance
        self._n = 0
        self._left = np.empty((0, AXES))
        self._segment: int | None = None
        self._per_block = 0
        self._interval_ms = 0.0
        self._newest_ns = 0
        self._asked: tuple[int, Breathing | None, Ints] | None = None
        self._version = 0

    def add(
        self, t_ns: int, values: tuple[int, ...], interval_ms: float, segment: int
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        t_ns
            Time of its last sample.
        values
            mG along x, y, z for each sample, oldest first.
        interval_ms
            From sample to sample.
        segment
            A new one starts where samples are missing: all before is forgotten.
        """
        per_block = max(1, round(BLOCK_MS / interval_ms))
        if segment != self._segment or per_block != self._per_block:
            self._segment, self._per_block = segment, per_block
            self._n, self._left = 0, np.empty((0, AXES))
        self._interval_ms, self._newest_ns = interval_ms, t_ns
        frame = np.array(values, np.float64).reshape(-1, AXES)
        samples = np.concatenate((self._left, frame)) if len(self._left) else frame
        n = len(samples) // per_block
        self._left = samples[n * per_block :]
        if not n:
            return
        for start in range(0, n, self._size):
            part = samples[start * per_block : (start + self._size) * per_block]
            self._append(part[: len(part) // per_block * per_block])
        self._version += 1

    def rate(self, now_ns: int) -> Breathing | None:
        """Return how fast the chest breathes by the newest 30 to 64 s without movement.

        ``None`` until there are 30 s of one segment without movement, or when samples
        are older than 3 s.

        Notes
        -----
        Straight line removed from each axis, one Hann window, and the spectrum of the
        axis on which most of 0.045 to 0.5 Hz lies (principal axis of the band's own
        covariance, so that slow settling of the strap does not choose it). Confidence
        as in :func:`~biofeedback.signal.breathing.breathing_from_rr`. Breaths of which
        fewer than three fit into what is looked at are not told.
        """
        if not self._fresh(now_ns):
            return None
        found, _ = self._known()
        return found

    def moving(self, now_ns: int) -> bool | None:
        """Say whether there was movement within the last 5 s; ``None``: unknown."""
        if not self._fresh(now_ns) or self._n < MOVING_S * PER_S:
            return None
        _, moved = self._known()
        return bool(len(moved)) and int(moved[-1]) >= self._held - MOVING_S * PER_S

    @property
    def _held(self) -> int:
        return min(self._n, self._size)

    def _fresh(self, now_ns: int) -> bool:
        return self._n > 0 and now_ns - self._newest_ns <= MAX_AGE_NS

    def _append(self, samples: Floats) -> None:
        blocks = samples.reshape(-1, self._per_block, AXES)
        means = blocks.sum(axis=1) / self._per_block
        apart = blocks - means[:, None]
        n, size = len(means), self._size
        if self._n + n > 2 * size:
            self._blocks[:size] = self._blocks[self._n - size : self._n].copy()
            self._n = size
        rows = self._blocks[self._n : self._n + n]
        rows[:, :AXES] = means
        rows[:, AXES] = (apart * apart).sum(axis=(1, 2)) / self._per_block
        self._n += n

    def _known(self) -> tuple[Breathing | None, Ints]:
        """Return the breath, and which of the blocks held moved, once for each."""
        if self._asked is None or self._asked[0] != self._version:
            held = self._blocks[self._n - self._held : self._n]
            moved = _moved(held)
            still = held[int(moved[-1]) + 1 :] if len(moved) else held
            block_s = self._per_block * self._interval_ms / 1000
            self._asked = (self._version, _rate(still[:, :AXES], block_s), moved)
        return self._asked[1], self._asked[2]


def _moved(blocks: Floats) -> Ints:
    """Return at which blocks, shape (n, 4), there was movement."""
    n = len(blocks)
    if n < PER_S:
        return np.empty(0, np.int64)
    below = np.zeros((n + 1, AXES + 1))
    np.cumsum(blocks, axis=0, out=below[1:])
    second = (below[PER_S:] - below[:-PER_S]) / PER_S  # of the second up to each block
    moved = second[:, AXES] > SHAKEN_MG**2
    turned = second[2 * PER_S :, :AXES] - second[: -2 * PER_S, :AXES]
    moved[2 * PER_S :] |= (turned * turned).sum(axis=1) > TURNED_MG**2
    return np.flatnonzero(moved) + PER_S - 1


def _rate(tilt_mg: Floats, block_s: float) -> Breathing | None:
    """Return the breath in block means, shape (n, 3)."""
    n = len(tilt_mg)
    length_s = n * block_s
    if length_s < MIN_S:
        return None
    window, line = _window(n)
    level = tilt_mg - tilt_mg.sum(axis=0) / n
    level -= line[:, None] * (line @ level)
    lines = np.fft.rfft((level * window[:, None]).T, PADDED)
    bin_hz = 1 / (PADDED * block_s)
    low, high = (round(hz / bin_hz) for hz in BAND_HZ)
    band = lines[:, low : high + 1]
    _, axes = np.linalg.eigh((band @ band.conj().T).real)
    along = axes[:, -1] @ lines[:, : high + 3]
    density = along.real**2 + along.imag**2
    found = breathing_from_density(density, bin_hz, 2 / length_s)
    if found is None or found.breaths_per_min * length_s < 3 * 60:
        return None
    return found


@lru_cache(8)
def _window(n: int) -> tuple[Floats, Floats]:
    """Return a Hann window of n, and a line of unit length."""
    ramp = np.arange(n, dtype=np.float64)
    time = ramp - (n - 1) / 2
    line: Floats = time / math.sqrt(float(time @ time))
    window: Floats = 0.5 - 0.5 * np.cos(2 * np.pi * ramp / n)
    return window, line
