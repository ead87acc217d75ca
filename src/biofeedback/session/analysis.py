"""What ``analyze`` gives for one file: a recording or RR intervals as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import Entry, PacerEvent, Value
from biofeedback.practice import pacer
from biofeedback.practice.phases import practice_span
from biofeedback.recording.importers.rr_text import read_rr_text
from biofeedback.signal.artefacts import judge_all
from biofeedback.signal.segments import power_s
from biofeedback.signal.series import UNITS_PER_S, Series
from biofeedback.signal.summary import summarise, windows

RECORDING_SUFFIXES = frozenset({".mcap", ".part"})
RATINGS = frozenset({"pain_intensity", "pain_unpleasantness", "arousal"})
PACED_MEANINGLESS = ("LFHF", "LFn", "HFn")
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Session(Value, frozen=True, kw_only=True):
    """What a file holds, whatever its format."""

    series: Any  # a Series; msgspec does not look into it
    duration_s: float
    started_at: str | None
    schedule: tuple[PacerEvent, ...] = ()
    entries: tuple[Entry, ...] = ()
    source: dict[str, Any]


def analyze_file(
    path: Path,
    window_s: float | None = None,
    step_s: float | None = None,
    *,
    column: str | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """Return the summary of ``path``, with the keys of ``analyze --json``.

    With ``window_s`` also its ``windows``, every ``step_s`` (the window's length if
    not given). ``column`` and ``unit`` declare what a text file does not say.

    Raises
    ------
    RecordingError
        When the file is damaged, foreign, or holds no RR intervals.
    SettingsError
        When the windows cannot be cut as asked.
    """
    if window_s is not None:
        _check_windows(window_s, step_s)
    if path.suffix in RECORDING_SUFFIXES:
        session = _recording(path)
    else:
        session = _text(path, column, unit)
    return _analysis(path, session, window_s, step_s)


def full_analysis(path: Path) -> dict[str, Any]:
    """Return :func:`analyze_file` with all that NeuroKit2 computes beside it.

    For a worker process: this imports NeuroKit2 and may take seconds. ``neurokit`` is
    ``None`` where the rhythm does not suit.
    """
    from biofeedback.signal import neurokit

    session = _recording(path) if path.suffix in RECORDING_SUFFIXES else _text(path)
    result = _analysis(path, session, None, None)
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
    path: Path, session: Session, window_s: float | None, step_s: float | None
) -> dict[str, Any]:
    end_ms = 1000 * session.duration_s
    from_ms, to_ms = practice_span(session.entries, end_ms)
    paced = pacer.breaths(session.schedule, from_ms=from_ms, to_ms=to_ms)
    summary = summarise(session.series, session.duration_s, paced)
    result: dict[str, Any] = {
        "file": path.name,
        "started_at": session.started_at,
        **msgspec.to_builtins(summary),
        "practice": _practice(session.schedule, from_ms, to_ms),
        "ratings": [_rating(e) for e in session.entries if e.type in RATINGS],
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
            )
        ]
    return result


def _flat(window: dict[str, Any]) -> dict[str, Any]:
    metrics, spectrum = window.pop("metrics"), window.pop("spectrum")
    n = spectrum.pop("n_segments")
    edges = {key: window.pop(key) for key in ("start_s", "end_s", "begins_ms")}
    return {**edges, **metrics, **spectrum, "power_s": power_s(n), **window}


def _check_windows(window_s: float, step_s: float | None) -> None:
    if window_s <= 0 or (step_s is not None and step_s <= 0):
        raise SettingsError(
            "Windows and their steps must be longer than 0 s.",
            "For instance --window 300 --step 60.",
        )


def _text(path: Path, column: str | None = None, unit: str | None = None) -> Session:
    text = read_rr_text(path, rr_column=column, unit=unit)
    return Session(
        series=Series.of(judge_all(text.beats)),
        duration_s=text.duration_s,
        started_at=text.started_at,
        source={
            "format": "rr_text",
            "unit": text.unit,
            "unit_from": text.unit_from,
            "clock": text.clock,
            "n_gaps": text.n_gaps,
            "n_unreadable": text.n_unreadable,
        },
    )


def _recording(path: Path) -> Session:
    from biofeedback.pipeline import Pipeline
    from biofeedback.recording.reader import open_recording

    recording = open_recording(path)
    pipeline = Pipeline(samples=False)
    end_ns = 0
    for _, record in recording.inputs():
        end_ns = max(end_ns, record.t_ns)
        pipeline.receive(record)
    pipeline.flush()
    info = recording.info
    started = datetime.fromtimestamp(info.started_at_utc_ns / NS_PER_S, UTC)
    series = Series.of(pipeline.intervals)
    return Session(
        series=series,
        duration_s=end_ns / NS_PER_S,
        started_at=started.isoformat(),
        schedule=tuple(pipeline.schedule),
        entries=tuple(pipeline.entries),
        source={
            "format": "mcap",
            "simulated": info.simulated,
            "complete": recording.complete,
            "unknown_frames": pipeline.unknown_frames,
        },
    )


def _practice(
    schedule: Sequence[PacerEvent], from_ms: float, to_ms: float
) -> dict[str, float | None] | None:
    """Return the pace that was on screen for longest."""
    if not schedule:
        return None
    ends = [part.origin_ms for part in schedule[1:]] + [to_ms]
    _, _, part = max(
        (min(end, to_ms) - max(part.origin_ms, from_ms), -i, part)
        for i, (part, end) in enumerate(zip(schedule, ends, strict=True))
    )
    # Whether the pace was followed needs a measured breath, which nothing gives yet.
    return {
        "rate_bpm": part.rate_bpm,
        "inhale_pct": part.inhale_pct,
        "followed_pct": None,
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
