"""One recording in one row: what ``analyze`` prints and the session's summary holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from biofeedback.model import Breathing, Value, WindowMetrics
from biofeedback.signal.breathing import usual_breathing
from biofeedback.signal.breathing_paced import Shape
from biofeedback.signal.history import windows as many_windows
from biofeedback.signal.respiration import Breath, Rsa, rsa
from biofeedback.signal.segments import (
    LF_SEGMENTS,
    Detrend,
    Welch,
    clean_segments,
    mean_spectrum,
    power_s,
)
from biofeedback.signal.series import NS_PER_S, UNITS_PER_S, Series
from biofeedback.signal.time_domain import (
    UNSUITABLE,
    Variability,
    judged_variability,
    raw_variability,
    unsuitable,
    window_metrics,
)

MIN_HR_S, MIN_VARIABILITY_S, MIN_PNN50_S = 10, 30, 60

TOO_SHORT = "Heart rate variability needs at least 30 s of normal intervals."
NO_SEGMENT = (
    "A spectrum needs 64 s of beats without a gap and with at most 5 % flagged."
)
NO_LF = "LF needs three such segments, 128 s."
NO_INTERVALS = "There are no RR intervals."
NO_BREATHS = "RSA needs at least three complete paced breaths without artefacts."


class Raw(Value, frozen=True):
    """What the unlabelled intervals give, gaps respected."""

    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None


class Summary(Value, frozen=True):
    """The numbers of one recording; ``None`` with the ``reason`` beside them."""

    duration_s: float
    coverage: float
    n_beats: int
    n_nn: int
    artefact_pct: float
    suitable: bool
    reason: str | None
    hr_bpm: float | None
    rmssd_ms: float | None
    sdnn_ms: float | None
    pnn50_pct: float | None
    raw: Raw
    lf_ms2: float | None
    hf_ms2: float | None
    lf_peak_hz: float | None
    rsa_bpm: float | None
    rsa_ms: float | None
    phase_deg: float | None
    in_phase_pct: float | None
    coherence_ratio: float | None
    breathing: Breathing | None
    power_s: int | None


class WindowSummary(Value, frozen=True):
    """One window of a recording, ``start_s`` and ``end_s`` on the beat clock.

    That begins with the first interval, ``begins_ms`` after the recording.
    """

    start_s: float
    end_s: float
    begins_ms: float
    metrics: WindowMetrics
    spectrum: Welch
    breathing: Breathing | None
    rsa: Rsa | None
    suitable: bool
    reason: str | None


def summarise(
    series: Series,
    duration_s: float,
    breaths: Sequence[Breath] = (),
    *,
    shape_at: Callable[[int], Shape] | None = None,
    detrend: Detrend = Detrend.LINE,
) -> Summary:
    """Summarise a whole recording of ``duration_s``.

    Time domain over all NN; the spectrum is the mean of all clean 64 s segments, half
    overlapping (Welch's method over the gap-free stretches); ``coherence_ratio`` is
    the median of those segments; RSA is over all clean ``breaths``. Intervals that no
    heart made count in ``n_beats``, ``artefact_pct`` and ``raw`` only.
    """
    n, raw = len(series), raw_variability(series)
    series = series.timed()
    nn_ms = series.rr_ms[series.normal]
    nn_s = float(nn_ms.sum()) / 1000
    refusal = unsuitable(series)
    numbers = Variability(hr_bpm=None, rmssd_ms=None, sdnn_ms=None, pnn50_pct=None)
    average, breathing, swing = Welch(), None, None
    reasons = []
    if not n:
        reasons.append(NO_INTERVALS)
    elif refusal is not None:
        reasons.append(refusal)
    else:
        numbers = judged_variability(series)
        segments = clean_segments(series, detrend)
        average = mean_spectrum(segments.density)
        breathing = usual_breathing(segments.density)
        swing = rsa(
            series, breaths, int(series.t_ns[-1]), recent_ns=None, shape_at=shape_at
        )
        if nn_s < MIN_VARIABILITY_S:
            reasons.append(TOO_SHORT)
        if (lacks := spectral_reason(average)) is not None:
            reasons.append(lacks)
        if swing is None:
            reasons.append(NO_BREATHS)
    return Summary(
        duration_s=duration_s,
        coverage=min(1.0, nn_s / duration_s) if duration_s > 0 else 0.0,
        n_beats=n,
        n_nn=len(nn_ms),
        artefact_pct=100 * (n - len(nn_ms)) / n if n else 0.0,
        suitable=refusal is None and nn_s >= MIN_VARIABILITY_S,
        reason=" ".join(reasons) or None,
        hr_bpm=numbers.hr_bpm if nn_s >= MIN_HR_S else None,
        rmssd_ms=numbers.rmssd_ms if nn_s >= MIN_VARIABILITY_S else None,
        sdnn_ms=numbers.sdnn_ms if nn_s >= MIN_VARIABILITY_S else None,
        pnn50_pct=numbers.pnn50_pct if nn_s >= MIN_PNN50_S else None,
        raw=Raw(rmssd_ms=raw.rmssd_ms, sdnn_ms=raw.sdnn_ms, pnn50_pct=raw.pnn50_pct),
        lf_ms2=average.lf_ms2,
        hf_ms2=average.hf_ms2,
        lf_peak_hz=average.lf_peak_hz,
        rsa_bpm=swing.rsa_bpm if swing else None,
        rsa_ms=swing.rsa_ms if swing else None,
        phase_deg=swing.phase_deg if swing else None,
        in_phase_pct=swing.in_phase_pct if swing else None,
        coherence_ratio=average.coherence_ratio,
        breathing=breathing,
        power_s=power_s(average.n_segments),
    )


def windows(
    series: Series,
    duration_s: float,
    *,
    window_s: float,
    step_s: float,
    breaths: Sequence[Breath] = (),
    shape_at: Callable[[int], Shape] | None = None,
    detrend: Detrend = Detrend.LINE,
) -> Iterator[WindowSummary]:
    """Yield every whole window of the recording.

    Windows lie on the beat clock, which begins with the first interval: what they hold
    does not depend on when RR arrived. Their spectrum is the mean of the 64 s segments
    inside, half overlapping.
    """
    series = series.timed()
    count = math.floor((duration_s - window_s) / step_s + 1e-9) + 1
    if count < 1 or not len(series):
        return
    length = round(window_s * UNITS_PER_S)
    starts = np.rint(np.arange(count) * step_s * UNITS_PER_S).astype(np.int64)
    found = many_windows(series, starts + length, [length])
    segments = clean_segments(series, detrend)
    first_ns = int(series.t_ns[0]) - round(series.rr_ms[0] * 1e6)
    for k, start in enumerate(starts.tolist()):
        numbers = window_metrics(found.metrics[k, 0].tolist())
        refusal = UNSUITABLE if found.unsuitable[k, 0] else None
        lines, breathing, swing = Welch(), None, None
        if refusal is None:
            density = segments.within(start, start + length)
            lines, breathing = mean_spectrum(density), usual_breathing(density)
            inside = series.on_clock(start, start + length)
            if len(inside):
                end_ns = int(inside.t_ns[-1])
                recent_ns = round(window_s * NS_PER_S)
                swing = rsa(series, breaths, end_ns, recent_ns, shape_at=shape_at)
        yield WindowSummary(
            start_s=start / UNITS_PER_S,
            end_s=(start + length) / UNITS_PER_S,
            begins_ms=first_ns / 1e6,
            metrics=numbers,
            spectrum=lines,
            breathing=breathing,
            rsa=swing,
            suitable=refusal is None,
            reason=refusal or spectral_reason(lines),
        )


def spectral_reason(lines: Welch) -> str | None:
    """Say what a mean spectrum of too few segments lacks."""
    if not lines.n_segments:
        return NO_SEGMENT
    return NO_LF if lines.n_segments < LF_SEGMENTS else None
