"""The quality sheet: the strap's RR intervals beside the R peaks of its own ECG.

A recording with ECG holds two accounts of one heart. NeuroKit2's detector reads the
samples without knowing what the strap made of them, so its beats are an independent
source. For a worker process or ``analyze``: it imports NeuroKit2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from biofeedback.model import SamplesEvent, Signal
from biofeedback.pmd_streams import USUAL_RATE_HZ
from biofeedback.recording.reader import Recording
from biofeedback.session.sampled import samples_of
from biofeedback.signal.ecg import EcgBeats, beat_agreement, refine, rr_runs
from biofeedback.signal.series import Floats, Series

NS_PER_MS = 1_000_000

LEAST_S = 10.0
"""Shorter stretches of ECG are not looked into: half of it would be edges."""


class EcgTrace:
    """One unbroken stretch of ECG.

    Attributes
    ----------
    values_uv
        Its samples.
    t_ms
        When each was taken: the strap's own clock, moved onto the session's as a whole,
        so that no correction of the arrivals stretches an interval.
    rate_hz
        How many samples a second there really were.
    """

    __slots__ = ("rate_hz", "t_ms", "values_uv")

    def __init__(self, frames: list[SamplesEvent]) -> None:
        self.values_uv: Floats = np.array(
            [value for frame in frames for value in frame.values], np.float64
        )
        n = np.array([len(frame.values) for frame in frames])
        last = np.cumsum(n) - 1  # each frame is stamped with its last sample
        told_ms = np.array([frame.t_ms for frame in frames])
        usual_ms = 1000 / USUAL_RATE_HZ[Signal.ECG]
        interval_ms = float(np.median([frame.interval_ms for frame in frames]))
        interval_ms = interval_ms or usual_ms
        if frames[0].device_ns > 0:
            # From the first stamp on: 2⁶³ ns of a clock do not fit a float.
            origin_ns = frames[0].device_ns
            stamps_ms = np.array(
                [(f.device_ns - origin_ns) / NS_PER_MS for f in frames]
            )
            if len(frames) > 1:
                interval_ms = float(stamps_ms[-1] / (last[-1] - last[0]))
        else:  # old firmware: all there is to go by is the rate
            stamps_ms = (last - last[0]) * interval_ms
        stamps_ms += np.median(told_ms - stamps_ms)
        first_ms = stamps_ms[0] - last[0] * interval_ms
        self.rate_hz = 1000 / interval_ms
        self.t_ms: Floats = np.interp(
            np.arange(len(self.values_uv)),
            np.concatenate(([0], last)) if last[0] else last,
            np.concatenate(([first_ms], stamps_ms)) if last[0] else stamps_ms,
        )

    @property
    def length_s(self) -> float:
        """How long it is."""
        return float(self.t_ms[-1] - self.t_ms[0]) / 1000

    def beats(self) -> EcgBeats:
        """Detect its R peaks, placed between the samples, on the session's clock."""
        from biofeedback.signal import neurokit

        nominal_hz = float(round(self.rate_hz))
        found = refine(self.values_uv, neurokit.r_peaks(self.values_uv, nominal_hz))
        times_ms = np.interp(found, np.arange(len(self.t_ms)), self.t_ms)
        return EcgBeats(
            start_ms=float(self.t_ms[0]),
            end_ms=float(self.t_ms[-1]),
            t_ms=tuple(times_ms.tolist()),
        )


def ecg_events(recording: Recording) -> Iterator[SamplesEvent]:
    """Yield the ECG of a recording."""
    return samples_of(recording, Signal.ECG)


def ecg_traces(events: Iterable[SamplesEvent]) -> tuple[EcgTrace, ...]:
    """Join frames of ECG to unbroken stretches of at least :data:`LEAST_S`."""
    frames: dict[tuple[str, int], list[SamplesEvent]] = {}
    for event in events:
        if event.signal is Signal.ECG:
            frames.setdefault((event.source, event.segment), []).append(event)
    traces = (EcgTrace(each) for each in frames.values())
    return tuple(trace for trace in traces if trace.length_s >= LEAST_S)


def ecg_beats(recording: Recording) -> tuple[EcgBeats, ...]:
    """Return the R peaks of a recording's ECG, in ms on the session's clock.

    One value for each unbroken stretch; empty where there is no ECG.
    """
    return tuple(trace.beats() for trace in ecg_traces(ecg_events(recording)))


def ecg_quality(
    recording: Recording, series: Series, *, keep_beats: bool = False
) -> dict[str, Any] | None:
    """Return the quality sheet, ready for JSON; ``None`` without ECG.

    Parameters
    ----------
    recording
        Opened by :func:`~biofeedback.recording.reader.open_recording`.
    series
        The strap's intervals in this recording.
    keep_beats
        Whether to give the R peaks too, some 40 kB an hour: in a summary that is kept
        in the recording, they are there for whoever wants beats of another source.

    Returns
    -------
    ``ecg_s`` in ``n_stretches`` at ``rate_hz``, with ``n_beats``; ``agreement`` has the
    fields of :class:`~biofeedback.signal.ecg.BeatAgreement`, or is ``None`` for the
    ``reason`` beside it. ``hr_bpm`` and ``rmssd_ms`` are of all neighbouring R peaks,
    none judged. ``beats`` are those of :func:`ecg_beats`, to 0.1 ms.
    """
    traces = ecg_traces(ecg_events(recording))
    if not traces:
        return None
    import neurokit2

    found = tuple(trace.beats() for trace in traces)
    agreement = beat_agreement(found, rr_runs(series)) if len(series) else None
    rr_ms = [np.diff(np.array(each.t_ms)) for each in found]
    intervals = np.concatenate(rr_ms)
    steps = np.concatenate([np.diff(each) for each in rr_ms])
    if agreement is not None:
        reason = None
    elif not len(intervals):
        reason = "No heartbeat could be found in the ECG."
    elif not len(series):
        reason = "The strap sent no intervals to compare with."
    else:
        reason = "The ECG and the strap's intervals overlap too little to compare."
    sheet: dict[str, Any] = {
        "detector": f"neurokit2 {neurokit2.__version__}",
        "ecg_s": sum(trace.length_s for trace in traces),
        "n_stretches": len(traces),
        "rate_hz": max(traces, key=lambda trace: trace.length_s).rate_hz,
        "n_beats": sum(len(each.t_ms) for each in found),
        "hr_bpm": 60_000 / float(intervals.mean()) if len(intervals) else None,
        "rmssd_ms": float(np.sqrt(np.mean(steps**2))) if len(steps) else None,
        "agreement": None if agreement is None else msgspec.to_builtins(agreement),
        "reason": reason,
    }
    if keep_beats:
        sheet["beats"] = [
            {
                "start_ms": round(each.start_ms, 1),
                "end_ms": round(each.end_ms, 1),
                "t_ms": [round(t_ms, 1) for t_ms in each.t_ms],
            }
            for each in found
        ]
    return sheet
