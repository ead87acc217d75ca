"""XDF: the streams of a session as LabRecorder would have recorded them from LSL.

Streams: ``RR`` (one sample a beat), ``HR``, ``ECG``, ``ACC``, ``HRV`` (the metrics,
once a second) and ``Markers`` (what was entered, paced and told of the link, as JSON).
All stamps are seconds since the session started, and every sample has its own. Those of
the ECG and the acceleration are even within each gap-free trace (live times settle only
after seconds; ``sample_grid``). They say that samples may be missing
(``can_drop_samples``), so that pyxdf does not smooth them once more, over gaps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biofeedback.recording.exporters.entries import rows_of
from biofeedback.recording.exporters.options import Exported, ExportOptions, staged
from biofeedback.recording.exporters.provenance import privacy_notes, provenance_of
from biofeedback.recording.exporters.sample_grid import even_ms, groups_of
from biofeedback.recording.exporters.xdf_file import Stream, xdf_chunks

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "xdf"
TITLE = "XDF (Lab Streaming Layer)"
FOLDER = False

LABELS = ("normal", "artefact", "ectopic", "missed", "extra", "long_short")
"""Number of each label in the stream ``RR``."""


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write one XDF file.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    provenance = provenance_of(tables, options, NAME)
    every = list(_streams(tables, options))
    streams = [stream for stream in every if len(stream.stamps_s)]
    with staged(out, folder=False) as path, path.open("wb") as file:
        for part in xdf_chunks(streams, provenance):
            file.write(part)
    empty = [stream.name for stream in every if not len(stream.stamps_s)]
    notes = [*privacy_notes(options)]
    if empty:
        notes.append(f"Nothing was recorded for {', '.join(empty)}: no such stream.")
    notes.append(
        "Stamps are seconds since the session started. Those of ECG and ACC are even "
        "within each piece without a gap, by the true rate: live times settle only "
        "after some seconds. Readers that know nothing of can_drop_samples (pyxdf "
        "before 1.17) smooth them over short gaps: load with dejitter_timestamps=False."
    )
    notes.append(
        "RR has a sample a beat, at the end of its interval: take no difference "
        "between two values of its channel segment. Not known is NaN."
    )
    return Exported(paths=(out,), notes=tuple(notes))


# --- The streams --------------------------------------------------------------------


def _streams(tables: Tables, options: ExportOptions) -> Iterator[Stream]:
    beats, heart, metrics = tables.beats, tables.heart, tables.metrics
    order = np.argsort(beats.t_ns, kind="stable")
    columns = (
        beats.rr_ms,
        beats.nn_ms,
        np.array([LABELS.index(label) for label in beats.label.tolist()], np.float64),
        beats.segment,
        beats.index,
        beats.uncertainty_ms,
    )
    yield Stream(
        name="RR",
        type="RR",
        format="double64",
        rate_hz=0,
        channels=(
            ("rr_ms", "ms"),
            ("nn_ms", "ms"),
            ("label", "code"),
            ("segment", "count"),
            ("index", "count"),
            ("uncertainty_ms", "ms"),
        ),
        stamps_s=beats.t_ns[order] / 1e9,
        values=np.column_stack(columns).astype(np.float64)[order],
        about={"labels": {label: str(k) for k, label in enumerate(LABELS)}},
    )
    yield Stream(
        name="HR",
        type="HR",
        format="double64",
        rate_hz=0,
        channels=(("hr_bpm", "bpm"), ("contact", "bool")),
        stamps_s=heart.t_ns / 1e9,
        values=np.column_stack((heart.hr_bpm, heart.contact)),
    )
    for group in groups_of(tables):
        step_ms = 1000 / group.rate_hz
        even = [even_ms(one, step_ms) for one in group.traces]
        yield Stream(
            name=group.names[0].removesuffix(" X"),
            type="ECG" if group.signal == "ecg" else "Accelerometer",
            format="int32",
            rate_hz=round(group.rate_hz),
            channels=tuple((name, group.unit) for name in group.names),
            stamps_s=np.concatenate(even) / 1000,
            values=np.concatenate([one.values for one in group.traces]),
            about={
                "synchronization": {"can_drop_samples": "true"},
                "fitted_srate": repr(group.rate_hz),
                "segments": str(len(group.traces)),
            },
        )
    yield Stream(
        name="HRV",
        type="HRV",
        format="double64",
        rate_hz=0,
        channels=tuple((name, _unit(name)) for name in metrics.columns),
        stamps_s=metrics.t_ns / 1e9,
        values=np.column_stack(list(metrics.columns.values())),
    )
    yield _markers(tables, options)


def _markers(tables: Tables, options: ExportOptions) -> Stream:
    rows = rows_of(tables, options)
    texts = []
    for row in rows:
        said = {
            "type": row.kind,
            "value": row.value,
            "scale": row.scale,
            "duration_s": row.duration_ns / 1e9,
            "by": row.by,
            "moment": row.moment,
            "text": row.text,
            "id": row.id,
            "corrects": row.corrects,
            "superseded": row.superseded or None,
        }
        kept = {key: value for key, value in said.items() if value is not None}
        texts.append(json.dumps(kept, ensure_ascii=False, allow_nan=False))
    return Stream(
        name="Markers",
        type="Markers",
        format="string",
        rate_hz=0,
        channels=(("marker", "json"),),
        stamps_s=np.array([row.onset_ns for row in rows], np.float64) / 1e9,
        values=texts,
    )


def _unit(name: str) -> str:
    """Return the unit that a column of the metrics has in its name."""
    bare = re.sub(r"_\d+s$", "", name)
    return next(
        (
            unit
            for unit in ("ms2", "ms", "bpm", "pct", "hz", "deg")
            if bare.endswith(f"_{unit}")
        ),
        "1",
    )
