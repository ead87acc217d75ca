"""BIDS: physiological recordings without a header, described by a JSON beside them.

``…_recording-ecg_physio.tsv.gz`` holds samples, ``…_physio.json`` their columns, rate
and start, ``…_events.tsv`` what happened, on the same clock. Whichever is given, all
that belong to the run are read. Source: Brain Imaging Data Structure 1.10,
"Physiological recordings", "Events" and "The inheritance principle".
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biofeedback.errors import RecordingError
from biofeedback.model import Signal, Value
from biofeedback.recording.importers.beat_runs import Placed, from_intervals
from biofeedback.recording.importers.bids_files import (
    NAMED,
    cell_value,
    is_number,
    run_of,
    sidecar_of,
    text_of,
)
from biofeedback.recording.importers.imported import (
    Head,
    Imported,
    ImportedSignal,
    Mark,
    Options,
    read_bytes,
)
from biofeedback.recording.importers.parts import (
    Start,
    assembled,
    axis_of,
    gaps_note,
    guarded,
    interval_unit,
    is_ecg,
    per_ms,
    per_unit,
    rows_note,
    whole,
)

NAME = "bids"
TITLE = "BIDS"

GZIP_MAGIC = b"\x1f\x8b"
MOST_HZ = 100_000.0
RR_UNCERTAINTY_MS = 1.0
RR_NAMES = frozenset(("rr", "rr_ms", "rr_s", "rri", "ibi", "rr_interval", "nn"))
BEAT_TYPES = frozenset(("beat", "heartbeat", "rr", "rr_interval", "ibi", "r-peak"))


Floats = NDArray[np.float64]


def matches(head: Head) -> bool:
    """Whether it is a file of a BIDS run, by its content and what BIDS calls it.

    Samples have no header but their description, so the name is part of the content.
    """
    named = NAMED.fullmatch(head.path.name)
    if named is None:
        return False
    if head.path.suffix == ".json":
        return b'"SamplingFrequency"' in head.data or b'"onset"' in head.data
    if head.path.suffix == ".gz":
        return head.data.startswith(GZIP_MAGIC)
    if head.path.name.endswith("_events.tsv"):
        first = head.data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
        return first.split(b"\t")[0].strip() == b"onset"
    first = head.data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip()
    return all(is_number(cell) for cell in first.decode("latin-1").split("\t"))


def read(path: Path, options: Options) -> Imported:
    """Read the run that ``path`` belongs to.

    Parameters
    ----------
    options
        ``column`` is the name of the column that holds the ECG or the RR intervals;
        ``unit`` its unit, where the description gives none.

    Raises
    ------
    RecordingError
        When a description is missing or damaged, or there is neither beat nor ECG.
    """
    with guarded(path, TITLE):
        return _read(path, options)


def _read(path: Path, options: Options) -> Imported:
    read_bytes(path, 1)
    physio, events = run_of(path)
    if not physio and not events:
        raise RecordingError(
            f"{path.name} has no data beside it.",
            "BIDS keeps samples in a file that ends in _physio.tsv.gz.",
        )
    found = _Found()
    failed: list[RecordingError] = []
    for one in (*physio, *events):
        try:
            if one in events:
                _events(one, found)
            else:
                _physio(one, options, found)
        except RecordingError as error:
            # What was asked for has to be read; what lies beside it need not.
            if one.name.partition(".")[0] == path.name.partition(".")[0]:
                raise
            failed.append(error)
    if failed and not (found.rr_ms or found.signals):
        raise failed[0]
    found.notes += [error.message for error in failed]
    placed = found.placed()
    return assembled(
        path,
        name=NAME,
        title=TITLE,
        start=Start(),
        options=options,
        anchored=True,
        beats=placed.beats,
        rates=found.rates,
        signals=found.signals,
        marks=found.marks,
        device=found.device,
        notes=[
            *found.notes,
            gaps_note(placed.n_gaps),
            rows_note(placed.n_left_out, "intervals"),
        ],
    )


# --- Samples ------------------------------------------------------------------------


class _Found:
    """What has been found in the files of a run so far."""

    def __init__(self) -> None:
        self.signals: list[ImportedSignal] = []
        self.rates: list[tuple[int, float]] = []
        self.marks: list[Mark] = []
        self.notes: list[str] = []
        self.device = ""
        self.t_ms: list[float] = []
        self.rr_ms: list[float] = []
        self.segments: list[str] = []

    def placed(self) -> Placed:
        """Return the beats; a new value of ``segment`` is a gap."""
        segments = np.array(self.segments, dtype=object)
        order = np.argsort(np.array(self.t_ms), kind="stable")
        t_ms, rr_ms = np.array(self.t_ms)[order], np.array(self.rr_ms)[order]
        breaks = np.zeros(len(order), np.bool_)
        breaks[1:] = segments[order][1:] != segments[order][:-1]
        return from_intervals(
            t_ms, rr_ms, uncertainty_ms=RR_UNCERTAINTY_MS, breaks=breaks
        )


class _Description(Value, frozen=True):
    rate_hz: float
    start_s: float
    columns: tuple[str, ...]
    units: tuple[str, ...]


def _described(path: Path) -> tuple[_Description, dict[str, Any]]:
    told = sidecar_of(path)
    bare = path.name.removesuffix(".gz").removesuffix(".tsv")
    if not told:
        raise RecordingError(
            f"{path.name} has no header, and its description {bare}.json is missing.",
            "Put the JSON file that BIDS wants for it beside it.",
        )
    rate, columns = _plain(told.get("SamplingFrequency")), told.get("Columns")
    if (
        not isinstance(columns, list)
        or not columns
        or not all(isinstance(each, str) for each in columns)
        or rate is None
        or not 0 < rate <= MOST_HZ
    ):
        raise RecordingError(
            f"The description of {path.name} lacks Columns or SamplingFrequency.",
            "BIDS requires both.",
        )
    details = [told.get(name) for name in columns]
    units = [
        str(each.get("Units", "")) if isinstance(each, dict) else "" for each in details
    ]
    return _Description(
        rate_hz=rate,
        start_s=_plain(told.get("StartTime")) or 0.0,
        columns=tuple(columns),
        units=tuple(units),
    ), told


def _plain(value: object) -> float | None:
    """Return a number of JSON that makes sense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None


def _physio(path: Path, options: Options, found: _Found) -> None:
    described, told = _described(path)
    table, n_unreadable = _table(path, described, found.notes)
    found.notes.append(rows_note(n_unreadable))
    if _plain(told.get("StartTime")) is None:
        found.notes.append(f"{path.name} does not say when it starts: taken as 0 s.")
    found.device = found.device or str(told.get("ManufacturersModelName") or "")
    names = [name.strip().lower() for name in described.columns]
    wanted = None if options.column is None else options.column.strip().lower()
    _rr_column(described, names, table, wanted, options, found)
    for signal, at in _channels(path, described, names, wanted, options, found):
        unit = described.units[at[0]]
        declared = options.unit if signal is Signal.ECG else None
        scale = per_unit(signal, unit if declared is None else declared)
        if scale is None:
            said = f"the unit '{unit}'" if unit else "no unit"
            found.notes.append(
                f"The column '{described.columns[at[0]]}' has {said}: it was not read."
            )
            continue
        _stretches(signal, table[:, at] * scale, described, found)


def _channels(
    path: Path,
    described: _Description,
    names: list[str],
    wanted: str | None,
    options: Options,
    found: _Found,
) -> list[tuple[Signal, list[int]]]:
    channels: list[tuple[Signal, list[int]]] = []
    if wanted is not None:
        if wanted in names and wanted not in RR_NAMES:
            channels.append((Signal.ECG, [names.index(wanted)]))
    else:
        ecg = [i for i, name in enumerate(names) if is_ecg(name)]
        # 'cardiac' is what BIDS recommends for an ECG and for a pulse wave alike.
        ecg = ecg or [i for i, name in enumerate(names) if name == "cardiac"]
        channels += [(Signal.ECG, ecg[:1])] if ecg else []
    axes = {
        axis: i for i, name in enumerate(names) if (axis := axis_of(name)) is not None
    }
    if not axes and {"x", "y", "z"} <= set(names) and "acc" in path.name.lower():
        axes = {axis: names.index("xyz"[axis]) for axis in range(3)}
    if {0, 1, 2} <= axes.keys():
        channels.append((Signal.ACC, [axes[0], axes[1], axes[2]]))
    return channels


def _table(path: Path, described: _Description, notes: list[str]) -> tuple[Floats, int]:
    """Return the samples, NaN where there is none, and how many rows are unreadable."""
    width = len(described.columns)
    lines = text_of(path, notes).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise RecordingError(f"{path.name} is empty.", "Copy it once more.")
    if len(lines[0].split("\t")) != width:
        raise RecordingError(
            f"{path.name} has {len(lines[0].split(chr(9)))} columns where its "
            f"description names {width}.",
            "They have to agree.",
        )
    table = np.full((len(lines), width), np.nan)
    n_unreadable = 0
    for row, line in enumerate(lines):
        cells = line.split("\t")
        values = [cell_value(cell) for cell in cells]
        if len(cells) != width or None in values:
            n_unreadable += 1  # the row keeps its place: it is a sample in time
        else:
            table[row] = values
    if n_unreadable > len(lines) / 2:
        raise RecordingError(
            f"{path.name} does not hold rows of numbers.", "Check which file it is."
        )
    return table, n_unreadable


def _stretches(
    signal: Signal, values: Floats, described: _Description, found: _Found
) -> None:
    """Cut where samples are missing."""
    valid = np.isfinite(values).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False]))))
    for first, stop in edges.reshape(-1, 2).tolist():
        samples = whole(values[first:stop])
        if samples is None:
            found.notes.append(f"The column of {signal} holds no signal.")
            return
        start_s = described.start_s + first / described.rate_hz
        found.signals.append(
            ImportedSignal(
                signal=signal,
                rate_hz=described.rate_hz,
                t0_ns=round(start_s * 1e9),
                segment=sum(each.signal is signal for each in found.signals),
                values=samples,
            )
        )


def _rr_column(
    described: _Description,
    names: list[str],
    table: Floats,
    wanted: str | None,
    options: Options,
    found: _Found,
) -> None:
    """Take intervals from a column that has one at each beat and ``n/a`` elsewhere."""
    at = next((i for i, name in enumerate(names) if name in RR_NAMES), None)
    if at is None or (wanted is not None and wanted != names[at]):
        return
    values = table[:, at]
    rows = np.flatnonzero(np.isfinite(values) & (values > 0))
    scale = per_ms(options.unit or described.units[at]) or interval_unit(values)
    if scale is None:
        found.notes.append(f"The column '{described.columns[at]}' holds no intervals.")
        return
    rr_ms = values[rows] * scale
    t_ms = 1000 * (described.start_s + rows / described.rate_hz)
    span_ms = float(t_ms[-1] - t_ms[0]) if len(t_ms) else 0.0
    if float(rr_ms[1:].sum()) > 1.1 * span_ms + 1000:
        found.notes.append(
            f"The column '{described.columns[at]}' holds each interval many times: "
            "beats cannot be told apart in it."
        )
        return
    found.t_ms += t_ms.tolist()
    found.rr_ms += rr_ms.tolist()
    found.segments += [""] * len(rr_ms)


# --- Events -------------------------------------------------------------------------


def _events(path: Path, found: _Found) -> None:
    """Read a table of events: beats, and everything else as marks."""
    lines = [line for line in text_of(path, found.notes).splitlines() if line.strip()]
    names = [cell.strip() for cell in lines[0].split("\t")] if lines else []
    if names[:1] != ["onset"]:
        raise RecordingError(
            f"{path.name} has no column 'onset' first.", "BIDS requires it."
        )
    rr_at = next((i for i, name in enumerate(names) if name in RR_NAMES), None)
    rr_name = names[rr_at] if rr_at is not None else "value"
    raw: list[tuple[float, float, str]] = []
    n_unreadable = 0
    for line in lines[1:]:
        row = dict(
            zip(names, (each.strip() for each in line.split("\t")), strict=False)
        )
        onset = cell_value(row.get("onset", ""))
        if onset is None or not math.isfinite(onset):
            n_unreadable += 1
            continue
        kind = row.get("trial_type", "n/a")
        interval = (
            cell_value(row.get(rr_name, "")) if kind.lower() in BEAT_TYPES else None
        )
        if interval is not None and math.isfinite(interval):
            raw.append((onset, interval, row.get("segment", "")))
        else:
            found.marks.append(_mark(onset, kind, row))
    found.notes.append(rows_note(n_unreadable, "events"))
    if not raw:
        return
    values = np.array([each[1] for each in raw], np.float64)
    # 'rr_ms' says it; otherwise the description does, or the values.
    unit = rr_name.rpartition("_")[2]
    scale = per_ms(unit) or per_ms(_event_unit(path, rr_name)) or interval_unit(values)
    if scale is None:
        found.notes.append(
            f"The beats of {path.name} have no intervals that make sense."
        )
        return
    found.notes.append(f"Beats are events of {path.name}.")
    found.t_ms += [1000 * each[0] for each in raw]
    found.rr_ms += (values * scale).tolist()
    found.segments += [each[2] for each in raw]


def _event_unit(path: Path, column: str) -> str:
    told = sidecar_of(path).get(column)
    return str(told.get("Units", "")) if isinstance(told, dict) else ""


def _mark(onset: float, kind: str, row: dict[str, str]) -> Mark:
    value = cell_value(row.get("value", ""))
    text = row.get("text", "")
    return Mark(
        t_ns=round(onset * 1e9),
        type="annotation" if kind == "n/a" else kind,
        text="" if text == "n/a" else text,
        value=value if value is not None and math.isfinite(value) else None,
    )
