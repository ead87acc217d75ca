"""The offset between two clocks that see the same beats, found by their pattern."""

from __future__ import annotations

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.series import Flags, Floats, Ints

TOLERANCE_MS = 150.0
"""How far apart two detections of one beat may lie (ANSI/AAMI EC57)."""

CHUNK = 48
"""Beats that share one offset: so few that no two clocks part meanwhile (by 500 ppm,
24 ms), so many that no other offset fits them as well."""

LEAST_BEATS = 16
"""Fewer have no pattern to be recognised by."""

_STEP_MS = 25.0
_PROBED = 8
"""Chunks that are looked for everywhere."""
_CANDIDATES = 6
_APART_MS = 300.0
"""Offsets closer than this are one: no two beats lie so close."""
_TRACKED_MS = 250.0
"""How far the offset moves from one chunk to the next at the most."""
_TRUSTED = 0.5
_CERTAIN = 1.5
"""How much worse the next best offset must fit."""


class _Fit(Value, frozen=True):
    """An offset, how badly it fits (0 to 1) and how much worse the next best does."""

    offset_ms: float
    misfit: float
    margin: float = 0.0


def lock(
    peaks: Floats,
    run: Floats,
    span_ms: tuple[float, float],
    searched_ms: tuple[float, float],
) -> tuple[Floats, Floats, bool] | None:
    """Return centres and offsets of chunks of the run, and whether they are certain.

    The chunk that is recognised best is looked for everywhere; from there the offset is
    followed to both sides, so that a part in which one detector failed leads nobody
    astray.
    """
    chunks = np.array_split(run, max(1, len(run) // CHUNK))
    probed = np.unique(np.linspace(0, len(chunks) - 1, _PROBED).astype(np.int64))
    tries = np.arange(*searched_ms, _STEP_MS)
    found = [
        (fit.margin, number, fit)
        for number in probed.tolist()
        if (fit := _best(peaks, chunks[number], span_ms, tries)) is not None
    ]
    if not found:
        return None
    _, seed, fit = max(found, key=lambda each: each[0])
    offsets = np.full(len(chunks), fit.offset_ms)
    for numbers in (range(seed - 1, -1, -1), range(seed + 1, len(chunks))):
        last_ms = fit.offset_ms
        for number in numbers:
            near = last_ms + np.arange(-_TRACKED_MS, _TRACKED_MS + 1, _STEP_MS)
            here = _best(peaks, chunks[number], span_ms, near)
            if here is not None and here.misfit < _TRUSTED:
                last_ms = here.offset_ms
            offsets[number] = last_ms
    centres = np.array([chunk.mean() for chunk in chunks])
    return centres, offsets, fit.margin >= _CERTAIN


def _best(
    peaks: Floats, chunk: Floats, span_ms: tuple[float, float], tries: Floats
) -> _Fit | None:
    """Return the best of ``tries``, to the millisecond; ``None`` without enough ECG."""
    misfit = _misfits(peaks, chunk - tries[:, None], span_ms)
    fits: list[_Fit] = []
    while len(fits) < _CANDIDATES and np.isfinite(misfit).any():
        rough_ms = float(tries[np.argmin(misfit)])
        fits.append(_settled(peaks, chunk, span_ms, rough_ms))
        misfit[np.abs(tries - rough_ms) < _APART_MS] = np.inf
    if not fits:
        return None
    # Of those that fit alike, the shortest delay.
    fits.sort(key=lambda fit: (round(fit.misfit, 2), abs(fit.offset_ms)))
    best = fits[0]
    others = [
        fit.misfit
        for fit in fits
        if abs(fit.offset_ms - best.offset_ms) > _APART_MS / 2
    ]
    margin = min(others, default=1.0) / max(best.misfit, 0.01)
    return _Fit(offset_ms=best.offset_ms, misfit=best.misfit, margin=margin)


def _settled(
    peaks: Floats, chunk: Floats, span_ms: tuple[float, float], offset_ms: float
) -> _Fit:
    """Move an offset to the median of what it leaves between beats and peaks."""
    for _ in range(3):
        moved = chunk - offset_ms
        left = moved - peaks[nearest(peaks, moved)]
        close = np.abs(left) < TOLERANCE_MS
        if close.any():
            offset_ms += float(np.median(left[close]))
    misfit = _misfits(peaks, (chunk - offset_ms)[None], span_ms)
    return _Fit(offset_ms=offset_ms, misfit=min(float(misfit[0]), 1.0))


def _misfits(peaks: Floats, moved: Floats, span_ms: tuple[float, float]) -> Floats:
    """Return the misfit of each row of beats: infinite with too few inside the ECG.

    It is the mean distance to the nearest peak in tolerances, each at most 1: a beat
    without a partner counts, but no more than that.
    """
    away = np.abs(peaks[nearest(peaks, moved)] - moved) / TOLERANCE_MS
    inside = (moved >= span_ms[0]) & (moved <= span_ms[1])
    n = inside.sum(axis=1)
    misfit = np.where(inside, np.minimum(away, 1.0), 0.0).sum(axis=1) / np.maximum(n, 1)
    return np.where(n >= LEAST_BEATS, misfit, np.inf)


def nearest(among: Floats, t_ms: Floats) -> Ints:
    """Return the number of the nearest of ``among``; of two equally near the later."""
    after = np.clip(np.searchsorted(among, t_ms), 1, len(among) - 1)
    nearer: Flags = t_ms - among[after - 1] < among[after] - t_ms
    return after - nearer
