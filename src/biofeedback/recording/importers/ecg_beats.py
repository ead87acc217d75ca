"""Beats of a file that holds an ECG and no beats: found in the ECG itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from biofeedback.model import Signal
from biofeedback.recording.importers.beat_runs import Floats, Placed, from_times
from biofeedback.recording.importers.imported import ImportedSignal
from biofeedback.signal.ecg import refine

RATES_HZ = (80.0, 10_000.0)
"""Below 80 Hz an R wave is three samples; more than 10 kHz is no ECG's rate."""

PIECE_S = 600.0
"""A day of ECG is searched in pieces: the detector needs 100 bytes for each sample."""

OVERLAP_S = 5.0
"""Twice as long as the detector's longest window."""

FOUND = "Beats were found in the ECG (NeuroKit2's detector, between the samples)."
NOT_FOUND = "No heartbeat could be found in the ECG."


def ecg_beats(signals: Sequence[ImportedSignal]) -> tuple[Placed, str]:
    """Find R peaks in the first ECG of a file, a run for each unbroken stretch.

    Parameters
    ----------
    signals
        Of any kind. ECG is searched at its own rate, in its first channel.

    Returns
    -------
    The beats, and a sentence for the notes: empty where there is no ECG at all.
    """
    traces = [each for each in signals if each.signal is Signal.ECG]
    if not traces:
        return Placed(beats=(), n_gaps=0, n_left_out=0), ""
    low, high = RATES_HZ
    fit = [each for each in traces if low <= each.rate_hz <= high]
    if not fit:
        sentence = f"No beats were sought in an ECG of {traces[0].rate_hz:g} Hz."
        return Placed(beats=(), n_gaps=0, n_left_out=0), sentence
    placed = from_times(
        [times_ms for trace in fit for times_ms in _runs(trace)],
        uncertainty_ms=500 / min(trace.rate_hz for trace in fit),
    )
    return placed, FOUND if placed.beats else NOT_FOUND


def _runs(trace: ImportedSignal) -> Iterator[Floats]:
    from biofeedback.signal import neurokit

    values_uv = np.asarray(trace.values, np.float64)[:, 0]
    rate_hz = trace.rate_hz
    step, overlap = round(PIECE_S * rate_hz), round(OVERLAP_S * rate_hz)
    found = []
    for start in range(0, len(values_uv), step):
        begin = max(start - overlap, 0)
        piece = values_uv[begin : start + step + overlap]
        peaks = refine(piece, neurokit.r_peaks(piece, float(round(rate_hz)))) + begin
        found.append(peaks[(peaks >= start) & (peaks < start + step)])
    if found:
        yield trace.t0_ns / 1e6 + 1000 / rate_hz * np.concatenate(found)
