"""Parquet: a folder of typed tables for DuckDB, pandas, Polars, R and Spark.

Instants are ``timestamp[ns, UTC]``; whoever needs exact differences takes ``t_ns``, an
integer since the session's start. Unknown is null. Pages carry checksums.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biofeedback.errors import PackageError
from biofeedback.model import Signal
from biofeedback.recording.exporters.columns import DESCRIPTIONS, description
from biofeedback.recording.exporters.entries import rows_of
from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    staged,
    written,
)
from biofeedback.recording.exporters.provenance import (
    PROVENANCE_NAME,
    privacy_notes,
    provenance_of,
    write_provenance,
)

if TYPE_CHECKING:
    from biofeedback.recording.tables import Tables

NAME = "parquet"
TITLE = "Parquet tables"
FOLDER = True

Columns = dict[str, Any]
"""Arrays or lists of one length, by name; ``t_ns`` is the first."""

CHANNELS = {Signal.ECG: ("ecg_uv",), Signal.ACC: ("x_mg", "y_mg", "z_mg")}
KEY = "biofeedback"
T_NS = "Nanoseconds since the session started."
T_UTC = "The same instant in UTC."


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out``: a Parquet file a table, and ``provenance.json``.

    Parameters
    ----------
    tables, options
        The recording, and what may be told of it.
    out
        A folder that is not there yet, or empty.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    SettingsError
        When pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise PackageError("Writing Parquet", "pyarrow", "research") from error
    provenance = provenance_of(tables, options, NAME)
    with staged(out, folder=True) as folder:
        for name, columns in _tables(tables, options):
            parquet.write_table(
                _arrow(columns, tables, options, provenance),
                folder / f"{name}.parquet",
                compression="zstd",
                write_page_checksum=True,
            )
        write_provenance(folder / PROVENANCE_NAME, provenance)
    return Exported(paths=written(out), notes=privacy_notes(options))


def _tables(tables: Tables, options: ExportOptions) -> Iterator[tuple[str, Columns]]:
    beats, heart = tables.beats, tables.heart
    yield (
        "beats",
        {
            "t_ns": beats.t_ns,
            "index": beats.index,
            "segment": beats.segment,
            "rr_ms": beats.rr_ms,
            "nn_ms": beats.nn_ms,
            "label": beats.label.tolist(),
            "uncertainty_ms": beats.uncertainty_ms,
            "final": beats.final,
        },
    )
    yield (
        "heart",
        {"t_ns": heart.t_ns, "hr_bpm": heart.hr_bpm, "contact": heart.contact},
    )
    yield "metrics", {"t_ns": tables.metrics.t_ns, **tables.metrics.columns}
    yield "events", _events(tables, options)
    yield "pacer", _pacer(tables)
    for signal, names in CHANNELS.items():
        if columns := _samples(tables, signal, names):
            yield signal.value, columns


def _events(tables: Tables, options: ExportOptions) -> Columns:
    rows = rows_of(tables, options)
    columns: Columns = {
        "t_ns": np.array([row.onset_ns for row in rows], np.int64),
        "duration_s": np.array([row.duration_ns / 1e9 for row in rows], np.float64),
        "value": np.array(
            [np.nan if row.value is None else row.value for row in rows], np.float64
        ),
        "superseded": np.array([row.superseded for row in rows], np.bool_),
    }
    for name in ("kind", "scale", "by", "moment", "text", "id", "corrects"):
        columns[name] = [getattr(row, name) for row in rows]
    return columns


def _pacer(tables: Tables) -> Columns:
    pacer = tables.pacer
    return {
        "t_ns": np.array([round(one.origin_ms * 1e6) for one in pacer], np.int64),
        "rate_bpm": np.array([one.rate_bpm for one in pacer], np.float64),
        "inhale_pct": np.array([one.inhale_pct for one in pacer], np.float64),
        "hold_in_ms": np.array([one.hold_in_ms for one in pacer], np.int64),
        "hold_out_ms": np.array([one.hold_out_ms for one in pacer], np.int64),
        "from_breath": np.array([one.from_breath for one in pacer], np.int64),
    }


def _samples(tables: Tables, signal: Signal, names: tuple[str, ...]) -> Columns:
    traces = [one for one in tables.traces if one.signal is signal]
    if not traces:
        return {}
    values = np.concatenate([one.values for one in traces])
    sizes = [len(one) for one in traces]
    t_ms = np.concatenate([one.t_ms for one in traces])
    return {
        "t_ns": np.rint(t_ms * 1e6).astype(np.int64),
        **{name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(names)},
        "segment": np.repeat([one.segment for one in traces], sizes),
        "source": [one.source for one in traces for _ in range(len(one))],
    }


def _arrow(
    columns: Columns,
    tables: Tables,
    options: ExportOptions,
    provenance: dict[str, Any],
) -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    n = len(columns["t_ns"])
    utc_ns = columns["t_ns"] + options.started_utc_ns(tables)
    session = pa.array([options.session_id(tables)] * n, pa.string())
    arrays = {
        "session_id": session.dictionary_encode(),
        "t_utc": pa.array(utc_ns, pa.timestamp("ns", tz="UTC")),
    }
    for name, values in columns.items():
        if isinstance(values, list):
            arrays[name] = pa.array(values, pa.string()).dictionary_encode()
        else:
            # In Parquet unknown is null: NaN would be the largest of all numbers.
            arrays[name] = pa.array(values, from_pandas=True)
    texts = DESCRIPTIONS | {"t_ns": T_NS, "t_utc": T_UTC}
    fields = [
        pa.field(
            name,
            array.type,
            metadata={"description": texts.get(name) or description(name)},
        )
        for name, array in arrays.items()
    ]
    metadata = {
        f"{KEY}.recording_sha256": tables.sha256,
        f"{KEY}.algorithm": provenance["algorithm"] or "",
        f"{KEY}.provenance": json.dumps(provenance, ensure_ascii=False),
    }
    return pa.Table.from_arrays(
        list(arrays.values()), schema=pa.schema(fields, metadata=metadata)
    )
