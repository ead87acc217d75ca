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
from biofeedback.signal.beat_offset import LEAST_BEATS, TOLERANCE_MS, lock, nearest
from biofeedback.signal.series import Floats, Ints, Series

EDGE_MS = 1000.0
"""What is not counted at both ends of an ECG: a detector that compares with the mean
of 0.75 s has yet to see it."""

SEARCHED_MS = (-2000.0, 5000.0)
"""Where the offset is looked for: a strap's delay, less that of the samples, and what
the arrivals of a short segment leave open."""


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
    locked = lock(peaks, run, (start_ms, end_ms), searched_ms)
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
    there = nearest(peaks, strap)
    back = nearest(strap, peaks)
    mutual = back[there] == np.arange(len(strap))
    close = np.abs(peaks[there] - strap) <= TOLERANCE_MS
    return np.where(mutual & close, there, -1)
