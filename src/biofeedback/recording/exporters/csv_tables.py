"""CSV: a folder of tables for spreadsheets, R and pandas.

UTF-8, commas, a header, ``.`` as the decimal point, RFC 4180 quoting, LF line ends.
Numbers read back as the very same floats; an unknown one is an empty cell.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biofeedback.model import Signal, Value
from biofeedback.recording.exporters.columns import described
from biofeedback.recording.exporters.entries import number, rows_of, seconds
from biofeedback.recording.exporters.options import (
    Exported,
    ExportOptions,
    iso_utc,
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
    from biofeedback.recording.tables import Tables, Trace

NAME = "csv"
TITLE = "CSV tables"
FOLDER = True

BEATS = (
    *("t_s", "t_utc", "rr_ms", "ok", "artefact", "nn_ms", "segment"),
    "uncertainty_ms",
)
HEART = ("t_s", "t_utc", "hr_bpm", "contact")
EVENTS = (
    *("onset_s", "duration_s", "kind", "value", "scale", "by", "text"),
    *("moment", "id", "corrects", "superseded"),
)
PACER = (
    *("t_s", "t_utc", "rate_bpm", "inhale_pct", "hold_in_ms", "hold_out_ms"),
    "from_breath",
)
SIGNALS = {
    Signal.ECG: ("t_s", "ecg_uv", "segment", "source"),
    Signal.ACC: ("t_s", "x_mg", "y_mg", "z_mg", "segment", "source"),
}

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that begins so for a formula, and runs it (OWASP, "CSV
Injection")."""


class Table(Value, frozen=True, kw_only=True):
    """One file to be written."""

    name: str
    columns: tuple[str, ...]
    rows: Any  # an iterable of sequences of text


def write(tables: Tables, out: Path, options: ExportOptions) -> Exported:
    """Write the folder ``out``: a CSV a table, and ``provenance.json``.

    Parameters
    ----------
    tables
        The recording.
    out
        A folder that is not there yet, or empty.
    options
        What the export may tell.

    Raises
    ------
    RecordingError
        When ``out`` is there already or cannot be written.
    """
    told = {}
    with staged(out, folder=True) as folder:
        for table in _tables(tables, options):
            n = _write(folder / f"{table.name}.csv", table)
            told[f"{table.name}.csv"] = {
                "rows": n,
                "columns": described(table.columns, options),
            }
        provenance = provenance_of(tables, options, NAME)
        provenance["tables"] = told
        write_provenance(folder / PROVENANCE_NAME, provenance)
    notes = (
        "Cells of text that a spreadsheet would take for a formula begin with an "
        "apostrophe.",
        *privacy_notes(options),
    )
    return Exported(paths=written(out), notes=notes)


def _tables(tables: Tables, options: ExportOptions) -> Iterator[Table]:
    clock = Clock(options.started_utc_ns(tables))
    yield Table(name="beats", columns=BEATS, rows=_beats(tables, clock))
    yield Table(name="heart", columns=HEART, rows=_heart(tables, clock))
    names = tuple(tables.metrics.columns)
    yield Table(
        name="metrics", columns=("t_s", "t_utc", *names), rows=_metrics(tables, clock)
    )
    yield Table(name="events", columns=EVENTS, rows=_events(tables, options))
    yield Table(name="pacer", columns=PACER, rows=_pacer(tables, clock))
    for signal, columns in SIGNALS.items():
        traces = [one for one in tables.traces if one.signal is signal]
        if traces:
            yield Table(name=signal.value, columns=columns, rows=_samples(traces))


class Clock:
    """Turns nanoseconds since the start into the two texts of a time."""

    def __init__(self, started_utc_ns: int) -> None:
        self._started_utc_ns = started_utc_ns

    def __call__(self, t_ns: int) -> tuple[str, str]:
        """Return seconds since the start, and UTC."""
        return seconds(t_ns), iso_utc(self._started_utc_ns + t_ns)


def _beats(tables: Tables, clock: Clock) -> Iterator[Sequence[str]]:
    beats = tables.beats
    for t_ns, rr_ms, nn_ms, label, segment, uncertainty_ms in zip(
        beats.t_ns.tolist(),
        beats.rr_ms.tolist(),
        beats.nn_ms.tolist(),
        beats.label.tolist(),
        beats.segment.tolist(),
        beats.uncertainty_ms.tolist(),
        strict=True,
    ):
        normal = label == "normal"
        yield (
            *clock(t_ns),
            number(rr_ms),
            "1" if normal else "0",
            "" if normal else safe(label),
            number(nn_ms),
            str(segment),
            number(uncertainty_ms),
        )


def _heart(tables: Tables, clock: Clock) -> Iterator[Sequence[str]]:
    heart = tables.heart
    for t_ns, hr_bpm, contact in zip(
        heart.t_ns.tolist(), heart.hr_bpm.tolist(), heart.contact.tolist(), strict=True
    ):
        yield (*clock(t_ns), number(hr_bpm), number(contact))


def _metrics(tables: Tables, clock: Clock) -> Iterator[Sequence[str]]:
    columns = [column.tolist() for column in tables.metrics.columns.values()]
    for t_ns, *values in zip(tables.metrics.t_ns.tolist(), *columns, strict=True):
        yield (*clock(t_ns), *map(number, values))


def _events(tables: Tables, options: ExportOptions) -> Iterator[Sequence[str]]:
    for row in rows_of(tables, options):
        yield (
            seconds(row.onset_ns),
            seconds(row.duration_ns),
            safe(row.kind),
            number(row.value),
            safe(row.scale),
            safe(row.by),
            safe(row.text),
            safe(row.moment),
            safe(row.id),
            safe(row.corrects),
            "1" if row.superseded else "0",
        )


def _pacer(tables: Tables, clock: Clock) -> Iterator[Sequence[str]]:
    for pace in tables.pacer:
        yield (
            *clock(round(pace.origin_ms * 1e6)),
            number(pace.rate_bpm),
            number(pace.inhale_pct),
            str(pace.hold_in_ms),
            str(pace.hold_out_ms),
            str(pace.from_breath),
        )


def _samples(traces: Iterable[Trace]) -> Iterator[Sequence[str]]:
    for trace in traces:
        tail = (str(trace.segment), safe(trace.source))
        stamps = np.rint(trace.t_ms * 1e6).astype(np.int64).tolist()
        for t_ns, values in zip(stamps, trace.values.tolist(), strict=True):
            yield (seconds(t_ns), *map(str, values), *tail)


def _write(path: Path, table: Table) -> int:
    n = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        for row in table.rows:
            writer.writerow(row)
            n += 1
    return n


def safe(text: str | None) -> str:
    """Return a cell of text that no spreadsheet takes for a formula.

    >>> safe("=1+1"), safe("fine"), safe(None)
    ("'=1+1", 'fine', '')
    """
    if not text:
        return ""
    return f"'{text}" if text.startswith(FORMULA) else text
