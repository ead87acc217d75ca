"""One recording at many instants: what a session would have shown, all at once.

The third shape of the engine: the arithmetic is that of a live tick, the rows are
instants instead of people. Judgements are the final ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from biofeedback.model import Value
from biofeedback.signal import sums
from biofeedback.signal.frequency_domain import (
    BINS,
    MAX_FLAGGED_SHARE,
    SAMPLES,
    describe,
    psd_64,
)
from biofeedback.signal.resampling import STEP, resample
from biofeedback.signal.segments import rows
from biofeedback.signal.series import Flags, Floats, Ints, Series
from biofeedback.signal.time_domain import (
    MAX_ABRUPT_SHARE,
    MIN_BEATS_TO_REFUSE,
    many_metrics,
)

TOGETHER = 256
"""Spectra computed at a time."""


class Samples(Value, frozen=True):
    """NN at 4 Hz, without those over gaps.

    ``number`` says where each lies (times ``STEP`` on the beat clock), shape (n,);
    ``value_ms`` what it is, and ``row`` which of them lie in one row.
    """

    number: Ints
    value_ms: Floats
    row: Ints

    @classmethod
    def of(cls, series: Series) -> Samples:
        """Return all samples of ``series``."""
        clock, rr = series.clock, series.rr
        found = [resample(clock[at], rr[at]) for at in rows(series)]
        lengths = [len(values) for _, values in found]
        return cls(
            number=np.concatenate(
                [first + np.arange(len(values)) for first, values in found]
                or [np.empty(0, np.int64)]
            ),
            value_ms=np.concatenate([v for _, v in found] or [np.empty(0)]),
            row=np.repeat(np.arange(len(found)), lengths),
        )


class ManyWindows(Value, frozen=True):
    """The metrics of W windows at T instants.

    Attributes
    ----------
    metrics
        Shape (T, W, 7), as of :func:`~biofeedback.signal.time_domain.many_metrics`.
    unsuitable
        Whether the rhythm of each does not suit HRV, shape (T, W).
    """

    metrics: Floats
    unsuitable: Flags


def windows(series: Series, ends: Ints, lengths: Sequence[int]) -> ManyWindows:
    """Return the metrics of the windows that end at each of ``ends``.

    Parameters
    ----------
    series
        A recording, its judgements final; at least one interval.
    ends
        Where on the beat clock, shape (T,).
    lengths
        Of the windows, in units, W of them.

    Examples
    --------
    >>> from biofeedback.model import Interval, Label
    >>> beats = [Interval(index=k, segment=0, t_ns=(k + 1) * 10**9, rr_ms=1000.0,
    ...                   label=Label.NORMAL, nn_ms=1000.0) for k in range(100)]
    >>> minute = 60 * 640_000
    >>> ends = np.array([minute, minute + 640_000])
    >>> found = windows(Series.of(beats), ends, [minute])
    >>> found.metrics[:, 0, 3].tolist()
    [60.0, 60.0]
    """
    clock, normal, rr = series.clock, series.normal, series.rr
    prefix = sums.running(sums.rows(rr, normal, series.joined, series.abrupt))
    length = np.asarray(lengths, np.int64)
    starts = ends[:, None] - length
    first = np.searchsorted(clock, starts, side="right")
    stop = np.searchsorted(clock, ends, side="right")[:, None]
    now = prefix[stop]
    held = now - prefix[first]
    behind = np.minimum(first + 1, stop)
    differences = sums.DIFFERENCES
    held[..., differences] = now[..., differences] - prefix[:, differences][behind]
    oldest = np.minimum(first, len(series) - 1)
    overhang = np.where(
        normal[oldest] & (first < stop),
        np.maximum(starts - (clock - rr)[oldest], 0),
        0,
    )
    n_beats = held[..., sums.N_BEATS]
    return ManyWindows(
        metrics=many_metrics(held, length=length, overhang=overhang, whole=starts >= 0),
        unsuitable=(n_beats >= MIN_BEATS_TO_REFUSE)
        & (held[..., sums.N_ABRUPT] > MAX_ABRUPT_SHARE * n_beats),
    )


def spectra(series: Series, ends: Ints) -> tuple[Floats, Floats]:
    """Return the spectra of the 64 s that end at each of ``ends``.

    Returns
    -------
    Densities as of :func:`~biofeedback.signal.frequency_domain.psd_64`, shape (T, 53),
    and what :func:`~biofeedback.signal.frequency_domain.describe` reads off them, shape
    (T, 4). NaN where there are no 64 s without a gap or more than 5 % are flagged.
    """
    samples = Samples.of(series)
    density = np.full((len(ends), BINS), np.nan)
    found = np.full((len(ends), 4), np.nan)
    stop = np.searchsorted(samples.number, ends // STEP, side="right")
    chosen = np.flatnonzero(stop >= SAMPLES)
    newest = stop[chosen] - 1
    # The newest sample is at hand, and 64 s before it lies the first of one row.
    whole = samples.number[newest] == ends[chosen] // STEP
    whole &= samples.row[newest] == samples.row[newest - SAMPLES + 1]
    few = _few_flagged(series, samples.number[newest] * STEP)
    chosen, newest = chosen[whole & few], newest[whole & few]
    if len(chosen):
        segments = sliding_window_view(samples.value_ms, SAMPLES)
        begin = newest - SAMPLES + 1
        for start in range(0, len(chosen), TOGETHER):
            some = slice(start, start + TOGETHER)
            density[chosen[some]] = part = psd_64(segments[begin[some]])
            found[chosen[some]] = describe(part)
    return density, found


def _few_flagged(series: Series, ends: Ints) -> Flags:
    flagged = np.concatenate(([0], np.cumsum(~series.normal)))
    first = np.searchsorted(series.clock, ends - SAMPLES * STEP, side="right")
    stop = np.searchsorted(series.clock, ends, side="right")
    few: Flags = flagged[stop] - flagged[first] <= MAX_FLAGGED_SHARE * (stop - first)
    return few
