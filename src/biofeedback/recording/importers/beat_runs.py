"""Beats of a foreign file, in unbroken runs.

A file gives either the times of beats, and then an interval is what lies between two of
them, or intervals with a time beside each. Such a time may be when the heart beat, or
only when an app got to hear of it. Which of the two it is, the times tell themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Beat, Value
from biofeedback.recording.importers.rr_time import GAP_MS, MISSING_S, missing

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NS_PER_MS = 1_000_000

EXACT_MS = 20.0
"""Times that lie their intervals apart to this are times of beats, not of arrivals."""

APART_MS = 250.0
"""Less than any interval: times of beats that differ more have a beat missing."""


class Placed(Value, frozen=True):
    """Beats in time, how many gaps lie between them, and how many rows are no beats."""

    beats: tuple[Beat, ...]
    n_gaps: int
    n_left_out: int


def from_times(runs: Iterable[Floats], *, uncertainty_ms: float) -> Placed:
    """Return the intervals between beats.

    Parameters
    ----------
    runs
        Times of beats in ms, ascending, an array for each unbroken run. An interval
        longer than :data:`GAP_MS` breaks a run, too.
    uncertainty_ms
        Of each time.

    Examples
    --------
    >>> times = np.array([0.0, 800.0, 1600.0, 9000.0, 9900.0])
    >>> placed = from_times([times], uncertainty_ms=1.0)
    >>> [(beat.segment, beat.rr_ms) for beat in placed.beats], placed.n_gaps
    ([(0, 800.0), (0, 800.0), (1, 900.0)], 1)
    """
    end_ms, rr_ms, run = [], [], []
    for number, times_ms in enumerate(runs):
        end_ms.append(times_ms[1:])
        rr_ms.append(np.diff(times_ms))
        run.append(np.full(max(len(times_ms) - 1, 0), number))
    if not end_ms:
        return Placed(beats=(), n_gaps=0, n_left_out=0)
    runs_of = np.concatenate(run)
    breaks = np.diff(runs_of, prepend=runs_of[:1]) > 0
    return _placed(
        np.concatenate(end_ms), np.concatenate(rr_ms), breaks, uncertainty_ms
    )


def from_intervals(
    t_ms: Floats,
    rr_ms: Floats,
    *,
    uncertainty_ms: float,
    breaks: Bools | None = None,
) -> Placed:
    """Return beats from intervals and the times that stand beside them.

    Parameters
    ----------
    t_ms
        When each interval ended or arrived, in ms, shape (N,), in any order.
    rr_ms
        Intervals in ms, shape (N,).
    uncertainty_ms
        Of times of beats; times of arrival are uncertain by :data:`.rr_time.MISSING_S`.
    breaks
        Rows before which the file says that something is missing.

    Notes
    -----
    If half of the times lie their interval after the one before, to
    :data:`EXACT_MS`, they are times of beats. Otherwise they tell of arrivals: an
    interval can only be late, so a run lies where its least late one puts it.

    Examples
    --------
    >>> t_ms = np.array([800.0, 1600.0, 2400.0, 5600.0])
    >>> placed = from_intervals(t_ms, np.full(4, 800.0), uncertainty_ms=1.0)
    >>> [beat.segment for beat in placed.beats]
    [0, 0, 0, 1]
    """
    broken = np.zeros(len(t_ms), np.bool_) if breaks is None else breaks.copy()
    order = np.argsort(t_ms, kind="stable")
    t_ms, rr_ms, broken = t_ms[order], rr_ms[order], broken[order]
    if not len(t_ms):
        return Placed(beats=(), n_gaps=0, n_left_out=0)
    broken[0] = False
    apart_ms = np.diff(t_ms) - rr_ms[1:]
    if len(t_ms) < 2 or float(np.median(np.abs(apart_ms))) <= EXACT_MS:
        # An interval that takes no time was added by the strap, and breaks nothing.
        takes_time = np.diff(t_ms) > 1.0
        broken[1:] |= takes_time & (np.abs(apart_ms) > APART_MS)
        return _placed(t_ms, rr_ms, broken, uncertainty_ms)
    since_ms = np.cumsum(np.where((rr_ms > 0) & (rr_ms <= GAP_MS), rr_ms, 0.0))
    broken |= missing(since_ms / 1000, t_ms / 1000)[0]
    end_ms = since_ms.copy()
    bounds = [0, *np.flatnonzero(broken).tolist(), len(t_ms)]
    ended_ms = -np.inf
    for first, stop in pairwise(bounds):
        if stop > first:
            late_ms = float((t_ms[first:stop] - since_ms[first:stop]).min())
            before_ms = float(since_ms[first - 1]) if first else 0.0
            # On damaged times a run might begin before the last one has ended.
            late_ms = max(late_ms, ended_ms - before_ms)
            end_ms[first:stop] += late_ms
            ended_ms = float(end_ms[stop - 1])
    return _placed(end_ms, rr_ms, broken, 1000 * MISSING_S)


def _placed(
    end_ms: Floats, rr_ms: Floats, breaks: Bools, uncertainty_ms: float
) -> Placed:
    """Make beats of rows; what no heart makes ends the run it is in."""
    is_beat = np.isfinite(rr_ms) & (rr_ms > 0) & (rr_ms <= GAP_MS)
    breaks = breaks.copy()
    breaks[1:] |= ~is_beat[:-1]
    block = np.cumsum(breaks)
    chosen = np.flatnonzero(is_beat)
    kept = np.unique(block[chosen])
    segments = np.searchsorted(kept, block[chosen])
    beats = tuple(
        Beat(
            index=index,
            segment=segment,
            t_ns=round(end * NS_PER_MS),
            rr_ms=rr,
            uncertainty_ms=uncertainty_ms,
        )
        for index, (segment, end, rr) in enumerate(
            zip(
                segments.tolist(),
                end_ms[chosen].tolist(),
                rr_ms[chosen].tolist(),
                strict=True,
            )
        )
    )
    return Placed(
        beats=beats,
        n_gaps=max(len(kept) - 1, 0),
        n_left_out=len(rr_ms) - len(chosen),
    )
