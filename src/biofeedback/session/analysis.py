"""What ``analyze`` gives for one file: a recording or RR intervals as text."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.live_metrics import shape_at
from biofeedback.model import Config, Entry
from biofeedback.practice import pacer
from biofeedback.practice.phases import practice_span
from biofeedback.session.contents import Contents, contents_of
from biofeedback.session.followed import followed_in
from biofeedback.session.provenance import provenance
from biofeedback.signal.respiration import Rsa
from biofeedback.signal.segments import Detrend, power_s
from biofeedback.signal.series import UNITS_PER_S, Series
from biofeedback.signal.summary import summarise, windows

RATINGS = frozenset({"pain_intensity", "pain_unpleasantness", "arousal"})
PACED_MEANINGLESS = ("LFHF", "LFn", "HFn")
NS_PER_MS = 1_000_000
BASELINE_WITHIN_NS = 1200 * 1_000_000_000
"""Resting minutes are looked for in the first twenty."""


def analyze_file(
    path: Path,
    window_s: float | None = None,
    step_s: float | None = None,
    *,
    column: str | None = None,
    unit: str | None = None,
    detrend: Detrend = Detrend.LINE,
) -> dict[str, Any]:
    """Return the summary of ``path``, with the keys of ``analyze --json``.

    With ``window_s`` also its ``windows``, every ``step_s`` (the window's length if
    not given). ``column`` and ``unit`` declare what a text file does not say;
    ``detrend`` what is taken out before spectra.

    Raises
    ------
    RecordingError
        When the file is damaged, foreign, or holds no RR intervals.
    SettingsError
        When the windows cannot be cut as asked.
    """
    if window_s is not None:
        _check_windows(window_s, step_s)
    session = contents_of(path, column=column, unit=unit)
    result = _analysis(path, session, window_s, step_s, detrend)
    asked = {
        "window_s": window_s,
        "step_s": step_s,
        "column": column,
        "unit": unit,
        "detrend": str(detrend),
    }
    result["provenance"] = provenance(path, asked)
    return result


def full_analysis(path: Path) -> dict[str, Any]:
    """Return :func:`analyze_file` with all that NeuroKit2 computes beside it.

    For a worker process: this imports NeuroKit2 and may take seconds. ``neurokit`` is
    ``None`` where the rhythm does not suit.
    """
    from biofeedback.signal import neurokit

    session = contents_of(path)
    result = _analysis(path, session, None, None, Detrend.LINE, ecg_beats=True)
    result["provenance"] = provenance(None, {"detrend": str(Detrend.LINE)})
    result["activation_baseline"] = _baseline(session)
    series: Series = session.series.timed()
    nn = series.normal
    result["neurokit"] = (
        neurokit.full_analysis(
            tuple(series.rr_ms[nn].tolist()),
            tuple((series.clock[nn] / UNITS_PER_S).tolist()),
        )
        if result["suitable"] and nn.any()
        else None
    )
    if session.schedule and result["neurokit"] is not None:
        # While breathing is paced, LF holds the breath itself: no balance to show.
        frequency = result["neurokit"]["frequency"]
        for index in PACED_MEANINGLESS:
            frequency.pop(index, None)
    return result


def _analysis(
    path: Path,
    session: Contents,
    window_s: float | None,
    step_s: float | None,
    detrend: Detrend,
    *,
    ecg_beats: bool = False,
) -> dict[str, Any]:
    end_ms = 1000 * session.duration_s
    from_ms, to_ms = practice_span(session.entries, end_ms)
    paced = pacer.breaths(session.schedule, from_ms=from_ms, to_ms=to_ms)
    shape = partial(shape_at, session.schedule) if session.schedule else None
    summary = summarise(
        session.series, session.duration_s, paced, shape_at=shape, detrend=detrend
    )
    result: dict[str, Any] = {
        "file": path.name,
        "started_at": session.started_at,
        **msgspec.to_builtins(summary),
        "practice": _practice(session, from_ms, to_ms),
        "ratings": [_rating(e) for e in session.entries if e.type in RATINGS],
        "ecg": _ecg(session, keep_beats=ecg_beats),
        "source": session.source,
    }
    if window_s is not None:
        result["windows"] = [
            _flat(msgspec.to_builtins(window))
            for window in windows(
                session.series,
                session.duration_s,
                window_s=window_s,
                step_s=window_s if step_s is None else step_s,
                breaths=paced,
                shape_at=shape,
                detrend=detrend,
            )
        ]
    return result


def _baseline(session: Contents) -> dict[str, Any] | None:
    """Return the resting minutes that were gathered, as the session itself saw them."""
    from biofeedback.pipeline import Pipeline

    if session.recording is None:
        return None
    pipeline = Pipeline()
    for _, record in session.recording.inputs():
        pipeline.receive(record)
        if isinstance(record, Config) and record.baseline is not None:
            return None  # brought along from an earlier session
        if not pipeline.metrics.gathering or record.t_ns > BASELINE_WITHIN_NS:
            break
    baseline = pipeline.metrics.baseline
    return None if baseline is None else msgspec.to_builtins(baseline)


def _ecg(session: Contents, *, keep_beats: bool) -> dict[str, Any] | None:
    """Return the strap's RR beside the R peaks of its ECG, if there is one."""
    if not session.has_ecg:
        return None
    from biofeedback.session.quality import ecg_quality

    return ecg_quality(session.recording, session.series.timed(), keep_beats=keep_beats)


def _flat(window: dict[str, Any]) -> dict[str, Any]:
    metrics, spectrum = window.pop("metrics"), window.pop("spectrum")
    rsa = window.pop("rsa") or dict.fromkeys(Rsa.__struct_fields__)
    n = spectrum.pop("n_segments")
    edges = {key: window.pop(key) for key in ("start_s", "end_s", "begins_ms")}
    rsa.pop("n_breaths")
    return {**edges, **metrics, **spectrum, "power_s": power_s(n), **rsa, **window}


def _check_windows(window_s: float, step_s: float | None) -> None:
    if window_s <= 0 or (step_s is not None and step_s <= 0):
        raise SettingsError(
            "Windows and their steps must be longer than 0 s.",
            "For instance --window 300 --step 60.",
        )


def _practice(
    session: Contents, from_ms: float, to_ms: float
) -> dict[str, float | None] | None:
    """Return the pace that was on screen for longest, and whether it was followed."""
    schedule = session.schedule
    if not schedule:
        return None
    ends = [part.origin_ms for part in schedule[1:]] + [to_ms]
    _, _, part = max(
        (min(end, to_ms) - max(part.origin_ms, from_ms), -i, part)
        for i, (part, end) in enumerate(zip(schedule, ends, strict=True))
    )
    measured = followed_in(
        session.series.timed(),
        schedule,
        from_ms,
        to_ms,
        session.recording if session.has_acc else None,
    )
    return {
        "rate_bpm": part.rate_bpm,
        "inhale_pct": part.inhale_pct,
        "followed_pct": measured.followed_pct if measured else None,
        "followed_known_pct": measured.known_pct if measured else 0.0,
    }


def _rating(entry: Entry) -> dict[str, Any]:
    return {
        "t_ms": entry.t_ns / NS_PER_MS,
        "type": entry.type,
        "value": entry.value,
        "unit": entry.unit,
        "moment": entry.moment,
        "by": entry.by,
    }
