"""Segments of 64 s without a gap: what spectra of more than a moment are averaged from.

Segment k holds the samples 128 k + 1 to 128 k + 256 of the beat clock, so that half of
it is also in the next. A live session computes each once, when its judgements are
final; an analysis computes all of them at once. Both give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import numpy as np

from biofeedback.model import Value
from biofeedback.signal.detrending import smoothness_priors
from biofeedback.signal.frequency_domain import (
    HF,
    HOP,
    LF,
    MAX_FLAGGED_SHARE,
    PEAK,
    RATIO,
    SAMPLES,
    SEGMENT_S,
    describe,
    known,
    psd_64,
)
from biofeedback.signal.resampling import MAX_BRIDGE, STEP, resample
from biofeedback.signal.series import Floats, Ints, Series

LF_SEGMENTS = 3
"""Segments that LF needs: 128 s, the two minutes of the Task Force 1996."""

WELCH_SEGMENTS = 8
"""Segments in a window of 300 s: they cover 288 s."""


class Detrend(StrEnum):
    """What is taken out of NN before a spectrum."""

    LINE = "line"
    """A straight line of each 64 s."""
    SMOOTHNESS = "smoothness"
    """Smoothness priors with λ = 500, as Kubios does; it dims what is below 0.05 Hz,
    so breathing at three a minute too."""


class Segments(Value, frozen=True):
    """The clean segments of a recording.

    ``end`` is where the last sample of each lies on the beat clock, shape (n,);
    ``density`` their spectra as of :func:`psd_64`, shape (n, 53).
    """

    end: Ints
    density: Floats

    def within(self, start: int, end: int) -> Floats:
        """Return the spectra of the segments inside (``start``, ``end``]."""
        inside = (self.end - SAMPLES * STEP >= start) & (self.end <= end)
        return self.density[inside]


class Welch(Value, frozen=True):
    """The mean spectrum of ``n_segments``; LF needs three of them, HF one.

    ``coherence_ratio`` is the median of the segments' own.
    """

    lf_ms2: float | None = None
    hf_ms2: float | None = None
    lf_peak_hz: float | None = None
    coherence_ratio: float | None = None
    n_segments: int = 0


def power_s(n_segments: int) -> int | None:
    """Return the seconds that the mean of ``n_segments`` stands on.

    >>> power_s(8), power_s(0)
    (288, None)
    """
    return SEGMENT_S // 2 * (n_segments + 1) if n_segments else None


def mean_spectrum(density: Floats) -> Welch:
    """Return the mean of the spectra of ``density``, shape (n, 53)."""
    n = len(density)
    if not n:
        return Welch()
    total = density[0].copy()
    for other in density[1:]:
        total += other
    average = describe(total / n)
    ratios = describe(density)[:, RATIO]
    ratios = ratios[~np.isnan(ratios)]
    return Welch(
        lf_ms2=known(float(average[LF])) if n >= LF_SEGMENTS else None,
        hf_ms2=known(float(average[HF])),
        lf_peak_hz=known(float(average[PEAK])),
        coherence_ratio=float(np.median(ratios)) if len(ratios) else None,
        n_segments=n,
    )


def clean_segments(series: Series, detrend: Detrend = Detrend.LINE) -> Segments:
    """Return all clean segments of ``series``: without a gap, at most 5 % flagged.

    ``detrend`` says what is taken out: of each segment a straight line, always; before
    that, if asked for, the smooth trend of the whole row.
    """
    normal = series.normal
    ends: list[int] = []
    found: list[Floats] = []
    flagged = np.concatenate(([0], np.cumsum(~normal)))
    for row in rows(series):
        first, samples = resample(series.clock[row], series.rr[row])
        if detrend is Detrend.SMOOTHNESS and len(samples) >= SAMPLES:
            samples = smoothness_priors(samples)
        k = -(-(first - 1) // HOP)  # the first segment that begins in this row
        while HOP * k + SAMPLES < first + len(samples):
            begin = HOP * k + 1
            end = (begin + SAMPLES - 1) * STEP
            if few_flagged(series.clock, flagged, end):
                ends.append(end)
                found.append(samples[begin - first : begin - first + SAMPLES])
            k += 1
    density = psd_64(np.array(found)) if found else np.empty((0, 53))
    return Segments(end=np.array(ends, np.int64), density=density)


def few_flagged(clock: Ints, flagged: Ints, end: int) -> bool:
    """Say whether the 64 s up to ``end`` hold few enough flagged intervals.

    ``flagged`` counts them before each beat of ``clock`` and behind the last.
    """
    around = (end - SAMPLES * STEP, end)
    first, stop = np.searchsorted(clock, around, side="right")
    n_flagged = int(flagged[stop] - flagged[first])
    return n_flagged <= MAX_FLAGGED_SHARE * float(stop - first)


def rows(series: Series) -> Iterator[Ints]:
    """Yield the positions of the NN that one line may be laid through."""
    at = np.flatnonzero(series.normal)
    if not len(at):
        return
    gap = np.cumsum(~series.joined)
    apart = np.diff(series.clock[at]) > MAX_BRIDGE
    breaks = np.flatnonzero((np.diff(gap[at]) > 0) | apart) + 1
    yield from np.split(at, breaks)
