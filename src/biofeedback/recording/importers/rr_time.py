"""RR intervals in time: their sum, and a clock beside them that finds gaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biofeedback.model import Beat
from biofeedback.recording.importers.text_table import number

Floats = NDArray[np.float64]

GAP_MS = 3000.0
"""No heart at rest pauses for 3 s: a longer 'interval' is time without data."""

MISSING_S = 1.5
"""More than notification (1 s) and jitter explain: intervals are missing."""

LOOK_ROWS = 60
CLOCK_TICKS_PER_S = (1.0, 1e3, 1e6, 1e9)


def numeric_clock(
    cells: Sequence[str], rr_ms: Floats
) -> tuple[Floats, float | None] | None:
    """Read a column of ticks: its unit is the one that fits the intervals.

    Returns seconds from the first row and, if it is a date, that row's Unix time;
    ``None`` where the cells are no numbers or do not fit.
    """
    ticks = np.array([number(cell) for cell in cells], dtype=np.float64)
    if not len(ticks) or np.isnan(ticks).any() or bool((np.diff(ticks) < 0).any()):
        return None
    span = float(ticks[-1] - ticks[0])
    sum_s = float(np.nansum(rr_ms[1:])) / 1000
    fitting = [
        (sum_s * per_s / span, per_s)
        for per_s in CLOCK_TICKS_PER_S
        if span > 0 and 0.03 < sum_s * per_s / span <= 1.02 + 2 / max(sum_s, 1)
    ]
    if not fitting:
        return None
    per_s = max(fitting)[1]
    epoch_s = float(ticks[0]) / per_s
    # After 2001 and before 2100 it is a date, not a stopwatch.
    return (ticks - ticks[0]) / per_s, epoch_s if 1e9 < epoch_s < 4.1e9 else None


def place(
    rr_ms: Floats, clock_s: Floats | None, usable: NDArray[np.bool_] | None = None
) -> tuple[tuple[Beat, ...], float, int]:
    """Put beats on one clock by summing RR; a new segment begins behind each gap.

    Returns the beats, the length in seconds and how many gaps there are. Time passes
    in rows that are not ``usable``, but there is no beat.
    """
    whole_ms = np.nan_to_num(rr_ms)
    shift_ms = np.zeros(len(rr_ms))
    breaks = np.zeros(len(rr_ms), np.bool_)
    if clock_s is not None:
        breaks, shift_ms = missing(np.cumsum(whole_ms) / 1000, clock_s)
    is_beat = (whole_ms > 0) & (whole_ms <= GAP_MS)
    if usable is not None:
        is_beat &= usable
    breaks[1:] |= ~is_beat[:-1]
    end_ms = np.cumsum(np.maximum(whole_ms, 0)) + shift_ms
    chosen = np.flatnonzero(is_beat)
    if not len(chosen):
        return (), 0.0, 0
    origin_ms = end_ms[chosen[0]] - whole_ms[chosen[0]]
    block = np.cumsum(breaks)
    segments = np.searchsorted(np.unique(block[chosen]), block)
    beats = tuple(
        Beat(
            index=index,
            segment=int(segments[row]),
            t_ns=round((end_ms[row] - origin_ms) * 1e6),
            rr_ms=float(whole_ms[row]),
            uncertainty_ms=0.0 if clock_s is None else 1000 * MISSING_S,
        )
        for index, row in enumerate(chosen)
    )
    return beats, beats[-1].t_ns / 1e9, int(segments[chosen[-1]])


def missing(sum_s: Floats, clock_s: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Find rows before which intervals are missing, and how long for so far, in ms.

    A late arrival raises the lag (clock minus sum) for a few rows; a missing interval
    raises it for good. So a gap is where the smallest lag of the rows to come exceeds
    the smallest one since the last gap.
    """
    lag_s = clock_s - sum_s
    padded = np.concatenate((lag_s, np.full(LOOK_ROWS - 1, np.inf)))
    to_come = np.lib.stride_tricks.sliding_window_view(padded, LOOK_ROWS).min(axis=1)
    breaks, shift_ms = np.zeros(len(lag_s), np.bool_), np.zeros(len(lag_s))
    begin, shift = 0, 0.0
    for row in range(1, len(lag_s)):
        floor = float(lag_s[max(begin, row - LOOK_ROWS) : row].min())
        missing_s = float(to_come[row]) - floor
        if missing_s > MISSING_S:
            breaks[row], begin = True, row
            shift += 1000 * missing_s
        shift_ms[row] = shift
    return breaks, shift_ms
