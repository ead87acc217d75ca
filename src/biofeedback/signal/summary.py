"""One recording in one row: what ``analyze`` prints and the session's summary holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from biofeedback.model import Value, WindowMetrics
from biofeedback.signal.frequency_domain import (
    LISTENING,
    SEGMENT_S,
    Spectrum,
    describe,
    psd_64,
    segment_samples,
    spectrum,
)
from biofeedback.signal.respiration import Breath, rsa
from biofeedback.signal.series import NS_PER_S, Floats, Series
from biofeedback.signal.time_domain import (
    Variability,
    judged_variability,
    raw_variability,
    time_domain,
    unsuitable,
)

MIN_HR_S, MIN_VARIABILITY_S, MIN_PNN50_S = 10, 30, 60
HOP_S = SEGMENT_S // 2

TOO_SHORT = "Heart rate variability needs at least 30 s of normal intervals."
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
    coherence_ratio: float | None


class WindowSummary(Value, frozen=True):
    """One window of a recording, ``start_s`` and ``end_s`` after its start."""

    start_s: float
    end_s: float
    metrics: WindowMetrics
    spectrum: Spectrum
    rsa_bpm: float | None
    suitable: bool
    reason: str | None


def summarise(
    series: Series, duration_s: float, breaths: Sequence[Breath] = ()
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
    average, swing = Spectrum(), None
    reasons = []
    if not n:
        reasons.append(NO_INTERVALS)
    elif refusal is not None:
        reasons.append(refusal)
    else:
        numbers = judged_variability(series)
        average = mean_spectrum(series)
        swing = rsa(series, breaths, int(series.t_ns[-1]), recent_ns=None)
        if nn_s < MIN_VARIABILITY_S:
            reasons.append(TOO_SHORT)
        if average.reason is not None:
            reasons.append(average.reason)
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
        rsa_bpm=None if swing is None else swing.rsa_bpm,
        coherence_ratio=average.coherence_ratio,
    )


def windows(
    series: Series,
    duration_s: float,
    *,
    window_s: float,
    step_s: float,
    breaths: Sequence[Breath] = (),
) -> Iterator[WindowSummary]:
    """Yield every whole window of the recording, with the spectrum of its last 64 s."""
    series = series.timed()
    count = int((duration_s - window_s) / step_s + 1e-9) + 1
    for k in range(max(0, count)):
        start_ns = round(k * step_s * NS_PER_S)
        end_ns = start_ns + round(window_s * NS_PER_S)
        inside = series.between(start_ns, end_ns)
        refusal = unsuitable(inside)
        lines, swing = Spectrum(), None
        if refusal is None:
            if window_s >= SEGMENT_S:
                lines = spectrum(series, end_ns)
            else:
                lines = Spectrum(reason=LISTENING)
            swing = rsa(series, breaths, end_ns, recent_ns=round(window_s * NS_PER_S))
        yield WindowSummary(
            start_s=start_ns / NS_PER_S,
            end_s=end_ns / NS_PER_S,
            metrics=time_domain(series, start_ns, end_ns),
            spectrum=lines,
            rsa_bpm=None if swing is None else swing.rsa_bpm,
            suitable=refusal is None,
            reason=refusal or lines.reason,
        )


def mean_spectrum(series: Series) -> Spectrum:
    """Return the mean spectrum of all clean 64 s segments, or why there is none."""
    total: Floats | None = None
    ratios: list[float] = []
    n, reason = 0, LISTENING
    first_ns = int(series.t_ns[0]) - round(series.rr_ms[0] * 1e6)
    hop_ns = HOP_S * NS_PER_S
    for end_ns in range(
        first_ns + SEGMENT_S * NS_PER_S, int(series.t_ns[-1]) + hop_ns, hop_ns
    ):
        samples, why = segment_samples(series, end_ns)
        if samples is None:
            reason = why or reason
            continue
        density = psd_64(samples)
        total = density if total is None else total + density
        n += 1
        ratio = describe(density).coherence_ratio
        if ratio is not None:
            ratios.append(ratio)
    if total is None:
        return Spectrum(reason=reason)
    average = describe(total / n)
    return Spectrum(
        lf_ms2=average.lf_ms2,
        hf_ms2=average.hf_ms2,
        lf_peak_hz=average.lf_peak_hz,
        coherence_ratio=float(np.median(ratios)) if ratios else None,
    )
