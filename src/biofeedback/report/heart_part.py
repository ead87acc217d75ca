"""How well the heart is known, how it answered the breath, and what is usual."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from biofeedback.practice.history import NS_PER_S
from biofeedback.report.identity import Past
from biofeedback.report.practice_part import Inside
from biofeedback.report.reasons import (
    FEW_USUAL,
    LEAST_USUAL,
    NO_BREATHS,
    NO_RECORDING,
    NOT_ALIKE,
    SHORT,
    USUAL_DAYS,
)
from biofeedback.report.values import (
    HeartPart,
    Measure,
    Number,
    Trace,
    Usual,
)
from biofeedback.session.contents import Contents
from biofeedback.signal.series import Series
from biofeedback.store import PractisedRow, Quality, SessionRow

LEAST_BIN_S = 10.0
MOST_BINS = 120
LEAST_BEATS = 3
"""A bin of the trace is as long as a slow breath, and holds this many beats."""


def heart_part(
    contents: Contents | None,
    inside: Inside,
    practised: PractisedRow | None,
    quality: Quality | None,
    loss: str | None,
    usual: Usual,
) -> HeartPart:
    """Return what is known of the heart in one session.

    Without a practice the amplitude is that of the whole session, and compared with
    nothing: what is usual is told of practices.
    """
    summary = inside.summary
    suitable = None if quality is None else quality.suitable
    trouble = NO_RECORDING if quality is None else quality.reason
    missing = trouble or SHORT
    amplitude = None if practised is None else practised.rsa_bpm
    if practised is None:
        amplitude = None if summary is None else summary.rsa_bpm
        if amplitude is not None:
            usual = Usual(
                days=usual.days,
                n=usual.n,
                median=None,
                low=None,
                high=None,
                reason=NOT_ALIKE,
            )

    window_s = None if summary is None else inside.length_s
    if practised is not None:
        window_s = 60 * practised.minutes

    def measure(name: str, value: float | None, unit: str, reason: str) -> Measure:
        return Measure(
            name=name,
            number=Number.of(value, unit, reason),
            window=Number.of(window_s, "s", NO_RECORDING),
            coverage=Number.of(
                None if summary is None else 100 * summary.coverage, "%", NO_RECORDING
            ),
            artefact=Number.of(
                None if summary is None else summary.artefact_pct, "%", NO_RECORDING
            ),
        )

    hr_bpm = None if summary is None else summary.hr_bpm
    # Where the rhythm does not suit, no number of its variability is told.
    rmssd_ms = summary.rmssd_ms if summary is not None and suitable else None
    return HeartPart(
        coverage=Number.of(
            None if quality is None else 100 * quality.coverage, "%", NO_RECORDING
        ),
        artefact=Number.of(
            None if quality is None else quality.artefact_pct, "%", NO_RECORDING
        ),
        n_gaps=Number.of(
            None if quality is None else float(quality.n_gaps), "gaps", NO_RECORDING
        ),
        suitable=suitable,
        trouble=" ".join(filter(None, (None if suitable else trouble, loss))) or None,
        measures=(
            measure("heart_rate", hr_bpm, "bpm", missing),
            measure("rmssd", rmssd_ms, "ms", missing),
        ),
        amplitude=measure(
            "amplitude",
            amplitude,
            "bpm",
            NO_RECORDING if contents is None else NO_BREATHS,
        ),
        usual=usual,
        trace=None if contents is None else trace_of(contents),
    )


def usual_of(values: Sequence[float], days: int, reason: str) -> Usual:
    """Return the median and the middle half of the known answers of the heart."""
    known = sorted(values)
    if len(known) < LEAST_USUAL:
        return Usual(
            days=days, n=len(known), median=None, low=None, high=None, reason=reason
        )
    low, median, high = statistics.quantiles(known, n=4, method="inclusive")
    return Usual(days=days, n=len(known), median=median, low=low, high=high)


def usual_before(session: SessionRow, past: Iterable[Past]) -> Usual:
    """Return what is usual of the practices of the weeks before a session."""
    end_ns = session.started_at_utc_ns
    first_ns = end_ns - USUAL_DAYS * 86_400 * NS_PER_S
    return usual_of(
        [one.rsa_bpm for one in past if first_ns < one.started_at_utc_ns < end_ns],
        USUAL_DAYS,
        FEW_USUAL,
    )


def trace_of(contents: Contents) -> Trace | None:
    """Return heart rate over the session, from normal intervals alone."""
    series: Series = contents.series.timed()
    normal = series.normal
    if not normal.any() or contents.duration_s <= 0:
        return None
    bin_s = max(LEAST_BIN_S, contents.duration_s / MOST_BINS)
    n_bins = max(1, int(np.ceil(contents.duration_s / bin_s)))
    rates = 60_000 / series.rr_ms[normal]
    at = np.minimum((series.t_ns[normal] / NS_PER_S / bin_s).astype(int), n_bins - 1)
    means: list[float | None] = []
    lows: list[float | None] = []
    highs: list[float | None] = []
    for k in range(n_bins):
        found = rates[at == k]
        known = len(found) >= LEAST_BEATS
        means.append(round(float(found.mean()), 1) if known else None)
        lows.append(round(float(found.min()), 1) if known else None)
        highs.append(round(float(found.max()), 1) if known else None)
    return Trace(
        bin_s=bin_s,
        mean_bpm=tuple(means),
        low_bpm=tuple(lows),
        high_bpm=tuple(highs),
    )
