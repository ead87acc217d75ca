"""What a file holds, whatever its format: a recording, or RR intervals as text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from biofeedback.model import AdaptCommand, Entry, Notification, PacerEvent, Value
from biofeedback.practice import pacer
from biofeedback.recording.importers import plain_rr
from biofeedback.recording.importers.imported import Head, Imported, Options
from biofeedback.recording.importers.registry import detect
from biofeedback.recording.importers.rr_text import read_rr_text
from biofeedback.recording.reader import Recording
from biofeedback.recording.sealed import plain_name
from biofeedback.signal.artefacts import judge_all
from biofeedback.signal.series import NS_PER_S, Series
from biofeedback.wire import uuids
from biofeedback.wire.polar_pmd_settings import Measurement

RECORDING_SUFFIXES = frozenset({".mcap", ".part"})


def is_recording(path: Path) -> bool:
    """Say whether a file is one of ours by its name, sealed or not."""
    return plain_name(path).suffix in RECORDING_SUFFIXES


class Contents(Value, frozen=True, kw_only=True):
    """What a file holds, whatever its format."""

    series: Any  # a Series; msgspec does not look into it
    duration_s: float
    started_at: str | None
    schedule: tuple[PacerEvent, ...] = ()
    entries: tuple[Entry, ...] = ()
    recording: Any = None  # a Recording, if it is one
    has_ecg: bool = False
    has_acc: bool = False
    source: dict[str, Any]


def contents_of(
    path: Path, *, column: str | None = None, unit: str | None = None
) -> Contents:
    """Return what ``path`` holds; ``column`` and ``unit`` are for text.

    Raises
    ------
    RecordingError
        When the file is damaged, foreign, or holds no RR intervals.
    """
    if is_recording(path):
        return _recording(path)
    format = detect(Head.of(path))
    if format.NAME == plain_rr.NAME:
        return _text(path, column, unit)
    return _foreign(format.read(path, Options(column=column, unit=unit)))


def _foreign(found: Imported) -> Contents:
    started = None
    if found.started_at_utc_ns is not None:
        moment = datetime.fromtimestamp(found.started_at_utc_ns / NS_PER_S, UTC)
        # A civil time whose zone is not known is told as what it is: without one.
        known = found.zone != "local-unknown"
        started = (moment if known else moment.replace(tzinfo=None)).isoformat()
    return Contents(
        series=Series.of(judge_all(found.beats)),
        duration_s=found.duration_ns / NS_PER_S,
        started_at=started,
        source={
            "format": found.format,
            "zone": found.zone,
            "started_from": found.started_from,
            "n_gaps": found.beats[-1].segment if found.beats else 0,
            "notes": list(found.notes),
        },
    )


def _text(path: Path, column: str | None = None, unit: str | None = None) -> Contents:
    text = read_rr_text(path, rr_column=column, unit=unit)
    return Contents(
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


def _recording(path: Path) -> Contents:
    from biofeedback.pipeline import Pipeline
    from biofeedback.recording.reader import open_recording

    recording = open_recording(path)
    pipeline = Pipeline(samples=False, live=False)
    end_ns, kinds, adaptive = 0, set[int](), False
    for _, record in recording.inputs():
        end_ns = max(end_ns, record.t_ns)
        pipeline.receive(record)
        adaptive = adaptive or isinstance(record, AdaptCommand)
        if isinstance(record, Notification) and record.data:
            if record.characteristic == uuids.PMD_DATA:
                kinds.add(record.data[0])
    pipeline.flush()
    info = recording.info
    started = datetime.fromtimestamp(info.started_at_utc_ns / NS_PER_S, UTC)
    origin = recording.origin or {}
    undated = origin.get("started_from") == "unknown"
    series = Series.of(pipeline.intervals)
    return Contents(
        series=series,
        duration_s=end_ns / NS_PER_S,
        started_at=None if undated else started.isoformat(),
        schedule=_told(recording) if adaptive else pipeline.schedule,
        entries=tuple(pipeline.entries),
        recording=recording,
        has_ecg=Measurement.ECG in kinds,
        has_acc=Measurement.ACC in kinds,
        source={
            "format": "mcap",
            "simulated": info.simulated,
            "complete": recording.complete,
            "unknown_frames": pipeline.unknown_frames,
            **({"imported_from": origin["format"]} if origin else {}),
        },
    )


def _told(recording: Recording) -> tuple[PacerEvent, ...]:
    """Return the schedule as it was told: an adaptive pacer moved it at ticks."""
    decoder = msgspec.json.Decoder(PacerEvent)
    schedule: tuple[PacerEvent, ...] = ()
    for _, kind, data in recording.outputs():
        if kind == "pacer":
            schedule = pacer.joined(schedule, (decoder.decode(data),))
    return schedule
