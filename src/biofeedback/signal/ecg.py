"""R peaks of an ECG beside the RR intervals of the strap that sent it.

Both come from the same electrodes by two detectors that do not know of one another: the
strap's own, and NeuroKit2's on the samples. Where they agree, an interval is an
interval; where they do not, one of them missed a beat or took something else for one.

The two series lie on different clocks. A strap tells of a beat with a delay that is
constant but unknown (0.4–2.6 s by model), so the offset is found by what no delay
changes: the pattern of the intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Value
from biofeedback.signal.series import Flags, Floats, Ints, Series

TOLERANCE_MS = 150.0
"""How far apart two detections of one beat may lie (ANSI/AAMI EC57)."""

EDGE_MS = 1000.0
"""What is not counted at both ends of an ECG: a detector that compares with the mean
of 0.75 s has yet to see it."""

SEARCHED_MS = (-2000.0, 5000.0)
"""Where the offset is looked for: a strap's delay, less that of the samples, and what
the arrivals of a short segment leave open."""

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


class EcgBeats(Value, frozen=True):
    """R peaks of one unbroken stretch of ECG, on any clock in milliseconds.

    ``start_ms`` and ``end_ms`` are its first and last sample; ``t_ms`` ascends.
    """

    start_ms: float
    end_ms: float
    t_ms: tuple[float, ...]


class BeatAgreement(Value, frozen=True):
    """How the strap's beats compare with those of its ECG. ``None``: too few.

    Beats are counted where both series are known, for ``covered_s`` seconds.
    ``sensitivity_pct`` is the share of the ECG's beats that the strap has too,
    ``ppv_pct`` the share of the strap's beats that the ECG has too.

    ``offset_ms`` is how much later the strap's beats lie than the ECG's (the median
    beat), ``offset_range_ms`` how far that moved from one minute to another. It is
    ``certain`` if no other offset fits nearly as well: a heart that beats like a
    metronome could be off by whole beats.

    Strap minus ECG over ``n_pairs`` intervals between neighbours that both matched:
    ``rr_bias_ms`` and ``rr_sd_ms``; 95 of 100 lie in bias ± 1.96 SD (Bland & Altman
    1986). ``rmssd_*`` are of the same intervals, all of them: nothing is judged here.
    """

    n_ecg: int
    n_rr: int
    n_matched: int
    only_ecg: int
    only_rr: int
    sensitivity_pct: float | None
    ppv_pct: float | None
    covered_s: float
    offset_ms: float
    offset_range_ms: float
    certain: bool
    n_pairs: int
    rr_bias_ms: float | None
    rr_sd_ms: float | None
    rmssd_ecg_ms: float | None
    rmssd_rr_ms: float | None


def refine(
    ecg_uv: Sequence[float] | NDArray[np.generic], peaks: Sequence[int]
) -> Floats:
    """Return where between the samples the R peaks are.

    Parameters
    ----------
    ecg_uv
        The raw samples, shape (N,), in any unit: a filter would move the peak.
    peaks
        Indices that a detector gave.

    Returns
    -------
    For each peak the vertex of the parabola through the highest sample within two of
    it and that one's neighbours, in samples. Where that is no maximum (a flat top, an
    edge, a downward beat) the index as it was.

    Notes
    -----
    A strap's 130 Hz are 7.7 ms a sample. Taking whole ones makes an error of 3.1 ms
    (SD) in every RR; this leaves 0.2 ms on a drawn ECG, 0.9 against a Polar H10's RR.

    Examples
    --------
    >>> refine([0, 0, 10, 50, 40, 5, 0], [3]).round(2).tolist()
    [3.3]
    """
    x = np.asarray(ecg_uv, np.float64)
    at = np.asarray(peaks, np.int64)
    if not len(at) or len(x) < 3:
        return at.astype(np.float64)
    near = np.clip(at[:, None] + np.arange(-2, 3), 0, len(x) - 1)
    top = near[np.arange(len(at)), np.argmax(x[near], axis=1)]
    inner = np.clip(top, 1, len(x) - 2)
    before, middle, after = x[inner - 1], x[inner], x[inner + 1]
    bend = before - 2 * middle + after
    flat = np.count_nonzero(x[near] == x[top][:, None], axis=1) > 2
    peaked = (inner == top) & (middle >= before) & (middle >= after) & ~flat
    shift = 0.5 * (before - after) / np.where(peaked, bend, 1.0)
    return np.where(peaked, inner + shift, at)


def rr_runs(series: Series) -> tuple[Floats, ...]:
    """Return the strap's beats in unbroken runs, in ms on the session clock.

    Within a run beats lie exactly their RR apart, whatever happened to the estimate of
    where the run is: that is its median over the run. Each run has one beat more than
    intervals, the one that the first began with. Intervals that no heart made are left
    out as :meth:`~biofeedback.signal.series.Series.timed` leaves them out.
    """
    series = series.timed()
    bounds = [*np.flatnonzero(~series.joined).tolist(), len(series)]
    runs = []
    for first, stop in pairwise(bounds):
        rr_ms = series.rr_ms[first:stop]
        since = np.concatenate(([0.0], np.cumsum(rr_ms)))
        began_ms = np.median(series.t_ns[first:stop] / 1e6 - since[1:])
        runs.append(began_ms + since)
    return tuple(runs)


def beat_agreement(
    ecg: Iterable[EcgBeats],
    runs: Sequence[Floats],
    *,
    searched_ms: tuple[float, float] = SEARCHED_MS,
) -> BeatAgreement | None:
    """Compare two series of beats of one heart.

    Parameters
    ----------
    ecg
        R peaks, a value for each unbroken stretch.
    runs
        The strap's beats in ms in unbroken runs (:func:`rr_runs`), on a clock that is
        ``searched_ms`` later than the ECG's at the most.

    Returns
    -------
    ``None`` where no run overlaps an ECG by :data:`LEAST_BEATS` beats.

    Notes
    -----
    Each run has an offset of its own against each stretch of ECG, since every new
    connection places its beats anew; it is followed from one 48 beats to the next, as
    rounded RR and samples of a nominal rate drift apart. Two beats match if each is the
    other's nearest and they are no further apart than 150 ms, the offset taken out.

    Deviations from EC57: matching by nearest neighbours instead of in one pass (they
    differ only between beats closer than 300 ms); no learning period but the first and
    last second of a stretch; no classes of beats.

    Examples
    --------
    A strap that is 1.2 s late and missed a beat:

    >>> t = np.cumsum(800 + 40 * np.sin(np.arange(60) / 2))
    >>> ecg = EcgBeats(start_ms=0.0, end_ms=t[-1] + 500, t_ms=tuple(t))
    >>> found = beat_agreement([ecg], [np.delete(t, 30) + 1200])
    >>> found.offset_ms, found.n_ecg, found.n_matched, found.only_ecg
    (1200.0, 58, 57, 1)
    """
    parts = [
        part
        for stretch in ecg
        for run in runs
        if (part := _part(stretch, run, searched_ms)) is not None
    ]
    if not parts:
        return None
    n_ecg, n_rr, n_matched = (
        sum(counts) for counts in zip(*(part.counts for part in parts), strict=True)
    )
    offsets = np.concatenate([part.offsets for part in parts])
    rr_ms = np.concatenate([part.rr_ms for part in parts], axis=1)
    squares = np.concatenate([part.squares for part in parts], axis=1)
    apart = rr_ms[1] - rr_ms[0]
    rmssd = np.sqrt(squares.mean(axis=1)) if squares.size else None
    return BeatAgreement(
        n_ecg=n_ecg,
        n_rr=n_rr,
        n_matched=n_matched,
        only_ecg=n_ecg - n_matched,
        only_rr=n_rr - n_matched,
        sensitivity_pct=100 * n_matched / n_ecg if n_ecg else None,
        ppv_pct=100 * n_matched / n_rr if n_rr else None,
        covered_s=sum(part.covered_ms for part in parts) / 1000,
        offset_ms=float(np.median(offsets)),
        offset_range_ms=float(np.ptp(offsets)),
        certain=all(part.certain for part in parts),
        n_pairs=len(apart),
        rr_bias_ms=float(apart.mean()) if len(apart) else None,
        rr_sd_ms=float(apart.std(ddof=1)) if len(apart) > 1 else None,
        rmssd_ecg_ms=None if rmssd is None else float(rmssd[0]),
        rmssd_rr_ms=None if rmssd is None else float(rmssd[1]),
    )


class _Part(Value, frozen=True):
    """One run beside one stretch: ``rr_ms`` and ``squares`` hold ECG, strap."""

    counts: tuple[int, int, int]
    covered_ms: float
    offsets: Floats
    certain: bool
    rr_ms: Floats
    squares: Floats


def _part(
    stretch: EcgBeats, run: Floats, searched_ms: tuple[float, float]
) -> _Part | None:
    peaks = np.asarray(stretch.t_ms, np.float64)
    start_ms, end_ms = stretch.start_ms + EDGE_MS, stretch.end_ms - EDGE_MS
    reach = np.searchsorted(run, (start_ms + searched_ms[0], end_ms + searched_ms[1]))
    run = run[slice(*reach.tolist())]
    if min(len(run), len(peaks)) < LEAST_BEATS:
        return None
    locked = _lock(peaks, run, (start_ms, end_ms), searched_ms)
    if locked is None:
        return None
    centres, offsets, certain = locked
    strap = run - np.interp(run, centres, offsets)
    partner = _matched(peaks, strap)
    # Counted where both are known; a pair counts by the strap's beat.
    start_ms, end_ms = max(start_ms, strap[0]), min(end_ms, strap[-1])
    inside = (strap >= start_ms) & (strap <= end_ms)
    both = inside & (partner >= 0)
    alone = np.ones(len(peaks), np.bool_)
    alone[partner[partner >= 0]] = False
    alone &= (peaks >= start_ms) & (peaks <= end_ms)
    n_matched = int(np.count_nonzero(both))
    if n_matched < LEAST_BEATS:
        return None
    pair = both[1:] & both[:-1] & (np.diff(partner) == 1)
    rr_ms = np.array([np.diff(peaks[partner]), np.diff(run)])
    steps = np.diff(rr_ms, axis=1)[:, pair[1:] & pair[:-1]]
    return _Part(
        counts=(
            n_matched + int(np.count_nonzero(alone)),
            int(np.count_nonzero(inside)),
            n_matched,
        ),
        covered_ms=float(end_ms - start_ms),
        offsets=np.interp(run[both], centres, offsets),
        certain=certain,
        rr_ms=rr_ms[:, pair],
        squares=steps**2,
    )


def _matched(peaks: Floats, strap: Floats) -> Ints:
    """Return the number of the peak that each beat matches; -1: none."""
    nearest = _nearest(peaks, strap)
    back = _nearest(strap, peaks)
    mutual = back[nearest] == np.arange(len(strap))
    close = np.abs(peaks[nearest] - strap) <= TOLERANCE_MS
    return np.where(mutual & close, nearest, -1)


def _nearest(among: Floats, t_ms: Floats) -> Ints:
    """Return the number of the nearest of ``among``; of two equally near the later."""
    after = np.clip(np.searchsorted(among, t_ms), 1, len(among) - 1)
    nearer: Flags = t_ms - among[after - 1] < among[after] - t_ms
    return after - nearer


# --- The offset between two clocks ---


class _Fit(Value, frozen=True):
    """An offset, how badly it fits (0 to 1) and how much worse the next best does."""

    offset_ms: float
    misfit: float
    margin: float = 0.0


def _lock(
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
        left = moved - peaks[_nearest(peaks, moved)]
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
    away = np.abs(peaks[_nearest(peaks, moved)] - moved) / TOLERANCE_MS
    inside = (moved >= span_ms[0]) & (moved <= span_ms[1])
    n = inside.sum(axis=1)
    misfit = np.where(inside, np.minimum(away, 1.0), 0.0).sum(axis=1) / np.maximum(n, 1)
    return np.where(n >= LEAST_BEATS, misfit, np.inf)
